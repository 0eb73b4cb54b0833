"""The guard where no copy can be had: the user's own module is explained, and put back to what it was."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from torch.nn.parameter import is_lazy

from lightning_viz.explain.chunks import is_out_of_memory
from lightning_viz.harness.isolation.reach import (
    GENERATORS,
    can_change,
    is_filled,
    is_iterator,
    is_opaque,
    is_shared,
    modules_within,
    reachable,
    slots_of,
    taken_apart,
)
from lightning_viz.harness.isolation.tensors import alike, generator_back


@contextmanager
def guarded(module: nn.Module) -> Iterator[None]:
    """Inside, a module is in eval mode with frozen parameters; on leaving, it is bit for bit what it was.

    That is: the mode of every module, `requires_grad`, `.grad` and the values of parameters, buffers, attributes, and
    what is in containers, plain objects, arrays, iterators and generators that can be reached from there. Values of
    parameters wait on the CPU meanwhile; where there is no room for them, they are not kept.

    Args:
        module: The module that may be touched, usually the whole LightningModule.
    """
    everything = modules_within(module)
    with ExitStack() as stack:
        for guard in (_gathered(everything), _modes(everything), _state(module), _parameters(everything)):
            stack.enter_context(guard)
        yield


@contextmanager
def _gathered(modules: list[nn.Module]) -> Iterator[None]:
    """Has no forward meet parameters that one on the other side has gathered.

    FSDP2 keeps the outermost module's parameters gathered after a forward, for the backward that is to follow.
    """
    parts = [part for part in modules if isinstance(part, FSDPModule)]
    for part in parts:
        part.reshard()
    try:
        yield
    finally:
        for part in parts:
            part.reshard()


@contextmanager
def _modes(modules: list[nn.Module]) -> Iterator[None]:
    # Set and restored one by one: `eval()` followed by `train()` would thaw a frozen BatchNorm.
    before = [(m, m.training) for m in modules]
    try:
        for m, _ in before:
            m.training = False
        yield
    finally:
        for m, training in before:
            m.training = training


@contextmanager
def _parameters(modules: list[nn.Module]) -> Iterator[None]:
    found = {id(p): p for m in modules for p in m._parameters.values() if p is not None and not is_lazy(p)}
    # What is spread over processes is gathered into memory that comes and goes: its values are out of anyone's reach.
    spread = any(isinstance(m, FSDPModule) for m in modules)
    before = [(p, p.requires_grad, p.grad, p.data, None if spread else _set_aside(p)) for p in found.values()]
    try:
        for p, *_ in before:
            p.requires_grad_(False)
            p.grad = None  # out of reach of whoever unfreezes and accumulates
        yield
    finally:
        for p, requires_grad, grad, data, values in before:
            if values is not None:
                if type(data) is Tensor and p.data_ptr() != data.data_ptr():
                    p.data = data
                _copy_back(_local(data), values)
            p.requires_grad_(requires_grad)
            p.grad = grad


def _set_aside(parameter: Tensor) -> Tensor | None:
    try:
        local = _local(parameter.detach())
        return local.cpu() if local.device.type != "cpu" else local.clone()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return None


def _local(tensor: Any) -> Tensor:
    """This process's part of a tensor that is spread over several."""
    local: Tensor = tensor.to_local() if hasattr(tensor, "to_local") else tensor
    return local


@contextmanager
def _state(module: nn.Module) -> Iterator[None]:
    """Keeps everything else that can be reached from the module."""
    # Where parameters are spread over processes, modules swap them when they run, and then swap them back.
    sharded = any(isinstance(m, FSDPModule) for m in module.modules())
    swapped = {id(m._parameters) for m in module.modules() if sharded}
    back = [put for thing in reachable(module) if id(thing) not in swapped for put in _kept(thing)]
    try:
        yield
    finally:
        for put in back:
            put()


def _kept(thing: Any) -> Iterator[Callable[[], None]]:
    """What puts a thing back to what it is now."""
    if is_shared(thing) or isinstance(thing, nn.Parameter) or (is_opaque(thing) and not isinstance(thing, nn.Module)):
        return
    if isinstance(thing, GENERATORS):
        yield generator_back(thing)
    elif isinstance(thing, Tensor):
        yield _values_back(thing)
    elif isinstance(thing, np.ndarray):
        array = thing.copy()
        yield lambda: np.copyto(thing, array)
    elif isinstance(thing, (list, deque, set, MutableMapping)):
        yield _content_back(thing)
    if isinstance(thing, nn.Module):
        yield from (_values_back(b) for b in thing._buffers.values() if b is not None and not is_lazy(b))
        if not isinstance(thing, torch.jit.ScriptModule):
            yield _content_back(vars(thing))
    elif isinstance(thing, FunctionType):
        yield from (_cell_back(cell, cell.cell_contents) for cell in thing.__closure__ or () if is_filled(cell))
    elif can_change(thing):
        yield _content_back(getattr(thing, "__dict__", {}))
        yield from (partial(setattr, thing, name, getattr(thing, name)) for name in slots_of(thing))


def _cell_back(cell: Any, value: Any) -> Callable[[], None]:
    return lambda: setattr(cell, "cell_contents", value)


def _values_back(tensor: Tensor) -> Callable[[], None]:
    values = tensor.detach().clone()
    return lambda: _copy_back(tensor, values)


def _content_back(container: Any) -> Callable[[], None]:
    """Puts back what was in a container; iterators by copies, since one that has gone on cannot go back."""
    if isinstance(container, MutableMapping):
        pairs = [(key, _standing_still(value)) for key, value in container.items()]

        def back() -> None:
            if [(id(k), id(v)) for k, v in container.items()] != [(id(k), id(v)) for k, v in pairs]:
                container.clear()
                container.update(pairs)
    else:
        items = [_standing_still(value) for value in container]

        def back() -> None:
            if [*map(id, container)] != [*map(id, items)]:
                container.clear()
                (container.update if isinstance(container, set) else container.extend)(items)

    return back


def _standing_still(value: Any) -> Any:
    """A value; of an iterator of the language one that stands where it does, over the very same things."""
    if type(value) is tuple:
        return tuple(map(_standing_still, value))
    if not is_iterator(value):
        return value
    try:
        make, arguments, *state = taken_apart(value)
    except TypeError:  # a function that yields cannot be begun in its midst
        return value
    made: Any = make(*_standing_still(arguments))
    for one in state:  # a list in there is that to which a cycle adds what it has seen
        parts = one if isinstance(one, tuple) else (one,)
        own = tuple(list(part) if type(part) is list else _standing_still(part) for part in parts)
        made.__setstate__(own if isinstance(one, tuple) else own[0])
    return made


@torch.no_grad()
def _copy_back(tensor: Tensor, values: Tensor) -> None:
    if tensor.shape != values.shape:
        tensor.resize_(values.shape)
    if not alike(tensor, values):
        tensor.copy_(values)
