"""A confusion matrix as a picture, and what it says in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from lightning_viz.render.color import diverging
from lightning_viz.render.fonts import isolated, length, write
from lightning_viz.render.size import WIDTH, Floats, Picture
from lightning_viz.render.text import elide, line_height

SMALLEST, LARGEST = 9, 15
"""Letters in the cells, in pixels. Where the smallest do not fit, there are none."""

ROOT_FROM = 26
"""Among so many classes a confusion of a few percent is news: the root lifts it out of the white."""

_NAMES, _WORDS, _EDGE = 10, 12, 4
_INK, _GREY = (20, 20, 24), (221, 221, 221)


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
        Up to `top` sentences, the names in them `isolated`; none if there is no mistake.

    Raises:
        ValueError: If `counts` is no square matrix of counts, or the names are not K.

    >>> from lightning_viz.render.fonts import plain
    >>> [plain(line) for line in worst_confusions([[119, 31], [4, 96]], ["Bread", "Egg"])]
    ['Bread taken for Egg: 31 of 150', 'Egg taken for Bread: 4 of 100']
    """
    matrix = _counts(counts, names)
    wrong = matrix * (1 - np.eye(len(matrix), dtype=np.int64))
    order = np.argsort(-wrong, axis=None, kind="stable")[:top]
    cells = [divmod(int(cell), len(matrix)) for cell in order]
    return [
        f"{isolated(names[true])} taken for {isolated(names[k])}: {wrong[true, k]} of {matrix[true].sum()}"
        for true, k in cells
        if wrong[true, k]
    ]


def confusion_picture(
    counts: ArrayLike, names: Sequence[str], *, title: str = "", caption: Sequence[str] = (), width: int = WIDTH
) -> Picture:
    """A confusion matrix: colour = share of the true class (the row), on a fixed scale; blue right, orange wrong.

    Each cell shows its share in percent and its count where letters of 9 pixels fit (up to 11 classes in a card of
    TensorBoard), or the share alone. Among more classes only some are named; where a cell would be under a pixel, it
    stands for a block of classes and shows the block's largest share; small shares are brightened (the colour bars
    show how). The row of a class that did not occur is grey.

    Args:
        counts: (K, K) whole numbers, rows = true class, columns = predicted class.
        names: K class names, cut where they are too long.
        title: Above the matrix.
        caption: Lines below it.
        width: Pixels. Letters stay as large as they are, so that more of them fit into a wider picture.

    Returns:
        uint8 (H, width, 3); the height depends on the width and the number of caption lines alone.

    Raises:
        ValueError: If `counts` is no square matrix of counts, or the names are not K.
    """
    matrix, at = _counts(counts, names), Layout.of(width)
    foot = at.bars + 2 * line_height(_NAMES) + 2 * _EDGE
    canvas = Image.new("RGB", (width, foot + line_height(_WORDS) * len(caption) + _EDGE), "white")
    draw = ImageDraw.Draw(canvas)
    titled = elide(title, width - 2 * _EDGE, _WORDS)
    write(draw, (at.left + (at.side - length(titled, _WORDS)) / 2, 2), titled, _INK, _WORDS)
    shares, root = _shares(matrix), len(matrix) >= ROOT_FROM
    canvas.paste(_field(shares, at.side, root), (at.left, at.top))
    _write_cells(draw, matrix, shares, at)
    _name_axes(canvas, names, at)
    _write_bars(canvas, at, len(matrix))
    for row, line in enumerate(caption):
        words = elide(line, width - 2 * _EDGE, _WORDS)
        write(draw, (_EDGE, foot + row * line_height(_WORDS)), words, _INK, _WORDS)
    return np.asarray(canvas)


