"""The first images of a stream: what has passed of a data set that has no items by index."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lightning_viz.harness.probes.batches import joined, unpack_batch
from lightning_viz.harness.probes.spec import Probes


class Observed:
    """Keeps the first images that pass, as many as the spec has to choose from.

    Args:
        spec: Which images are wanted.
    """

    def __init__(self, spec: Probes) -> None:
        self._wish = spec
        self._images: list[Tensor] = []
        self._labels: list[Tensor | None] = []
        self._last: Any = None

    def __len__(self) -> int:
        return sum(map(len, self._images))

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
            images, labels = unpack_batch(batch, self._wish.unpack)
            missing = self._wish.looks - len(self)
            self._images.append(images[:missing].float().cpu().clone())
            self._labels.append(None if labels is None else labels[:missing].cpu().clone())

    def tensors(self) -> tuple[Tensor, Tensor | None]:
        """Images (N, C, H, W) in float32 and labels, if there are some, of the size of the first image that passed."""
        self._last = None
        shape = self._images[0].shape[1:]
        pairs = [(x, y) for x, y in zip(self._images, self._labels, strict=True) if x.shape[1:] == shape]
        return torch.cat([x for x, _ in pairs]), joined([y for _, y in pairs])
