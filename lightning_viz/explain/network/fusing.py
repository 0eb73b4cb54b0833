"""A network that computes the same in less time, since nobody trains it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import is_
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn import functional as F
from torch.nn.modules import module as torchs

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
_DTYPES = (torch.float32, torch.float64)
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def fuse(net: nn.Module) -> Fused:
    """Makes a network faster for good; what it puts out is the same up to rounding.

    Convolutions have their weights in channels-last layout, and on a CPU, where no gradient is wanted, as that CPU's
    own convolution arranges them. Batch normalisation in eval mode is the linear function that it is: behind a
    convolution in an `nn.Sequential` it goes into that one's weights, elsewhere it becomes one multiplication and
    addition, whose gradient is cheaper than that of `F.batch_norm`. ReLU behind a convolution overwrites its output,
    and a maximum over windows comes before it, where it has less to do. What has hooks, a layer of interest for
    example, or runs under autocast, or is to learn, does what it always did. No parameter or buffer is touched.

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
    return Fused(net)


class Fused:
    """The parts of a network that compute faster; see `fuse`."""

    def __init__(self, net: nn.Module) -> None:
        self._lines = {m: _Line(m) for m in net.modules() if type(m) in _NORMS and _is_usual(m)}
        self._runs = [_Run(m) for m in net.modules() if type(m) is nn.Conv2d and _is_usual(m)]
        chains = [
            (chain, list(self._steps(chain)))
            for chain in net.modules()
            if isinstance(chain, nn.Sequential) and type(chain).forward is nn.Sequential.forward and _is_own(chain)
        ]
        for chain, steps in chains:
            if len(steps) < len(chain):
                vars(chain)["forward"] = _Chain(chain, steps)
        for part in (*self._lines.values(), *self._runs):
            if len(part.modules) == 1:
                vars(part.modules[0])["forward"] = part.alone

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
        self._key: list[Any] = []
        self._numbers: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """Without what follows from the weights: a forward may copy its own network."""
        return {**vars(self), "stale": True, "_key": [], "_numbers": None}

    def acts(self, x: Tensor, like: Tensor, *, alone: bool = False) -> bool:
        """Whether it may stand for them in this call; alone within its one module, whose hooks are then seen to."""
        return (
            all(map(is_, self._held, self._tensors()))  # a forward may lend them others, or take them away
            and x.dtype == like.dtype
            and not torch.is_autocast_enabled(x.device.type)
            and not any(getattr(torchs, f"_global{hooks}") for hooks in _HOOKS)
            and not any(m.training or (not alone and any(vars(m)[hooks] for hooks in _HOOKS)) for m in self.modules)
            and not any(p is not None and p.requires_grad for m in self.modules for p in m._parameters.values())
        )

    def numbers(self) -> Any:
        """What it computes with, from the weights as they are now."""
        key: list[Any] = [(t._version, t.data_ptr()) for t in self._held if t is not None]
        key += [getattr(m, "eps", None) for m in self.modules]
        if self.stale or key != self._key:
            with torch.inference_mode(False), torch.no_grad():
                self._numbers, self._key, self.stale = self._computed(), key, False
        return self._numbers

    def alone(self, input: Tensor) -> Tensor:
        """The forward of its one module, where it stands for one."""
        raise NotImplementedError

    def _computed(self) -> Any:
        raise NotImplementedError

    def _tensors(self) -> list[Tensor | None]:
        return [t for m in self.modules for kind in (m._parameters, m._buffers) for t in kind.values()]


class _Line(_Part):
    """Batch normalisation as the linear function that it is."""

    def __init__(self, norm: Any) -> None:
        super().__init__(norm)
        self.norm = norm

    def _computed(self) -> tuple[Tensor, Tensor]:
        """What it multiplies with and what it adds, both (C,)."""
        norm = self.norm
        scale = (norm.running_var + norm.eps).rsqrt()
        scale = scale if norm.weight is None else scale * norm.weight
        shift = -norm.running_mean * scale
        return scale, shift if norm.bias is None else shift + norm.bias

    def alone(self, input: Tensor) -> Tensor:  # as torch calls it
        """The forward of the module."""
        mean = self.norm.running_mean
        if mean is None or input.ndim < 2 or input.shape[1] != len(mean) or not self.acts(input, mean, alone=True):
            plain: Tensor = type(self.norm).forward(self.norm, input)
            return plain
        self.norm._check_input_dim(input)
        scale, shift = (t.view(-1, *[1] * (input.ndim - 2)) for t in self.numbers())
        return torch.addcmul(shift, input, scale)


