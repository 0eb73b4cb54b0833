"""Counts of what a network says of one loader, exact also where several processes see parts of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics.classification import MulticlassConfusionMatrix, MultilabelConfusionMatrix

from lightning_viz.harness.tasks.boxes import Boxes
from lightning_viz.harness.tasks.task import Task
from lightning_viz.harness.validation.boxes import BoxCount
from lightning_viz.harness.validation.places import RegionCount
from lightning_viz.harness.validation.sampler import repeated
from lightning_viz.harness.validation.tallies import LabelTally, Tally, ValueTally

NO_CLASS = "labels that are no class"
NOT_FINITE = "predictions that are not finite"
REPEATED = "items that the distributed sampler repeats"

POINTS = 4096
"""Values of one loader and process that are kept for a picture; of more, every second one, and so on."""


class _Counted(ABC):
    """How one task counts."""

    @abstractmethod
    def update(self, scores: Tensor, labels: Tensor) -> None:
        """Counts scores and labels as the task has them."""

    @abstractmethod
    def tally(self, left_out: Counter[str]) -> Tally:
        """What was counted."""


class _Classes(_Counted):
    def __init__(self, classes: int, device: torch.device) -> None:
        # Processes are added up by hand: a metric that fails on one of them would keep the others waiting.
        self._metric = MulticlassConfusionMatrix(classes, sync_on_compute=False).to(device)

    def update(self, scores: Tensor, labels: Tensor) -> None:
        self._metric.update(scores, labels)

    def tally(self, left_out: Counter[str]) -> Tally:
        return Tally(self._metric.compute().cpu(), left_out)


class _Labels(_Counted):
    def __init__(self, classes: int, device: torch.device) -> None:
        self._metric = MultilabelConfusionMatrix(classes, sync_on_compute=False).to(device)
        self._pairs = torch.zeros(classes, classes, dtype=torch.long)

    def update(self, scores: Tensor, labels: Tensor) -> None:
        predictions = scores > 0
        self._metric.update(predictions.long(), labels.long())
        missed, false = (labels & ~predictions).double().cpu(), (predictions & ~labels).double().cpu()
        hits = (labels & predictions).sum(0).cpu()
        self._pairs += (missed.T @ false).round().long() + hits.diag()

    def tally(self, left_out: Counter[str]) -> Tally:
        return LabelTally(self._pairs.clone(), left_out, self._metric.compute().cpu())


class _Values(_Counted):
    def __init__(self, columns: int) -> None:
        self._errors = torch.zeros(columns, dtype=torch.float64)
        self._images, self._every = 0, 1
        self._points: list[Tensor] = []

    def update(self, scores: Tensor, labels: Tensor) -> None:
        predictions, true = scores.double().cpu(), labels.double().cpu()
        self._errors += (predictions - true).abs().sum(0)
        for pair in torch.stack([true, predictions], 1).float():
            if self._images % self._every == 0:
                self._points.append(pair)
            self._images += 1
            if len(self._points) > POINTS:
                self._points, self._every = self._points[::2], 2 * self._every

    def tally(self, left_out: Counter[str]) -> Tally:
        none = torch.zeros(0, 2, len(self._errors))
        points = torch.stack(self._points) if self._points else none
        return ValueTally(torch.zeros(0, 0, dtype=torch.long), left_out, self._errors.clone(), self._images, points)


class Count:
    """Counts the predictions of one loader on one process.

    Args:
        loader: The loader, whose sampler may repeat items.
        columns: K; 0 where it is not known before the first scores.
        task: What scores and labels mean.
    """

    def __init__(self, loader: Any, columns: int, task: Task) -> None:
        self._loader, self._columns, self._task = loader, columns, task
        self._counted: _Counted | RegionCount | BoxCount | None = None
        self._seen = 0
        self._left_out: Counter[str] = Counter()

    @property
    def seen(self) -> int:
        """How many items this process has got."""
        return self._seen

    def add(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Counts one batch.

        Args:
            predictions: Scores (N, K), or predicted classes (N,); of places as `Task.settled` returns them.
            labels: As the task keeps them, (N,) or (N, K), or those of places.

        Returns:
            Bool (N,): which were counted.
        """
        if self._counted is None:
            several = not self._task.takes_for if self._task.places else predictions.ndim == 2
            columns = self._columns or (
                predictions.shape[1] if several else int(max(predictions.max(), labels.max())) + 1
            )
            self._columns, self._counted = columns, self._begun(columns, labels.device)
        again = repeated(self._loader, self._seen, len(labels)).to(labels.device)
        self._seen += len(labels)
        no_class = self._task.no_label(labels, self._columns)
        each = predictions.numel() // max(len(predictions), 1)
        not_finite = ~self._task.finite(predictions).reshape(len(predictions), each).all(dim=1)
        kept = torch.ones_like(again)
        for reason, wrong in ((REPEATED, again), (NO_CLASS, no_class), (NOT_FINITE, not_finite)):
            self._left_out[reason] += int((kept & wrong).sum())
            kept &= ~wrong
        self._counted.update(predictions[kept], labels[kept])
        return kept

    def tally(self) -> Tally:
        """What was counted on this process; call it after some batch."""
        assert self._counted is not None
        return self._counted.tally(+self._left_out)

    def _begun(self, columns: int, device: torch.device) -> _Counted | RegionCount | BoxCount:
        if isinstance(self._task, Boxes):
            return BoxCount(self._task)
        if self._task.counts == "regions":
            return RegionCount(columns, device, independent=not self._task.takes_for)
        if self._task.counts == "labels":
            return _Labels(columns, device)
        return _Values(columns) if self._task.counts == "values" else _Classes(columns, device)


def merge(parts: Sequence[Mapping[str, Tally] | None]) -> dict[str, Tally]:
    """Adds up what the processes have counted, by loader; nothing where one of them has failed."""
    total: dict[str, Tally] = {}
    for part in parts:
        if part is None:
            return {}
        for name, tally in part.items():
            total[name] = total[name] + tally if name in total else tally
    return total
