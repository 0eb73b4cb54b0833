"""Slopes for units that have none, so that ascent finds a way out of a dead start."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class RedirectedReLU(TorchFunctionMode):
    """While open, a ReLU that would block the whole gradient of a batch element lets the useful part through.

    Noise often leaves every unit of a channel below zero. Its ReLU then has no slope, and the picture would stay
    grey for ever. Inside this context such an element gets the gradient as if the ReLU were not there, as far as
    it pushes units towards their threshold (after "Feature Visualization", Olah et al., Distill, 2017): up where they
    lie below it, and, of a ReLU6 or hardtanh, down where they lie above the upper one.
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
        """Replaces calls of ReLU and its bounded kin."""
        kwargs = kwargs or {}
        if func not in _NAMES or not args:
            return func(*args, **kwargs)
        given = {**_DEFAULTS.get(func, {}), **dict(zip(_NAMES[func], args[1:], strict=False)), **kwargs}
        bounds = given.get("min_val", 0.0), given.get("max_val", float("inf"))
        result = _Redirected.apply(args[0], *bounds)  # type: ignore[no-untyped-call]
        return args[0].copy_(result) if func in _IN_PLACE or given.get("inplace") else result


_IN_PLACE = (torch.relu_, torch.Tensor.relu_, F.relu_, F.hardtanh_)
_BOUNDS = ("min_val", "max_val", "inplace")
_TANH = {"min_val": -1.0, "max_val": 1.0}
_NAMES: dict[Any, tuple[str, ...]] = {
    **dict.fromkeys((F.relu, F.relu6), ("inplace",)),
    **dict.fromkeys((torch.relu, torch.Tensor.relu, torch.relu_, torch.Tensor.relu_, F.relu_), ()),
    **dict.fromkeys((F.hardtanh, F.hardtanh_), _BOUNDS),
}
"""What is redirected, with its arguments behind the input."""
_DEFAULTS: dict[Any, dict[str, float]] = {F.relu6: {"max_val": 6.0}, F.hardtanh: _TANH, F.hardtanh_: _TANH}


class _Redirected(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, low: float, high: float) -> Tensor:
        result = x.clamp(low, high)
        # What a ReLU keeps too: a checkpoint finds the same when it runs again, behind the context.
        ctx.save_for_backward(result)
        ctx.bounds = low, high
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (result,) = ctx.saved_tensors
        gradient, (low, high) = gradients[0], ctx.bounds
        passed = gradient * ((result > low) & (result < high))
        blocked = without_gradient(passed).view(-1, *[1] * (passed.ndim - 1)) if passed.ndim else passed == 0
        towards = torch.where(result <= low, gradient.clamp(min=0), gradient.clamp(max=0))
        return torch.where(blocked, towards, passed), None, None


def without_gradient(gradient: Tensor) -> Tensor:
    """Which elements of a batch have no gradient at all, (N,) of bool.

    >>> without_gradient(torch.tensor([[0.0, 2.0], [0.0, 0.0]])).tolist()
    [False, True]
    """
    return (gradient == 0).reshape(len(gradient), -1).all(1)
