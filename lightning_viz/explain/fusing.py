"""A network that computes the same in less time, since nobody trains it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules import module as torchs

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
_DTYPES = (torch.float32, torch.float64)
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def fuse(net: nn.Module) -> Fused:
    """Makes a network faster for good; what it puts out is the same up to rounding.

    Weights of convolutions lie in channels-last layout. Batch normalisation in eval mode is the linear function that it
    is: behind a convolution in an `nn.Sequential` it goes into that one's weights, elsewhere it becomes one
    multiplication and addition, whose gradient is cheaper than that of `F.batch_norm`. ReLU behind a convolution
    overwrites its output, and a maximum over windows comes before it, where it has less to do; without gradients, the
    CPU's convolution does it by itself. What has hooks, a layer of interest for example, or runs under autocast, or is
    to learn, does what it always did.

    Args:
        net: In eval mode, its parameters frozen. Parameters of other kinds than torch's own are left alone.

    Returns:
        What has to be told of new weights.

    >>> net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).eval().requires_grad_(False)
    >>> images = torch.rand(2, 3, 8, 8)
    >>> before = net(images)
    >>> fused = fuse(net)
    >>> torch.allclose(net(images), before, atol=1e-6)
    True
    """
    for parameter in net.parameters():
        if type(parameter) is nn.Parameter and type(parameter.data) is Tensor and parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return Fused(net)


class Fused:
    """The parts of a network that compute faster; see `fuse`."""

    def __init__(self, net: nn.Module) -> None:
        self._lines = {m: _Line(m) for m in net.modules() if type(m) in _NORMS and _is_usual(m)}
        self._runs: list[_Run] = []
        for line in self._lines.values():
            vars(line.norm)["forward"] = line
        for chain in net.modules():
            if isinstance(chain, nn.Sequential) and type(chain).forward is nn.Sequential.forward and _is_own(chain):
                steps = list(self._steps(chain))
                if len(steps) < len(chain):
                    vars(chain)["forward"] = _Chain(steps)

    def update(self) -> None:
        """Computes anew, when it is needed, what follows from the weights: they have changed."""
        for part in (*self._lines.values(), *self._runs):
            part.stale = True

    def _steps(self, chain: nn.Sequential) -> Iterator[Callable[[Any], Any]]:
        modules = list(chain)
        while modules:
            run = self._run(modules)
            if run is None:
                yield modules.pop(0)
            else:
                self._runs.append(run)
                del modules[: len(run.modules)]
                yield run

    def _run(self, modules: Sequence[nn.Module]) -> _Run | None:
        """The longest one that these modules begin with."""
        conv, rest = modules[0], list(modules[1:])
        if type(conv) not in _CONVOLUTIONS or not _is_usual(conv):
            return None
        line = self._lines.get(rest[0]) if rest else None
        if line is not None and _fits(conv, line.norm):
            del rest[0]
        else:
            line = None
        relu = rest.pop(0) if rest and type(rest[0]) is nn.ReLU and _is_own(rest[0]) else None
        pool = rest.pop(0) if relu and rest and _pools(rest[0]) else None
        return _Run(conv, line, relu, pool) if line or relu else None


def _fits(conv: Any, norm: Any) -> bool:
    weight, mean = conv.weight, norm.running_mean
    return len(weight) == len(mean) and (weight.dtype, weight.device) == (mean.dtype, mean.device)


def _pools(module: Any) -> bool:
    return type(module) in _POOLS and not module.return_indices and _is_own(module)


def _is_usual(module: nn.Module) -> bool:
    """Whether all that it computes with are plain numbers of full precision."""
    own = [*module._parameters.values(), module._buffers.get("running_mean"), module._buffers.get("running_var")]
    plain = all(type(t) in (nn.Parameter, Tensor) and type(t.data) is Tensor for t in own if t is not None)
    return (
        plain
        and all(t.dtype in _DTYPES for t in own if t is not None)
        and (type(module) in _CONVOLUTIONS or own[-1] is not None)
        and (type(module) not in _CONVOLUTIONS or own[0] is not None)  # else it has a weight by other means
        and _is_own(module)
    )


def _is_own(module: nn.Module) -> bool:
    return "forward" not in vars(module)


class _Part:
    """Something faster that may stand for some modules.

    Attributes:
        modules: They, in their order.
        stale: Whether what follows from their weights has to be computed anew.
    """

    def __init__(self, *modules: nn.Module) -> None:
        self.modules = modules
        self.stale = True
        self._held = self._tensors()

    def acts(self, x: Tensor, like: Tensor) -> bool:
        """Whether it may stand for them in this call."""
        return (
            x.dtype == like.dtype
            and not torch.is_autocast_enabled(x.device.type)
            and not torchs._has_any_global_hook()  # type: ignore[no-untyped-call]
            and not any(m.training or any(vars(m)[hooks] for hooks in _HOOKS) for m in self.modules)
            and not any(p is not None and p.requires_grad for m in self.modules for p in m._parameters.values())
            # A forward may lend them others, by `torch.func.functional_call`.
            and [*map(id, self._held)] == [*map(id, self._tensors())]
        )

    def _tensors(self) -> list[Tensor | None]:
        return [t for m in self.modules for kind in (m._parameters, m._buffers) for t in kind.values()]


class _Line(_Part):
    """Batch normalisation as the linear function that it is."""

    def __init__(self, norm: Any) -> None:
        super().__init__(norm)
        self.norm = norm

    def numbers(self) -> tuple[Tensor, Tensor]:
        """What it multiplies with and what it adds, both (C,)."""
        if self.stale:
            norm, self.stale = self.norm, False
            with torch.no_grad():
                scale = (norm.running_var + norm.eps).rsqrt()
                scale = scale if norm.weight is None else scale * norm.weight
                shift = -norm.running_mean * scale
                self._numbers = scale, shift if norm.bias is None else shift + norm.bias
        return self._numbers

    def __call__(self, input: Tensor) -> Tensor:  # as torch calls it
        mean = self.norm.running_mean
        if input.ndim < 2 or input.shape[1] != len(mean) or not self.acts(input, mean):
            plain: Tensor = type(self.norm).forward(self.norm, input)
            return plain
        self.norm._check_input_dim(input)
        scale, shift = (t.view(-1, *[1] * (input.ndim - 2)) for t in self.numbers())
        return torch.addcmul(shift, input, scale)


class _Run(_Part):
    """A convolution and what follows it: perhaps batch normalisation, ReLU, and a maximum over windows."""

    def __init__(self, conv: Any, line: _Line | None, relu: nn.Module | None, pool: nn.Module | None) -> None:
        super().__init__(*(m for m in (conv, line.norm if line else None, relu, pool) if m is not None))
        self.conv, self.line, self.relu, self.pool = conv, line, relu, pool
        self._packed: tuple[torch.Size, Tensor] | None = None

    def numbers(self) -> tuple[Tensor, Tensor | None]:
        """The weight and the bias of the one convolution that stands for two modules."""
        if self.stale:
            self.stale, self._packed = False, None
            self._numbers = (self.conv.weight, self.conv.bias) if self.line is None else self._folded(self.line)
        return self._numbers

    @torch.no_grad()
    def _folded(self, line: _Line) -> tuple[Tensor, Tensor]:
        line.stale = True
        scale, shift = line.numbers()
        weight = self.conv.weight * scale.view(-1, *[1] * (self.conv.weight.ndim - 1))
        return weight, shift if self.conv.bias is None else shift + self.conv.bias * scale

    def __call__(self, x: Tensor) -> Tensor:
        if not self.acts(x, self.conv.weight):
            for module in self.modules:
                x = module(x)
            return x
        weight, bias = self.numbers()
        if self.relu is None:
            found: Tensor = self.conv._conv_forward(x, weight, bias)
            return found
        at_once = self._at_once(x, weight, bias)
        if at_once is not None:
            return at_once if self.pool is None else self.pool(at_once)
        found = self.conv._conv_forward(x, weight, bias)
        return F.relu_(found if self.pool is None else self.pool(found))

    def _at_once(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor | None:
        """By a convolution of the CPU's that has a ReLU in it, where there is one for this call."""
        conv = self.conv
        if not _has_relu_in_it(conv, x):
            return None
        how = (conv.padding, conv.stride, conv.dilation, conv.groups)
        try:
            if self._packed is None or self._packed[0] != x.shape[1:]:
                # As that convolution wants it, which it would else arrange anew in every call.
                self._packed = x.shape[1:], torch.ops.mkldnn._reorder_convolution_weight(weight, *how, [*x.shape])
            found: Tensor = torch.ops.mkldnn._convolution_pointwise(x, self._packed[1], bias, *how, "relu", [], "")
        except (AttributeError, RuntimeError):  # another torch, or what its plain convolution will tell of
            return None
        return found


class _Chain:
    """The forward of a Sequential."""

    def __init__(self, steps: list[Callable[[Any], Any]]) -> None:
        self.steps = steps

    def __call__(self, input: Any) -> Any:  # as torch calls it
        for step in self.steps:
            input = step(input)
        return input


def _has_relu_in_it(conv: Any, x: Tensor) -> bool:
    """Whether the CPU may have a convolution with a ReLU in it for a call."""
    return bool(
        type(conv) is nn.Conv2d
        and x.device.type == "cpu"
        and x.dtype == torch.float32
        and not torch.is_grad_enabled()  # it has no gradient, and says so to nobody
        and conv.padding_mode == "zeros"
        and not isinstance(conv.padding, str)
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and torch.backends.mkldnn.enabled
    )
