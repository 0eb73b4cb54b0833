"""What can be reached from a module: attributes, containers, plain objects, what functions have closed over."""

from __future__ import annotations

import functools
import io
import logging
import random
import threading
import warnings
import weakref
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from enum import Enum
from pathlib import PurePath
from types import BuiltinFunctionType, CodeType, FunctionType, GenericAlias, MethodType, ModuleType, UnionType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributed import ProcessGroup
from torch.distributed.device_mesh import DeviceMesh
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader, Dataset, Sampler
from torch.utils.data.dataloader import _BaseDataLoaderIter

_MOST = 200_000
"""Objects that are looked at: enough for any network, and an end to the search where a module holds a whole world."""

VALUES = frozenset((
    int, float, complex, bool, str, bytes, type(None), type(Ellipsis), type(NotImplemented), range, slice, CodeType,
    torch.dtype, torch.device, torch.Size, torch.memory_format, torch.layout,
))  # fmt: skip
"""Types of values that nobody can change."""
_FIXED = (type, ModuleType, Enum, PurePath, np.generic, np.dtype, property, GenericAlias, UnionType)
_OPAQUE = (torch.jit.ScriptModule, weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet)
_CONTAINERS = (list, tuple, deque, set, frozenset, Mapping)

SHARED = (
    Dataset, DataLoader, Sampler, _BaseDataLoaderIter, Optimizer, LRScheduler, ProcessGroup, DeviceMesh,
    logging.Logger, threading.Thread, Executor, io.IOBase, type(threading.Lock()), type(threading.RLock()),
)  # fmt: skip
"""What a network does not compute with, or what only the process itself can have: never copied, never looked into."""
_SHARED_NAMES = frozenset(("Trainer", "Fabric", "Logger", "LightningDataModule", "Strategy", "Profiler"))

GENERATORS = (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)
"""Generators of random numbers."""


def is_plain(thing: object) -> bool:
    """Whether it is a value that nobody can change."""
    if type(thing) in VALUES:
        return True
    if isinstance(thing, BuiltinFunctionType):  # a function of torch's own is one, the method of a list is not
        return not isinstance(thing.__self__, (*_CONTAINERS, np.ndarray, Tensor))
    return isinstance(thing, _FIXED) or type(thing).__module__ == "typing"


def is_opaque(thing: object) -> bool:
    """Whether it is of a kind that is copied, but neither looked into nor compared: what torch makes for itself."""
    kind: Any = type(thing)
    return _is_opaque(kind)


@functools.lru_cache(1024)
def _is_opaque(kind: Any) -> bool:
    if issubclass(kind, _OPAQUE):
        return True
    looked_into = (nn.Module, Tensor, torch.Generator, *_CONTAINERS)
    return kind.__module__.startswith("torch.") and not issubclass(kind, looked_into)


def is_shared(thing: object) -> bool:
    """Whether it stays one and the same for a copy: a Trainer, a logger, a data set, a lock, a file."""
    kind: Any = type(thing)
    return _is_shared(kind)


@functools.lru_cache(1024)
def _is_shared(kind: Any) -> bool:
    if issubclass(kind, SHARED):
        return True
    if issubclass(kind, nn.Module):
        return False
    if kind.__module__.startswith("torch._dynamo"):  # what compiles
        return True
    lightnings = (c for c in kind.__mro__ if c.__module__.startswith(("pytorch_lightning.", "lightning.")))
    return any(c.__name__ in _SHARED_NAMES for c in lightnings)


def can_change(thing: object) -> bool:
    """Whether something can be put into it: a container, or an object with attributes."""
    if isinstance(thing, (FunctionType, MethodType, BuiltinFunctionType, weakref.ref, functools.partial)):
        return False
    if isinstance(thing, _CONTAINERS):
        return not isinstance(thing, (tuple, frozenset))
    return not is_opaque(thing) and (hasattr(thing, "__dict__") or bool(slots_of(thing)) or is_iterator(thing))


