"""Copies of whatever a module holds, which refer to each other as the originals do."""

from __future__ import annotations

import copy
import functools
import weakref
from collections.abc import Callable, Iterable
from types import BuiltinFunctionType, CellType, FunctionType
from typing import Any

from torch import Tensor, nn

from lightning_viz.harness.isolation.copies.comparison import Comparison, UnknownModuleError, wrapped
from lightning_viz.harness.isolation.things.kinds import (
    WEAK,
    is_plain,
    is_shared,
    is_untouchable,
    own_dict,
)
from lightning_viz.harness.isolation.things.reach import is_filled, parts, reachable, uncompiled
from lightning_viz.harness.isolation.things.standins import Eager, Untouchable

_COPIES_ITSELF = ("__deepcopy__", "__reduce__", "__reduce_ex__", "__getstate__")


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
        elif isinstance(one, WEAK):
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
