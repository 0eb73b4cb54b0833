"""Pictures as TensorBoard shows them: as wide as a card, with a caption strip, the same size in every epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lightning_viz.render.size import WIDTH, Picture, enlarge
from lightning_viz.render.text import DARK, fit_lines, line_height, margin, strip

SIZE, SMALL, GAP = 14, 12, 4


def panel(
    image: Picture | Sequence[Picture],
    caption: Sequence[str] = (),
    *,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    width: int = WIDTH,
    lines: int | None = None,
    bars: Sequence[Picture] = (),
) -> Picture:
    """One picture, or several side by side (wide ones one above the other), over a caption.

    Args:
        image: uint8 (h, w, 3), or several of them.
        caption: Each entry begins a line. What is too long is wrapped while there are lines to spare, else
            shortened with an ellipsis.
        titles: A short title above each picture.
        columns: Pictures in a row, all of them if None; half as many where they are wide.
        width: Of the panel, in pixels.
        lines: Of the caption; one per entry if None. Give it where captions differ between epochs: the panel's
            height depends on nothing else.
        bars: What the colours stand for, from `colorbar`, one below the other between pictures and caption.

    Returns:
        uint8 (H, width, 3).

    Raises:
        ValueError: If there is no picture, a picture is not uint8 (h, w, 3), a bar has another width, or the texts do
            not fit the number of pictures or lines.

    >>> panel(np.zeros((32, 32, 3), np.uint8), ["true: egg", "predicted: soup 61 %"]).shape
    (395, 350, 3)
    """
    images = [image] if isinstance(image, np.ndarray) else list(image)
    body = grid(images, columns=in_a_row(images, columns or len(images)), titles=titles, width=width)
    if wrong := [bar.shape[1] for bar in bars if bar.shape[1] != width]:
        raise ValueError(f"Expected colour bars as wide as the panel, {width}, received {wrong[0]}.")
    body = np.concatenate([body, *bars])
    lines = len(caption) if lines is None else lines
    laid = fit_lines(list(caption), lines, width - 2 * margin(SIZE), SIZE)
    return np.concatenate([body, strip(laid, width, size=SIZE)]) if lines else body


def caption_height(lines: int) -> int:
    """How many rows at the lower end of a panel hold a caption of so many lines.

    >>> panel(np.zeros((32, 32, 3), np.uint8), ["true: egg"]).shape[0] - caption_height(1)
    350
    """
    return line_height(SIZE) * lines + margin(SIZE) if lines else 0


def in_a_row(images: Sequence[Picture], most: int) -> int:
    """How many pictures to set in a row: half as many where all are at least twice as wide as high.

    >>> in_a_row([np.zeros((10, 30, 3), np.uint8)] * 8, most=4), in_a_row([np.zeros((9, 9, 3), np.uint8)], most=4)
    (2, 1)
    """
    wide = all(image.shape[1] >= 2 * image.shape[0] for image in images)
    return min(max(most // 2, 1) if wide else most, max(len(images), 1))


def grid(
    images: Sequence[Picture], columns: int, *, titles: Sequence[str] | None = None, width: int = WIDTH
) -> Picture:
    """Pictures in rows, each fitted into a cell of the same size and centred there.

    Cells are as high as the pictures ask for, until the grid is as high as wide.

    Args:
        images: uint8 (h, w, 3) each.
        columns: How many in a row.
        titles: A short title above each picture, shortened if need be.
        width: Of the whole grid, in pixels.

    Returns:
        uint8 (H, width, 3).

    Raises:
        ValueError: If there is no picture, a picture is not uint8 (h, w, 3), or titles are not one per picture.
    """
    _check(images, columns, titles, width)
    cell = (width - GAP * (columns - 1)) // columns
    most = max(cell, width // -(-len(images) // columns))
    high = max(min(-(-cell * image.shape[0] // image.shape[1]), most) for image in images)
    cells = [fitted(image, high, cell) for image in images]
    if titles is not None:
        cells = [np.concatenate([_title(t, cell), c]) for t, c in zip(titles, cells, strict=True)]
    rows = [_row(cells[i : i + columns], columns, width) for i in range(0, len(cells), columns)]
    between = _dark(GAP, width)
    return np.concatenate([part for row in rows for part in (row, between)][:-1])


def notice(text: str, width: int = WIDTH, height: int = WIDTH) -> Picture:
    """A picture that only says something, centred.

    Args:
        text: Wrapped, and shortened if it does not fit.
        width: Pixels.
        height: Pixels.

    Returns:
        uint8 (height, width, 3).
    """
    room = max((height - margin(SIZE)) // line_height(SIZE), 1)
    laid = fit_lines([text], room, width - 2 * margin(SIZE), SIZE)
    words = strip([line for line in laid if line], width, size=SIZE, centre=True)[:height]
    return _centred(words, height, width)


def fitted(image: Picture, height: int, width: int) -> Picture:
    """An image as large as it can be in a cell, centred there.

    Args:
        image: uint8 (h, w, 3).
        height: Of the cell, in pixels.
        width: Of the cell, in pixels.

    Returns:
        uint8 (height, width, 3).
    """
    h, w = image.shape[:2]
    side = max(round(max(h, w) * min(height / h, width / w)), 1)
    return _centred(enlarge(image, side)[:height, :width], height, width)


def _check(images: Sequence[Picture], columns: int, titles: Sequence[str] | None, width: int) -> None:
    if not images or columns < 1:
        raise ValueError(f"Expected at least one picture and one column, received {len(images)} and {columns}.")
    if width < columns * (GAP + 16):
        raise ValueError(
            f"Expected width of at least {columns * (GAP + 16)} pixels for {columns} columns, received {width}."
        )
    for image in images:
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise ValueError(f"Expected pictures to be uint8 (h, w, 3), received {image.dtype} {image.shape}.")
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"Expected one title per picture, {len(images)}, received {len(titles)}.")


def _dark(height: int, width: int) -> Picture:
    row = np.tile(np.array(DARK, np.uint8), width)
    return np.repeat(row[None], height, axis=0).reshape(height, width, 3)  # np.full takes fifty times as long


def _centred(image: Picture, height: int, width: int) -> Picture:
    canvas = _dark(height, width)
    top, left = (height - image.shape[0]) // 2, (width - image.shape[1]) // 2
    canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
    return canvas


def _title(text: str, width: int) -> Picture:
    return strip(fit_lines([text], 1, width - 2, SMALL), width, size=SMALL, centre=True)


def _row(cells: Sequence[Picture], columns: int, width: int) -> Picture:
    row = _dark(cells[0].shape[0], width)
    cell = cells[0].shape[1]
    # What the division leaves over goes to both edges alike.
    left = (width - columns * cell - (columns - 1) * GAP) // 2
    for i, picture in enumerate(cells):
        row[:, left + i * (cell + GAP) : left + i * (cell + GAP) + cell] = picture
    return row
