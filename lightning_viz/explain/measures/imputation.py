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
    the four diagonal ones, of those that lie in the image; all at once, so that a hole is spanned from its rim. On that
    lies noise of a hundredth of the image's range. What has gone everywhere becomes the image's mean.

    Args:
        image: (C, H, W).
        gone: Bool (N, H, W), on any device.
        seed: Of the noise, which is the same for all N.

    Returns:
        (N, C, H, W), off the exact solution by no more than the noise is strong.

    >>> imputed(torch.ones(1, 2, 2), torch.tensor([[[True, False], [False, False]]])).round(decimals=1)
    tensor([[[[1., 1.],
              [1., 1.]]]])
    """
    gone = gone.to(image.device)[:, None]
    low, high = image.aminmax()
    width = (high - low).clamp(min=torch.finfo(torch.float32).tiny)
    known = ((image.float() - low) / width).expand(len(gone), -1, -1, -1)
    drawn = torch.randn(image.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float32)
    filled = torch.where(gone, _spanned(known, gone) + _NOISE * drawn.to(image.device), known)
    return torch.where(gone, filled * width + low, image.float()).to(image.dtype)


def _spanned(known: Tensor, gone: Tensor) -> Tensor:
    """The solution, from coarse to fine: each finer one begins with the coarser, which has its large forms already.

    Args:
        known: (N, C, H, W); what has gone is not looked at.
        gone: Bool (N, 1, H, W).
    """
    there = (~gone).float()
    if min(known.shape[-2:]) < _SMALLEST:
        count = there.sum((2, 3), keepdim=True)
        mean = (known * there).sum((2, 3), keepdim=True) / count.clamp(min=1)
        return _relaxed(torch.where(gone, mean, known), gone)
    share, colour = (F.avg_pool2d(values, 2, ceil_mode=True) for values in (there, known * there))
    coarse = _spanned(colour / share.clamp(min=1e-6), share == 0)
    wide = F.interpolate(coarse, size=known.shape[-2:], mode="bilinear", align_corners=False)
    return _relaxed(torch.where(gone, wide, known), gone)


def _relaxed(start: Tensor, gone: Tensor) -> Tensor:
    """Conjugate gradients, from `start` (N, C, H, W), on the pixels in `gone` (N, 1, H, W)."""
    inside = gone.float()
    degree = _neighbours(torch.ones_like(start[:1, :1]))
    solution = start
    residual = inside * (_neighbours(start) - degree * start)
    direction, length = residual, residual.square().sum((2, 3), keepdim=True)
    for _ in range(_MOST_ROUNDS):
        if bool(residual.abs().amax() < _TOLERANCE):
            break
        there = inside * (degree * direction - _neighbours(direction))
        step = length / (direction * there).sum((2, 3), keepdim=True).clamp(min=1e-30)
        solution = solution + step * direction
        residual = residual - step * there
        before, length = length, residual.square().sum((2, 3), keepdim=True)
        direction = residual + length / before.clamp(min=1e-30) * direction
    return solution


def _neighbours(values: Tensor) -> Tensor:
    """The weighted sum of every pixel's neighbours in the image."""
    rows = F.pad(values, (0, 0, 1, 1))
    rows = rows[..., :-2, :] + 2 * rows[..., 1:-1, :] + rows[..., 2:, :]
    both = F.pad(rows, (1, 1, 0, 0))
    return (both[..., :-2] + 2 * both[..., 1:-1] + both[..., 2:] - 4 * values) / 12