class _Run(_Part):
    """A convolution and what follows it: perhaps batch normalisation, ReLU, and a maximum over windows."""

    def __init__(
        self, conv: Any, line: _Line | None = None, relu: nn.Module | None = None, pool: nn.Module | None = None
    ) -> None:
        super().__init__(*(m for m in (conv, line.norm if line else None, relu, pool) if m is not None))
        self.conv, self.line, self.relu, self.pool = conv, line, relu, pool
        self._arranged: tuple[torch.Size, Tensor] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Without what follows from the weights."""
        return {**super().__getstate__(), "_arranged": None}

    def __call__(self, x: Tensor) -> Tensor:
        if not self.acts(x, self.conv.weight):
            for module in self.modules:
                x = module(x)
            return x
        x = self._convolved(x)
        if self.relu is None:
            return x
        return F.relu_(x if self.pool is None else self.pool(x))

    def alone(self, input: Tensor) -> Tensor:  # as torch calls it
        """The forward of the module, where that is a convolution alone."""
        if not self.acts(input, self.conv.weight, alone=True):
            plain: Tensor = type(self.conv).forward(self.conv, input)
            return plain
        return self._convolved(input)

    def _computed(self) -> tuple[Tensor, Tensor | None]:
        """The weight and the bias of the one convolution."""
        self._arranged = None
        weight, bias = self.conv.weight, self.conv.bias
        if self.line is not None:
            self.line.stale = True
            scale, shift = self.line.numbers()
            weight = weight * scale.view(-1, *[1] * (weight.ndim - 1))
            bias = shift if bias is None else shift + bias * scale
        return weight.contiguous(memory_format=torch.channels_last) if weight.ndim == 4 else weight, bias

    def _convolved(self, x: Tensor) -> Tensor:
        weight, bias = self.numbers()
        found = self._by_the_cpu(x, weight, bias) if _is_for_the_cpu(self.conv, x) else None
        if found is None:
            found = self.conv._conv_forward(x, weight, bias)
        convolved: Tensor = found
        return convolved

    def _by_the_cpu(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor | None:
        """With the weights as the CPU's own convolution wants them, which it would else arrange anew in every call."""
        how = (self.conv.padding, self.conv.stride, self.conv.dilation, self.conv.groups)
        try:
            if self._arranged is None or self._arranged[0] != x.shape[1:]:
                self._arranged = x.shape[1:], torch.ops.mkldnn._reorder_convolution_weight(weight, *how, [*x.shape])
            # It has a ReLU in it too, which makes 0 of NaN.
            found: Tensor = torch.ops.mkldnn._convolution_pointwise(x, self._arranged[1], bias, *how, "none", [], "")
        except (AttributeError, RuntimeError):  # another torch, or what its plain convolution will tell of
            return None
        return found


class _Chain:
    """The forward of a Sequential, as long as it has the same modules."""

    def __init__(self, chain: nn.Sequential, steps: list[Callable[[Any], Any]]) -> None:
        self.chain, self.modules, self.steps = chain, list(chain), steps

    def __call__(self, input: Any) -> Any:  # as torch calls it
        now = list(self.chain)
        same = len(now) == len(self.modules) and all(map(is_, now, self.modules))
        for step in self.steps if same else now:
            input = step(input)
        return input


def _is_for_the_cpu(conv: Any, x: Tensor) -> bool:
    """Whether the CPU's own convolution may do; it knows no gradients, and says so to nobody."""
    return bool(
        type(conv) is nn.Conv2d
        and x.device.type == "cpu"
        and x.dtype == torch.float32
        and not torch.is_grad_enabled()
        and forward_ad._current_level < 0
        and conv.padding_mode == "zeros"
        and not isinstance(conv.padding, str)
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and torch.backends.mkldnn.enabled
    )
