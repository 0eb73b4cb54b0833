"""Gradients through a network that saves memory by checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch.utils import checkpoint


@contextmanager
def transparent_checkpoints() -> Iterator[None]:
    """While open, `torch.utils.checkpoint` with `use_reentrant=True` runs its function as if it were not there.

    A reentrant checkpoint refuses `torch.autograd.grad`, cuts off the output of the layers inside it from the images,
    and adds to the parameters' `.grad`. Without it values and gradients are the same; only memory is no longer saved.

    >>> import torch
    >>> image = torch.ones(1, requires_grad=True)
    >>> with transparent_checkpoints():
    ...     value = checkpoint.checkpoint(torch.exp, image, use_reentrant=True)
    >>> torch.equal(torch.autograd.grad(value, image)[0], value)
    True
    """
    before = checkpoint.CheckpointFunction
    checkpoint.CheckpointFunction = _Transparent  # type: ignore[assignment, misc]
    try:
        yield
    finally:
        checkpoint.CheckpointFunction = before  # type: ignore[misc]


class _Transparent:
    @staticmethod
    def apply(function: Callable[..., Any], preserve_rng_state: bool, *args: Any) -> Any:
        return function(*args)
