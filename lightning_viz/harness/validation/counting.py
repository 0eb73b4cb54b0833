"""Counts of (label, prediction) of one loader, exact also where several processes see parts of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torchmetrics.classification import MulticlassConfusionMatrix

from lightning_viz.harness.validation.sampler import repeated

NO_CLASS = "labels that are no class"
NOT_FINITE = "predictions that are not finite"
REPEATED = "items that the distributed sampler repeats"


@dataclass
class Tally:
    """What was counted.

    Attributes:
        table: Long (K, K) on the CPU; rows are labels, columns predictions.
        left_out: How many were not counted, by reason.
    """

    table: Tensor
    left_out: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.table + other.table, self.left_out + other.left_out)


class Count:
    """Counts the pairs of one loader on one process.

    Args:
        loader: The loader, whose sampler may repeat items.
        classes: K; 0 where it is not known before the first scores.
    """

    def __init__(self, loader: Any, classes: int) -> None:
        self._loader = loader
        self._classes = classes
        self._metric: MulticlassConfusionMatrix | None = None
        self._seen = 0
        self._left_out: Counter[str] = Counter()

    @property
    def seen(self) -> int:
        """How many items this process has got."""
        return self._seen

    def add(self, said: Tensor, labels: Tensor) -> Tensor:
        """Counts one batch.

        Args:
            said: Scores (N, K), or predicted classes (N,).
            labels: (N,).

        Returns:
            Bool (N,): which were counted.
        """
        if self._metric is None:
            classes = self._classes or (said.shape[1] if said.ndim == 2 else int(max(said.max(), labels.max())) + 1)
            # Processes are added up by hand: a metric that fails on one of them would keep the others waiting.
            self._metric = MulticlassConfusionMatrix(classes, sync_on_compute=False).to(labels.device)
        again = repeated(self._loader, self._seen, len(labels)).to(labels.device)
        self._seen += len(labels)
        no_class = (labels < 0) | (labels >= self._metric.num_classes)
        not_finite = ~said.isfinite().reshape(len(said), -1).all(dim=1)
        kept = torch.ones_like(again)
        for reason, wrong in ((REPEATED, again), (NO_CLASS, no_class), (NOT_FINITE, not_finite)):
            self._left_out[reason] += int((kept & wrong).sum())
            kept &= ~wrong
        self._metric.update(said[kept], labels[kept])
        return kept

    def tally(self) -> Tally:
        """What was counted on this process; call it after some batch."""
        assert self._metric is not None
        return Tally(self._metric.compute().cpu(), +self._left_out)


def merge(parts: Sequence[Mapping[str, Tally] | None]) -> dict[str, Tally]:
    """Adds up what the processes have counted, by loader; nothing where one of them has failed."""
    total: dict[str, Tally] = {}
    for part in parts:
        if part is None:
            return {}
        for name, tally in part.items():
            total[name] = total[name] + tally if name in total else tally
    return total
