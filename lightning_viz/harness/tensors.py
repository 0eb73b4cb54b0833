"""Tensors in batches and outputs of any nesting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from torch import Tensor


def are_bytes(images: Tensor) -> bool:
    """Whether images (N, C, H, W) are whole numbers from 0 to 255, whatever their type, that nobody has scaled yet."""
    low, high = float(images.amin()), float(images.amax())
    return low >= 0 and 1 < high <= 255 and bool((images == images.round()).all())


def named_tensors(batch: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """All tensors of a batch or an output, each with the name under which it is kept, if any."""
    if isinstance(batch, Tensor):
        yield name, batch
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
