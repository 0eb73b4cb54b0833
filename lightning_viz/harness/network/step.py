"""How the module's own step calls its network, seen in the first batch that passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from lightning_viz.harness.network.ear import Ear, is_compiled
from lightning_viz.harness.network.extras import IMAGES, Extras, Rows
from lightning_viz.harness.tensors import mapped, plain

Path = tuple[Any, ...]
"""Keys, positions and names of fields that lead to a part of a batch."""


@dataclass(frozen=True)
class _Part:
    """A part of the batch, among the arguments of a call.

    Attributes:
        path: Where it is in the batch; empty for the whole.
        dtype: What the step makes of it, if it is a tensor.
    """

    path: Path
    dtype: torch.dtype | None = None

    def of(self, tree: Any) -> Any:
        """That part of another batch.

        Raises:
            LookupError: There is none.
        """
        for key in self.path:
            tree = _inner(tree, key)
        if isinstance(tree, Rows) and isinstance(tree.values, Tensor) and self.dtype is not None:
            return replace(tree, values=tree.values.to(self.dtype))
        return tree.to(self.dtype) if isinstance(tree, Tensor) and self.dtype is not None else tree


@dataclass(frozen=True)
class StepCall:
    """One call of a network by the step of its module.

    Attributes:
        arguments: `(args, kwargs)`, in which `IMAGES` stands for the images and `_Part` for what else is of the batch.
    """

    arguments: Any

    def of(self, batch: Extras) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """The same call with another batch, `IMAGES` and `Rows` in their places; None where that batch is unlike."""
        try:
            args, kwargs = mapped(self.arguments, lambda p: p.of(batch.tree) if isinstance(p, _Part) else p)
        except LookupError:
            return None
        held = replace(batch, tree=(args, kwargs)).holds_images
        return (tuple(args), dict(kwargs)) if held else None


class StepCalls:
    """Listens to the networks of modules for one batch each.

    What is learnt of a call is where the parts of its batch went, and nothing of the batch itself is kept. It holds for
    as long as the module lives, from one run of a Trainer to the next.
    """

    def __init__(self) -> None:
        self._found: WeakKeyDictionary[nn.Module, dict[str, StepCall | None]] = WeakKeyDictionary()
        self._open: dict[str, tuple[Ear, _Heard]] = {}

    def knows(self, module: nn.Module, name: str) -> bool:
        """Whether a batch has passed while the network of this name was listened to."""
        return name in self._found.get(module, {})

    def of(self, module: nn.Module, name: str) -> StepCall | None:
        """How the step calls the network of this name, if it was heard to."""
        return self._found.get(module, {}).get(name)

    def watch(self, module: nn.Module, name: str, net: nn.Module) -> None:
        """Listens to a network of the module until `learn` or `close`, if it has not been listened to before."""
        if not self.knows(module, name) and name not in self._open and not is_compiled(net):
            heard = _Heard()
            self._open[name] = Ear.at(net, heard), heard

    def learn(self, module: nn.Module, name: str, read: Callable[[], tuple[Tensor, Extras]], batch: Any) -> None:
        """Takes the first call that the images of the batch were part of.

        Args:
            module: Whose step it was.
            name: Of the network.
            read: Finds the images in the batch, and what stands beside them.
            batch: As the step got it.
        """
        found = self._found.setdefault(module, {})
        found.setdefault(name, None)
        if name not in self._open:
            return
        heard = self._open[name][1].calls
        self._leave(name)
        if not heard:
            return
        images, around = read()
        if not around.given:  # then the user has told it
            calls = (_understood(arguments, batch, images, around) for arguments in heard)
            found[name] = next((call for call in calls if call is not None), None)

    def close(self) -> None:
        """Stops listening."""
        for name in list(self._open):
            self._leave(name)

    def _leave(self, name: str) -> None:
        ear, heard = self._open.pop(name)
        ear.leave(heard)


class _Heard:
    """The arguments of the calls of one network, the inner ones first: under DDP the step itself goes through one."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def __call__(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> None:
        """Keeps them."""
        self.calls.append((args, dict(kwargs)))


def _understood(arguments: Any, batch: Any, images: Tensor, around: Extras) -> StepCall | None:
    """A call by the parts of its batch; None where the images, or what else belongs to each of them, are not of it."""
    parts = list(_parts(batch))
    unknown: list[Any] = []

    def placed(found: Any) -> Any:
        if not isinstance(found, Tensor):
            path = next((path for path, part in parts if part is found and not isinstance(part, Tensor)), None)
            return found if path is None else _Part(path)
        tensor = plain(found).detach()
        if _alike(tensor, images):
            return IMAGES
        for path, part in parts:
            if isinstance(part, Tensor) and _alike(tensor, part):
                marked = _Part(path).of(around.tree)
                return IMAGES if marked is IMAGES else _Part(path, tensor.dtype)
        if tensor.ndim and len(tensor) == around.count:
            unknown.append(tensor)
        return tensor.clone()

    found = StepCall(mapped(arguments, placed))
    return None if unknown or found.of(around) is None else found


def _parts(batch: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """All tensors and containers of a batch with their paths, and lists of things that are none."""
    if isinstance(batch, Tensor):
        yield path, plain(batch).detach()
    elif isinstance(batch, (Mapping, tuple, list)) or (is_dataclass(batch) and not isinstance(batch, type)):
        yield path, batch
        for key in _keys(batch):
            yield from _parts(_inner(batch, key), (*path, key))


def _keys(batch: Any) -> list[Any]:
    if isinstance(batch, Mapping):
        return list(batch)
    return list(range(len(batch))) if isinstance(batch, (tuple, list)) else [field.name for field in fields(batch)]


def _inner(batch: Any, key: Any) -> Any:
    """A part of a container, or of what stands for one.

    Raises:
        LookupError: There is none.
    """
    if isinstance(batch, (Mapping, tuple, list)):
        try:
            return batch[key]
        except TypeError as error:  # another kind of container
            raise LookupError(str(error)) from error
    if isinstance(key, str) and is_dataclass(batch) and hasattr(batch, key):
        return getattr(batch, key)
    raise LookupError(f"nothing under {key!r}")


def _alike(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are one, or the same numbers in another type or order of memory."""
    if one.shape != other.shape or one.device != other.device:
        return False
    same = one.data_ptr() == other.data_ptr() and one.stride() == other.stride() and one.dtype == other.dtype
    return same or torch.equal(one, other.to(one.dtype))
