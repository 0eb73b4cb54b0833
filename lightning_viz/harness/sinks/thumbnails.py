"""Maps in small."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

LONGEST = 64
"""Pixels on the longer side: more is hardly seen at the size of a card, and takes room in the log."""
OF_VOLUMES = 32
"""Likewise of each slice of a volume."""
SLICES = 16
"""Of a volume: with so many a map takes 16 KiB."""


def thumbnail(values: npt.NDArray[np.floating[Any]], longest: int = LONGEST) -> npt.NDArray[np.float32]:
    """A map of at most 64 pixels on its longer side, by the mean of areas; a smaller one stays as it is.

    Args:
        values: Finite (H, W).
        longest: How many pixels instead.

    Returns:
        Float32 (h, w).

    Example:
        >>> thumbnail(np.ones((128, 64))).shape, thumbnail(np.array([[0.0, 1.0]])).tolist()
        ((64, 32), [[0.0, 1.0]])
    """
    height, width = values.shape
    share = longest / max(height, width)
    plain = np.asarray(values, np.float32)
    if share >= 1:
        return plain
    size = max(round(width * share), 1), max(round(height * share), 1)
    return np.asarray(Image.fromarray(plain).resize(size, Image.Resampling.BOX))


def small(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
    """A thumbnail of a map (H, W), or of a volume (D, H, W) at most 16 slices of at most 32 pixels.

    Example:
        >>> small(np.ones((40, 64, 32))).shape
        (16, 32, 16)
    """
    if values.ndim < 3:
        return thumbnail(values)
    return np.stack([thumbnail(one, OF_VOLUMES) for one in drawn_together(values)])


def drawn_together(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The means of neighbouring slices, (d, ...) of (D, ...), where there are more than 16.

    Example:
        >>> drawn_together(np.arange(20.0))[:6].tolist()
        [0.0, 1.0, 2.0, 3.5, 5.0, 6.0]
    """
    starts = first_slices(len(values))
    sizes = np.diff([*starts, len(values)]).reshape(-1, *[1] * (values.ndim - 1))
    means: npt.NDArray[Any] = np.add.reduceat(np.asarray(values, np.float64), starts) / sizes
    return means


def first_slices(depth: int) -> list[int]:
    """Where each of at most 16 groups of neighbouring slices begins; the Explanations tab reckons likewise.

    Example:
        >>> first_slices(3), first_slices(20)[:6]
        ([0, 1, 2], [0, 1, 2, 3, 5, 6])
    """
    count = min(depth, SLICES)
    return [k * depth // count for k in range(count)]
