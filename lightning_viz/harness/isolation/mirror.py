"""Copies of whatever a module holds, which refer to each other as the originals do."""

from __future__ import annotations

import copy
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from types import CellType, FunctionType, MethodType
from typing import Any

import numpy as np
from torch import Tensor, nn

from lightning_viz.harness.isolation.reach import (
    GENERATORS,
    VALUES,
    can_change,
    is_filled,
    is_plain,
    is_shared,
    parts,
    reachable,
    uncompiled,
)
from lightning_viz.harness.isolation.tensors import alike, generator_state

_PLAIN_CONTAINERS = (dict, OrderedDict, list, set)


class UnknownModuleError(Exception):
    """The original refers to a module that came later than its copy."""


class Mirror:
    """Pairs of originals and their copies, and what else follows from these pairs.

    A copy of an object that refers to an original refers to that original's copy, also where a function has closed over
    it. Trainers, loggers, data sets, locks and files are shared, not copied.
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

    def is_copy(self, original: Any, other: Any) -> bool:
        """Whether one is what a copy of the other would be now; a thing that can change is no copy of itself.

        Raises:
            UnknownModuleError: The original refers to a module without a pair.
        """
        return self.comparison().holds(original, other)

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
        if is_shared(one):
            memo[id(one)] = one
        elif isinstance(one, Tensor) and not one.is_leaf:
            memo[id(one)] = one.detach().clone()
        elif isinstance(one, weakref.ref):
            if (target := memo.get(id(one()))) is not None:
                memo[id(one)] = weakref.ref(target)
        elif isinstance(one, FunctionType) and parts(one):
            yield from _function(one, memo)


def _function(original: FunctionType, memo: dict[int, Any]) -> Iterable[Callable[[], None]]:
    """Puts a function into the memo that closes over copies, which are not there yet."""
    if (wrapped := uncompiled(original)) is not original:
        eager = Eager()
        memo[id(original)] = eager
        yield lambda: setattr(eager, "call", copy.deepcopy(wrapped, memo))
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


class Eager:
    """Computes what a compiled function does, without compiling."""

    call: Any = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls it."""
        return self.call(*args, **kwargs)


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
            return kind is type(other) and (one is other or bool(one == other) or bool(one != one and other != other))
        if id(one) in self._copies:
            return self._copies[id(one)] is other
        if kind in _PLAIN_CONTAINERS and not one and not other:
            return kind is type(other) and one is not other
        if isinstance(one, nn.Module):
            raise UnknownModuleError(type(one).__name__)
        if isinstance(other, Eager):
            return self.holds(uncompiled(one), other.call)
        if kind is not type(other):
            return False
        if is_plain(one):
            return bool(one == other) or bool(one != one and other != other)
        if is_shared(one):
            return one is other
        key = id(one), id(other)
        if key not in self._known:
            self._alive += [one, other]
            self._known[key] = True  # until the contrary is found, for what refers to itself
            self._known[key] = self._same(one, other)
        return self._known[key]

    def _same(self, one: Any, other: Any) -> bool:
        if isinstance(one, Tensor):
            return one is not other and alike(one, other)
        if isinstance(one, GENERATORS):
            return one is not other and self.holds(generator_state(one), generator_state(other))
        if isinstance(one, np.ndarray) and not one.dtype.hasobject:
            same = one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
            return one is not other and same
        if isinstance(one, (set, frozenset)):
            return bool({self._copies.get(id(x), x) for x in one} == other) and not (type(one) is set and one is other)
        if isinstance(one, FunctionType):
            return one.__code__ is other.__code__ and self._parts(one, other)
        if isinstance(one, MethodType):
            return one.__func__ is other.__func__ and self._parts(one, other)
        if can_change(one) and one is other:
            return False
        return self._parts(one, other)

    def _parts(self, one: Any, other: Any) -> bool:
        mine, theirs = parts(one), parts(other)
        return len(mine) == len(theirs) and all(map(self.holds, mine, theirs))
