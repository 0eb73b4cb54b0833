"""A confusion matrix as a picture, and what it says in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from lightning_viz.render.size import Floats, Picture
from lightning_viz.render.text import elide

DPI = 100

TEXT_UP_TO = 25
"""More classes than this get no text in the cells: it would be too small to read."""

_STYLED = ("axes", "figure", "font", "image", "mathtext", "path", "text", "xtick", "ytick")


def recall(counts: ArrayLike) -> Floats:
    """Share of each class that was recognised.

    Args:
        counts: (K, K) whole numbers, rows = true class, columns = predicted class.

    Returns:
        float64 (K,) in [0, 1], NaN for classes that did not occur.

    Raises:
        ValueError: If `counts` is no square matrix of counts.

    >>> recall([[3, 1], [0, 0]])
    array([0.75,  nan])
    """
    return _shares(_counts(counts)).diagonal().copy()


def worst_confusions(counts: ArrayLike, names: Sequence[str], top: int = 3) -> list[str]:
    """The most frequent mistakes in words, the most frequent first.

    Args:
        counts: (K, K) whole numbers, rows = true class, columns = predicted class.
        names: K class names.
        top: How many at most.

    Returns:
        Up to `top` sentences; none if there is no mistake.

    Raises:
        ValueError: If `counts` is no square matrix of counts, or the names are not K.

    >>> worst_confusions([[119, 31], [4, 96]], ["Bread", "Egg"])
    ['Bread taken for Egg: 31 of 150', 'Egg taken for Bread: 4 of 100']
    """
    matrix = _counts(counts, names)
    wrong = matrix * (1 - np.eye(len(matrix), dtype=np.int64))
    order = np.argsort(-wrong, axis=None, kind="stable")[:top]
    cells = [divmod(int(cell), len(matrix)) for cell in order]
    return [
        f"{names[true]} taken for {names[said]}: {wrong[true, said]} of {matrix[true].sum()}"
        for true, said in cells
        if wrong[true, said]
    ]


def confusion_picture(
    counts: ArrayLike, names: Sequence[str], *, title: str = "", caption: Sequence[str] = ()
) -> Picture:
    """A confusion matrix: colour = share of the true class (the row), on a fixed scale from 0 to 1.

    Up to 25 classes, each cell shows its share in percent and its count. With more, the cells have no text and only
    some classes are named; beyond about 330, a cell stands for a block of classes and shows the block's largest
    share; small shares are brightened (the colour bar shows how). The row of a class that did not occur is grey.

    Args:
        counts: (K, K) whole numbers, rows = true class, columns = predicted class.
        names: K class names.
        title: Above the matrix.
        caption: Lines below it.

    Returns:
        uint8 (H, W, 3), 950 wide; the height depends on the number of caption lines alone.

    Raises:
        ValueError: If `counts` is no square matrix of counts, or the names are not K.
    """
    matrix = _counts(counts, names)
    with matplotlib.rc_context(plain_style()):
        return _drawn(matrix, names, title, list(caption))


def _counts(counts: ArrayLike, names: Sequence[str] | None = None) -> NDArray[np.int64]:
    given = np.asarray(counts)
    if given.ndim != 2 or given.shape[0] != given.shape[1] or not len(given):
        raise ValueError(f"counts must be a square matrix (K, K), got {given.shape}.")
    if not (given >= 0).all() or (given != np.floor(given)).any():
        raise ValueError("counts must be whole numbers from 0, not shares: pass the matrix before normalisation.")
    if names is not None and len(names) != len(given):
        raise ValueError(f"expected {len(given)} class names, one per row, got {len(names)}.")
    return given.astype(np.int64)


def _shares(matrix: NDArray[np.int64]) -> Floats:
    totals = matrix.sum(axis=1, keepdims=True)
    return np.where(totals > 0, matrix / np.maximum(totals, 1), np.nan)


def plain_style() -> Any:
    """The parameters of matplotlib for a picture that looks the same everywhere."""
    # The user's own style (dark, LaTeX ...) would cost legibility; and class names with a $ are no formulas.
    defaults = {k: v for k, v in matplotlib.rcParamsDefault.items() if k.split(".")[0] in _STYLED}
    return {**defaults, "text.parse_math": False}


def _drawn(matrix: NDArray[np.int64], names: Sequence[str], title: str, caption: list[str]) -> Picture:
    foot = 0.1 + 0.24 * len(caption)
    wide, high = 9.5, 9.1 + foot
    figure = Figure(figsize=(wide, high), dpi=DPI, facecolor="white")
    canvas: Any = FigureCanvasAgg(figure)
    axes = figure.add_axes((1.9 / wide, (foot + 1.65) / high, 7.0 / wide, 7.0 / high), facecolor="#dddddd")
    shares, few = _shares(matrix), len(matrix) <= TEXT_UP_TO
    # Among many classes a confusion of a few percent is news: the root lifts it out of the white.
    scale = PowerNorm(1.0 if few else 0.5, vmin=0, vmax=1)
    blocks, step = _blocks(shares), _block(len(matrix))
    image = axes.imshow(blocks, cmap="Blues", norm=scale, extent=_extent(len(blocks) * step))
    _name_axes(axes, names, step)
    if few:
        _write_cells(axes, matrix, shares)
    bar = figure.add_axes((9.0 / wide, (foot + 1.65) / high, 0.12 / wide, 7.0 / high))
    figure.colorbar(image, cax=bar, ticks=[0, 0.1, 0.5, 1], format="%.1f")
    axes.set_title(elide(title, 700, _pixels(15)), fontsize=15)
    words = [elide(line, 900, _pixels(12)) for line in caption]
    figure.text(0.02, 0.1 / high, "\n".join(words), fontsize=12, va="bottom")
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _pixels(points: float) -> int:
    return round(points * DPI / 72)


def _extent(size: int) -> tuple[float, float, float, float]:
    return -0.5, size - 0.5, size - 0.5, -0.5


def _block(size: int, most: int = 330) -> int:
    return -(-size // most)


def _blocks(shares: Floats) -> Floats:
    # Averaged down, or skipped, the single cells of a large matrix would fade from the picture.
    step = _block(len(shares))
    if step == 1:
        return shares
    room = -len(shares) % step
    padded = np.pad(np.nan_to_num(shares, nan=-1.0), (0, room), constant_values=-1.0)
    side = len(padded) // step
    largest = padded.reshape(side, step, side, step).max(axis=(1, 3))
    return np.where(largest < 0, np.nan, largest)


def _name_axes(axes: Any, names: Sequence[str], block: int) -> None:
    step = -(-len(names) // 40)
    size = 12 if len(names) <= TEXT_UP_TO else 8
    where, shown = range(0, len(names), step), [elide(name, 150, _pixels(size)) for name in names[::step]]
    upright = len(names) > 12 or max(map(len, names)) > 6
    axes.set_xticks(where, shown, fontsize=size, rotation=45 if upright else 0)
    axes.set_yticks(where, shown, fontsize=size)
    if upright:
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
    of = f" (each cell: the largest share among {block} x {block} classes)" if block > 1 else ""
    axes.set_xlabel(f"predicted{of}", fontsize=13)
    axes.set_ylabel("true", fontsize=13)


def _write_cells(axes: Any, matrix: NDArray[np.int64], shares: Floats) -> None:
    size = float(np.clip(150 / len(matrix), 6, 14))
    for true, said in zip(*np.nonzero(matrix), strict=True):
        share = shares[true, said]
        text = f"{share:.0%}\n{matrix[true, said]}"
        axes.text(
            said, true, text, ha="center", va="center", fontsize=size, linespacing=1.1,
            color="white" if share > 0.55 else "black", fontweight="bold" if true == said else "normal",
        )  # fmt: skip
