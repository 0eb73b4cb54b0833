"""Counts of what a network says of one loader, exact also where several processes see parts of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torchmetrics.classification import MulticlassConfusionMatrix, MultilabelConfusionMatrix

from lightning_viz.harness.tasks.task import Task
from lightning_viz.harness.validation.sampler import repeated

NO_CLASS = "labels that are no class"
NOT_FINITE = "predictions that are not finite"
REPEATED = "items that the distributed sampler repeats"

POINTS = 4096
"""Values of one loader and process that are kept for a picture; of more, every second one, and so on."""


@dataclass
class Tally:
    """What was counted.

    Attributes:
        table: Long (K, K) on the CPU; rows are labels, columns predictions. Of several labels per image: on the
            diagonal those that are true and predicted; else how often the row is missed and the column a false alarm.
        left_out: How many were not counted, by reason.
    """

    table: Tensor
    left_out: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.table + other.table, self.left_out + other.left_out)

    @property
    def of(self) -> Tensor:
        """Long (K,): how often each class is true."""
        return self.table.sum(1)

    @property
    def total(self) -> int:
        """How many images were counted."""
        return int(self.table.sum())


@dataclass
class LabelTally(Tally):
    """What was counted of several labels per image.

    Attributes:
        each: Long (K, 2, 2), of every class: rows are whether it is true, columns whether it is predicted.
    """

    each: Tensor = field(default_factory=lambda: torch.zeros(0, 2, 2, dtype=torch.long))

    def __add__(self, other: Tally) -> Tally:
        assert isinstance(other, LabelTally)
        return LabelTally(self.table + other.table, self.left_out + other.left_out, self.each + other.each)

    @property
    def of(self) -> Tensor:
        """Long (K,): how often each class is true."""
        return self.each[:, 1].sum(1)

    @property
    def total(self) -> int:
        """How many images were counted."""
        return int(self.each[0].sum())


@dataclass
class ValueTally(Tally):
    """What was counted of values; the table is empty.

    Attributes:
        errors: Float64 (M,), the sum of the magnitudes of the errors.
        images: How many were counted.
        points: Float32 (P, 2, M), true and predicted values of some images.
    """

    errors: Tensor = field(default_factory=lambda: torch.zeros(1, dtype=torch.float64))
    images: int = 0
    points: Tensor = field(default_factory=lambda: torch.zeros(0, 2, 1))

    def __add__(self, other: Tally) -> Tally:
        assert isinstance(other, ValueTally)
        left_out, points = self.left_out + other.left_out, torch.cat([self.points, other.points])
        return ValueTally(self.table, left_out, self.errors + other.errors, self.images + other.images, points)

    @property
    def total(self) -> int:
        """How many images were counted."""
        return self.images


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
        self._counted: _Counted | None = None
        self._seen = 0
        self._left_out: Counter[str] = Counter()

    @property
    def seen(self) -> int:
        """How many items this process has got."""
        return self._seen

    def add(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Counts one batch.

        Args:
            predictions: Scores (N, K), or predicted classes (N,).
            labels: As the task keeps them, (N,) or (N, K).

        Returns:
            Bool (N,): which were counted.
        """
        if self._counted is None:
            columns = self._columns or (
                predictions.shape[1] if predictions.ndim == 2 else int(max(predictions.max(), labels.max())) + 1
            )
            self._columns, self._counted = columns, self._begun(columns, labels.device)
        again = repeated(self._loader, self._seen, len(labels)).to(labels.device)
        self._seen += len(labels)
        no_class = self._task.no_label(labels, self._columns)
        not_finite = ~self._task.finite(predictions).reshape(len(predictions), -1).all(dim=1)
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

    def _begun(self, columns: int, device: torch.device) -> _Counted:
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
