"""Parameters that FSDP2 spreads over the processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.distributed.fsdp import FSDPModule


@contextmanager
def spread(module: nn.Module) -> Iterator[None]:
    """Inside and afterwards no forward meets parameters that one on the other side has gathered.

    FSDP2 keeps the outermost module's parameters gathered after a forward, for the backward that is to follow.

    Args:
        module: Any; where nothing in it is sharded, nothing happens.
    """
    parts = [part for part in module.modules() if isinstance(part, FSDPModule)]
    for part in parts:
        part.reshard()
    try:
        yield
    finally:
        for part in parts:
            part.reshard()
