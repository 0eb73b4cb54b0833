"""Items that a distributed sampler repeats, so that every process gets equally many."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DistributedSampler


def repeated(loader: Any, seen: int, count: int) -> Tensor:
    """Which of the next items of a process have been, or will be, seen by another one too.

    The sampler deals the items out in turn, and begins again with the first where they do not suffice for the last
    round.

    Args:
        loader: The loader of the batch.
        seen: How many items this process has got from it in this pass.
        count: How many it gets now.

    Returns:
        Bool (count,); all false for a loader whose sampler repeats nothing.
    """
    sampler = getattr(getattr(loader, "batch_sampler", None), "sampler", getattr(loader, "sampler", None))
    if not isinstance(sampler, DistributedSampler) or sampler.drop_last:
        return torch.zeros(count, dtype=torch.bool)
    size: int = len(sampler.dataset)  # type: ignore[arg-type]
    places = sampler.rank + sampler.num_replicas * torch.arange(seen, seen + count)
    return places >= torch.tensor(size)
