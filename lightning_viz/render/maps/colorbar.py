"""What colours stand for: a narrow bar with numbers at its ends, to be set under the pictures."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image, ImageDraw

from lightning_viz.render.color import diverging, sequential
from lightning_viz.render.fonts import length, write
from lightning_viz.render.maps.lime import tinted, tints
from lightning_viz.render.size import WIDTH, Picture
from lightning_viz.render.text import DARK, LIGHT, elide, margin

HEIGHT, SIZE = 16, 11
"""Of a bar and its letters, in pixels."""

MINUS = "\u2212"

Colours = Literal["signed", "sequential", "superpixels"]


def colorbar(full: float, unit: str = "log-odds", *, colours: Colours = "signed", width: int = WIDTH) -> Picture:
    """The unit, and then the colours from the lowest value to the highest, with numbers at both ends and 0.

    Args:
        full: The value of full colour, above or at 0.
        unit: Of the values.
        colours: `"signed"` from -full to full, `"superpixels"` likewise as LIME paints them, `"sequential"` from 0.
        width: Pixels.

    Returns:
        uint8 (16, width, 3).

    Raises:
        ValueError: If `full` is negative or not finite, or there are no such colours.

    >>> colorbar(3.5).shape, colorbar(0.2, "first-order log-odds", colours="sequential").shape
    ((16, 350, 3), (16, 350, 3))
    """
    if not 0 <= full < np.inf:
        raise ValueError(f"Expected the value of full colour as a finite number from 0, received {full}.")
    if colours not in ("signed", "sequential", "superpixels"):
        raise ValueError(f'Expected colours= as "signed", "sequential" or "superpixels", received {colours!r}.')
    low, high = ("0" if colours == "sequential" else f"{MINUS}{_number(full)}"), _number(full)
    edge = margin(SIZE)
    title = elide(unit, width // 2, SIZE)
    left = round(length(title, SIZE) + length(low, SIZE)) + 4 * edge
    right = width - round(length(high, SIZE)) - 2 * edge
    canvas = Image.new("RGB", (width, HEIGHT), DARK)
    draw = ImageDraw.Draw(canvas)
    canvas.paste(Image.fromarray(_gradient(HEIGHT - 4, max(right - left, 8), colours)), (left, 2))
    write(draw, (edge, 1), title, LIGHT, SIZE)
    write(draw, (left - length(low, SIZE) - edge, 1), low, LIGHT, SIZE)
    write(draw, (right + edge, 1), high, LIGHT, SIZE)
    if colours != "sequential":
        middle = (left + right - length("0", SIZE)) / 2
        write(draw, (middle, 1), "0", (0, 0, 0) if colours == "signed" else LIGHT, SIZE)
    return np.asarray(canvas)


def _number(value: float) -> str:
    """Two figures: 3.5, 0.082, 120, 8e-05."""
    return f"{value:.2g}" if value < 100 else f"{value:.0f}"


def _gradient(height: int, width: int, colours: Colours) -> Picture:
    if colours == "sequential":
        return sequential(np.linspace(0, 1, width)[None].repeat(height, 0))
    shares = np.linspace(-1, 1, width)[None].repeat(height, 0)
    if colours == "signed":
        return diverging(shares)
    signs = np.where(np.abs(shares) < 0.06, 0, np.sign(shares)).astype(np.int64)
    tint = np.where(signs == 0, 0.0, tints(np.abs(shares)))
    return np.rint(tinted(np.full((height, width, 3), 90.0), signs, tint)).astype(np.uint8)
