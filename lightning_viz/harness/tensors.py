"""Tensors in batches and outputs of any nesting."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor


def are_bytes(images: Tensor) -> bool:
    """Whether images (N, C, H, W) are whole numbers from 0 to 255, whatever their type, that nobody has scaled yet."""
    low, high = float(images.amin()), float(images.amax())
    return low >= 0 and 1 < high <= 255 and bool((images == images.round()).all())


def plain(tensor: Tensor) -> Tensor:
    """The same tensor without what a subclass of a user's adds to it, such as notes on where an image comes from.

    >>> class Noted(Tensor): ...
    >>> type(plain(torch.zeros(1).as_subclass(Noted)))
    <class 'torch.Tensor'>
    """
    # Of those that compute in ways of their own, such as one that is spread over processes, nothing is taken away.
    own: Any = type(tensor).__torch_dispatch__ is not Tensor.__torch_dispatch__
    return tensor if type(tensor) in (Tensor, torch.nn.Parameter) or own else tensor.as_subclass(Tensor)


def named_tensors(batch: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """All tensors of a batch or an output, each with the name under which it is kept, if any."""
    if isinstance(batch, Tensor):
        yield name, plain(batch)
    elif isinstance(batch, Mapping):
        for key, value in batch.items():
            yield from named_tensors(value, str(key))
    elif is_dataclass(batch):
        for field in fields(batch):
            yield from named_tensors(getattr(batch, field.name), field.name)
    elif isinstance(batch, (tuple, list)):
        names = getattr(batch, "_fields", [name] * len(batch))
        for key, value in zip(names, batch, strict=True):
            yield from named_tensors(value, key)


def mapped(batch: Any, function: Callable[[Any], Any]) -> Any:
    """The same nesting of tuples, lists, mappings and dataclasses with other things in it.

    Args:
        batch: Anything.
        function: Takes each part, the whole first; what it returns takes the part's place, unless it is the part
            itself, which is then gone into.

    >>> mapped({"a": (1, [2])}, lambda part: part + 1 if isinstance(part, int) else part)
    {'a': (2, [3])}
    """
    found = function(batch)
    if found is not batch:
        return found
    if isinstance(batch, Mapping):
        return _with_values(batch, {key: mapped(value, function) for key, value in batch.items()})
    if is_dataclass(batch) and not isinstance(batch, type):
        values = {field.name: mapped(getattr(batch, field.name), function) for field in fields(batch) if field.init}
        return replace(batch, **values)
    if isinstance(batch, (tuple, list)):
        parts = [mapped(value, function) for value in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)
    return batch


def _with_values(mapping: Mapping[Any, Any], values: dict[Any, Any]) -> Any:
    """A mapping of the same kind, which may have its values as attributes too."""
    if type(mapping) is dict:
        return values
    try:
        made: Any = copy.copy(mapping)
        for key, value in values.items():
            made[key] = value
    except Exception:  # whatever a mapping of the user's does when it is copied or written to
        return values
    return made
