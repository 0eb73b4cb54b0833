"""The pictures of a log without their captions, and what the captions say, for a page that writes it itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image
from torch import Tensor

from lightning_viz.render.charts.confusion import confusion_picture, worst_confusions
from lightning_viz.render.fonts import plain
from lightning_viz.tensorboard.opening import opened


@dataclass(frozen=True)
class Drawn:
    """One picture.

    Attributes:
        image: Without the rows of its caption, where the log tells how many there are.
        words: What the caption says, by lines.
    """

    image: Image.Image
    words: tuple[str, ...]


def drawn(folder: Path) -> dict[str, Drawn]:
    """The last picture of every tag in a log folder of one run, by tag."""
    with opened(folder) as log:
        ((name, entry),) = log.runs().items()
        tags = [*entry["images"]]
        series = log.series(name, {"images": tags, "captions": tags}) or {}
        found = {}
        for tag, points in series["images"].items():
            image = Image.open(BytesIO(log.blob(points[-1][1]) or b"")).convert("RGB")
            rows = entry["manifest"]["pictures"].get(tag, {}).get("caption", 0)
            words = series["captions"].get(tag, [[0]])[-1][1:]
            found[tag] = Drawn(image.crop((0, 0, image.width, image.height - rows)), tuple(map(plain, words)))
    return found


def matrix(counts: Tensor, names: Sequence[str]) -> Drawn:
    """The confusion matrix as `ConfusionMatrixPanel` draws it.

    The log does not tell how high its caption is, since it has fewer lines where less is wrong.

    Args:
        counts: Whole numbers (K, K).
        names: Of the classes.
    """
    words = [f"{int(counts.trace())} of {int(counts.sum())} right", *worst_confusions(counts.numpy(), names)]
    return Drawn(Image.fromarray(confusion_picture(counts.numpy(), names)), tuple(map(plain, words)))
