"""How weights lie in memory, and what is folded into them, while a network stands still."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from lightning_viz.explain.folding import folded_norms


@contextmanager
def optimized(net: nn.Module) -> Iterator[None]:
    """Inside, the network computes the same, up to rounding, in less time; on leaving, all is what it was.

    Args:
        net: In eval mode, parameters frozen. See `channels_last_weights` and `folded_norms`.

    >>> with optimized(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).eval()) as nothing:
    ...     pass
    """
    with channels_last_weights(net), folded_norms(net):
        yield


@contextmanager
def channels_last_weights(net: nn.Module) -> Iterator[None]:
    """Inside, the weights of convolutions lie in channels-last layout; on leaving, they are what they were.

    For images in that layout it saves turning the weights around in every call, which is a good part of a call on a
    single small image.

    Args:
        net: Its parameters of four dimensions are meant, but for those of other kinds than torch's own.

    >>> net = nn.Conv2d(2, 2, 3)
    >>> with channels_last_weights(net):
    ...     net.weight.is_contiguous(memory_format=torch.channels_last)
    True
    >>> net.weight.is_contiguous()
    True
    """
    before = [(p, p.data) for p in net.parameters() if type(p) is nn.Parameter and _is_plain(p.data)]
    try:
        for parameter, data in before:
            parameter.data = data.contiguous(memory_format=torch.channels_last)
        yield
    finally:
        for parameter, data in before:
            parameter.data = data


def _is_plain(data: Tensor) -> bool:
    return type(data) is Tensor and data.ndim == 4
