"""Deletion and insertion curves as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw

from lightning_viz.render.fonts import length, write
from lightning_viz.render.size import WIDTH, Floats, Picture
from lightning_viz.render.text import elide

HEIGHT, SIZE = 480, 14
"""Of the picture, and of its letters, in pixels."""
_FINER = 3
"""How much finer lines are drawn than they are shown: matplotlib took a tenth of a second for each picture."""
_THIN, _THICK, _DASH = 1.4, 3.5, 12
_WHITE, _BLACK, _CHANCE = (255, 255, 255), (0, 0, 0), (102, 102, 102)

Colour = tuple[int, int, int]


class _Side(NamedTuple):
    """One of the two charts: its title, colour, first and last row of pixels, and the values that lie there."""

    title: str
    colour: Colour
    top: int
    bottom: int
    low: float = 0.0
    high: float = 1.0

    def spanning(self, *values: Floats) -> _Side:
        """With room for all of these values too, which are no probabilities where they leave [0, 1]."""
        every = np.concatenate([part.ravel() for part in values])
        return self._replace(low=min(0.0, float(every.min())), high=max(1.0, float(every.max())))

    def row(self, values: Floats) -> Floats:
        """Where values lie, in rows of pixels."""
        return self.bottom - (values - self.low) / (self.high - self.low) * (self.bottom - self.top)


_SIDES = (
    _Side("deletion: low is faithful", (192, 32, 32), 55, 216),
    _Side("insertion: high is faithful", (31, 95, 168), 261, 422),
)
_LEFT, _RIGHT = 35, 336
_TICKS = {0.0: "0", 0.5: "0.5", 1.0: "1"}


def curves_picture(shares: ArrayLike, own: ArrayLike, chance: ArrayLike, *, title: str = "") -> Picture:
    """The probability while pixels go (above) and come (below): thick the mean, thin every image, dashed by chance.

    Args:
        shares: (K,) in [0, 1], of the pixels.
        own: (N, 2, K) probabilities, or shares of a value, of deletion and insertion.
        chance: (N, 2, K) likewise, of the same maps in other places.
        title: Above both.

    Returns:
        uint8 (480, 350, 3).
    """
    steps, lines, dashed = (np.asarray(values, dtype=np.float64) for values in (shares, own, chance))
    canvas = Image.new("RGB", (WIDTH * _FINER, HEIGHT * _FINER), _WHITE)
    means = [(lines[:, k].mean(0), dashed[:, k].mean(0)) for k in range(len(_SIDES))]
    sides = [side.spanning(lines[:, k], dashed[:, k]) for k, side in enumerate(_SIDES)]
    for k, side in enumerate(sides):
        _lines(ImageDraw.Draw(canvas), side, steps, lines[:, k], means[k])
    canvas = canvas.reduce(_FINER)
    draw = ImageDraw.Draw(canvas)
    for side, (mean, by_chance) in zip(sides, means, strict=True):
        _words(draw, side)
        names = [f"the map {_area(steps, mean):.2f}", f"chance {_area(steps, by_chance):.2f}"]
        _key(draw, side, names, [_places(side, steps, values) for values in (mean, by_chance)])
    _centred(draw, 8, elide(title, WIDTH - 20, SIZE))
    _centred(draw, HEIGHT - 20, "share of the pixels, the strongest first")
    return np.asarray(canvas)


def _lines(draw: ImageDraw.ImageDraw, side: _Side, steps: Floats, each: Floats, means: tuple[Floats, Floats]) -> None:
    """The frame and the curves, on the finer canvas."""
    pale: Colour = tuple(round(0.3 * part + 0.7 * 255) for part in side.colour)  # type: ignore[assignment]
    for values in each:
        _line(draw, _places(side, steps, values), pale, _THIN)
    _line(draw, _places(side, steps, means[0]), side.colour, _THICK)
    for dash in _dashes(_places(side, steps, means[1])):
        _line(draw, dash, _CHANCE, _THICK)
    box = [(_LEFT * _FINER, side.top * _FINER), (_RIGHT * _FINER, side.bottom * _FINER)]
    draw.rectangle(box, outline=_BLACK, width=_FINER)


def _places(side: _Side, steps: Floats, values: Floats) -> Floats:
    """Where a curve goes, (K, 2), in pixels of the picture."""
    across = _LEFT + steps * (_RIGHT - _LEFT)
    return np.stack([across, side.row(values)], axis=1)


def _line(draw: ImageDraw.ImageDraw, places: Floats, colour: Colour, width: float) -> None:
    draw.line([(x * _FINER, y * _FINER) for x, y in places.tolist()], colour, round(width * _FINER), joint="curve")


def _dashes(places: Floats) -> list[Floats]:
    """Every other piece of a curve, along its length."""
    along = np.concatenate([[0.0], np.linalg.norm(np.diff(places, axis=0), axis=1).cumsum()])
    starts = np.arange(0, along[-1], 1.6 * _DASH)
    ends = np.minimum(starts + _DASH, along[-1])
    at = [[a, *along[(along > a) & (along < b)], b] for a, b in zip(starts, ends, strict=True)]
    return [np.stack([np.interp(k, along, places[:, axis]) for axis in (0, 1)], axis=1) for k in at]


def _words(draw: ImageDraw.ImageDraw, side: _Side) -> None:
    """The title, and numbers at both axes."""
    _centred(draw, side.top - 20, side.title, (_LEFT + _RIGHT) / 2)
    for value, text in _TICKS.items():
        x, y = _LEFT + value * (_RIGHT - _LEFT), float(side.row(np.array(value)))
        draw.line([(x, side.bottom), (x, side.bottom + 4)], _BLACK)
        draw.line([(_LEFT - 4, y), (_LEFT, y)], _BLACK)
        _centred(draw, side.bottom + 5, text, x, SIZE - 1)
        write(draw, (_LEFT - 7 - length(text, SIZE - 1), y - 8), text, _BLACK, SIZE - 1)


def _key(draw: ImageDraw.ImageDraw, side: _Side, names: Sequence[str], curves: Sequence[Floats]) -> None:
    """Which line is which, in the corner that the curves leave most free."""
    wide, high = round(max(length(name, SIZE - 1) for name in names)) + 42, 40
    corners = list(product((side.top + 6, side.bottom - high - 6), (_RIGHT - wide - 6, _LEFT + 6)))
    dense = np.concatenate([_dense(curve) for curve in curves])
    top, left = min(corners, key=lambda at: _within(dense, at, (high, wide)))
    draw.rectangle([(left, top), (left + wide, top + high)], _WHITE, (204, 204, 204))
    for k, (name, colour) in enumerate(zip(names, (side.colour, _CHANCE), strict=True)):
        y = top + 11 + 18 * k
        for a, b in [(5, 30)] if k == 0 else [(5, 15), (20, 30)]:
            draw.line([(left + a, y), (left + b, y)], colour, 3)
        write(draw, (left + 36, y - 8), name, _BLACK, SIZE - 1)


def _dense(curve: Floats) -> Floats:
    """A curve as many points."""
    at = np.linspace(0, len(curve) - 1, 100)
    return np.stack([np.interp(at, np.arange(len(curve)), curve[:, axis]) for axis in (0, 1)], axis=1)


def _within(points: Floats, corner: tuple[int, int], size: tuple[int, int]) -> int:
    inside = (points[:, 1] - corner[0], points[:, 0] - corner[1])
    return int(np.logical_and(*((part >= 0) & (part <= most) for part, most in zip(inside, size, strict=True))).sum())


def _area(steps: Floats, values: Floats) -> float:
    return float((np.diff(steps) * (values[1:] + values[:-1])).sum() / 2)


def _centred(draw: ImageDraw.ImageDraw, top: float, text: str, middle: float = WIDTH / 2, size: int = SIZE) -> None:
    write(draw, (middle - length(text, size) / 2, top), text, _BLACK, size)
