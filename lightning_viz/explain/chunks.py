"""Network calls on a batch cut into chunks, into smaller ones where memory runs out."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor

from lightning_viz.explain.checkpoints import transparent_checkpoints

Result = TypeVar("Result")

_SAYINGS = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")
"""How CUDA and MPS, the CPU's allocator (also on Windows), cuDNN and cuBLAS put it."""


class Chunks:
    """Makes one call after another on chunks of a batch; where memory runs out, it goes on with half as much at a time.

    The size that the memory allowed is kept for further calls. An item's result must not depend on what else is in
    its chunk; then the sizes change nothing but the order of floating point sums. Inside, checkpoints are transparent.

    Args:
        size: Most items in one call; None is the whole batch.

    Raises:
        ValueError: If `size` is below 1.

    >>> Chunks(2)(lambda x: 10 * x, torch.arange(5))
    tensor([ 0, 10, 20, 30, 40])
    """

    def __init__(self, size: int | None = None) -> None:
        if size is not None and size < 1:
            raise ValueError(f"expected chunks of at least 1, got {size}.")
        self._size = size

    def __call__(self, call: Callable[..., Tensor], *batch: Any) -> Tensor:
        """The results of `each`, joined along their first dimension."""
        return torch.cat(self.each(call, *batch))

    def each(self, call: Callable[..., Result], *batch: Any) -> list[Result]:
        """Calls `call` once per chunk.

        Args:
            call: Takes a chunk of every part of the batch.
            batch: One or more tensors or sequences of equal length.

        Returns:
            What the calls returned, in the order of the batch; an empty batch makes one call.

        Raises:
            RuntimeError: If the memory is not enough for one item, or whatever `call` raises.
        """
        results: list[Result] = []
        done, count = 0, len(batch[0])
        while done < count or not results:
            stop = min(done + (self._size or count), count)
            try:
                with transparent_checkpoints():
                    results.append(call(*(part[done:stop] for part in batch)))
                done = stop
                continue
            except (RuntimeError, MemoryError) as error:
                if stop - done <= 1 or not is_out_of_memory(error):
                    raise
            # Only here, behind the `except`, has the error let go of the failed call and its tensors.
            _release()
            self._size = (stop - done) // 2
        return results


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory, of whatever device, is full.

    >>> is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ..."))
    True
    """
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(saying in str(error).lower() for saying in _SAYINGS)


def _release() -> None:
    gc.collect(1)  # The failed call's cycles are young, and a full collection would take longer than most calls.
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
