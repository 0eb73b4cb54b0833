"""The network as a judge between two classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from typing_extensions import Self

from lightning_viz.harness.network.subject import Subject


@dataclass(frozen=True)
class Contrast(Subject):
    """A subject that also says by how much one class beats another, so that any method can explain it.

    Attributes:
        asked: The subject whose scores these are.
        pairs: Columns a and b of each pair.
        classes: K, behind which their columns begin.
    """

    asked: Subject | None = None
    pairs: Sequence[tuple[int, int]] = ()
    classes: int = 0

    def __call__(self, images: Tensor) -> Tensor:
        """The class scores (N, K), and behind them that of a minus that of b for each pair: (N, K + pairs)."""
        scores = super().__call__(images) if self.asked is None else self.asked(images)
        ours, theirs = ([pair[side] for pair in self.pairs] for side in (0, 1))
        return torch.cat([scores, scores[:, ours] - scores[:, theirs]], dim=1)

    def rows(self, items: Sequence[int]) -> Self:
        """For some of the images, with what stands beside them."""
        return replace(super().rows(items), asked=None if self.asked is None else self.asked.rows(items))

    @property
    def local(self) -> bool:
        """Whether the scores are of parts of images."""
        return self.asked is not None and self.asked.local

    def about(self, column: int) -> Self:
        """Of a pair, both scores are of the part that a is told of."""
        own = column if column < self.classes else self.pairs[column - self.classes][0]
        return replace(self, asked=None if self.asked is None else self.asked.about(own))


def contrast(subject: Subject, targets: Tensor, rivals: Tensor, classes: int) -> tuple[Contrast, Tensor]:
    """A subject that holds each image's target against its rival.

    Args:
        subject: The network, with scores (N, K).
        targets: (N,) class indices.
        rivals: (N,) class indices.
        classes: K.

    Returns:
        The subject, and long (N,): its column for each image.
    """
    of_images = list(zip(targets.tolist(), rivals.tolist(), strict=True))
    pairs = list(dict.fromkeys(of_images))
    columns = torch.tensor([classes + pairs.index(pair) for pair in of_images], device=targets.device)
    return Contrast.like(subject, asked=subject, pairs=pairs, classes=classes), columns
