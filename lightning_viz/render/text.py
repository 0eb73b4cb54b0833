"""Text in pictures: a font that is always there, wrapped and shortened to fit."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lightning_viz.render.size import Picture

DARK, LIGHT = (24, 24, 28), (240, 240, 240)
"""Background and ink of every strip of text."""


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib, in `size` pixels."""
    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")), size)


def channels_shown(channels: int) -> str:
    """What a caption says of an image with another number of channels than an eye has; see `color.to_uint8`.

    >>> channels_shown(3), channels_shown(2), channels_shown(13)
    ('', ', mean of 2 channels', ', channels 0-2 of 13')
    """
    if channels in (1, 3):
        return ""
    return ", mean of 2 channels" if channels == 2 else f", channels 0-2 of {channels}"


def line_height(size: int) -> int:
    """Pixels from one line to the next."""
    return round(size * 1.35)


def elide(text: str, width: int, size: int) -> str:
    """Shortens one line until it fits, with an ellipsis in place of what is left out.

    >>> elide("bread", 300, 13), elide("a long caption", 60, 13)
    ('bread', 'a long…')
    """
    text = " ".join(text.split())
    if _fits(text, width, size):
        return text
    # Bisection: measuring every length would take seconds for a traceback.
    keep, too_many = 0, len(text)
    while too_many - keep > 1:
        middle = (keep + too_many) // 2
        keep, too_many = (middle, too_many) if _fits(text[:middle] + "…", width, size) else (keep, middle)
    return text[:keep].rstrip() + "…"


def wrap(text: str, width: int, size: int) -> list[str]:
    """Breaks a text into lines that fit, at spaces where it can."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if _fits(longer, width, size):
            lines[-1] = longer
        else:
            lines[-1:] = [*filter(None, lines[-1:]), *_pieces(word, width, size)]
    return lines


def fit_lines(texts: list[str], lines: int, width: int, size: int) -> list[str]:
    """Lays texts out in a fixed number of lines: each on its own, wrapped while lines are to spare, else shortened.

    Raises:
        ValueError: If there are more texts than lines.

    >>> fit_lines(["one two", "three"], 3, 40, 13)
    ['one', 'two', 'three']
    """
    if len(texts) > lines:
        raise ValueError(f"{len(texts)} caption lines do not fit into lines={lines}.")
    spare, laid = lines - len(texts), list[str]()
    for text in texts:
        parts = wrap(text, width, size)
        shown = min(len(parts), 1 + spare)
        laid += [*parts[: shown - 1], elide(" ".join(parts[shown - 1 :]), width, size)]
        spare -= shown - 1
    return laid + [""] * (lines - len(laid))


def strip(lines: list[str], width: int, *, size: int = 14, centre: bool = False) -> Picture:
    """Light text on a dark strip, one line per entry. Its height depends on the number of lines alone.

    Args:
        lines: Texts that fit the width, from `fit_lines`.
        width: Pixels.
        size: Of the letters, in pixels.
        centre: Centred instead of on the left.

    Returns:
        uint8 (H, width, 3).
    """
    step = line_height(size)
    canvas = Image.new("RGB", (width, step * len(lines) + margin(size)), DARK)
    draw = ImageDraw.Draw(canvas)
    for row, line in enumerate(lines):
        x = (width - font(size).getlength(line)) / 2 if centre else margin(size)
        draw.text((round(x), margin(size) // 2 + row * step), line, LIGHT, font(size))
    return np.asarray(canvas)


def margin(size: int) -> int:
    """Space left and right of the text, in pixels."""
    return size // 2


def _fits(text: str, width: int, size: int) -> bool:
    return font(size).getlength(text) <= width


def _pieces(word: str, width: int, size: int) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and not _fits(pieces[-1] + letter, width, size):
            pieces.append("")
        pieces[-1] += letter
    return pieces