class Layout(NamedTuple):
    """Where things are, in pixels: the matrix, and the colour bars below the names of its columns."""

    left: int
    top: int
    side: int
    bars: int

    @classmethod
    def of(cls, width: int) -> Layout:
        """For a picture of this width.

        >>> Layout.of(350)
        Layout(left=70, top=20, side=276, bars=368)
        """
        left, top = max(width // 8, 70), line_height(_WORDS) + 4
        side = width - left - _EDGE
        return cls(left, top, side, top + side + left + 2)

    def edge(self, k: int, classes: int) -> int:
        """How far from the matrix's own edge cell k begins."""
        return round(k * self.side / classes)


def _counts(counts: ArrayLike, names: Sequence[str] | None = None) -> NDArray[np.int64]:
    given = np.asarray(counts)
    if given.ndim != 2 or given.shape[0] != given.shape[1] or not len(given):
        raise ValueError(f"Expected counts to be a square matrix (K, K), received {given.shape}.")
    if not (given >= 0).all() or (given != np.floor(given)).any():
        raise ValueError(
            "Expected counts as whole numbers from 0, received others: pass the matrix before normalisation."
        )
    if names is not None and len(names) != len(given):
        raise ValueError(f"Expected {len(given)} class names, one per row, received {len(names)}.")
    return given.astype(np.int64)


def _shares(matrix: NDArray[np.int64]) -> Floats:
    totals = matrix.sum(axis=1, keepdims=True)
    return np.where(totals > 0, matrix / np.maximum(totals, 1), np.nan)


def _field(shares: Floats, side: int, root: bool) -> Image.Image:
    """The matrix in colours: one pixel per cell, or block of cells, made larger with hard edges."""
    blocks = _blocks(shares, side)
    sign = 1 - 2 * np.eye(len(blocks))  # blue on the diagonal, where the class was recognised
    colours = diverging(sign * np.nan_to_num(np.sqrt(blocks) if root else blocks))
    colours = np.where(np.isnan(blocks)[..., None], np.uint8(_GREY[0]), colours)
    where = np.searchsorted(np.rint(np.arange(1, len(blocks) + 1) * side / len(blocks)), np.arange(side), "right")
    return Image.fromarray(colours[where[:, None], where])


def _write_cells(draw: ImageDraw.ImageDraw, matrix: NDArray[np.int64], shares: Floats, at: Layout) -> None:
    cell = at.side / len(matrix)
    size = int(np.clip(cell * 0.35, SMALLEST, LARGEST))
    if length("100", size) > cell - 1:
        return
    counted = 2 * (size + 2) <= cell and length(str(matrix.max()), size) <= cell - 1
    for true, predicted in zip(*np.nonzero(matrix), strict=True):
        share = float(shares[true, predicted])
        texts = [f"{100 * share:.0f}", *([str(matrix[true, predicted])] if counted else [])]
        ink = (255, 255, 255) if share > 0.7 else _INK
        for row, text in enumerate(texts):
            x = at.left + (predicted + 0.5) * cell - length(text, size) / 2
            y = at.top + (true + 0.5) * cell + (row - len(texts) / 2) * (size + 2) - 1
            write(draw, (round(x), round(y)), text, ink, size)


def _name_axes(canvas: Image.Image, names: Sequence[str], at: Layout) -> None:
    draw, room = ImageDraw.Draw(canvas), at.left - 2 * _EDGE
    cell, high = at.side / len(names), line_height(_NAMES)
    for k in range(0, len(names), max(-(-high // int(cell)) if cell >= 1 else round(high / cell), 1)):
        name = elide(isolated(names[k]), room, _NAMES)
        middle = (k + 0.5) * cell - high / 2
        write(draw, (at.left - _EDGE - length(name, _NAMES), round(at.top + middle)), name, _INK, _NAMES)
        upright = Image.new("RGB", (room, high), "white")
        write(ImageDraw.Draw(upright), (room - length(name, _NAMES), 0), name, _INK, _NAMES)
        canvas.paste(upright.rotate(90, expand=True), (round(at.left + middle), at.top + at.side + _EDGE))
    for row, text in enumerate(("true ↑", "predicted →")):
        x = at.left - _EDGE - length(text, _NAMES)
        write(draw, (x, at.top + at.side + _EDGE + row * high), text, (110, 110, 115), _NAMES)


def _write_bars(canvas: Image.Image, at: Layout, classes: int) -> None:
    """Two bars beside each other, and above them what they tell."""
    draw, high, block = ImageDraw.Draw(canvas), line_height(_NAMES), _block(classes, at.side)
    of = f"; each cell: the largest among {block} x {block} classes" if block > 1 else ""
    write(draw, (_EDGE, at.bars), f"share of the true class in %{of}", _INK, _NAMES)
    half = (canvas.width - 4 * _EDGE) // 2
    for k, (name, sign) in enumerate((("right", -1), ("wrong", 1))):
        left, y = _EDGE + k * (half + 2 * _EDGE), at.bars + high + 2
        begin = left + round(length(f"{name} 0 ", _NAMES))
        end = left + half - round(length(" 100", _NAMES))
        colours = diverging(sign * np.linspace(0, 1, end - begin)[None].repeat(high - 2, 0))
        canvas.paste(Image.fromarray(colours), (begin, y))
        write(draw, (left, y), f"{name} 0", _INK, _NAMES)
        write(draw, (end + 3, y), "100", _INK, _NAMES)
        middle = "25" if classes >= ROOT_FROM else "50"
        write(draw, ((begin + end - length(middle, _NAMES)) / 2, y), middle, _INK, _NAMES)


def _block(size: int, most: int) -> int:
    return -(-size // most)


def _blocks(shares: Floats, most: int) -> Floats:
    # Averaged down, or skipped, the single cells of a large matrix would fade from the picture.
    step = _block(len(shares), most)
    if step == 1:
        return shares
    room = -len(shares) % step
    padded = np.pad(np.nan_to_num(shares, nan=-1.0), (0, room), constant_values=-1.0)
    side = len(padded) // step
    largest = padded.reshape(side, step, side, step).max(axis=(1, 3))
    return np.where(largest < 0, np.nan, largest)
