"""What the report itself says, in both languages side by side: English, and the Chinese of Taiwan as in the course."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from homework.captions import told
from lightning_viz.food11 import CLASS_NAMES

LANGUAGES = ("en", "zh")
CHINESE_CLASSES = (
    "麵包",
    "乳製品",
    "甜點",
    "蛋",
    "油炸食物",
    "肉類",
    "麵條/義大利麵",
    "米飯",
    "海鮮",
    "湯",
    "蔬菜/水果",
)

# English first, Chinese second. Names in braces are filled in.
_TEXTS: Mapping[str, tuple[str, str]] = {
    "title": ("The homework, answered", "機器學習作業五：可解釋的人工智慧"),
    "accuracy": (
        "Of {count} validation images, the network names {right} correctly.",
        "在 {count} 張驗證集圖片中，模型的準確率為 {right}。",
    ),
    "pictures": (
        "The callbacks drew the pictures in one validation of the trained network; their captions are written below "
        "them.",
        "圖片由 `lightning_viz` 的 `callback` 在驗證訓練好的模型時繪製，圖說寫在圖片下方；✓ 表示預測正確。"
        "圖片裡的英文：`says` 是模型的預測，`over` 是「相對於」，`log-odds` 是對數勝算（`first-order` 為其一階近似）；"
        "混淆矩陣中，`true` 是真實類別，`predicted` 是預測類別，`right`、`wrong` 是正確、錯誤，"
        "`share of the true class` 是占真實類別的比例。",
    ),
    "looks": ("1. Where does the network look?", "1. 模型看的是圖片的哪些部分？"),
    "image": ("the image", "原圖"),
    "saliency": ("saliency", "顯著圖（saliency map）"),
    "smoothgrad": ("SmoothGrad", "SmoothGrad"),
    "Saliency": ("Saliency", "顯著圖"),
    "SmoothGrad": ("SmoothGrad", "SmoothGrad "),
    "spread": (
        "{name} is spread as if evenly over {spread} of the pixels.",
        "{name}的分散程度，相當於平均分布在 {spread} 的像素上。",
    ),
    "evidence": (
        "{inside} of it lies on what makes the food what it is, which covers {covers} of an image; "
        "its maximum lies there in {hit} of {many} images.",
        "其中 {inside} 落在決定食物類別的區域內，而該區域平均只占圖片的 {covers}；"
        "在 {many} 張圖片中，有 {hit} 的圖片，其最大值落在該區域內。",
    ),
    "filters": ("2. What do its filters answer to?", "2. 各個 filter 對什麼有反應？"),
    "put out": ("what they put out", "各 filter 的輸出（activation）"),
    "activates": ("what most activates channel {channel}", "最能激發 filter {channel} 的圖片"),
    "follows": (
        "Channel {channel} of `{layer}` follows {name} most (correlation {r:+.2f}).",
        "`{layer}` 的 filter {channel} 與{name}最相關（相關係數 {r:+.2f}）。",
    ),
    "brightness": ("brightness", "亮度"),
    "edges": ("edges", "邊緣"),
    "edges from top to bottom": ("edges from top to bottom", "垂直邊緣"),
    "edges from side to side": ("edges from side to side", "水平邊緣"),
    "redness": ("redness", "紅色"),
    "greenness": ("greenness", "綠色"),
    "blueness": ("blueness", "藍色"),
    "yellowness": ("yellowness", "黃色"),
    "classes": ("3. Which class is worst, which is best, and why?", "3. 哪個類別表現最差、哪個最好？為什麼？"),
    "matrix": ("confusion matrix", "混淆矩陣（confusion matrix）"),
    "confusion": ("the most frequent confusion", "最常見的混淆"),
    "worst": (
        "Worst: {name}, of which {found} are found; {taken} of {count} are taken for {other}.",
        "最差的類別：{name}，召回率（recall）為 {found}；{count} 張中有 {taken} 張被誤判為{other}。",
    ),
    "best": ("Best: {name}, of which {found} are found.", "最好的類別：{name}，召回率（recall）為 {found}。"),
    "lime worst": ("LIME of the worst class", "最差類別的 LIME"),
    "lime best": ("LIME of the best class", "最好類別的 LIME"),
    "speaks worst": (
        "In the example of the worst class, {inside} of what speaks for it lies on the evidence.",
        "在最差類別的例子中，支持該類別的部分有 {inside} 落在決定類別的區域內。",
    ),
    "speaks best": (
        "In the example of the best class, {inside} of what speaks for it lies on the evidence.",
        "在最好類別的例子中，支持該類別的部分有 {inside} 落在決定類別的區域內。",
    ),
    "dreams": ("4. What does it dream of?", "4. 模型夢見了什麼？（Deep Dream）"),
    "dream": ("deep dream", "Deep Dream"),
    "risen": (
        "{name}: `{layer}` answers {times:.1f} times as strongly to the dream as to the image (norm of its output).",
        "{name}：`{layer}` 對 Deep Dream 圖片的反應（輸出的範數）是原圖的 {times:.1f} 倍。",
    ),
}


class Wording:
    """The report's texts in one language.

    Args:
        language: `"en"` or `"zh"`.
    """

    def __init__(self, language: str) -> None:
        self._which = LANGUAGES.index(language)

    def __call__(self, key: str, **values: object) -> str:
        """One text, with its values filled in."""
        return _TEXTS[key][self._which].format(**values)

    def join(self, *sentences: str) -> str:
        """Sentences in a row: Chinese puts no space between them."""
        return ("" if self._which else " ").join(sentences)

    def told(self, lines: Iterable[str]) -> tuple[str, ...]:
        """What the caption of a picture says."""
        return tuple(told(line, chinese=bool(self._which)) for line in lines)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, by label."""
        return CHINESE_CLASSES if self._which else CLASS_NAMES
