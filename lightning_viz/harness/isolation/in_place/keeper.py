"""Keeps what things are now, and puts them back to it."""

from __future__ import annotations

import array
import ctypes
import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from lightning_viz.harness.isolation.things.kinds import (
    GENERATORS,
    can_change,
    is_iterator,
    is_opaque,
    is_shared,
    is_untouchable,
    own_dict,
    slots_of,
)
from lightning_viz.harness.isolation.things.reach import is_filled, taken_apart
from lightning_viz.harness.isolation.things.tensors import alike, generator_back, same_array

Back = Callable[[], object]
"""Puts one thing back to what it was."""


def put_back(things: Iterable[Back]) -> None:
    """Puts all of them back.

    Raises:
        Exception: What could not be put back after all, when all the rest is.
    """
    errors = [error for put in things if (error := _attempt(put)) is not None]
    if errors:
        raise errors[0]


def _attempt(put: Back) -> Exception | None:
    try:
        put()
    except Exception as error:  # the rest is to be put back all the same
        return error
    return None


class Keeper:
    """Keeps what things are now; one iterator that several of them hold stays one."""

    def __init__(self) -> None:
        self._iterators: dict[int, Any] = {}
        self._alive: list[Any] = []

    def kept(self, thing: Any) -> Iterator[Back]:
        """What puts a thing back to what it is now."""
        if is_shared(thing) or (is_opaque(thing) and not isinstance(thing, nn.Module)):
            return
        if isinstance(thing, GENERATORS):
            yield generator_back(thing)
        elif isinstance(thing, Tensor):
            yield from self._tensor(thing)
        elif isinstance(thing, np.ndarray):
            yield partial(_array_back, thing, thing.copy())
        elif isinstance(thing, (bytearray, array.array)):
            yield partial(thing.__setitem__, slice(None), thing[:])
        elif isinstance(thing, (io.BytesIO, io.StringIO)) and not thing.closed:
            in_memory: Any = thing
            yield partial(in_memory.__setstate__, in_memory.__getstate__())
        elif isinstance(thing, (ctypes._SimpleCData, ctypes.Array, ctypes.Structure)):
            yield partial(_bytes_back, thing, bytes(thing))
        elif isinstance(thing, FunctionType):
            yield from (partial(_fill, cell, cell.cell_contents) for cell in thing.__closure__ or () if is_filled(cell))
        elif isinstance(thing, (list, deque, set, dict)):
            yield self._content(thing)
        if isinstance(thing, nn.Module):
            buffers = (b for b in thing._buffers.values() if b is not None and not is_lazy(b))
            yield from (part for b in buffers for part in self._tensor(b))
        if can_change(thing) and not isinstance(thing, torch.jit.ScriptModule):
            yield self._content(own_dict(thing))
            yield from (partial(setattr, thing, name, getattr(thing, name)) for name in slots_of(thing))

    def _tensor(self, tensor: Tensor) -> Iterator[Back]:
        if not isinstance(tensor, nn.Parameter):  # which are kept with what else they have
            yield partial(copied_back, tensor, tensor.detach().clone())
        if vars(tensor):
            yield self._content(vars(tensor))

    def _content(self, container: Any) -> Back:
        """Puts back what was in a container; iterators by copies, since one that has gone on cannot go back.

        By the methods of the language: those of a class of the user's may do other things.
        """
        if isinstance(container, dict):
            pairs = [(key, self._standing_still(value)) for key, value in dict.items(container)]
            return partial(_dict_back, container, pairs)
        kind: Any = next(kind for kind in (list, deque, set) if isinstance(container, kind))
        return partial(
            _items_back, kind, container, [self._standing_still(value) for value in kind.__iter__(container)]
        )

    def _standing_still(self, value: Any) -> Any:
        """A value; of an iterator of the language one that stands where it does, over the very same things."""
        if type(value) is tuple:
            return self._tuple(value)
        if not is_iterator(value) or is_untouchable(value):
            return value
        if id(value) not in self._iterators:
            make, arguments, *state = taken_apart(value)
            made: Any = make(*self._tuple(arguments))
            for one in state:  # a list in there is that to which a cycle adds what it has seen
                parts = one if isinstance(one, tuple) else (one,)
                own = tuple(list(part) if type(part) is list else self._standing_still(part) for part in parts)
                made.__setstate__(own if isinstance(one, tuple) else own[0])
            self._alive.append(value)
            self._iterators[id(value)] = made
        return self._iterators[id(value)]

    def _tuple(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        still = tuple(map(self._standing_still, values))
        return values if all(a is b for a, b in zip(still, values, strict=True)) else still


def _dict_back(container: dict[Any, Any], pairs: list[tuple[Any, Any]]) -> None:
    if [(id(k), id(v)) for k, v in dict.items(container)] != [(id(k), id(v)) for k, v in pairs]:
        dict.clear(container)
        dict.update(container, pairs)


def _items_back(kind: Any, container: Any, items: list[Any]) -> None:
    if [*map(id, kind.__iter__(container))] != [*map(id, items)]:
        kind.clear(container)
        (set.update if kind is set else kind.extend)(container, items)


def _fill(cell: Any, value: Any) -> None:
    cell.cell_contents = value


def _bytes_back(thing: Any, content: bytes) -> None:
    ctypes.memmove(ctypes.addressof(thing), content, len(content))


def _array_back(array_now: Any, before: Any) -> None:
    if array_now.dtype.hasobject or not same_array(array_now, before):
        np.copyto(array_now, before)


@torch.no_grad()
def copied_back(tensor: Tensor, values: Tensor) -> None:
    """Gives a tensor its shape and values again, where it has others."""
    if not alike(tensor, values):
        if tensor.shape != values.shape:
            tensor.resize_(values.shape)
        tensor.copy_(values)
