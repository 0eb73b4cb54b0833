"""Copies of whatever a module holds, which refer to each other as the originals do."""

from __future__ import annotations

import copy
import functools
import weakref
from collections.abc import Callable, Iterable, Mapping
from types import BuiltinFunctionType, CellType, FunctionType, MethodType
from typing import Any

import numpy as np
from torch import Tensor, nn

from lightning_viz.harness.isolation.reach import (
    CONTAINERS,
    GENERATORS,
    VALUES,
    can_change,
    is_filled,
    is_opaque,
    is_plain,
    is_shared,
    is_untouchable,
    own_dict,
    parts,
    reachable,
    uncompiled,
)
from lightning_viz.harness.isolation.standins import Eager, Untouchable
from lightning_viz.harness.isolation.tensors import alike, generator_state, same_array

_WEAK = (weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet)
_CALLABLES = (FunctionType, MethodType, functools.partial, weakref.ref)
_COPIES_ITSELF = ("__deepcopy__", "__reduce__", "__reduce_ex__", "__getstate__")


class UnknownModuleError(Exception):
    """The original refers to a module that came later than its copy."""


class Mirror:
    """Pairs of originals and their copies, and what else follows from these pairs.

    A copy of an object that refers to an original refers to that original's copy, also where a function has closed over
    it. Trainers, loggers, data sets, locks and files are shared, not copied; what can be neither has a stand-in.
    """

    def __init__(self) -> None:
        self._copies: dict[int, Any] = {}
        self._originals: list[object] = []  # kept alive, so that no other object gets the id of one

    def pair(self, original: object, its_copy: object) -> None:
        """Notes that one is the copy of the other."""
        self._copies[id(original)] = its_copy
        self._originals.append(original)

    def copied(self, thing: Any, memo: dict[int, Any] | None = None) -> Any:
        """A copy.

        Args:
            thing: Anything.
            memo: Takes copies by the originals' ids, as that of `copy.deepcopy`; what is in there is not copied again.

        Raises:
            Exception: It holds something that cannot be copied.
        """
        memo = self.memo() if memo is None else memo
        fillings = list(_prepared(thing, memo))
        made = copy.deepcopy(thing, memo)
        for fill in fillings:  # now that all that they may refer to is there
            fill()
        return made

    def check_modules(self, thing: Any) -> None:
        """Raises where a thing refers to a module whose copy is not known.

        Raises:
            UnknownModuleError: It does.
        """
        unknown = (m for m in reachable(thing) if isinstance(m, nn.Module) and id(m) not in self._copies)
        if (found := next(unknown, None)) is not None:
            raise UnknownModuleError(type(found).__name__)

    def memo(self) -> dict[int, Any]:
        """The pairs, for several calls of `copied` that are to share what they copy."""
        return dict(self._copies)

    def comparison(self) -> Comparison:
        """For several calls of `holds` between which nothing changes."""
        return Comparison(self._copies)


def _prepared(thing: Any, memo: dict[int, Any]) -> Iterable[Callable[[], None]]:
    """Tells `copy.deepcopy` what it cannot know; what is left to do afterwards."""
    alive = memo.setdefault(id(memo), [])  # where `copy.deepcopy` too keeps what it has seen, lest an id comes again
    for one in reachable(thing):
        alive.append(one)
        if id(one) in memo:
            continue
        if is_untouchable(one):
            memo[id(one)] = Untouchable(type(one).__name__)
        elif is_shared(one):
            memo[id(one)] = one
        elif isinstance(one, Tensor):
            yield from _tensor(one, memo)
        elif isinstance(one, weakref.ref):
            if (target := memo.get(id(one()))) is not None:
                memo[id(one)] = weakref.ref(target)
        elif isinstance(one, _WEAK):
            yield from _weak(one, memo)
        elif isinstance(one, (FunctionType, BuiltinFunctionType, functools._lru_cache_wrapper)):
            yield from _callable(one, memo)
        elif isinstance(one, dict) and _answers_everything(type(one)):
            yield from _dictionary(one, memo)


def _tensor(original: Tensor, memo: dict[int, Any]) -> Iterable[Callable[[], None]]:
    """One with a history is cut off from it; none loses its attributes."""
    if not original.is_leaf:
        memo[id(original)] = original.detach().clone()
    if vars(original):
        yield lambda: vars(memo[id(original)]).update(copy.deepcopy(vars(original), memo))


def _weak(original: Any, memo: dict[int, Any]) -> Iterable[Callable[[], None]]:
    new = type(original)()
    memo[id(original)] = new

    def fill() -> None:
        if isinstance(original, weakref.WeakSet):
            new.update(copy.deepcopy(one, memo) for one in original)
        else:
            new.update({copy.deepcopy(k, memo): copy.deepcopy(v, memo) for k, v in original.items()})

    yield fill


def _answers_everything(kind: type) -> bool:
    """Whether a dictionary, asked whether it can copy itself, might make an entry of that."""
    own = kind.__mro__[: kind.__mro__.index(dict)]
    asks = any("__getattr__" in vars(cls) for cls in own)
    return asks and not any(name in vars(cls) for cls in own for name in _COPIES_ITSELF)


def _dictionary(original: Any, memo: dict[int, Any]) -> Iterable[Callable[[], None]]:
    new: Any = original.__new__(type(original))
    memo[id(original)] = new

    def fill() -> None:
        dict.update(new, copy.deepcopy(list(dict.items(original)), memo))
        object.__getattribute__(new, "__dict__").update(copy.deepcopy(own_dict(original), memo))

    yield fill


def _callable(original: Any, memo: dict[int, Any]) -> Iterable[Callable[[], None]]:
    """Puts a function into the memo that closes over copies, which are not there yet."""
    if is_plain(original) or not parts(original):
        return
    if not isinstance(original, FunctionType) or uncompiled(original) is not original:
        stand_in = Eager()
        memo[id(original)] = stand_in
        yield lambda: setattr(stand_in, "call", _plainly(original, memo))
        return
    cells = tuple(memo.setdefault(id(cell), CellType()) for cell in original.__closure__ or ())
    new = FunctionType(original.__code__, original.__globals__, original.__name__, None, cells)
    memo[id(original)] = new

    def fill() -> None:
        for cell, old in zip(cells, original.__closure__ or (), strict=True):
            if is_filled(old) and not is_filled(cell):
                cell.cell_contents = copy.deepcopy(old.cell_contents, memo)
        new.__defaults__ = copy.deepcopy(original.__defaults__, memo)
        new.__kwdefaults__ = copy.deepcopy(original.__kwdefaults__, memo)
        new.__qualname__, new.__module__ = original.__qualname__, original.__module__
        vars(new).update(copy.deepcopy(vars(original), memo))

    yield fill


def _plainly(original: Any, memo: dict[int, Any]) -> Any:
    """A copy of what a callable computes: the same method of a copy, without compiling, without a cache."""
    if isinstance(original, BuiltinFunctionType):
        return getattr(copy.deepcopy(original.__self__, memo), original.__name__)
    return copy.deepcopy(wrapped(original), memo)


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
