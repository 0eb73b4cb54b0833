"""What the captions of pictures say, in the language of the report."""

from __future__ import annotations

import re

_EPOCH = re.compile(r"epoch 0( · |$)")
"""All pictures are of one validation, so the epoch tells nothing."""

_CHINESE = {
    r"(.+), says (.+) (\S+ %)": r"\1，模型判為\2（\3）",
    r"(.+) taken for (.+): (\d+) of (\d+)": r"\1被誤判為\2：\4 張中有 \3 張",
    r"(\d+) of (\d+) right": r"\2 張中有 \1 張正確",
    r"item (\d+) of the data set": r"資料集中編號 \1 的圖片",
    r"saliency of (.+)": r"\1的顯著圖",
    r"smoothgrad of (.+)": r"\1的 SmoothGrad",
    r"(\S+), channel (\d+)": r"`\1` 的 filter \2",
    r"activation (\S+) → (\S+)": r"輸出值：\1 → \2",
    r"(\S+) · channel: its largest value": r"`\1`；圖上方為 filter 的編號與其最大輸出值",
    r"R² (\S+) and (\S+) on unseen masks, fitted on (\d+)": r"以 \3 個遮罩擬合，在其他遮罩上 R² 為 \1 與 \2",
    r"orange for, blue against, pale unsure": "橘色為支持，藍色為反對，淡色為不確定",
    r"orange (.+), blue (.+): full (\S+) log-odds": r"橘色支持\1，藍色支持\2；最深的顏色代表對數勝算 \3",
    r"LIME: orange for, blue against: full (\S+) log-odds": (
        r"LIME：橘色為支持，藍色為反對；最深的顏色代表對數勝算 \1"
    ),
    r"dream of (\S+), (\d+) x (\d+) px": r"`\1` 的 Deep Dream，\2 x \3 像素",
}
"""By what a whole line says in English; what is not here stays as it is, as `蛋 ✓ 87 %`."""


def told(line: str, *, chinese: bool) -> str:
    """One line of a caption, without its epoch.

    Example:
        >>> told("epoch 0 · Egg, says Soup 62 %", chinese=False), told("item 7 of the data set", chinese=True)
        ('Egg, says Soup 62 %', '資料集中編號 7 的圖片')
    """
    line = _EPOCH.sub("", line, count=1)
    if not chinese:
        return line
    for pattern, text in _CHINESE.items():
        if found := re.fullmatch(pattern, line):
            return found.expand(text)
    return line
