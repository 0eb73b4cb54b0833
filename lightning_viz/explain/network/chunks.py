"""Network calls on a batch cut into chunks, into smaller ones where memory runs out."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor

from lightning_viz.explain.network.checkpointing import transparent_checkpoints
from lightning_viz.explain.network.memory import Peak, bound

Result = TypeVar("Result")

_SAYINGS = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")
"""How CUDA and MPS, the CPU's allocator (also on Windows), cuDNN and cuBLAS put it."""

_PIXELS = {"cpu": 2**17, "other": 2**22}
"""Pixels in one call, by device. Measured on two cores, forward and input gradient in channels_last: a dozen layers of
64 channels are fastest with 4 to 16 images of 128 px (8 fill this), EfficientNet-Lite0 with 4 of 224 px, small networks
with 32 or more of 64 px. More than that is slower on a CPU: activations of tens of MiB each are given back to the
system after every call, and page after page is fetched anew, up to a third of the time. A GPU keeps its memory, and
wants enough work for all its cores."""
_FEWEST, _MOST = {"cpu": 4, "other": 8}, {"cpu": 64, "other": 256}


class Chunks:
    """Makes one call after another on chunks of a batch; where memory runs out, it goes on with half as much at a time.

    The size that the memory allowed is kept for further calls. Within `memory.bounded`, the first item goes alone, and
    what it took says how many go together. An item's result must not depend on what else is in its chunk; then the
    sizes change nothing but the order of floating point sums. Inside, checkpoints are transparent.

    Args:
        size: Most items in one call. None: as many as go fastest, see `fastest`, where the first part of the batch is
            images (N, C, H, W) or (N, C, D, H, W); the whole batch where it is not.

    Raises:
        ValueError: If `size` is below 1.

    >>> Chunks(2)(lambda x: 10 * x, torch.arange(5))
    tensor([ 0, 10, 20, 30, 40])
    """

    def __init__(self, size: int | None = None) -> None:
        if size is not None and size < 1:
            raise ValueError(f"Expected chunks of at least 1, received {size}.")
        self._size = size
        self._fitting: dict[object, int] = {}

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
            stop = min(done + self._most(batch[0]), count)
            try:
                with self._watched(batch[0]), transparent_checkpoints():
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

    def _most(self, items: Any) -> int:
        size = self._size or _default(items)
        return size if bound() is None else min(size, self._fitting.get(_kind(items), 1))

    @contextmanager
    def _watched(self, items: Any) -> Iterator[None]:
        """Learns from the first item of a kind how many fit into the bound."""
        limit = bound()
        if limit is None or _kind(items) in self._fitting:
            yield
            return
        with Peak() as peak:
            yield
        self._fitting[_kind(items)] = limit.fitting(peak.bytes)


def fastest(images: Tensor) -> int:
    """How many images like these go through a network fastest in one call; a power of two.

    It depends on the device and on the size of the images alone, so that an epoch's chunks are those of any other.

    Args:
        images: (N, C, H, W), or volumes (N, C, D, H, W), on the device of the network.

    >>> fastest(torch.zeros(1, 3, 128, 128)), fastest(torch.zeros(1, 3, 224, 224)), fastest(torch.zeros(1, 1, 28, 28))
    (8, 4, 64)
    >>> fastest(torch.zeros(1, 1, 16, 64, 64)), fastest(torch.zeros(1, 1, 128, 128, 128))
    (2, 1)
    """
    device = "cpu" if images.device.type == "cpu" else "other"
    fitting = _PIXELS[device] // max(images.shape[2:].numel(), 1)
    fewest = _FEWEST[device] if images.ndim == 4 else 1  # a single volume may be all that there is memory for
    return min(max(1 << fitting.bit_length() >> 1, fewest), _MOST[device])


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory, of whatever device, is full.

    >>> is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ..."))
    True
    """
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(saying in str(error).lower() for saying in _SAYINGS)


def _default(items: Any) -> int:
    return fastest(items) if isinstance(items, Tensor) and items.ndim in (4, 5) else max(len(items), 1)


def _kind(items: Any) -> object:
    return items.shape[1:] if isinstance(items, Tensor) else None


def _release() -> None:
    gc.collect(1)  # The failed call's cycles are young, and a full collection would take longer than most calls.
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
