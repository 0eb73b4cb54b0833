"""Pictures at the size at which they are looked at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]
"""(H, W, 3), red green blue."""

Floats = NDArray[np.float64]

WIDTH = 350
"""Width of TensorBoard's image cards. It shrinks wider pictures by dropping columns, which breaks up the text."""

_SAME, _MEAN = Image.Resampling.NEAREST, Image.Resampling.BOX


def enlarge(image: Picture, side: int = WIDTH) -> Picture:
    """Brings an image to `side` pixels on its longer side, without inventing detail.

    Enlarged by the next whole factor with hard edges and then averaged down to the size asked for, so that all of
    its pixels come out equally large, the edges at most one pixel soft. Reduced by averaging areas.

    Args:
        image: uint8 (h, w, 3).
        side: Wanted length of the longer side in pixels.

    Returns:
        uint8 (H, W, 3) with max(H, W) = side.

    >>> enlarge(np.zeros((16, 32, 3), np.uint8), 64).shape
    (32, 64, 3)
    """
    height, width = image.shape[:2]
    longer = max(height, width)
    wide, high = (max(round(length * side / longer), 1) for length in (width, height))
    factor = -(-side // longer)
    # First across, for which there are only the rows of the image itself, then down.
    columns = Image.fromarray(image).resize((width * factor, height), _SAME).resize((wide, height), _MEAN)
    return np.asarray(columns.resize((wide, height * factor), _SAME).resize((wide, high), _MEAN))
