"""How alike two maps are, and how much there is of one and how spread out.

All of it is of the magnitudes of a map, and none of it depends on their scale but the sum.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

WINDOW = 7
"""Pixels per side of the window of SSIM, as in scikit-image; less on smaller maps."""


def ranks(values: Tensor) -> Tensor:
    """The rank of every magnitude, from 1; equal ones share the mean of theirs.

    Args:
        values: Finite, of any shape.

    Returns:
        Float64 (n,).

    >>> ranks(torch.tensor([[3.0, -1.0], [3.0, 0.0]])).tolist()
    [3.5, 2.0, 3.5, 1.0]
    """
    found = values.abs().flatten().cpu().double().numpy()
    order = np.argsort(found)
    ordered = found[order]
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))  # of each run of equal ones
    counts = np.diff(np.append(first, len(ordered)))
    shared = np.empty(len(ordered))
    shared[order] = np.repeat(first + (counts + 1) / 2, counts)
    return torch.from_numpy(shared)


def rank_correlation(a: Tensor, b: Tensor) -> float:
    """Spearman's rank correlation of two maps' magnitudes.

    Args:
        a: (H, W).
        b: (H, W).

    Returns:
        -1 to 1; NaN where one of the maps is constant or not finite.

    >>> round(rank_correlation(torch.tensor([[1.0, 2.0]]), torch.tensor([[-10.0, -90.0]])), 6)
    1.0
    """
    return correlation_of_ranks(*(ranks(m) if _finite(m) else None for m in (a, b)))


def correlation_of_ranks(a: Tensor | None, b: Tensor | None) -> float:
    """The same of maps whose `ranks` are known; None stands for a map that is not finite."""
    if a is None or b is None:
        return math.nan
    a, b = a - a.mean(), b - b.mean()
    scale = float(a.square().sum().sqrt() * b.square().sum().sqrt())
    return min(max(float(a @ b) / scale, -1.0), 1.0) if scale > 0 else math.nan


def structural_similarity(a: Tensor, b: Tensor) -> float:
    """SSIM (Wang et al. 2004) of two maps' magnitudes, each in units of its largest one.

    With a uniform window, of 7 pixels or the largest odd number that fits, its mean over all places where that lies
    within the map; constants and sample covariance are those of scikit-image.

    Args:
        a: (H, W) or (D, H, W).
        b: Likewise.

    Returns:
        -1 to 1; NaN where one of the maps is zero everywhere or not finite, or a side is below 3 pixels.

    >>> structural_similarity(torch.eye(8), 5 * torch.eye(8))
    1.0
    """
    side = min(WINDOW, *a.shape)
    side -= 1 - side % 2
    if side < 3 or not (_finite(a) and _finite(b) and bool(a.any()) and bool(b.any())):
        return math.nan
    x, y = (m.double().abs() / m.abs().max().double() for m in (a.cpu(), b.cpu()))
    mean_x, mean_y, xx, yy, xy = _windows(torch.stack([x, y, x * x, y * y, x * y]), side)
    size = side**a.ndim
    unbiased = size / (size - 1)
    variances, covariance = unbiased * (xx - mean_x**2 + yy - mean_y**2), unbiased * (xy - mean_x * mean_y)
    few, more = 0.01**2, 0.03**2
    alike = (2 * mean_x * mean_y + few) * (2 * covariance + more)
    return float((alike / ((mean_x**2 + mean_y**2 + few) * (variances + more))).mean())


def entropy(values: Tensor) -> float:
    """How evenly a map's magnitudes are spread over its pixels.

    Args:
        values: (H, W).

    Returns:
        In nats: 0 where a single pixel has everything, log(H W) where all have the same; NaN where there is nothing,
        or not all is finite.

    >>> round(entropy(torch.ones(2, 4)), 4), round(math.log(8), 4)
    (2.0794, 2.0794)
    """
    total = magnitudes(values)
    if not (math.isfinite(total) and total > 0):
        return math.nan
    return max(float(torch.special.entr(values.abs().double() / total).sum()), 0.0)


def magnitudes(values: Tensor) -> float:
    """The sum of a map's magnitudes, in the units of the map; NaN where not all is finite.

    >>> magnitudes(torch.tensor([[3.0, -1.0]]))
    4.0
    """
    return float(values.abs().double().sum()) if _finite(values) else math.nan


def _finite(values: Tensor) -> bool:
    return bool(values.isfinite().all())


def _windows(maps: Tensor, side: int) -> Tensor:
    """The mean of every window that lies within its map, side by side what two sums from the edge leave."""
    for axis in range(1, maps.ndim):
        sums = F.pad(maps.movedim(axis, -1), (1, 0)).cumsum(-1)
        maps = ((sums[..., side:] - sums[..., :-side]) / side).movedim(-1, axis)
    return maps
