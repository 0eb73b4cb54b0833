"""Gradients through a forward that was not written to be asked for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


def with_gradient(call: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Calls a network so that its output can be differentiated with respect to the images, where that can be.

    A forward for inference, or with a frozen backbone, turns gradients off. It is then run again with that undone: only
    then, because `torch.no_grad()` is also around what may not be differentiated.

    Args:
        call: Images (N, C, H, W) -> any tensor.
        images: (N, C, H, W), which require a gradient or not.

    Returns:
        What `call` returned.
    """
    output = call(images)
    if torch.is_grad_enabled() and images.requires_grad and not output.requires_grad:
        with _GradientsOn():
            output = call(images)
    return output


@contextmanager
def forgetting_graphs(net: nn.Module) -> Iterator[None]:
    """Cuts off from the graph what modules keep of a call of the network, such as statistics of its input.

    The next call, or the training, would else go back through this one's graph a second time.

    Args:
        net: The network that is about to be called.
    """
    if not torch.is_grad_enabled():
        yield
        return
    before = {id(t): t for _, _, t in _kept_tensors(net)}
    with_graph = {key for key, t in before.items() if t.grad_fn is not None}
    try:
        yield
    finally:
        for owner, name, tensor in list(_kept_tensors(net)):
            if tensor.grad_fn is None or id(tensor) in with_graph:
                continue
            if id(tensor) in before:
                tensor.detach_()
            else:
                owner[name] = tensor.detach()


@contextmanager
def leaving_no_trace(net: nn.Module) -> Iterator[None]:
    """Puts back what modules of a network keep by name, so that a call does not depend on those before it.

    A network may adapt to the size of its images, and stay so, also where it then refuses them.

    Args:
        net: The network that is about to be called.
    """
    # Scripted modules keep theirs elsewhere.
    own = [module for module in net.modules() if not isinstance(module, torch.jit.ScriptModule)]
    before = [(owner, dict(owner)) for module in own for owner in (vars(module), module._buffers)]
    try:
        yield
    except BaseException:
        for now, then in before:
            if now.keys() - then.keys():
                now.clear()
                now.update(then)
        raise
    finally:
        # What is new stays: whoever asks the network may have put it there, to look at it afterwards.
        for now, then in before:
            for name, value in then.items():
                if now.get(name, _NOTHING) is not value:
                    now[name] = value


_NOTHING = object()

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
