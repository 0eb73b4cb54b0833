"""Gradients through a forward that was not written to be asked for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


@contextmanager
def open_to_gradients(net: nn.Module) -> Iterator[None]:
    """Lets gradients pass through a call of the network, whatever its forward does about them.

    Inside, `torch.no_grad()` has no effect, with which a forward serves inference or freezes a backbone. On leaving,
    tensors that modules keep, such as running statistics, are cut off from the graph of this call: the next one, or the
    training, would go back through it a second time. Where gradients are off, all of this stays undone.

    Args:
        net: The network that is about to be called.
    """
    if not torch.is_grad_enabled():
        yield
        return
    before = {id(t): t for _, _, t in _kept_tensors(net)}
    with_graph = {key for key, t in before.items() if t.grad_fn is not None}
    try:
        with _GradientsOn():
            yield
    finally:
        for owner, name, tensor in list(_kept_tensors(net)):
            if tensor.grad_fn is None or id(tensor) in with_graph:
                continue
            if id(tensor) in before:
                tensor.detach_()
            else:
                owner[name] = tensor.detach()


# What every form of no_grad (context, decorator, set_grad_enabled) ends in.
_SET_GRAD_ENABLED = getattr(torch._C, "_set_grad_enabled", None)


class _GradientsOn(TorchFunctionMode):
    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is _SET_GRAD_ENABLED and args == (False,):
            return None
        return func(*args, **(kwargs or {}))


_EVERY_MODULE_HAS = vars(nn.Module()).keys()


def _kept_tensors(net: nn.Module) -> Iterator[tuple[dict[str, Any], str, Tensor]]:
    for module in net.modules():
        own: dict[str, Any] = vars(module)
        buffers: dict[str, Any] = module._buffers
        for owner, names in ((buffers, buffers.keys()), (own, own.keys() - _EVERY_MODULE_HAS)):
            for name in names:
                if isinstance(owner[name], Tensor):
                    yield owner, name, owner[name]
