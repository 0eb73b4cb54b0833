"""Predicted against true values, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from lightning_viz.render.size import Picture
from lightning_viz.render.style import plain_style
from lightning_viz.render.text import elide

MOST = 4
"""Values that are shown, one field each."""


def values_picture(points: ArrayLike, names: Sequence[str], *, caption: Sequence[str] = ()) -> Picture:
    """A field per value: true values to the right, predicted ones up; what is right lies on the diagonal.

    The range is that of the true values, and a quarter more on each side, so that it stays from epoch to epoch; what
    lies beyond is drawn on the edge.

    Args:
        points: (P, 2, M), true and predicted values.
        names: M names.
        caption: Lines below.

    Returns:
        uint8 (H, 950, 3); the height depends on the numbers of values and of lines alone.
    """
    given, shown = np.asarray(points, dtype=np.float64), list(names)[:MOST]
    with matplotlib.rc_context(plain_style()):
        return _drawn(given, shown, list(caption))


def _drawn(points: Any, names: list[str], caption: list[str]) -> Picture:
    side, foot = (7.0 if len(names) == 1 else 4.0), 0.3 + 0.24 * len(caption)
    rows = -(-len(names) // 2)
    high = rows * (side + 0.8) + foot + 0.2
    figure = Figure(figsize=(9.5, high), dpi=100, facecolor="white")
    canvas: Any = FigureCanvasAgg(figure)
    for k, name in enumerate(names):
        column, row = (0, 0) if len(names) == 1 else (k % 2, k // 2)
        down = high - (row + 1) * (side + 0.8) + 0.5
        axes = figure.add_axes(
            ((0.9 + 4.7 * column) / 9.5, down / high, min(side, 4.0) / 9.5 * (side / 4), side / high)
        )
        _field(axes, points[:, 0, k], points[:, 1, k], name)
    words = [elide(line, 900, 17) for line in caption]
    figure.text(0.02, 0.1 / high, "\n".join(words), fontsize=12, va="bottom")
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _field(axes: Any, true: Any, predicted: Any, name: str) -> None:
    low, high = (float(true.min()), float(true.max())) if len(true) else (0.0, 1.0)
    room = 0.25 * (high - low) or 1.0
    low, high = low - room, high + room
    axes.plot((low, high), (low, high), color="#999999", linewidth=1)
    axes.plot(true, predicted.clip(low, high), ".", color="#1f5fa8", markersize=6, alpha=0.6)
    axes.set(xlim=(low, high), ylim=(low, high))
    axes.set_title(elide(name, 350, 16), fontsize=12)
    axes.set_xlabel("true", fontsize=11)
    axes.set_ylabel("predicted", fontsize=11)
