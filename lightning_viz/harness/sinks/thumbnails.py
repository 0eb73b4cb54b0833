"""Maps in small."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

LONGEST = 64
"""Pixels on the longer side: more is hardly seen at the size of a card, and takes room in the log."""


def thumbnail(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
    """A map of at most 64 pixels on its longer side, by the mean of areas; a smaller one stays as it is.

    Args:
        values: Finite (H, W).

    Returns:
        Float32 (h, w).

    Example:
        >>> thumbnail(np.ones((128, 64))).shape, thumbnail(np.array([[0.0, 1.0]])).tolist()
        ((64, 32), [[0.0, 1.0]])
    """
    height, width = values.shape
    share = LONGEST / max(height, width)
    plain = np.asarray(values, np.float32)
    if share >= 1:
        return plain
    size = max(round(width * share), 1), max(round(height * share), 1)
    return np.asarray(Image.fromarray(plain).resize(size, Image.Resampling.BOX))
