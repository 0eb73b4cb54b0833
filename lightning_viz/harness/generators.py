"""Generators of random numbers that objects hold, kept where they are."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import nn

_MOST = 20_000
"""Objects that are looked at: enough for any chain of transforms, and no search through the items of a data set."""
_CLOSED = (type, ModuleType, torch.Tensor, np.ndarray, nn.Module, pl.Trainer, str, bytes)


@contextmanager
def held_generators(*roots: object) -> Iterator[None]:
    """Restores every generator (torch, numpy, python) that can be reached from these objects.

    Reached by attributes, the items of short lists, tuples and mappings, and what functions have closed over.

    Args:
        roots: Data sets, functions, attributes of modules.
    """
    restore = [_keep(generator) for generator in _found(roots)]
    try:
        yield
    finally:
        for back in restore:
            back()


def _found(roots: tuple[object, ...]) -> Iterator[Any]:
    seen, waiting = dict[int, object](), list(roots)
    while waiting and len(seen) < _MOST:
        thing = waiting.pop()
        if id(thing) not in seen:
            seen[id(thing)] = thing
            if isinstance(thing, (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)):
                yield thing
            else:
                waiting.extend(_within(thing))


def _within(thing: Any) -> list[Any]:
    if isinstance(thing, _CLOSED):
        return []
    if isinstance(thing, (list, tuple)):
        return list(thing) if len(thing) < 100 else []
    if isinstance(thing, Mapping):
        return list(thing.values()) if len(thing) < 1000 else []
    if isinstance(thing, MethodType):
        return [thing.__self__]
    if isinstance(thing, FunctionType):
        return [cell.cell_contents for cell in thing.__closure__ or ()] + list(thing.__defaults__ or ())
    return [dict(vars(thing))] if hasattr(thing, "__dict__") else []


def _keep(generator: Any) -> Callable[[], None]:
    if isinstance(generator, np.random.Generator):
        state = generator.bit_generator.state
        return lambda: setattr(generator.bit_generator, "state", state)
    getter, setter = ("getstate", "setstate") if isinstance(generator, random.Random) else ("get_state", "set_state")
    kept = getattr(generator, getter)()
    return lambda: getattr(generator, setter)(kept)
