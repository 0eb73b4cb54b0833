"""How faithful a map is to its network, and to what is known of the image."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from lightning_viz.explain.network.chunks import Chunks

STEPS = 6
SHARES = (torch.arange(STEPS + 1) / STEPS) ** 2
"""Shares of the pixels that are changed, from none to all, finer where the strongest ones go. On drawn food, the
mean areas of 22 images are within .005 of those of 256 steps, and single ones off by .01 on average; equal steps take
12 for that."""

FORWARDS = {"map": 2 * (STEPS - 1), "chance": 2 * STEPS}
"""Images through the network for the curves of one map, and of one ranking by chance, with the ends for all maps."""


class Curves(NamedTuple):
    """The probability of a class while pixels go and while they come, the strongest first.

    Attributes:
        deletion: (K,) from the untouched image to one without anything in it.
        insertion: (K,) from the blurred image to the untouched one.
    """

    deletion: Tensor
    insertion: Tensor


def placed(values: Tensor) -> Tensor:
    """The place of every pixel in a ranking, 0 for the largest value; of equal ones in the order in which one reads.

    Args:
        values: (H, W).

    Returns:
        Long (H, W).

    >>> placed(torch.tensor([[0.5, -3.0], [2.0, 0.5]])).tolist()
    [[1, 3], [0, 2]]
    """
    order = values.flatten().argsort(descending=True, stable=True)
    return torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device)).view(values.shape)


def at_random(height: int, width: int, *, seed: int) -> Tensor:
    """A map that ranks the pixels by chance, float32 (H, W); the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(height * width, generator=generator).float().view(height, width)


def faithful_curves(
    probability: Callable[[Tensor], Tensor],
    image: Tensor,
    values: Tensor,
    *,
    fill: Tensor,
    start: Tensor,
    ends: tuple[float, float, float],
    shares: Tensor = SHARES,
) -> Curves:
    """Deletion and insertion (RISE, arXiv:1806.07421, 2018): what a class loses or gains with a map's strongest pixels.

    Args:
        probability: Images (N, C, H, W) -> the probability of the class, (N,).
        image: (C, H, W), as the network takes it.
        values: (H, W), the map: large values come first.
        fill: (C, H, W) or what broadcasts to it: what stands where pixels have gone.
        start: (C, H, W), what insertion begins with: the image blurred.
        ends: The probability with the image, with `fill` and with `start`, which are the same for every map.
        shares: (K,) in [0, 1], rising, from 0 to 1: of the pixels.

    Returns:
        The curves, float32 on the CPU; NaN all over where the map is constant or not finite, and ranks nothing.
    """
    if not bool(values.isfinite().all()) or bool((values == values.flatten()[0]).all()):
        return Curves(*torch.full((2, len(shares)), math.nan))
    counts = (shares[1:-1] * values.numel()).round().to(image.device)
    changed = (placed(values).to(image.device) < counts[:, None, None])[:, None]
    images = torch.cat([torch.where(changed, fill, image), torch.where(changed, image, start)])
    with torch.no_grad():
        said = Chunks()(probability, images).float().cpu()
    whole, empty, vague = (torch.tensor([end]) for end in ends)
    gone, come = said.chunk(2)
    return Curves(torch.cat([whole, gone, empty]), torch.cat([vague, come, whole]))


def area(curve: Tensor, shares: Tensor = SHARES) -> float:
    """The area under a curve of probabilities, by the trapezoid rule.

    Returns:
        0 to 1: low for a faithful deletion, high for a faithful insertion; NaN where the curve is not finite.

    >>> round(area(1 - SHARES), 6)
    0.5
    """
    return float(torch.trapezoid(curve.double(), shares.double()))


def points_into(values: Tensor, mask: Tensor) -> float:
    """Whether the largest value lies within a mask: the pointing game (arXiv:1608.00507, 2016), without its tolerance.

    Args:
        values: (H, W).
        mask: Bool (H, W).

    Returns:
        1 or 0; NaN where the mask is empty, or the map is constant or not finite.

    >>> points_into(torch.tensor([[1.0, 2.0]]), torch.tensor([[False, True]]))
    1.0
    """
    if not bool(mask.any()) or not bool(values.isfinite().all()) or bool((values == values.flatten()[0]).all()):
        return math.nan
    return float(mask.flatten()[values.argmax()])


def share_inside(values: Tensor, mask: Tensor) -> float:
    """The share of a map's magnitudes that lies within a mask.

    Args:
        values: (H, W).
        mask: Bool (H, W).

    Returns:
        0 to 1; NaN where the mask is empty, or there is nothing, or not all of it is finite.

    >>> share_inside(torch.tensor([[1.0, -3.0]]), torch.tensor([[False, True]]))
    0.75
    """
    found = values.abs().double()
    total = float(found.sum())
    if not bool(mask.any()) or not math.isfinite(total) or total == 0:
        return math.nan
    return float(found[mask].sum()) / total
