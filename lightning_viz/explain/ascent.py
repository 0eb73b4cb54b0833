"""The one loop that changes a picture until the network reacts more strongly."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from lightning_viz.explain.parametrise import Picture

_REDIRECTED_STEPS = 16


class Ascent(NamedTuple):
    """What gradient ascent found, and how far it came.

    Attributes:
        pixels: (N, C, H, W); in [0, 1] if the parametrisation keeps its pictures there.
        start: (N,) objective of the pictures at the start.
        reached: (N,) objective of `pixels`, seen without random transforms.
    """

    pixels: Tensor
    start: Tensor
    reached: Tensor


def ascend(
    picture: Picture,
    objective: Callable[[Tensor], Tensor],
    *,
    steps: int,
    lr: float,
    transform: Callable[[Tensor], Tensor] | None = None,
    normalize: Callable[[Tensor], Tensor] | None = None,
) -> Ascent:
    """Climbs an objective with Adam; every picture of the batch climbs its own.

    In the first steps a ReLU that blocks a picture's whole gradient lets it through, see `RedirectedReLU`.
    Gradients that are not finite count as zero.

    Args:
        picture: What is changed, in place.
        objective: Images (N, C, H, W) as the network takes them -> (N,) values to raise.
        steps: Steps of Adam.
        lr: Its learning rate.
        transform: Applied to the pixels before every step, e.g. `RandomViews(seed)`.
        normalize: From pixels to what the network takes; nothing by default.

    Returns:
        The final pictures, with the objective before and after.

    Raises:
        ValueError: If `steps` is negative, `lr` not positive, or the objective not (N,).

    >>> from lightning_viz.explain.parametrise import PixelImage
    >>> found = ascend(PixelImage(torch.zeros(1, 1, 1, 1)), lambda x: -(x - 2).square().sum((1, 2, 3)),
    ...                steps=200, lr=0.1)
    >>> round(found.pixels.item(), 2)
    2.0
    """
    if steps < 0 or lr <= 0:
        raise ValueError(f"expected steps >= 0 and lr > 0, got steps={steps} and lr={lr}.")
    normalize = normalize or _unchanged
    start = _value(picture, objective, normalize)
    adam = torch.optim.Adam(picture.parameters, lr=lr)
    for step in range(steps):
        with RedirectedReLU() if step < _REDIRECTED_STEPS else nullcontext():
            value = objective(normalize((transform or _unchanged)(picture.pixels()))).sum()
        gradients = torch.autograd.grad(value, picture.parameters)
        for parameter, gradient in zip(picture.parameters, gradients, strict=True):
            parameter.grad = -gradient.nan_to_num(0.0, 0.0, 0.0)
        adam.step()
    return Ascent(picture.pixels().detach(), start, _value(picture, objective, normalize))


class RedirectedReLU(TorchFunctionMode):
    """While open, a ReLU that would block the whole gradient of a batch element lets the useful part through.

    Noise often leaves every unit of a channel below zero. Its ReLU then has no slope, and the picture would stay
    grey for ever. Inside this context such an element gets the gradient as if the ReLU were not there, as far as
    it pushes units up, towards their threshold (after "Feature Visualization", Olah et al., Distill, 2017).
    Outputs do not change, nor do gradients of elements with any unit alive. It acts on calls, so that modules,
    functions and in-place ReLUs are all covered and no network is touched. For objectives that are to be raised.

    >>> x = torch.tensor([[-1.0, -2.0]], requires_grad=True)
    >>> with RedirectedReLU():
    ...     y = torch.relu(x)
    >>> torch.autograd.grad((y * torch.tensor([3.0, -3.0])).sum(), x)[0]
    tensor([[3., 0.]])
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Replaces calls of ReLU."""
        kwargs = kwargs or {}
        if func not in _RELUS or not args:
            return func(*args, **kwargs)
        result = _Redirected.apply(args[0])  # type: ignore[no-untyped-call]
        in_place = func in _IN_PLACE or kwargs.get("inplace") or True in args[1:]
        return args[0].copy_(result) if in_place else result


_IN_PLACE = (torch.relu_, torch.Tensor.relu_, F.relu_)
_RELUS = (F.relu, torch.relu, torch.Tensor.relu, *_IN_PLACE)


class _Redirected(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        result = x.clamp(min=0)
        # What a ReLU keeps too: a checkpoint finds the same when it runs again, behind the context.
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (result,) = ctx.saved_tensors
        passed = gradients[0] * (result > 0)
        elements = passed.reshape(len(passed), -1) if passed.ndim else passed.reshape(1, 1)
        blocked = (elements == 0).all(1).view(-1, *[1] * (passed.ndim - 1))
        return torch.where(blocked, gradients[0].clamp(min=0), passed).view_as(passed)


def _value(picture: Picture, objective: Callable[[Tensor], Tensor], normalize: Callable[[Tensor], Tensor]) -> Tensor:
    with torch.no_grad():
        pixels = picture.pixels()
        value = objective(normalize(pixels))
    if value.shape != (len(pixels),):
        raise ValueError(f"expected one objective per picture, ({len(pixels)},), got {tuple(value.shape)}.")
    return value


def _unchanged(pixels: Tensor) -> Tensor:
    return pixels
