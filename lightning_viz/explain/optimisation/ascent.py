"""The one loop that changes a picture until the network reacts more strongly."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from lightning_viz.explain.optimisation.parametrise import Picture
from lightning_viz.explain.optimisation.redirect import RedirectedReLU, without_gradient

_REDIRECTED_STEPS = 32
"""Where half of the steps are as many. Of 128 channels of the demo after an epoch, 16 leave 9 without a way up that do
answer to the probes, 32 leave 2; that first drawing takes up to 40 % longer."""


class Ascent(NamedTuple):
    """What gradient ascent found, and how far it came.

    Attributes:
        pixels: (N, C, H, W); in [0, 1] if the parametrization keeps its pictures there.
        start: (N,) objective of the pictures at the start.
        reached: (N,) objective of `pixels`, seen without random transforms.
        coefficients: What the pictures are made from, (N, ...), to go on from later.
    """

    pixels: Tensor
    start: Tensor
    reached: Tensor
    coefficients: Tensor


def ascend(
    picture: Picture,
    objective: Callable[[Tensor], Tensor],
    *,
    steps: int,
    lr: float,
    transform: Callable[[Tensor], Tensor] | None = None,
    normalize: Callable[[Tensor], Tensor] | None = None,
    settling: int = 0,
    views: int = 1,
    slope_of: Callable[[Tensor], Tensor] | None = None,
) -> Ascent:
    """Climbs an objective with Adam; every picture of the batch climbs its own.

    In the first steps, where ReLUs block a picture's whole gradient, they let it through, see `RedirectedReLU`.
    Gradients that are not finite count as zero.

    Args:
        picture: What is changed, in place.
        objective: Images (N, C, H, W) as the network takes them -> (N,) values to raise.
        steps: Steps of Adam.
        lr: Its learning rate.
        transform: Applied to the pixels before every step, e.g. `RandomViews(seed)`.
        normalize: From pixels to what the network takes; nothing by default.
        settling: Over how many last steps, done or not, the learning rate falls to zero: an ascent of few steps begins
            with a small one, as one that goes on should. 0 leaves it as it is.
        views: How many transforms of the pixels each step is the mean of.
        slope_of: Whose gradient is followed, if not the objective's own: a cheaper likeness of it.

    Returns:
        The final pictures, with the objective before and after.

    Raises:
        ValueError: If `steps` is negative, `lr` not positive, or the objective not (N,).

    >>> from lightning_viz.explain.optimisation.parametrise import PixelImage
    >>> found = ascend(PixelImage(torch.zeros(1, 1, 1, 1)), lambda x: -(x - 2).square().sum((1, 2, 3)),
    ...                steps=200, lr=0.1)
    >>> round(found.pixels.item(), 2)
    2.0
    """
    if steps < 0 or lr <= 0:
        raise ValueError(f"Expected steps >= 0 and lr > 0, received steps={steps} and lr={lr}.")
    normalize = normalize or _unchanged
    start = _value(picture, objective, normalize)
    adam = torch.optim.Adam([picture.coefficients], lr=lr)
    for step in range(steps):
        adam.param_groups[0]["lr"] = lr * (min((steps - step) / settling, 1.0) if settling else 1.0)
        redirect = step < min(_REDIRECTED_STEPS, (steps + 1) // 2)  # what stays stuck costs a second pass
        found = [
            _slope(picture, slope_of or objective, transform or _unchanged, normalize, redirect) for _ in range(views)
        ]
        picture.coefficients.grad = -torch.stack(found).mean(0)
        adam.step()
    return Ascent(
        picture.pixels().detach(), start, _value(picture, objective, normalize), picture.coefficients.detach()
    )


def _slope(
    picture: Picture,
    objective: Callable[[Tensor], Tensor],
    transform: Callable[[Tensor], Tensor],
    normalize: Callable[[Tensor], Tensor],
    redirect: bool,
) -> Tensor:
    """The gradient of the objectives of one view with respect to the coefficients."""
    seen = transform(picture.pixels())
    uphill = _uphill(lambda pixels: objective(normalize(pixels)), seen.detach(), redirect)
    found: Tensor
    (found,) = torch.autograd.grad(seen, picture.coefficients, uphill)
    return found


def _uphill(objective: Callable[[Tensor], Tensor], pixels: Tensor, redirect: bool) -> Tensor:
    """The objectives' gradient, (N, C, H, W)."""

    def gradient() -> Tensor:
        leaf = pixels.clone().requires_grad_()
        (found,) = torch.autograd.grad(objective(leaf).sum(), leaf)
        return found.nan_to_num(0.0, 0.0, 0.0).contiguous()

    found = gradient()
    if redirect and bool((stuck := without_gradient(found)).any()):
        with RedirectedReLU():
            found = torch.where(stuck[:, None, None, None], gradient(), found)
    return found


def _value(picture: Picture, objective: Callable[[Tensor], Tensor], normalize: Callable[[Tensor], Tensor]) -> Tensor:
    with torch.no_grad():
        pixels = picture.pixels()
        value = objective(normalize(pixels))
    if value.shape != (len(pixels),):
        raise ValueError(f"Expected one objective per picture, ({len(pixels)},), received {tuple(value.shape)}.")
    return value


def _unchanged(pixels: Tensor) -> Tensor:
    return pixels
