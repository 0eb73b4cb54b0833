"""The guard where no copy can be had: the user's own module is explained, and put back to what it was."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from torch.nn.parameter import is_lazy

from lightning_viz.explain.network.chunks import is_out_of_memory
from lightning_viz.harness.isolation.in_place.keeper import Keeper, copied_back, put_back
from lightning_viz.harness.isolation.things.kinds import can_change, is_untouchable, own_dict
from lightning_viz.harness.isolation.things.reach import modules_within, reachable
from lightning_viz.harness.isolation.things.standins import Eager, Untouchable


@contextmanager
def guarded(module: nn.Module) -> Iterator[None]:
    """Inside, a module is in eval mode with frozen parameters; on leaving, it is bit for bit what it was.

    That is: the mode of every module, `requires_grad`, `.grad` and the values of parameters, buffers, attributes, and
    what is in containers, plain objects, arrays, iterators and generators that can be reached from there. Values of
    parameters wait on the CPU meanwhile; where there is no room for them, they are not kept. What could not be put back
    has a stand-in meanwhile, which raises when it is used.

    Args:
        module: The module that may be touched, usually the whole LightningModule.

    Raises:
        Exception: What could not be put back after all, when all the rest is.
    """
    everything = modules_within(module)
    with ExitStack() as stack:
        for guard in (_gathered(everything), _modes(everything), _state(module), _parameters(everything)):
            stack.enter_context(guard)
        if any(type(m).train is not nn.Module.train or type(m).eval is not nn.Module.eval for m in everything):
            module.eval()  # which may do more than to set flags
            for m in everything:
                m.training = False
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
                copied_back(_local(data), values)
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
    keeper = Keeper()
    things = [thing for thing in reachable(module) if id(thing) not in swapped]
    back = [put for thing in things for put in keeper.kept(thing)]
    try:
        known = dict[int, Any]()  # of things that are kept, so that no other gets the id of one
        for thing in things:
            _stand_in(thing, known)
        yield
    finally:
        put_back(back)


def _stand_in(thing: Any, known: dict[int, Any]) -> None:
    """Replaces what cannot be put back, in a container or an object that can; each by one and the same."""
    if type(thing) is list:
        thing[:] = [known.setdefault(id(value), _safe(value)) for value in thing]
    holders = [own_dict(thing)] if can_change(thing) else []
    holders += [thing] if type(thing) is dict else []
    for holder in holders:
        for name, value in holder.items():
            if (safe := known.setdefault(id(value), _safe(value))) is not value:
                holder[name] = safe


def _safe(value: Any) -> Any:
    if is_untouchable(value):
        return Untouchable(type(value).__name__)
    if isinstance(value, functools._lru_cache_wrapper):
        eager = Eager()
        eager.call = value.__wrapped__
        return eager
    if isinstance(value, torch.jit.ScriptModule):  # nobody can list what it holds
        with torch.no_grad():
            own = copy.deepcopy(value)
        for parameter in own.parameters():
            parameter.requires_grad_(False)
        return own
    return value
