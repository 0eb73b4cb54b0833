"""The first images of a stream: what has passed of a data set that has no items by index."""

from __future__ import annotations

from typing import Any

import torch

from lightning_viz.harness.probes.batches import Unpacked, unpacked
from lightning_viz.harness.probes.spec import Probes


class Observed:
    """Keeps the first images that pass, as many as the spec has to choose from.

    Args:
        spec: Which images are wanted.
    """

    def __init__(self, spec: Probes) -> None:
        self._wish = spec
        self._parts: list[Unpacked] = []
        self._last: Any = None

    def __len__(self) -> int:
        return sum(len(part.images) for part in self._parts)

    @property
    def full(self) -> bool:
        """Whether there is enough to choose from."""
        return len(self) >= self._wish.looks

    def see(self, batch: Any) -> None:
        """Copies what is still wanted of a batch, to the CPU; a batch that several callbacks show counts once.

        Raises:
            ValueError: No images are found in the batch.
        """
        if self.full or batch is self._last:
            return
        self._last = batch
        with torch.inference_mode(False), torch.no_grad():
            found = unpacked(batch, self._wish.unpack)
            some = range(min(self._wish.looks - len(self), len(found.images)))
            # Clones, because the training may change a batch of its own in place.
            self._parts.append(Unpacked.joined([found.rows(some, torch.device("cpu"))]))

    def found(self) -> Unpacked:
        """Images (N, C, H, W) in float32, labels and what is beside them: of the size of the first, or lists."""
        self._last = None
        shape, listed = self._parts[0].images.shape[1:], self._parts[0].extras.sizes is not None
        return Unpacked.joined([part for part in self._parts if listed or part.images.shape[1:] == shape])
