"""How much memory a call takes, and a bound on what the chunks of a batch may take."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

MIB = 2**20


class Bound:
    """A bound on the memory of network calls.

    Attributes:
        limit: What the calls may take, in MiB.
        exceeded: The most bytes that a single item took where it took more, else 0.
    """

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"Expected a bound of at least 1 MiB, received {limit}.")
        self.limit = limit
        self.exceeded = 0

    def fitting(self, each: int) -> int:
        """How many items of so many bytes each may be in one call; at least 1."""
        if each > self.limit * MIB:
            self.exceeded = max(self.exceeded, each)
        return max(self.limit * MIB // max(each, 1), 1)

    @property
    def excess(self) -> str:
        """What to say where a single item took more."""
        need = -(-self.exceeded // MIB)
        return f"one image alone takes {need} MiB, more than memory={self.limit}, so images are drawn one by one."


_BOUND: ContextVar[Bound | None] = ContextVar("bound", default=None)


@contextmanager
def bounded(limit: int | None) -> Iterator[Bound | None]:
    """Inside, all `Chunks` keep each of their calls below so many MiB; None is no bound.

    Raises:
        ValueError: `limit` is below 1.
    """
    bound = None if limit is None else Bound(limit)
    token = _BOUND.set(bound)
    try:
        yield bound
    finally:
        _BOUND.reset(token)


def bound() -> Bound | None:
    """The bound that holds here."""
    return _BOUND.get()


class Peak(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of tensors that are made inside, on any device: graphs, activations, intermediate results.

    What operators take for themselves is not seen. The same calls give the same count, whatever else the memory holds.

    Attributes:
        bytes: The most that was alive at once.

    >>> with Peak() as peak:
    ...     _ = (torch.zeros(256) + 1).sum()
    >>> peak.bytes
    2048
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = 0
        self._alive = 0
        self._known: dict[int, weakref.ref[Any]] = {}

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Counts what an operator puts out, unless it came in."""
        kwargs = kwargs or {}
        given = {id(_storage(t)) for t in tree_leaves((args, kwargs)) if _is_plain(t)}
        made = func(*args, **kwargs)
        for tensor in tree_leaves(made):
            if _is_plain(tensor) and id(_storage(tensor)) not in given:
                self._count(_storage(tensor))
        return made

    def _count(self, storage: torch.UntypedStorage) -> None:
        key = id(storage)
        if key in self._known:
            return
        size = storage.nbytes()

        def gone(_: object) -> None:
            del self._known[key]
            self._alive -= size

        self._known[key] = weakref.ref(storage, gone)
        self._alive += size
        self.bytes = max(self.bytes, self._alive)


def _is_plain(value: object) -> bool:
    return isinstance(value, Tensor) and value.layout is torch.strided


def _storage(tensor: Tensor) -> torch.UntypedStorage:
    return tensor.untyped_storage()
