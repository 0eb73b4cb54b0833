"""Attention probabilities out of any implementation, seen while the network runs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from lightning_viz.explain.attention.product import attend
from lightning_viz.explain.network.patches import PatchesSeen

_SOFTMAX = (torch.softmax, torch.Tensor.softmax, F.softmax, torch.special.softmax)
_PRODUCT = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")
_MULTI_HEAD = signature(F.multi_head_attention_forward)


@dataclass(frozen=True)
class Weights:
    """What one layer attends to.

    Attributes:
        name: The dotted name of the module whose attention it is; empty where none of the network's modules is.
        source: The probabilities as the network uses them, with their graph; gradients reach this tensor.
        heads: How many heads `source` has in its first dimension, within the images; 0 where that is their own.
        seen: What was seen of patches.
    """

    name: str
    source: Tensor
    heads: int
    seen: PatchesSeen

    def shaped(self, values: Tensor) -> Tensor:
        """Values like `source`, which may be its gradient, with heads in a dimension of their own: (N, heads, T, S)."""
        return values.reshape(-1, self.heads, *values.shape[1:]) if self.heads else values

    @property
    def probabilities(self) -> Tensor:
        """(N, heads, T, S), each row sums to 1."""
        return self.shaped(self.source)


@dataclass
class Recording:
    """What was seen of a network's attention.

    Attributes:
        runs: For every run of the network, its layers in their order.
    """

    runs: list[list[Weights]] = field(default_factory=lambda: [[]])

    @property
    def layers(self) -> list[Weights]:
        """Those of the last run."""
        return self.runs[-1]


@contextmanager
def recorded_attention(net: nn.Module, images: Tensor) -> Iterator[Recording]:
    """While open, records the attention probabilities of a network, whatever computes them; in this thread only.

    Seen are `F.scaled_dot_product_attention`, which is computed by hand, `nn.MultiheadAttention` and what is built on
    it, off its fast path, and every softmax over the last of three dimensions or more. What the network puts out stays
    the same up to rounding.

    Args:
        net: The network, which may be called within another function.
        images: (N, C, H, W), which it is called with.

    Yields:
        What is seen.

    >>> layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True).eval()
    >>> tokens = torch.rand(3, 5, 4)
    >>> with recorded_attention(layer, tokens) as seen:
    ...     _ = layer(tokens)
    >>> [(found.name, tuple(found.probabilities.shape)) for found in seen.layers]
    [('self_attn', (3, 2, 5, 5))]
    """
    recording, thread = Recording(), threading.get_ident()

    def begin(module: nn.Module, inputs: object) -> None:
        if threading.get_ident() == thread and recording.layers:
            recording.runs.append([])

    handle = net.register_forward_pre_hook(begin)
    try:
        with PatchesSeen(images) as seen, _Recorder(net, recording, seen):
            yield recording
    finally:
        handle.remove()


def gradients_of(value: Tensor, sources: Sequence[Tensor]) -> list[Tensor | None]:
    """What `torch.autograd.grad` gives, for a value that was computed while attention was recorded, and still is.

    A checkpoint runs its part of the network again on the way, and must find the same functions there. Torch turns all
    modes off within `torch.autograd.grad`, which is itself one of the functions that they may stand in for.

    Args:
        value: One number.
        sources: Tensors that it depends on, or not.

    Returns:
        One gradient each, None where it does not depend on the tensor.
    """
    run = torch.autograd.graph._engine_run_backward
    return list(run((value,), (torch.ones_like(value),), False, False, tuple(sources), True, accumulate_grad=False))


class _Recorder(TorchFunctionMode):
    """Stands in for the functions of attention; a mode is one thread's, and no fast path is taken under it."""

    def __init__(self, net: nn.Module, recording: Recording, seen: PatchesSeen) -> None:
        super().__init__()
        # One that is in several places goes by the name of the first.
        self._names: dict[int, str] = {id(module): name for name, module in net.named_modules()}
        self._recording, self._seen = recording, seen

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.scaled_dot_product_attention:
            output, weights = attend(**dict(zip(_PRODUCT, args, strict=False)), **kwargs)
            self._keep(weights)
            return output
        if func is F.multi_head_attention_forward:
            return self._multi_head(args, kwargs)
        result = func(*args, **kwargs)
        if func in _SOFTMAX and _over_keys(result, args, kwargs):
            joined = result.ndim == 3 and len(result) % self._seen.count == 0
            self._keep(result, heads=len(result) // self._seen.count if joined else 0)
        return result

    def _multi_head(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Tensor, Tensor | None]:
        asked = _MULTI_HEAD.bind(*args, **kwargs)
        asked.apply_defaults()
        given = dict(asked.arguments)
        wanted, averaged = given["need_weights"], given["average_attn_weights"]
        given |= {"need_weights": True, "average_attn_weights": False}
        output, weights = F.multi_head_attention_forward(**given)
        assert weights is not None
        # The weights that come back are a view which nothing is made of; the output is made of what it is a view of.
        source = weights if weights._base is None else weights._base
        self._keep(source, heads=given["num_heads"] if source.ndim == 3 else 0)
        return output, (weights.mean(-3) if averaged else weights) if wanted else None

    def _keep(self, source: Tensor, heads: int = 0) -> None:
        if torch._C._current_graph_task_id() == -1:  # else a checkpoint runs again what has been seen
            self._recording.layers.append(Weights(self._caller(), source, heads, self._seen))

    def _caller(self) -> str:
        """The name of the innermost module that is running, but for the softmax itself."""
        frame = sys._getframe().f_back
        while frame is not None:
            module, frame = frame.f_locals.get("self"), frame.f_back
            if isinstance(module, nn.Module) and id(module) in self._names and not isinstance(module, nn.Softmax):
                return self._names[id(module)]
        return ""


def _over_keys(result: Tensor, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether a softmax is over the last dimension of (N * heads, T, S), (N, heads, T, S) or more."""
    dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
    return result.ndim >= 3 and dim in (-1, result.ndim - 1)
