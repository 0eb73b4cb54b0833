"""What can be reached from a module: attributes, containers, plain objects, what functions have closed over."""

from __future__ import annotations

import functools
import io
import logging
import random
import sys
import threading
import warnings
import weakref
from collections import OrderedDict, deque
from collections.abc import Iterator
from concurrent.futures import Executor
from contextvars import ContextVar
from enum import Enum
from pathlib import PurePath
from types import (
    BuiltinFunctionType,
    CodeType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    GenericAlias,
    MappingProxyType,
    MethodType,
    ModuleType,
    UnionType,
)
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
"""Objects that are looked at, not counting plain values: enough for any network, and an end to the search."""

VALUES = frozenset((
    int, float, complex, bool, str, bytes, type(None), type(Ellipsis), type(NotImplemented), range, slice, CodeType,
    torch.dtype, torch.device, torch.Size, torch.memory_format, torch.layout,
))  # fmt: skip
"""Types of values that nobody can change."""
_FIXED = (type, ModuleType, Enum, PurePath, np.generic, np.dtype, property, GenericAlias, UnionType)
CONTAINERS = frozenset((list, tuple, set, frozenset, dict, OrderedDict, deque))
"""Containers of the language as they are, without anything of a subclass."""
_WEAK = (weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet)

_DATA = (Dataset, DataLoader, Sampler)
SHARED = (
    *_DATA, _BaseDataLoaderIter, ProcessGroup, DeviceMesh, logging.Logger, threading.Thread,
    Executor, io.RawIOBase, io.TextIOWrapper, io.BufferedReader, io.BufferedWriter, io.BufferedRandom, ContextVar,
    type(threading.Lock()), type(threading.RLock()),
)  # fmt: skip
"""What a network does not compute with, or what only the process itself can have: never copied, never looked into."""
_SHARED_NAMES = frozenset(("Trainer", "Fabric", "Logger", "LightningDataModule", "Strategy", "Profiler"))
_UNTOUCHABLE = (GeneratorType, CoroutineType, memoryview, Optimizer, LRScheduler)
"""What would change for good if a forward used it: it is neither copied nor shared."""

GENERATORS = (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)
"""Generators of random numbers."""
_GLOBAL_GENERATORS = (np.random.mtrand._rand, random._inst)
_ASIDE = "_hparams_initial"
"""Lightning's own copy of a module's arguments, with which nobody computes."""


class TooMuchError(Exception):
    """There is more than can be looked at."""


def is_plain(thing: object) -> bool:
    """Whether it is a value that nobody can change."""
    if type(thing) in VALUES:
        return True
    if isinstance(thing, BuiltinFunctionType):  # a function of torch's own is one, the method of a list is not
        owner = thing.__self__
        return owner is None or isinstance(owner, (ModuleType, type)) or any(owner is g for g in _GLOBAL_GENERATORS)
    return isinstance(thing, _FIXED) or type(thing).__module__ == "typing"


def is_shared(thing: object) -> bool:
    """Whether it stays one and the same for a copy: a Trainer, a logger, a data set, a lock, a file, a handle."""
    kind: Any = type(thing)
    return _is_shared(kind)


@functools.lru_cache(1024)
def _is_shared(kind: Any) -> bool:
    if issubclass(kind, SHARED):
        return True
    if issubclass(kind, (nn.Module, Tensor)):
        return False
    if kind.__module__.startswith("torch._dynamo"):  # what compiles
        return True
    if any(isinstance(vars(cls).get("__del__"), FunctionType) for cls in kind.__mro__):
        return True  # its end has consequences, so there must be no second one
    lightnings = (c for c in kind.__mro__ if c.__module__.startswith(("pytorch_lightning.", "lightning.")))
    return any(c.__name__ in _SHARED_NAMES for c in lightnings)


def is_untouchable(thing: object) -> bool:
    """Whether it can be neither copied nor put back."""
    return isinstance(thing, _UNTOUCHABLE)


def is_opaque(thing: object) -> bool:
    """Whether it is of a kind that is copied once, but neither looked into nor compared: the work of libraries in C."""
    kind: Any = type(thing)
    return _is_opaque(kind)


@functools.lru_cache(1024)
def _is_opaque(kind: Any) -> bool:
    if issubclass(kind, torch.jit.ScriptModule):
        return True
    if kind.__module__.startswith("torch."):
        looked_into = (nn.Module, Tensor, torch.Generator, torch.distributions.Distribution, *CONTAINERS)
        return not issubclass(kind, looked_into)
    package = kind.__module__.partition(".")[0]
    has_attributes = hasattr(kind, "__dict__") and any("__dict__" in vars(cls) for cls in kind.__mro__)
    standard = package in sys.stdlib_module_names or package == "builtins"
    return not (has_attributes or _slots(kind) or standard or issubclass(kind, (*CONTAINERS, np.ndarray, *GENERATORS)))


def can_change(thing: object) -> bool:
    """Whether something can be put into it: a container, or an object with attributes."""
    if isinstance(thing, (FunctionType, MethodType, BuiltinFunctionType, weakref.ref, functools.partial)):
        return False
    if isinstance(thing, (tuple, frozenset)):
        return False
    if isinstance(thing, tuple(CONTAINERS)):
        return True
    return not is_opaque(thing) and (bool(own_dict(thing)) or hasattr(thing, "__dict__") or bool(slots_of(thing)))


