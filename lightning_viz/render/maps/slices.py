"""Volumes as flat pictures: three slices through one place, side by side with the sides that they share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lightning_viz.render.size import Picture
from lightning_viz.render.text import DARK

NOTHING = sum(DARK) / len(DARK) / 255
"""What images in [0, 1] have between their slices."""
_APART = 64
"""Of so many pixels a sheet has one between its slices."""


class Slices(NamedTuple):
    """Where a volume is cut; a flat image is not.

    Attributes:
        at: The slice along each side, (d, h, w) from 0 on; nothing where the image is flat.
    """

    at: tuple[int, ...] = ()

    def sheet(self, values: ArrayLike, blank: float) -> NDArray[Any]:
        """Three slices as one flat array: the one at d, to its right the one at w, below the one at h.

        So the rows of the first go on to the right, and its columns go on below.

        Args:
            values: (..., D, H, W); where nothing is cut (..., H, W), which comes back as it is.
            blank: What stands between the slices and in the corner that they leave.

        Returns:
            (..., H + gap + D, W + gap + D).

        >>> Slices((0, 1, 0)).sheet(np.arange(8).reshape(2, 2, 2), -1)
        array([[ 0,  1, -1,  0,  4],
               [ 2,  3, -1,  2,  6],
               [-1, -1, -1, -1, -1],
               [ 2,  3, -1, -1, -1],
               [ 6,  7, -1, -1, -1]])
        """
        whole = np.asarray(values)
        if not self.at:
            return whole
        (d, h, w), (depth, height, width) = self.at, whole.shape[-3:]
        rows, columns = sheet_size(whole.shape[-3:])
        laid = np.full((*whole.shape[:-3], rows, columns), blank, dtype=whole.dtype)
        laid[..., :height, :width] = whole[..., d, :, :]
        laid[..., :height, columns - depth :] = np.swapaxes(whole[..., :, :, w], -1, -2)
        laid[..., rows - depth :, :width] = whole[..., :, h, :]
        return laid

    def told(self, size: Sequence[int], *, time: bool) -> list[str]:
        """Which slices these are of a volume (D, H, W), or of a clip, as a line of a caption; none of a flat image.

        >>> Slices((11, 0, 3)).told((32, 8, 8), time=False), Slices((0, 1, 2)).told((9, 8, 8), time=True)
        (['slices D 12/32, H 1/8, W 4/8'], ['frame 1/9, row 2/8, column 3/8'])
        """
        if not self.at:
            return []
        names = ("frame", "row", "column") if time else ("slices D", "H", "W")
        parts = zip(names, self.at, size, strict=True)
        return [", ".join(f"{name} {k + 1}/{length}" for name, k, length in parts)]


WHOLE = Slices()
"""Of a flat image there is nothing to choose."""


def strongest(values: ArrayLike) -> Slices:
    """Along each side the slice that has most of a map by magnitude; the middle where there is nothing.

    Args:
        values: Finite, (D, H, W); a flat map (H, W) is not cut.

    >>> strongest([[[0, 0], [0, 1]], [[0, -3], [0, 0]]]), strongest([[1, 2]])
    (Slices(at=(1, 0, 1)), Slices(at=()))
    """
    found = np.abs(np.asarray(values, dtype=np.float64))
    if found.ndim < 3:
        return Slices()
    if not found.any():
        return middle(found.shape)
    sides = range(found.ndim)
    return Slices(tuple(int(found.sum(tuple(k for k in sides if k != side)).argmax()) for side in sides))


def middle(size: Sequence[int]) -> Slices:
    """Through the middle of a volume (D, H, W); of a flat image (H, W) there are no slices."""
    return Slices(tuple(length // 2 for length in size) if len(size) > 2 else ())


def sheet_size(size: Sequence[int]) -> tuple[int, int]:
    """The size of a sheet of volumes (D, H, W), and of flat images (H, W) their own.

    >>> sheet_size((8, 16, 32)), sheet_size((16, 32))
    ((25, 41), (16, 32))
    """
    if len(size) == 2:
        return size[0], size[1]
    depth, height, width = size
    gap = max((max(height, width) + depth) // _APART, 1)
    return height + gap + depth, width + gap + depth


def blanked(picture: Picture, sheet: ArrayLike) -> Picture:
    """A painted sheet, uint8 (h, w, 3), with nothing where the sheet is not a number: between its slices."""
    gone = np.isnan(np.asarray(sheet, dtype=np.float64))
    return np.where(gone[..., None], np.array(DARK, np.uint8), picture)
