"""What became of every class of a classifier of several labels, as a picture and in words."""

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

PARTS = (("hits", "#1f5fa8"), ("misses", "#9ecae1"), ("false alarms", "#e07b39"))
"""Blue for what is true, dark where it was predicted; orange for what is not."""

MOST = 40
"""Classes that are shown: of more, those with the most misses and false alarms."""


def worst_mix_ups(pairs: ArrayLike, of: ArrayLike, names: Sequence[str], top: int = 3) -> list[str]:
    """The most frequent mistakes in words, the most frequent first.

    Args:
        pairs: (K, K) whole numbers: how often the row was missed where the column was predicted falsely.
        of: (K,): how often each class is true.
        names: K class names.
        top: How many at most.

    >>> worst_mix_ups([[5, 12], [0, 9]], [40, 20], ["Egg", "Bread"])
    ['Egg missed where Bread is said (12 of 40)']
    """
    counts, true = np.asarray(pairs), np.asarray(of)
    wrong = counts * (1 - np.eye(len(counts), dtype=np.int64))
    cells = [divmod(int(cell), len(counts)) for cell in np.argsort(-wrong, axis=None, kind="stable")[:top]]
    return [
        f"{names[missed]} missed where {names[predicted]} is said ({wrong[missed, predicted]} of {true[missed]})"
        for missed, predicted in cells
        if wrong[missed, predicted]
    ]


def labels_picture(
    hits: ArrayLike, misses: ArrayLike, alarms: ArrayLike, names: Sequence[str], *, caption: Sequence[str] = ()
) -> Picture:
    """A bar per class: how often it was found, missed and predicted falsely.

    Args:
        hits: (K,): how often the class is true and predicted.
        misses: (K,): how often it is true and not predicted.
        alarms: (K,): how often it is predicted and not true.
        names: K class names.
        caption: Lines below.

    Returns:
        uint8 (H, 950, 3); the height depends on the number of classes and of lines alone.
    """
    parts = np.stack([np.asarray(part, dtype=np.int64) for part in (hits, misses, alarms)])
    order = np.argsort(-parts[1:].sum(0), kind="stable")[:MOST] if len(names) > MOST else np.arange(len(names))
    with matplotlib.rc_context(plain_style()):
        return _drawn(parts[:, np.sort(order)], [names[k] for k in np.sort(order)], list(caption))


def _drawn(parts: Any, names: list[str], caption: list[str]) -> Picture:
    foot, rows = 0.4 + 0.24 * len(caption), 0.34 * len(names)
    high = rows + foot + 0.7
    figure = Figure(figsize=(9.5, high), dpi=100, facecolor="white")
    canvas: Any = FigureCanvasAgg(figure)
    axes = figure.add_axes((1.9 / 9.5, (foot + 0.2) / high, 7.2 / 9.5, rows / high))
    left = np.zeros(len(names))
    for values, (name, colour) in zip(parts, PARTS, strict=True):
        axes.barh(np.arange(len(names)), values, left=left, color=colour, label=name)
        for row in np.flatnonzero(values):
            ink = "white" if colour == PARTS[0][1] else "black"
            axes.text(
                left[row] + values[row] / 2,
                float(row),
                str(values[row]),
                ha="center",
                va="center",
                fontsize=10,
                color=ink,
            )
        left = left + values
    axes.set(ylim=(len(names) - 0.5, -0.5), xlim=(0, max(float(left.max()), 1.0)))
    axes.set_yticks(range(len(names)), [elide(name, 150, 15) for name in names], fontsize=11)
    figure.legend(*axes.get_legend_handles_labels(), loc="upper center", ncols=3, fontsize=11, frameon=False)
    words = [elide(line, 900, 17) for line in caption]
    figure.text(0.02, 0.1 / high, "\n".join(words), fontsize=12, va="bottom")
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
