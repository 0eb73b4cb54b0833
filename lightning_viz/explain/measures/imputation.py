"""What might have stood where pixels have gone, by their neighbours."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_NOISE = 0.01
_TOLERANCE = 2e-5
_MOST_ROUNDS = 500  # far more than any hole took
_SMALLEST = 8


def imputed(image: Tensor, gone: Tensor, *, seed: int = 0) -> Tensor:
    """Fills holes by noisy linear imputation (ROAD, arXiv:2202.00449, 2022), so that their shape does not show.

    Every pixel that has gone is the mean of its neighbours, 1/6 for each of the four direct ones and 1/12 for each of
    the four diagonal ones, of those that lie in the image; all at once, so that a hole is spanned from its rim. Of the
    26 in a volume those beside it along one side have 4/56, along two 2/56, along three 1/56. On that lies noise of a
    hundredth of the image's range. What has gone everywhere becomes the image's mean.

    Args:
        image: (C, H, W) or (C, D, H, W).
        gone: Bool (N, H, W) or (N, D, H, W), on any device.
        seed: Of the noise, which is the same for all N.

    Returns:
        (N, C, ...), off the exact solution by no more than the noise is strong.

    >>> imputed(torch.ones(1, 2, 2), torch.tensor([[[True, False], [False, False]]])).round(decimals=1)
    tensor([[[[1., 1.],
              [1., 1.]]]])
    """
    gone = gone.to(image.device)[:, None]
    low, high = image.aminmax()
    width = (high - low).clamp(min=torch.finfo(torch.float32).tiny)
    known = ((image.float() - low) / width).expand(len(gone), *image.shape)
    drawn = torch.randn(image.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float32)
    filled = torch.where(gone, _spanned(known, gone) + _NOISE * drawn.to(image.device), known)
    return torch.where(gone, filled * width + low, image.float()).to(image.dtype)


def _spanned(known: Tensor, gone: Tensor) -> Tensor:
    """The solution, from coarse to fine: each finer one begins with the coarser, which has its large forms already.

    Args:
        known: (N, C, ...); what has gone is not looked at.
        gone: Bool (N, 1, ...).
    """
    there = (~gone).float()
    if min(known.shape[2:]) < _SMALLEST:
        mean = _sum(known * there) / _sum(there).clamp(min=1)
        return _relaxed(torch.where(gone, mean, known), gone)
    halved = F.avg_pool2d if known.ndim == 4 else F.avg_pool3d
    share, colour = (halved(values, 2, ceil_mode=True) for values in (there, known * there))
    coarse = _spanned(colour / share.clamp(min=1e-6), share == 0)
    mode = "bilinear" if known.ndim == 4 else "trilinear"
    wide = F.interpolate(coarse, size=known.shape[2:], mode=mode, align_corners=False)
    return _relaxed(torch.where(gone, wide, known), gone)


def _relaxed(start: Tensor, gone: Tensor) -> Tensor:
    """Conjugate gradients, from `start` (N, C, ...), on the pixels in `gone` (N, 1, ...)."""
    inside = gone.float()
    degree = _neighbours(torch.ones_like(start[:1, :1]))
    solution = start
    residual = inside * (_neighbours(start) - degree * start)
    direction, length = residual, _sum(residual.square())
    for _ in range(_MOST_ROUNDS):
        if bool(residual.abs().amax() < _TOLERANCE):
            break
        there = inside * (degree * direction - _neighbours(direction))
        step = length / _sum(direction * there).clamp(min=1e-30)
        solution = solution + step * direction
        residual = residual - step * there
        before, length = length, _sum(residual.square())
        direction = residual + length / before.clamp(min=1e-30) * direction
    return solution


def _neighbours(values: Tensor) -> Tensor:
    """The weighted sum of every pixel's neighbours in the image."""
    sides, summed = values.ndim - 2, values
    for side in range(2, values.ndim):
        padded = F.pad(summed.movedim(side, -1), (1, 1))
        summed = (padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]).movedim(-1, side)
    centre, rest = 2.0**sides, 4.0**sides - 2.0**sides
    return (summed - centre * values) / rest


def _sum(values: Tensor) -> Tensor:
    return values.sum(tuple(range(2, values.ndim)), keepdim=True)