def parts(thing: Any, *, data: bool = False) -> list[Any]:
    """What an object is made of; nothing for values, for what is shared and for what cannot be looked into.

    No method of the user's is called for it.

    Args:
        thing: Anything.
        data: Whether to look into data sets, loaders and samplers too.
    """
    if is_plain(thing) or is_untouchable(thing):
        return []
    if is_shared(thing) or is_opaque(thing):
        return attributes(thing) if data and isinstance(thing, _DATA) else []
    if isinstance(thing, GENERATORS):
        return []
    if isinstance(thing, FunctionType):
        return _parts_of_function(thing)
    if isinstance(thing, (MethodType, BuiltinFunctionType)):
        return [thing.__self__]
    if isinstance(thing, weakref.ref):
        return [target] if (target := thing()) is not None else []
    if isinstance(thing, functools.partial):
        return [thing.func, thing.args, thing.keywords]
    if isinstance(thing, functools._lru_cache_wrapper):
        return [thing.__wrapped__]
    found = attributes(thing)
    if isinstance(thing, np.ndarray):
        return [*found, thing.shape, *thing.flat] if thing.dtype.hasobject else found
    if isinstance(thing, (dict, MappingProxyType)):
        as_they_are: Any = dict if isinstance(thing, dict) else MappingProxyType
        return [*found, *as_they_are.keys(thing), *as_they_are.values(thing)]
    kinds: Any = (list, tuple, deque, set, frozenset)
    for kind in kinds:
        if isinstance(thing, kind):
            return [*found, *kind.__iter__(thing)]
    if isinstance(thing, _WEAK):
        return [*thing.keys(), *thing.values()] if not isinstance(thing, weakref.WeakSet) else list(thing)
    if is_iterator(thing):
        return list(taken_apart(thing)[1:])
    return found


def _parts_of_function(function: FunctionType) -> list[Any]:
    if (eager := uncompiled(function)) is not function:
        return [eager]
    closed = [cell.cell_contents for cell in function.__closure__ or () if is_filled(cell)]
    return [
        *closed,
        *(function.__defaults__ or ()),
        *(function.__kwdefaults__ or {}).values(),
        *vars(function).values(),
    ]


def attributes(thing: Any) -> list[Any]:
    """The names and values of an object's attributes, those in slots too."""
    own = own_dict(thing)
    if isinstance(thing, nn.Module) and _ASIDE in own:
        own = {name: value for name, value in own.items() if name != _ASIDE}
    found = [*own.keys(), *own.values()] if own else []
    for name in slots_of(thing):
        found += [name, getattr(thing, name)]
    return found


def own_dict(thing: Any) -> dict[str, Any]:
    """An object's attributes, whatever it says when it is asked for them."""
    try:
        own: dict[str, Any] = object.__getattribute__(thing, "__dict__")
    except AttributeError:
        return {}
    return own if isinstance(own, dict) else {}


def slots_of(thing: object) -> list[str]:
    """The names of an object's slots that are filled."""
    kind: Any = type(thing)
    return [name for name in _slots(kind) if hasattr(thing, name)]


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
        TypeError: It does not tell.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # itertools are to lose this in Python 3.14
        found: tuple[Any, ...] = iterator.__reduce__()
    return found


def uncompiled(function: Any) -> Any:
    """What `torch.compile` has wrapped; the function itself where it has not."""
    return getattr(function, "_torchdynamo_orig_callable", function)


def holds_values(thing: Any, depth: int = 8) -> bool:
    """Whether it is a container of the language with nothing but values in it, or such containers, not too deep."""
    if type(thing) not in CONTAINERS or depth == 0:
        return False
    items = [*thing.keys(), *thing.values()] if isinstance(thing, dict) else thing
    kinds = set(map(type, items))
    if kinds <= VALUES:
        return True
    inner = (item for item in items if type(item) not in VALUES)
    return kinds <= VALUES | CONTAINERS and all(holds_values(item, depth - 1) for item in inner)


def reachable(*roots: object, data: bool = False) -> Iterator[Any]:
    """Everything that can be reached from some objects, each once, themselves included; values are left out.

    Args:
        roots: Any objects.
        data: Whether to look into data sets, loaders and samplers too.

    Raises:
        TooMuchError: There is more than can be looked at.
    """
    seen, waiting = dict[int, object](), list(roots)
    while waiting:
        thing = waiting.pop()
        if is_plain(thing) or id(thing) in seen:
            continue
        if len(seen) == _MOST:
            raise TooMuchError(f"it holds more than {_MOST:,} objects")
        seen[id(thing)] = thing  # kept alive, so that no other gets its id
        yield thing
        if not holds_values(thing):
            try:
                waiting.extend(parts(thing, data=data))
            except Exception:  # an object that does not let itself be looked into
                continue


def modules_within(root: nn.Module) -> list[nn.Module]:
    """All modules that can be reached, also in lists and plain objects: the registered ones first, in their order.

    Raises:
        TooMuchError: There is more than can be looked at.
    """
    registered = list(root.modules())
    known = set(map(id, registered))
    return registered + [m for m in reachable(root) if isinstance(m, nn.Module) and id(m) not in known]


@functools.lru_cache(1024)
def _slots(kind: Any) -> tuple[str, ...]:
    """The slots of a class and of those that it inherits from, by the names that they have from outside."""
    found = []
    for cls in kind.__mro__:
        own = vars(cls).get("__slots__", ())
        for name in (own,) if isinstance(own, str) else own:
            private = name.startswith("__") and not name.endswith("__")
            found.append(f"_{cls.__name__.lstrip('_')}{name}" if private else name)
    return tuple(name for name in found if name not in ("__dict__", "__weakref__"))
