"""How faithful a map is to its network, and to what is known of the image."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor

from lightning_viz.explain.measures.imputation import imputed
from lightning_viz.explain.network.chunks import Chunks

STEPS = 6
SHARES = (torch.arange(STEPS + 1) / STEPS) ** 2
"""Shares of the pixels that are changed, from none to all, finer where the strongest ones go. On drawn food, the
mean areas of 22 images are within .005 of those of 256 steps, and single ones off by .01 on average; equal steps take
12 for that."""

FORWARDS = {"map": 4 * (STEPS - 1), "chance": 1}
"""Images through the network for the curves of one map and of its own chance, and for the end that all maps share."""

Fill = Literal["mean", "road"]
"""What stands where pixels have gone: one colour, or what their neighbours suggest, see `imputed`.

On 107 drawn images both tell the evidence's mask as surely from the same mask moved: mean difference of the areas in
standard deviations, deletion 3.0 with the colour and 3.2 with the neighbours, insertion 2.1 with either; 1.3 where
insertion begins with the image blurred, which still says what it is. The neighbours take longer than the network."""


class Curves(NamedTuple):
    """The probability of a class while pixels go and while they come, the strongest first.

    Attributes:
        deletion: (K,) from the untouched image to one without anything in it.
        insertion: (K,) from one without anything in it to the untouched one.
    """

    deletion: Tensor
    insertion: Tensor

    @property
    def areas(self) -> dict[str, float]:
        """The area under either curve, see `area`."""
        return {name: area(curve) for name, curve in self._asdict().items()}


def placed(values: Tensor) -> Tensor:
    """The place of every pixel in a ranking, 0 for the largest value; of equal ones in the order in which one reads.

    Args:
        values: (H, W), or of any other shape.

    Returns:
        Long, of the same shape.

    >>> placed(torch.tensor([[0.5, -3.0], [2.0, 0.5]])).tolist()
    [[1, 3], [0, 2]]
    """
    order = values.flatten().argsort(descending=True, stable=True)
    return torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device)).view(values.shape)


def moved(values: Tensor, *, seed: int, count: int) -> Tensor:
    """A map's own texture elsewhere: shifted by 1/4 to 3/4 of either side, what leaves on one side enters on the other.

    Where scattered pixels break any network at once, these are as fine or as coarse as the map itself.

    Args:
        values: (H, W) or (D, H, W).
        seed: Of the shifts, which are the same for every map of this size.
        count: How many.

    Returns:
        (count, H, W) or (count, D, H, W).
    """
    shares = torch.rand(count, values.ndim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    sides = torch.tensor(values.shape)
    shifts = ((0.25 + 0.5 * shares) * sides).round().long().clamp(max=sides - 1)
    return torch.stack([values.roll(shift, tuple(range(values.ndim))) for shift in shifts.tolist()])


def faithful_curves(
    probability: Callable[[Tensor], Tensor],
    image: Tensor,
    values: Tensor,
    *,
    colour: Tensor,
    ends: tuple[float, float],
    fill: Fill = "mean",
    seed: int = 0,
    shares: Tensor = SHARES,
) -> Curves:
    """Deletion and insertion (RISE, arXiv:1806.07421, 2018): what a class loses or gains with a map's strongest pixels.

    Insertion begins with nothing, where RISE begins with the image blurred, see `Fill`.

    Args:
        probability: Images (N, C, H, W) -> the probability of the class, (N,).
        image: (C, H, W) or (C, D, H, W), as the network takes it.
        values: (H, W) or (D, H, W), the map: large values come first; or (K - 2, ...), another map for each share
            between the ends.
        colour: (C, 1, 1) or (C, 1, 1, 1), what the network sees where nothing is.
        ends: The probability with the image, and with nothing but `colour`, which are the same for every map.
        fill: What stands where pixels have gone.
        seed: Of the noise of `"road"`.
        shares: (K,) in [0, 1], rising, from 0 to 1: of the pixels.

    Returns:
        The curves, float32 on the CPU; NaN all over where the map is constant or not finite, and ranks nothing.

    Raises:
        ValueError: An unknown fill.
    """
    if fill not in get_args(Fill):
        raise ValueError(f"Expected fill 'mean' or 'road', received {fill!r}.")
    if not bool(values.isfinite().all()) or bool((values == values.flatten()[0]).all()):
        return Curves(*torch.full((2, len(shares)), math.nan))
    counts = (shares[1:-1] * image[0].numel()).round()
    maps = values.expand(len(counts), *image.shape[1:])
    strongest = torch.stack([placed(one).cpu() < n for one, n in zip(maps, counts, strict=True)]).to(image.device)
    gone = torch.cat([strongest, ~strongest])
    images = imputed(image, gone, seed=seed) if fill == "road" else torch.where(gone[:, None], colour, image)
    with torch.no_grad():
        predictions = Chunks()(probability, images).float().cpu()
    whole, empty = (torch.tensor([end]) for end in ends)
    down, up = predictions.chunk(2)
    return Curves(torch.cat([whole, down, empty]), torch.cat([empty, up, whole]))


def chance_curves(
    probability: Callable[[Tensor], Tensor], image: Tensor, values: Tensor, *, seed: int, **options: Any
) -> Curves:
    """What the same map tells elsewhere, see `moved`: each share of the pixels in another place, as dear as the map.

    Args:
        probability: See `faithful_curves`.
        image: Likewise.
        values: (H, W), the map.
        seed: Of the places, and of the noise of `"road"`.
        options: Likewise.
    """
    count = len(options.get("shares", SHARES)) - 2
    return faithful_curves(probability, image, moved(values, seed=seed, count=count), seed=seed, **options)


def worse_than_chance(own: Curves, chance: Curves) -> tuple[str, ...]:
    """By which measures a map says less of its network than its own texture does elsewhere.

    Args:
        own: Of a map, or means over many images: (K,) each.
        chance: Likewise, see `chance_curves`.

    Returns:
        `"deletion"` where its area is no smaller, `"insertion"` where it is no larger; neither where one is not finite.

    >>> falls, rises = 1 - SHARES, SHARES
    >>> worse_than_chance(Curves(falls, rises), Curves(falls**2, rises / 2))
    ('deletion',)
    """
    excess = {name: value - chance.areas[name] for name, value in own.areas.items()}
    return tuple(name for name, sign in (("deletion", 1), ("insertion", -1)) if sign * excess[name] >= 0)


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
