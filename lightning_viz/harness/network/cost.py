"""How much is asked of a network."""

from __future__ import annotations

import torch
from torch import Tensor


class Work:
    """How much was asked of a network so far: counted, so that it is the same in every run, whatever the clock says.

    Attributes:
        units: Images that went forward, and three for each that went back as well.
    """

    def __init__(self) -> None:
        self.units = 0

    def add(self, images: Tensor) -> None:
        """Counts one call of the network."""
        self.units += len(images) * (3 if images.requires_grad and torch.is_grad_enabled() else 1)
