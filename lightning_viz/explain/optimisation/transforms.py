"""Small random views of a picture, so that ascent finds patterns that survive being moved a little."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

_SHIFTS = (8 / 224, 4 / 224)
_SCALES = (0.9, 1.1)
_DEGREES = (-10.0, 10.0)
_CROPS = (0.25, 1.0)
_NOISE = 0.08


class RandomViews:
    """Shifts, scales, turns and shifts again: one resampling step, another view at every call.

    The amounts are those of "Feature Visualization" (Olah et al., Distill, 2017) for 224 pixels, in proportion to
    the picture: shifts over 8 / 224 of it, scale 0.9 to 1.1, 10 degrees to either side, shifts over 4 / 224. What
    lies outside is the mirrored picture (published: grey), which adds no edge for ascent to use.
    All pictures of a batch get the same view, and a new object with the same
    seed the same series of views.

    Args:
        seed: Of the series.

    >>> RandomViews(0)(torch.rand(2, 3, 20, 30)).shape
    torch.Size([2, 3, 20, 30])
    """

    def __init__(self, seed: int = 0) -> None:
        self._generator = torch.Generator().manual_seed(seed)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Returns the next view of pixels (N, C, H, W), of the same size and differentiable."""
        return resample(pixels, self._draw(pixels.shape[-2], pixels.shape[-1]))

    def _draw(self, height: int, width: int) -> Tensor:
        outer_y, outer_x, inner_y, inner_x, scale, angle = torch.rand(
            6, generator=self._generator, dtype=torch.float64
        ).tolist()
        zoom = _SCALES[0] + (_SCALES[1] - _SCALES[0]) * scale
        turn = math.radians(_DEGREES[0] + (_DEGREES[1] - _DEGREES[0]) * angle)
        cos, sin = math.cos(turn) / zoom, math.sin(turn) / zoom
        first, second = 2 * _SHIFTS[0], 2 * _SHIFTS[1]  # coordinates run from -1 to 1
        x, y = second * (inner_x - 0.5), second * (inner_y - 0.5)
        ratio = height / width  # else a picture that is not square would shear
        return torch.tensor(
            [
                [cos, -sin * ratio, cos * x - sin * ratio * y + first * (outer_x - 0.5)],
                [sin / ratio, cos, sin / ratio * x + cos * y + first * (outer_y - 0.5)],
            ],
            dtype=torch.float32,
        )


class RandomCrops:
    """Cuts out a part, enlarges it to the size of the picture, and adds noise: another part at every call.

    After MACO (arXiv:2306.06805, 2023), whose parts are 1/4 of 512 pixels on average: here from 1/4 to the whole of
    each side. All pictures of a batch get the same view, and a new object with the same seed the same series of views.

    Args:
        seed: Of the series.

    >>> RandomCrops(0)(torch.rand(2, 3, 20, 30)).shape
    torch.Size([2, 3, 20, 30])
    """

    def __init__(self, seed: int = 0) -> None:
        self._generator = torch.Generator().manual_seed(seed)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Returns the next view of pixels (N, C, H, W), of the same size and differentiable."""
        share, x, y = torch.rand(3, generator=self._generator, dtype=torch.float64).tolist()
        side = _CROPS[0] + (_CROPS[1] - _CROPS[0]) * share
        room = 1 - side
        place = torch.tensor(
            [[side, 0, room * (2 * x - 1)], [0, side, room * (2 * y - 1)]],
            dtype=torch.float32,
        )
        noise = torch.randn(pixels.shape[1:], generator=self._generator, dtype=torch.float32)
        return resample(pixels, place) + _NOISE * noise.to(pixels)


def resample(pixels: Tensor, affine: Tensor) -> Tensor:
    """Reads pixels (N, C, H, W) bilinearly at affinely moved places; outside lies the mirrored picture.

    Args:
        pixels: The pictures.
        affine: (2, 3), from a place in the result to its place in `pixels`, both from -1 to 1 over the picture.

    Returns:
        (N, C, H, W), with gradients that are the same in every run on every device.
    """
    count, _, height, width = pixels.shape
    grid = F.affine_grid(affine[None], [1, 1, height, width], align_corners=False).to(pixels.device)
    if pixels.device.type == "cpu":
        grids = grid.expand(count, -1, -1, -1)
        return F.grid_sample(pixels, grids, padding_mode="reflection", align_corners=False)
    # Elsewhere grid_sample's gradient differs from run to run, raises in deterministic mode, or is missing.
    return read_at(pixels, grid[0])


def read_at(pixels: Tensor, grid: Tensor) -> Tensor:
    """Bilinear reading by indices alone: slower than `grid_sample`, with a gradient that is exactly repeatable.

    Args:
        pixels: (N, C, H, W).
        grid: (h, w, 2) places (x, y) from -1 to 1 over the picture.

    Returns:
        (N, C, h, w); outside lies the mirrored picture.
    """
    height, width = pixels.shape[-2:]
    (left, right, right_share), (top, low, low_share) = (
        _neighbours(grid[..., axis], side) for axis, side in ((0, width), (1, height))
    )
    flat = pixels.flatten(2)
    upper = flat[..., top * width + left] * (1 - right_share) + flat[..., top * width + right] * right_share
    lower = flat[..., low * width + left] * (1 - right_share) + flat[..., low * width + right] * right_share
    return upper * (1 - low_share) + lower * low_share


def _neighbours(places: Tensor, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """Indices of the two nearest pixels along one axis, and the share of the second."""
    distance = ((places + 1) * side / 2).abs() % (2 * side)
    inside = (torch.minimum(distance, 2 * side - distance) - 0.5).clamp(0, side - 1)
    first = inside.floor()
    return first.long(), (first + 1).clamp(max=side - 1).long(), inside - first