def parts(thing: Any) -> list[Any]:
    """What an object is made of; nothing for values, for what is shared and for what cannot be looked into."""
    if is_plain(thing) or isinstance(thing, (Tensor, *GENERATORS)) or is_shared(thing) or is_opaque(thing):
        return []
    if isinstance(thing, np.ndarray):
        return list(thing.flat) if thing.dtype.hasobject else []
    if isinstance(thing, FunctionType) and (eager := uncompiled(thing)) is not thing:
        return [eager]
    if isinstance(thing, FunctionType):
        return [*filled_cells(thing), *(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
    if isinstance(thing, (MethodType, BuiltinFunctionType)):
        return [thing.__self__]
    if isinstance(thing, weakref.ref):
        return [target] if (target := thing()) is not None else []
    if isinstance(thing, functools.partial):
        return [thing.func, thing.args, thing.keywords]
    own = attributes(thing)
    if isinstance(thing, Mapping):
        return [*own, *thing.keys(), *thing.values()]
    if isinstance(thing, _CONTAINERS):
        return [*own, *thing]
    if is_iterator(thing):
        return list(taken_apart(thing)[1:])
    return own


def attributes(thing: Any) -> list[Any]:
    """The names and values of an object's attributes, those in slots too."""
    own = getattr(thing, "__dict__", None)
    found = [*own.keys(), *own.values()] if own else []
    for name in slots_of(thing):
        found += [name, getattr(thing, name)]
    return found


def slots_of(thing: object) -> list[str]:
    """The names of an object's slots that are filled."""
    kind: Any = type(thing)
    return [name for name in _slots(kind) if hasattr(thing, name)]


def filled_cells(function: FunctionType) -> list[Any]:
    """What a function has closed over."""
    return [cell.cell_contents for cell in function.__closure__ or () if is_filled(cell)]


def is_filled(cell: Any) -> bool:
    """Whether a function's cell has got its value yet."""
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def is_iterator(thing: object) -> bool:
    """Whether it is an iterator of the language itself, such as that of a list, which tells where it stands."""
    return type(thing).__module__ in ("builtins", "itertools") and hasattr(thing, "__next__")


def taken_apart(iterator: Any) -> tuple[Any, ...]:
    """How an iterator of the language is made, of what it goes through, and how far it has come.

    Raises:
        TypeError: It does not tell, as a function that yields does not.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # itertools are to lose this in Python 3.14
        found: tuple[Any, ...] = iterator.__reduce__()
    return found


def uncompiled(function: Any) -> Any:
    """What `torch.compile` has wrapped; the function itself where it has not."""
    return getattr(function, "_torchdynamo_orig_callable", function)


def reachable(*roots: object) -> Iterator[Any]:
    """Everything that can be reached from some objects, each once, themselves included; values are left out."""
    seen, waiting = dict[int, object](), list(roots)
    while waiting and len(seen) < _MOST:
        thing = waiting.pop()
        if is_plain(thing) or id(thing) in seen:
            continue
        seen[id(thing)] = thing  # kept alive, so that no other gets its id
        yield thing
        try:
            waiting.extend(parts(thing))
        except (TypeError, AttributeError):  # an object that does not let itself be looked into
            continue


def modules_within(root: nn.Module) -> list[nn.Module]:
    """All modules that can be reached, also in lists and plain objects: the registered ones first, in their order."""
    registered = list(root.modules())
    known = set(map(id, registered))
    return registered + [m for m in reachable(root) if isinstance(m, nn.Module) and id(m) not in known]


@functools.lru_cache(1024)
def _slots(kind: Any) -> tuple[str, ...]:
    """The slots of a class and of those that it inherits from."""
    own = (vars(cls).get("__slots__", ()) for cls in kind.__mro__)
    names = (name for slots in own for name in ((slots,) if isinstance(slots, str) else slots))
    return tuple(name for name in names if name not in ("__dict__", "__weakref__"))
