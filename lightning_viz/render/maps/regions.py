"""Regions of classes drawn into their image: outlines in colours that everybody tells apart, and a legend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from lightning_viz.render.color import hatch, to_uint8
from lightning_viz.render.fonts import length, write
from lightning_viz.render.size import WIDTH, Picture, enlarge
from lightning_viz.render.text import DARK, LIGHT, elide, line_height, margin

Colour = tuple[int, int, int]

SIZE = 12
"""Letters of a legend, in pixels."""
_APART, _MORE = 14, 30
"""Pixels between two entries of a legend, and for the number of those that there is no room for."""
TINT = 0.22
"""How much of its colour a region has within its outline."""
PALETTE: tuple[Colour, ...] = (
    (225, 60, 165), (180, 255, 0), (105, 0, 255), (120, 90, 0), (255, 210, 150), (210, 90, 255), (120, 255, 255),
    (60, 105, 75), (150, 165, 0), (150, 180, 240), (165, 0, 165), (240, 135, 150), (240, 255, 120), (0, 165, 75),
    (120, 45, 210), (120, 210, 195), (180, 210, 90), (225, 45, 120), (165, 255, 210), (180, 15, 60),
)  # fmt: skip
"""Each is as far as can be from those before it for the eye that tells it worst, of eyes with all cones and of those
that lack one (Machado et al., 2009): of the first 8 all differ by 29 (Delta E, CIE 1976), of 14 by 20, of all by 15."""
THICK = 2
"""Of an outline, in pixels."""


def outlined(
    pixels: ArrayLike,
    masks: ArrayLike,
    colours: Sequence[Colour],
    *,
    unknown: ArrayLike | None = None,
    width: int = WIDTH,
) -> Picture:
    """The image with the outline of every region in the colour of its class, which also tints the region.

    Drawn after the enlargement, so that outlines are equally fine at any input size. Each lies within its region, so
    that those of neighbours stand side by side.

    Args:
        pixels: (C, H, W) in [0, 1].
        masks: Bool (P, h, w), of whatever size.
        colours: Of each of them.
        unknown: Bool (h, w), where there is no label: hatched.
        width: Longer side of the picture, in pixels.

    Returns:
        uint8 (H', W', 3).

    Raises:
        ValueError: There are not as many colours as masks.
    """
    areas = np.asarray(masks, dtype=np.bool_)
    if areas.ndim != 3 or len(areas) != len(colours):
        raise ValueError(f"Expected masks (P, h, w) and P colours, received {areas.shape} and {len(colours)}.")
    picture = enlarge(to_uint8(pixels), width).astype(np.float64)
    large = [_resized(area, picture.shape[:2]) for area in areas]
    for area, colour in zip(large, colours, strict=True):
        picture[area] += TINT * (np.array(colour) - picture[area])
    for area, colour in zip(large, colours, strict=True):
        picture[area & ~_shrunk(area, THICK + 1)] *= 0.35  # a dark seam, on which any colour is seen
        picture[area & ~_shrunk(area, THICK)] = colour
    if unknown is not None:
        gone = _resized(np.asarray(unknown, dtype=np.bool_), picture.shape[:2])
        picture[gone] = (0.4 * picture + 0.6 * hatch(*picture.shape[:2]))[gone]
    return np.rint(np.clip(picture, 0, 255)).astype(np.uint8)


def legend(names: Sequence[str], colours: Sequence[Colour], *, rows: int = 1, width: int = WIDTH) -> Picture:
    """Names of classes, each behind a square in its colour; where there is no room for all, how many more there are.

    Args:
        names: Of the classes.
        colours: Of the classes.
        rows: Of the legend; its height depends on nothing else.
        width: Pixels.

    Returns:
        uint8 (H, width, 3).
    """
    step = line_height(SIZE)
    canvas = Image.new("RGB", (width, rows * step + 4), DARK)
    draw = ImageDraw.Draw(canvas)
    words = [elide(name, width // 2 - 2 * SIZE, SIZE) for name in names]
    placed = _placed([round(length(word, SIZE)) + SIZE + _APART for word in words], rows, width)
    for word, colour, (x, row) in zip(words, colours, placed, strict=False):
        top = 4 + row * step
        draw.rectangle((x, top, x + SIZE - 3, top + SIZE - 3), fill=colour)
        write(draw, (x + SIZE + 2, 2 + row * step), word, LIGHT, SIZE)
    if len(placed) < len(words):
        more = f"+{len(words) - len(placed)}"
        write(draw, (width - _MORE, 2 + (rows - 1) * step), more, LIGHT, SIZE)
    return np.asarray(canvas)


def _placed(widths: Sequence[int], rows: int, width: int) -> list[tuple[int, int]]:
    """Where each entry stands and in which row, as many as there is room for beside the number of the rest."""
    placed: list[tuple[int, int]] = []
    x, row = margin(SIZE), 0
    for wide in widths:
        if x + wide > width - (_MORE if row == rows - 1 else 0):
            x, row = margin(SIZE), row + 1
        if row == rows:
            break
        placed.append((x, row))
        x += wide
    return placed


def class_colours(count: int) -> list[Colour]:
    """A colour for each of so many classes; of more than there are colours, some have the same."""
    return [PALETTE[k % len(PALETTE)] for k in range(count)]


def _resized(area: NDArray[np.bool_], size: tuple[int, ...]) -> NDArray[np.bool_]:
    rows, columns = (np.arange(new) * old // new for new, old in zip(size, area.shape, strict=True))
    resized: NDArray[np.bool_] = area[rows[:, None], columns]
    return resized


def _shrunk(area: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """An area without its rim; the picture's own edge is no rim."""
    for _ in range(by):
        padded = np.pad(area, 1, mode="edge")
        area = area & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return area
