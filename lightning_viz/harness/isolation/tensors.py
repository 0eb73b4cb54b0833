"""Tensors and generators, to the last bit."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

_WORDS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def alike(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors hold the same, to the last bit: NaN is NaN."""
    if one.shape != other.shape or one.dtype != other.dtype or one.layout != other.layout:
        return False
    if one.device != other.device:
        other = other.to(one.device)
    return torch.equal(_words(one.detach()), _words(other.detach()))


def _words(tensor: Tensor) -> Tensor:
    if tensor.layout is not torch.strided:
        tensor = tensor.to_dense()
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
    """
    differ = [name for name, tensor in source.items() if not alike(target[name], tensor)]
    plain = [name for name in differ if source[name].layout is torch.strided]
    if plain:
        torch._foreach_copy_([target[name].detach() for name in plain], [source[name].detach() for name in plain])
    for name in set(differ).difference(plain):
        target[name].detach().copy_(source[name].detach())
    return set(differ)


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
