"""Of what kind things are: plain, shared, copied, or neither."""

from __future__ import annotations

import functools
import io
import logging
import random
import sys
import threading
import weakref
from collections import OrderedDict, deque
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

VALUES = frozenset((
    int, float, complex, bool, str, bytes, type(None), type(Ellipsis), type(NotImplemented), range, slice, CodeType,
    torch.dtype, torch.device, torch.Size, torch.memory_format, torch.layout,
))  # fmt: skip
"""Types of values that nobody can change."""
_FIXED = (type, ModuleType, Enum, PurePath, np.generic, np.dtype, property, GenericAlias, UnionType)
CONTAINERS = frozenset((list, tuple, set, frozenset, dict, OrderedDict, deque))
"""Containers of the language as they are, without anything of a subclass."""
WEAK = (weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet)

DATA = (Dataset, DataLoader, Sampler)
SHARED = (
    *DATA, _BaseDataLoaderIter, ProcessGroup, DeviceMesh, logging.Logger, threading.Thread,
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


def is_iterator(thing: object) -> bool:
    """Whether it is an iterator of the language itself, such as that of a list, which tells where it stands."""
    return type(thing).__module__ in ("builtins", "itertools") and hasattr(thing, "__next__")


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
