"""The memory layout in which convolutions are fastest."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def channels_last(call: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Wraps `call` so that it gets its images in channels-last layout, in which most convolutions run faster.

    A network that flattens with `.view` refuses that layout; from its first refusal on it gets the default one.

    Args:
        call: Takes images (N, C, H, W); volumes (N, C, D, H, W) stay as they are.

    Returns:
        The same function, apart from the order of floating point sums.

    >>> channels_last(lambda x: x.view(len(x), -1))(torch.zeros(2, 3, 4, 4)).shape
    torch.Size([2, 48])
    """
    refused = False

    def run(images: Tensor) -> Tensor:
        nonlocal refused
        if refused or images.ndim != 4:
            return call(images)
        try:
            return call(images.contiguous(memory_format=torch.channels_last))
        except RuntimeError as error:
            if "view size is not compatible" not in str(error):
                raise
            refused = True
        return call(images.contiguous())

    return run
