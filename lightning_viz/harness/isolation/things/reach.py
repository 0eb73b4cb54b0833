"""What can be reached from a module: attributes, containers, plain objects, what functions have closed over."""

from __future__ import annotations

import functools
import warnings
import weakref
from collections import deque
from collections.abc import Iterator
from types import (
    BuiltinFunctionType,
    FunctionType,
    MappingProxyType,
    MethodType,
)
from typing import Any

import numpy as np
from torch import nn

from lightning_viz.harness.isolation.things.kinds import (
    CONTAINERS,
    DATA,
    GENERATORS,
    VALUES,
    WEAK,
    is_iterator,
    is_opaque,
    is_plain,
    is_shared,
    is_untouchable,
    own_dict,
    slots_of,
)

_ASIDE = "_hparams_initial"
"""Lightning's own copy of a module's arguments, with which nobody computes."""

_MOST = 200_000
"""Objects that are looked at, not counting plain values: enough for any network, and an end to the search."""


class TooMuchError(Exception):
    """There is more than can be looked at."""


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
        return attributes(thing) if data and isinstance(thing, DATA) else []
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
    if isinstance(thing, WEAK):
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


def is_filled(cell: Any) -> bool:
    """Whether a function's cell has got its value yet."""
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


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
