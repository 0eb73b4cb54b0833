"""Whether a copy still is like its original."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Mapping
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import numpy as np
from torch import Tensor, nn

from lightning_viz.harness.isolation.things.kinds import (
    CONTAINERS,
    GENERATORS,
    VALUES,
    can_change,
    is_opaque,
    is_plain,
    is_shared,
    is_untouchable,
)
from lightning_viz.harness.isolation.things.reach import parts, uncompiled
from lightning_viz.harness.isolation.things.standins import Eager, Untouchable
from lightning_viz.harness.isolation.things.tensors import alike, generator_state, same_array

_CALLABLES = (FunctionType, MethodType, functools.partial, weakref.ref)


class UnknownModuleError(Exception):
    """The original refers to a module that came later than its copy."""


def wrapped(function: Any) -> Any:
    """What a compiled or a cached function computes."""
    if isinstance(function, functools._lru_cache_wrapper):
        return function.__wrapped__
    return uncompiled(function)


class Comparison:
    """Compares originals with what may be their copies; things that several of them hold are looked at once.

    Args:
        copies: The copies of some originals, by the originals' ids.
    """

    def __init__(self, copies: Mapping[int, Any]) -> None:
        self._copies = copies
        self._known: dict[tuple[int, int], bool] = {}
        self._alive: list[Any] = []  # some are made by whoever looks, and their ids would come again

    def holds(self, one: Any, other: Any) -> bool:
        """Whether one is what a copy of the other would be now; a thing that can change is no copy of itself.

        Raises:
            UnknownModuleError: The original refers to a module whose copy is not known.
        """
        kind = type(one)
        if kind in VALUES:
            return kind is type(other) and _equal(one, other)
        if one is other and kind is tuple and _of_values(one):
            return True
        if id(one) in self._copies:
            return self._copies[id(one)] is other
        if kind in CONTAINERS and not one and not other:
            return kind is type(other) and (one is not other or not can_change(one))
        if isinstance(one, nn.Module):
            raise UnknownModuleError(kind.__name__)
        if isinstance(other, Eager):
            return self._same_call(one, other.call)
        if isinstance(other, Untouchable):
            return is_untouchable(one)
        if kind is not type(other):
            return False
        if is_plain(one):
            return _equal(one, other)
        if is_shared(one):
            return one is other
        key = id(one), id(other)
        if key not in self._known:
            self._alive += [one, other]
            self._known[key] = True  # until the contrary is found, for what refers to itself
            self._known[key] = self._same(one, other)
        return self._known[key]

    def _same_call(self, one: Any, call: Any) -> bool:
        if isinstance(one, BuiltinFunctionType):
            names = one.__name__ == getattr(call, "__name__", None)
            return names and self.holds(one.__self__, getattr(call, "__self__", None))
        return self.holds(wrapped(one), call)

    def _same(self, one: Any, other: Any) -> bool:
        if isinstance(one, Tensor):
            return one is not other and alike(one, other) and self.holds(vars(one), vars(other))
        if isinstance(one, GENERATORS):
            return one is not other and self.holds(generator_state(one), generator_state(other))
        if can_change(one) and one is other:
            return False
        if isinstance(one, np.ndarray) and not one.dtype.hasobject:
            return one is not other and same_array(one, other)
        if type(one) in CONTAINERS and _of_values(one) and _of_values(other):
            return bool(one == other)
        if isinstance(one, (set, frozenset)):
            return self._same_set(one, other)
        if isinstance(one, FunctionType):
            return one.__code__ is other.__code__ and self._parts(one, other)
        if isinstance(one, MethodType):
            return one.__func__ is other.__func__ and self._parts(one, other)
        if is_opaque(one):
            return True
        return self._parts(one, other)

    def _same_set(self, one: Any, other: Any) -> bool:
        if len(one) != len(other):
            return False
        rest = list(other)
        for thing in one:
            found = next((k for k, its_copy in enumerate(rest) if self.holds(thing, its_copy)), None)
            if found is None:
                return False
            del rest[found]
        return True

    def _parts(self, one: Any, other: Any) -> bool:
        try:
            mine, theirs = parts(one), parts(other)
            if not mine and not theirs and not isinstance(one, _CALLABLES):  # what has no parts may still have a state
                mine, theirs = _state(one), _state(other)
            values = isinstance(one, (int, float, complex, str, bytes))  # of a class of the user's
        except Exception:  # an object that does not let itself be looked into
            return False
        same = len(mine) == len(theirs) and all(map(self.holds, mine, theirs))
        return same and (not values or _equal(one, other))


def _equal(one: Any, other: Any) -> bool:
    return one is other or bool(one == other) or bool(one != one and other != other)


def _of_values(thing: Any) -> bool:
    if isinstance(thing, dict):
        return VALUES.issuperset(map(type, thing)) and VALUES.issuperset(map(type, thing.values()))
    return VALUES.issuperset(map(type, thing))


def _state(thing: Any) -> list[Any]:
    """What an object without attributes would be made of again; of what is made of nothing, nothing."""
    reduced = thing.__reduce_ex__(4)
    if isinstance(reduced, str) or type(thing) is object or not reduced[1:]:
        return []
    return [list(part) if hasattr(part, "__next__") else part for part in reduced[1:]]
