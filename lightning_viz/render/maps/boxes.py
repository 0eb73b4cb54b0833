"""Boxes drawn over their image: true ones with a solid line, predicted ones dashed, in the colours of their classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw

from lightning_viz.render.color import to_uint8
from lightning_viz.render.fonts import length, write
from lightning_viz.render.maps.regions import THICK, Colour
from lightning_viz.render.size import WIDTH, Picture, enlarge

_DASH, _GAP = 7, 5
"""Pixels that a dashed line is drawn, and not drawn."""
_LETTERS = 11
_INK, _SEAM = (12, 12, 14), (12, 12, 14)


class Frame(NamedTuple):
    """One box.

    Attributes:
        edges: Left, top, right and bottom in pixels of the image.
        colour: Of its line.
        dashed: Whether that is dashed.
        text: What stands in its upper left corner, if anything.
    """

    edges: tuple[float, float, float, float]
    colour: Colour
    dashed: bool = False
    text: str = ""


def framed(pixels: ArrayLike, frames: Sequence[Frame], *, width: int = WIDTH) -> Picture:
    """The image with boxes, drawn after the enlargement, so that lines are equally fine at any input size.

    Args:
        pixels: (C, H, W) in [0, 1].
        frames: Later ones lie over earlier ones.
        width: Longer side of the picture, in pixels.

    Returns:
        uint8 (H', W', 3).

    >>> framed(np.zeros((3, 8, 8)), [Frame((2, 2, 6, 6), (255, 0, 0))], width=80)[20, 40].tolist()
    [255, 0, 0]
    """
    image = to_uint8(pixels)
    picture = Image.fromarray(enlarge(image, width))
    draw, scale = ImageDraw.Draw(picture), picture.width / image.shape[1]
    for frame in frames:
        corners = _corners(frame, scale, picture.size)
        for line in _lines(*corners, dashed=frame.dashed):
            draw.rectangle((line[0] - 1, line[1] - 1, line[2] + 1, line[3] + 1), fill=_SEAM)
        for line in _lines(*corners, dashed=frame.dashed):
            draw.rectangle(line, fill=frame.colour)
    for frame in frames:
        _label(draw, frame, _corners(frame, scale, picture.size), picture.size)
    return np.asarray(picture)


def _corners(frame: Frame, scale: float, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The outermost pixels of a box, within the picture."""
    left, top, right, bottom = (round(scale * edge) for edge in frame.edges)
    left, top = (min(max(low, 0), most - 2 * THICK) for low, most in zip((left, top), size, strict=True))
    right, bottom = min(max(right, left + 2 * THICK), size[0]), min(max(bottom, top + 2 * THICK), size[1])
    return left, top, right - 1, bottom - 1


def _lines(left: int, top: int, right: int, bottom: int, *, dashed: bool) -> Iterator[tuple[int, int, int, int]]:
    """The rectangles that a box is drawn with."""
    thin = THICK - 1
    for y in (top, bottom - thin):
        yield from ((a, y, b, y + thin) for a, b in _dashes(left, right, dashed))
    for x in (left, right - thin):
        yield from ((x, a, x + thin, b) for a, b in _dashes(top, bottom, dashed))


def _dashes(start: int, end: int, dashed: bool) -> Iterator[tuple[int, int]]:
    if not dashed:
        yield start, end
        return
    for at in range(start, end + 1, _DASH + _GAP):
        yield at, min(at + _DASH - 1, end)


def _label(draw: ImageDraw.ImageDraw, frame: Frame, at: tuple[int, int, int, int], size: tuple[int, int]) -> None:
    if not frame.text:
        return
    wide = round(length(frame.text, _LETTERS)) + 4
    left, top = min(at[0], size[0] - wide), min(at[1], size[1] - _LETTERS - 4)
    draw.rectangle((left, top, left + wide, top + _LETTERS + 3), fill=frame.colour)
    bright = 0.299 * frame.colour[0] + 0.587 * frame.colour[1] + 0.114 * frame.colour[2] > 110
    write(draw, (left + 2, top), frame.text, _INK if bright else (245, 245, 245), _LETTERS)
