"""Many pictures as one: animated, or side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from lightning_viz.render.panel import GAP, SMALL, fitted
from lightning_viz.render.size import Picture
from lightning_viz.render.text import DARK, fit_lines, line_height, strip

T = TypeVar("T")

CELL, ROW, LABEL = 156, 120, 116
"""Of a filmstrip: the width of a picture, the most that it is high, the width of the labels; in pixels."""


UNREADABLE = (OSError, ValueError, SyntaxError)
"""What Pillow raises where a file is cut off, or no picture."""


def film(frames: Sequence[T], read: Callable[[T], Picture]) -> tuple[bytes, tuple[int, int], list[T]]:
    """Pictures as the frames of an animated WebP, which repeats for ever; one of them is in memory at a time.

    Where a picture cannot be read, the film stands still; pictures of another size are cut or padded to that of the
    first one. Of the formats that browsers play, WebP is by far the smallest and the fastest to make.

    Args:
        frames: What the pictures are read from, in order.
        read: Reads one, uint8 (h, w, 3); what of `UNREADABLE` it raises is passed over.

    Returns:
        The bytes of the film's file, width and height, and the frames that could not be read.

    Raises:
        OSError: None of them can be read.
    """
    reel = _Reel(frames, read)
    buffer = BytesIO()
    # Every frame for itself (`kmax`), else faint remains of the last one are seen in the next.
    timing = {"duration": durations(len(frames)), "loop": 0}
    reel.save(buffer, "webp", save_all=True, **timing, quality=70, method=2, kmin=0, kmax=1)
    return buffer.getvalue(), reel.size, [*reel.broken]


def durations(count: int) -> list[int]:
    """How long each frame is seen, in milliseconds: three in a second, faster in long films; the last one longer.

    >>> durations(4), durations(300)[:2], sum(durations(300))
    ([333, 333, 333, 1500], [100, 100], 31400)
    """
    return [min(max(20_000 // count, 100), 333)] * (count - 1) + [1500]


def evenly(count: int, most: int) -> list[int]:
    """Which of so many to take where they are too many: evenly spread, the first and the last always among them.

    >>> evenly(3, 8), evenly(100, 4)
    ([0, 1, 2], [0, 33, 66, 99])
    """
    return [*range(count)] if count <= most else [round(i * (count - 1) / (most - 1)) for i in range(most)]


def filmstrip(rows: Mapping[str, Sequence[Picture | None]], titles: Sequence[str]) -> Picture:
    """Pictures in a table.

    Args:
        rows: What stands left of each row, and its pictures: uint8 (h, w, 3) each, or None for an empty place.
        titles: What stands above each column.

    Returns:
        uint8 (H, W, 3).

    >>> filmstrip({"saliency": [np.zeros((50, 100, 3), np.uint8), None]}, ["untrained", "epoch 0"]).shape
    (104, 436, 3)
    """
    words = [fit_lines([title], 1, CELL, SMALL) for title in titles]
    head = [strip([""], LABEL, size=SMALL), *(strip(word, CELL, size=SMALL, centre=True) for word in words)]
    table = [_beside(head)]
    for label, pictures in rows.items():
        high = max(min(-(-CELL * p.shape[0] // p.shape[1]), ROW) for p in pictures if p is not None)
        blank = np.full((high, CELL, 3), DARK, np.uint8)
        table.append(_beside([_label(label, high), *(blank if p is None else fitted(p, high, CELL) for p in pictures)]))
    between = np.full((GAP, table[0].shape[1], 3), DARK, np.uint8)
    return np.concatenate([part for row in table for part in (row, between)][:-1])


def _label(text: str, height: int) -> Picture:
    lines = [
        line for line in fit_lines([text], max(height // line_height(SMALL) - 1, 1), LABEL - 2 * GAP, SMALL) if line
    ]
    words = strip(lines, LABEL, size=SMALL)
    canvas = np.full((max(height, len(words)), LABEL, 3), DARK, np.uint8)
    top = (len(canvas) - len(words)) // 2
    canvas[top : top + len(words)] = words
    return canvas[:height]


def _beside(cells: Sequence[Picture]) -> Picture:
    between = np.full((cells[0].shape[0], GAP, 3), DARK, np.uint8)
    return np.concatenate([part for cell in cells for part in (cell, between)][:-1], axis=1)


class _Reel(Image.Image):
    """Many files as one picture of many frames, as Pillow saves it: it asks for one frame after the other."""

    def __init__(self, frames: Sequence[Any], read: Callable[[Any], Picture]) -> None:
        super().__init__()
        self.frames, self.read, self.n_frames = frames, read, len(frames)
        self.broken: dict[Any, None] = {}  # in order, each once
        first = next((image for image in map(self._read, frames) if image is not None), None)
        if first is None:
            raise OSError(f"Expected at least one picture that can be read among {len(frames)}.")
        self.__dict__.update(first.__dict__)

    def seek(self, frame: int) -> None:
        image = self._read(self.frames[frame])
        if image is not None:
            self.paste(DARK, (0, 0, *self.size))
            self.paste(image)

    def _read(self, frame: Any) -> Image.Image | None:
        try:
            return Image.fromarray(self.read(frame))
        except UNREADABLE:
            self.broken[frame] = None
            return None
