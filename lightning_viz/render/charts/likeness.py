"""How alike pictures are to a network, as a picture."""

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

TEXT_UP_TO = 16
"""More rows or columns than this get no numbers: they would be too small to read."""


def likeness_picture(
    cosines: ArrayLike, rows: Sequence[str], columns: Sequence[str], *, caption: Sequence[str] = ()
) -> Picture:
    """Cosines as a table: blue for -1, white for 0, orange for 1, in every epoch alike.

    Args:
        cosines: (N, R) in [-1, 1].
        rows: N names.
        columns: R names.
        caption: Lines below.

    Returns:
        uint8 (H, 950, 3); the height depends on the number of lines alone.
    """
    values = np.asarray(cosines, dtype=np.float64)
    with matplotlib.rc_context(plain_style()):
        foot = 0.1 + 0.24 * len(caption)
        high = 9.1 + foot
        figure = Figure(figsize=(9.5, high), dpi=100, facecolor="white")
        canvas: Any = FigureCanvasAgg(figure)
        axes = figure.add_axes((1.9 / 9.5, (foot + 1.65) / high, 7.0 / 9.5, 7.0 / high))
        image = axes.imshow(values, cmap="PuOr_r", vmin=-1, vmax=1, aspect="auto")
        axes.set_xticks(range(len(columns)), [elide(name, 150, 14) for name in columns], fontsize=10, rotation=45)
        axes.set_yticks(range(len(rows)), [elide(name, 150, 14) for name in rows], fontsize=10)
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
        if max(values.shape) <= TEXT_UP_TO:
            for (i, k), value in np.ndenumerate(values):
                axes.text(k, i, f"{value:.2f}", ha="center", va="center", fontsize=9, color=_ink(value))
        bar = figure.add_axes((9.0 / 9.5, (foot + 1.65) / high, 0.12 / 9.5, 7.0 / high))
        figure.colorbar(image, cax=bar, ticks=[-1, 0, 1])
        figure.text(0.02, 0.1 / high, "\n".join(elide(line, 900, 17) for line in caption), fontsize=12, va="bottom")
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _ink(value: float) -> str:
    return "white" if abs(value) > 0.7 else "black"
