"""Tensors and generators, to the last bit."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

_WORDS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
_SPARSE: dict[Any, tuple[str, ...]] = {
    torch.sparse_coo: ("_indices", "_values"),
    torch.sparse_csr: ("crow_indices", "col_indices", "values"),
    torch.sparse_csc: ("ccol_indices", "row_indices", "values"),
    torch.sparse_bsr: ("crow_indices", "col_indices", "values"),
    torch.sparse_bsc: ("ccol_indices", "row_indices", "values"),
}


class NotInPlaceError(Exception):
    """A tensor has changed that cannot be written to where it lies."""


def alike(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors hold the same, to the last bit: NaN is NaN."""
    if one.layout != other.layout or one.dtype != other.dtype or one.is_nested != other.is_nested:
        return False
    try:
        if one.is_nested:
            rows = zip(one.unbind(), other.unbind(), strict=True)
            return one.size(0) == other.size(0) and all(alike(a, b) for a, b in rows)
        if one.shape != other.shape or one.is_meta or other.is_meta:
            return one.shape == other.shape and one.is_meta == other.is_meta
        pairs = zip(_dense(one.detach()), _dense(other.detach()), strict=True)
        return all(torch.equal(a, b.to(a.device)) for a, b in pairs)
    except RuntimeError:  # of kinds that compare with nothing
        return False


def _dense(tensor: Tensor) -> Iterable[Tensor]:
    if tensor.layout is torch.strided:
        yield _words(tensor)
        return
    for name in _SPARSE[tensor.layout]:
        yield _words(getattr(tensor, name)())


def _words(tensor: Tensor) -> Tensor:
    tensor = tensor.resolve_neg()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    word = _WORDS.get(tensor.element_size()) if tensor.is_floating_point() else None
    return tensor if word is None else tensor.view(word)


@torch.no_grad()
def bring(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> set[str]:
    """Copies what differs.

    Args:
        source: Tensors by name.
        target: At least the same names, each with a tensor of the same shape and type.

    Returns:
        The names of what differed.

    Raises:
        NotInPlaceError: One that differs is sparse, or several of its entries lie in one place.
    """
    differ = [name for name, tensor in source.items() if not alike(target[name], tensor)]
    if any(not _takes_values(target[name]) for name in differ):
        raise NotInPlaceError
    if differ:
        torch._foreach_copy_([target[name].detach() for name in differ], [source[name].detach() for name in differ])
    return set(differ)


def _takes_values(tensor: Tensor) -> bool:
    if tensor.layout is not torch.strided or tensor.is_nested:
        return False
    return not any(stride == 0 and size > 1 for stride, size in zip(tensor.stride(), tensor.shape, strict=True))


def same_array(one: Any, other: Any) -> bool:
    """Whether two arrays without objects hold the same, to the last bit."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    if one.flags.c_contiguous and other.flags.c_contiguous and one.size:
        return np.array_equal(one.reshape(-1).view(np.uint8), other.reshape(-1).view(np.uint8))
    return bool(one.tobytes() == other.tobytes())


def generator_state(generator: Any) -> Any:
    """Where a generator of random numbers stands (torch, numpy, python)."""
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    return generator.getstate() if isinstance(generator, random.Random) else generator.get_state()


def generator_back(generator: Any) -> Callable[[], None]:
    """What puts a generator back to where it stands now."""
    state = generator_state(generator)
    if isinstance(generator, np.random.Generator):
        return lambda: setattr(generator.bit_generator, "state", state)
    put = generator.setstate if isinstance(generator, random.Random) else generator.set_state
    return lambda: put(state)
