"""Batch normalisation that costs next to nothing, since the network stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as torchs

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
_DTYPES = (torch.float32, torch.float64)
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


@contextmanager
def folded_norms(net: nn.Module) -> Iterator[None]:
    """Inside, batch normalisation in eval mode is the linear function that it is; on leaving, all is what it was.

    Where it follows a convolution in an `nn.Sequential` it goes into the convolution's weights. Elsewhere it becomes
    one multiplication and addition, whose gradient is cheaper than that of `F.batch_norm`. What a forward puts out is
    the same up to rounding. No parameter or buffer is touched. What has hooks of its own, a layer of interest for
    example, or runs under autocast, or is to learn, does inside what it does outside.

    Args:
        net: In eval mode; its parameters do not change inside. Parameters of other kinds than torch's own are left
            alone.

    >>> net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).eval().requires_grad_(False)
    >>> images = torch.rand(2, 3, 8, 8)
    >>> with folded_norms(net):
    ...     folded = net(images)
    >>> torch.allclose(folded, net(images), atol=1e-6)
    True
    """
    swapped: list[nn.Module] = []
    try:
        for module, forward in _faster(net):
            vars(module)["forward"] = forward
            swapped.append(module)
        yield
    finally:
        for module in swapped:
            vars(module).pop("forward", None)


def _faster(net: nn.Module) -> Iterator[tuple[nn.Module, Callable[[Tensor], Tensor]]]:
    """Modules that have a faster forward, with that."""
    lines = {m: _Line(m) for m in net.modules() if type(m) in _NORMS and _stands_still(m)}
    yield from lines.items()
    for chain in net.modules():
        if isinstance(chain, nn.Sequential) and type(chain).forward is nn.Sequential.forward and _is_own(chain):
            steps = list(_steps(chain, lines))
            if len(steps) < len(chain):
                yield chain, _Chain(steps)


def _steps(chain: nn.Sequential, lines: dict[nn.Module, _Line]) -> Iterator[Callable[[Any], Any]]:
    modules = [*chain, None]
    rest = iter(pairwise(modules))
    for module, after in rest:
        line = None if after is None else lines.get(after)
        if line is None or not _takes(module, line):
            yield module
        else:
            yield _Pair(module, line)
            next(rest)


def _takes(conv: nn.Module, line: _Line) -> bool:
    if type(conv) not in _CONVOLUTIONS or not _stands_still(conv):
        return False
    weight: Any = conv.weight
    return len(weight) == len(line.scale) and (weight.dtype, weight.device) == (line.scale.dtype, line.scale.device)


def _stands_still(module: nn.Module) -> bool:
    """Whether all that it computes with are plain numbers of full precision."""
    own = [*module._parameters.values(), module._buffers.get("running_mean"), module._buffers.get("running_var")]
    plain = all(type(t) in (nn.Parameter, Tensor) and type(t.data) is Tensor for t in own if t is not None)
    return (
        plain
        and all(t.dtype in _DTYPES for t in own if t is not None)
        and (type(module) in _CONVOLUTIONS or own[-1] is not None)
        and _is_own(module)
    )


def _is_own(module: nn.Module) -> bool:
    return "forward" not in vars(module)


def _held(*modules: nn.Module) -> dict[nn.Module, list[Tensor | None]]:
    """What modules compute with."""
    return {m: [*m._parameters.values(), *m._buffers.values()] for m in modules}


def _acts(x: Tensor, like: Tensor, held: dict[nn.Module, list[Tensor | None]]) -> bool:
    """Whether something faster, made of what modules held, may stand for them in this call."""
    modules = list(held)
    return (
        x.dtype == like.dtype
        and not torch.is_autocast_enabled(x.device.type)
        and not torchs._has_any_global_hook()  # type: ignore[no-untyped-call]
        and not any(m.training or any(vars(m)[hooks] for hooks in _HOOKS) for m in modules)
        and not any(p is not None and p.requires_grad for m in modules for p in m._parameters.values())
        # A forward may lend them others, by `torch.func.functional_call`.
        and all([*map(id, held[m])] == [*map(id, now)] for m, now in _held(*modules).items())
    )


class _Line:
    """Batch normalisation as the linear function that it is."""

    def __init__(self, norm: Any) -> None:
        self.norm, self.held = norm, _held(norm)
        with torch.no_grad():
            scale = (norm.running_var + norm.eps).rsqrt()
            self.scale: Tensor = scale if norm.weight is None else scale * norm.weight
            shift = -norm.running_mean * self.scale
            self.shift: Tensor = shift if norm.bias is None else shift + norm.bias

    def __call__(self, input: Tensor) -> Tensor:  # as torch calls it
        if input.ndim < 2 or input.shape[1] != len(self.scale) or not _acts(input, self.scale, self.held):
            plain: Tensor = type(self.norm).forward(self.norm, input)
            return plain
        self.norm._check_input_dim(input)
        shape = (-1, *[1] * (input.ndim - 2))
        return torch.addcmul(self.shift.view(shape), input, self.scale.view(shape))


class _Pair:
    """A convolution with the batch normalisation behind it."""

    def __init__(self, conv: Any, line: _Line) -> None:
        self.conv, self.norm, self.held = conv, line.norm, _held(conv, line.norm)
        with torch.no_grad():
            self.weight: Tensor = conv.weight * line.scale.view(-1, *[1] * (conv.weight.ndim - 1))
            self.bias: Tensor = line.shift if conv.bias is None else line.shift + conv.bias * line.scale

    def __call__(self, x: Tensor) -> Tensor:
        acts = _acts(x, self.weight, self.held)
        found: Tensor = self.conv._conv_forward(x, self.weight, self.bias) if acts else self.norm(self.conv(x))
        return found


class _Chain:
    """The forward of a Sequential."""

    def __init__(self, steps: list[Callable[[Any], Any]]) -> None:
        self.steps = steps

    def __call__(self, input: Any) -> Any:  # as torch calls it
        for step in self.steps:
            input = step(input)
        return input
