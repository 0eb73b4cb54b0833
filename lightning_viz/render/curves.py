"""Deletion and insertion curves as a picture."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from lightning_viz.render.size import WIDTH, Floats, Picture
from lightning_viz.render.text import elide

_SIDES = (("deletion: low is faithful", "#c02020"), ("insertion: high is faithful", "#1f5fa8"))
_CHANCE = "#666666"
_STYLED = ("axes", "figure", "font", "image", "mathtext", "path", "text", "xtick", "ytick")


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
    with matplotlib.rc_context(plain_style()):
        figure = Figure(figsize=(WIDTH / 100, 4.8), dpi=100, facecolor="white")
        canvas: Any = FigureCanvasAgg(figure)
        for k, (name, colour) in enumerate(_SIDES):
            axes = figure.add_axes((0.1, 0.55 - 0.43 * k, 0.86, 0.335))
            _side(axes, steps, lines[:, k], dashed[:, k], colour)
            axes.set_title(name, fontsize=10)
            axes.tick_params(labelsize=9)
        figure.text(0.5, 0.955, elide(title, WIDTH - 20, 14), fontsize=10, ha="center")
        figure.text(0.5, 0.012, "share of the pixels, the strongest first", fontsize=9, ha="center")
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _side(axes: Any, steps: Floats, lines: Floats, dashed: Floats, colour: str) -> None:
    for line in lines:
        axes.plot(steps, line, color=colour, alpha=0.3, linewidth=1)
    for values, shade, style, name in ((lines, colour, "-", "the map"), (dashed, _CHANCE, "--", "chance")):
        mean = values.mean(axis=0)
        area = float((np.diff(steps) * (mean[1:] + mean[:-1])).sum() / 2)
        axes.plot(steps, mean, style, color=shade, linewidth=2.5, label=f"{name} {area:.2f}")
    every = np.concatenate([lines.ravel(), dashed.ravel(), [0, 1]])  # what is no probability may leave [0, 1]
    axes.set(xlim=(0, 1), ylim=(every.min(), every.max()), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    axes.set(xticklabels=["0", "0.5", "1"], yticklabels=["0", "0.5", "1"])
    axes.legend(fontsize=9, framealpha=0.8)


def plain_style() -> Any:
    """The parameters of matplotlib for a picture that looks the same everywhere."""
    # The user's own style (dark, LaTeX ...) would cost legibility; and class names with a $ are no formulas.
    defaults = {k: v for k, v in matplotlib.rcParamsDefault.items() if k.split(".")[0] in _STYLED}
    return {**defaults, "text.parse_math": False}
