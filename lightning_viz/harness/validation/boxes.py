"""Counts of what a network finds: which true box was found, which missed, and which predicted one is false."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from lightning_viz.harness.network.spatial.overlap import iou
from lightning_viz.harness.tasks.boxes import SAID, Boxes, matched, of_class, real
from lightning_viz.harness.validation.tallies import Tally

NO_BOX = "nothing"
"""What a box that is missed is taken for, and what is taken for one that is false."""


@dataclass
class BoxTally(Tally):
    """What was counted of boxes; the table, (K + 1, K + 1), has a last row and column for where there is no box.

    So the last column counts the boxes that were missed, and the last row those that are false.

    Attributes:
        images: How many were counted.
        first: The first class, behind the background if that has a number.
    """

    images: int = 0
    first: int = 0

    def __add__(self, other: Tally) -> Tally:
        assert isinstance(other, BoxTally)
        sums = self.table + other.table, self.left_out + other.left_out, self.images + other.images
        return BoxTally(*sums, self.first)

    @property
    def hits(self) -> Tensor:
        """Long (K,): how many boxes of each class were found."""
        return self.table.diagonal()[:-1]

    @property
    def recall(self) -> Tensor:
        """Float64 (K,): the share of the true boxes of each class that were found; NaN where there is none."""
        return self.hits.double() / self.table[:-1].sum(1)

    @property
    def precision(self) -> Tensor:
        """Float64 (K,): the share of the predicted boxes of each class that are true; NaN where there is none."""
        return self.hits.double() / self.table[:, :-1].sum(0)


class BoxCount:
    """Counts boxes; see `Count`."""

    def __init__(self, task: Boxes) -> None:
        self._task, self._images = task, 0
        self._table = torch.zeros(task.classes + 1, task.classes + 1, dtype=torch.long)

    def update(self, scores: Tensor, labels: Tensor) -> None:
        """Counts what is predicted, (N, M, 6), beside labels, (N, B, 5)."""
        for found, true in zip(scores.cpu(), labels.cpu(), strict=True):
            self._table += box_table(found, true, self._task.classes)
        self._images += len(labels)

    def tally(self, left_out: Counter[str]) -> BoxTally:
        """What was counted."""
        return BoxTally(self._table.clone(), left_out, self._images, int(self._task.background))


def box_table(predicted: Tensor, true: Tensor, classes: int) -> Tensor:
    """What became of the boxes of one image, long (K + 1, K + 1), as in `BoxTally`.

    Boxes with a score of at least .5 count. The surest takes the true box of its class that it overlaps most, where
    that is by at least .5 (IoU), and so on, as PASCAL VOC counts (2010); of those that are left over, likewise, those
    of another class are taken for that.

    Args:
        predicted: (M, 6), the surest first.
        true: (B, 5).
        classes: K.
    """
    table = torch.zeros(classes + 1, classes + 1, dtype=torch.long)
    for one in became(predicted, true):
        table[one.cell(classes)] += 1
    return table


class Became(NamedTuple):
    """What became of one box.

    Attributes:
        true: Its class; None of one that is false.
        said: What it was taken for; None of one that was missed.
        box: (4,), the true one, or where there is none the predicted one.
        score: Of the predicted one; of one that was missed, the best product of score and overlap with it of its class.
    """

    true: int | None
    said: int | None
    box: Tensor
    score: float

    def cell(self, classes: int) -> tuple[int, int]:
        """Row and column of a table of so many classes, behind which there is no box."""
        return classes if self.true is None else self.true, classes if self.said is None else self.said


def became(predicted: Tensor, true: Tensor) -> list[Became]:
    """What became of the boxes of one image; arguments as above."""
    found: list[Became] = []
    every, there = real(predicted), real(true)
    said = every[every[:, 5] >= SAID]
    for same in (True, False):
        pairs = matched(said, there, same=same)
        found += [Became(int(there[b, 4]), int(said[p, 4]), there[b, :4], float(said[p, 5])) for p, b in pairs]
        said, there = (_without(rows, [pair[k] for pair in pairs]) for k, rows in enumerate((said, there)))
    for row in there:
        own = of_class(every, int(row[4]))
        best = (own[:, 5] * iou(own[:, :4], row[None, :4])[:, 0]).tolist()
        found.append(Became(int(row[4]), None, row[:4], max(best, default=0.0)))
    return [*found, *(Became(None, int(row[4]), row[:4], float(row[5])) for row in said)]


def f1(found: Sequence[Became]) -> float:
    """The F1 score of the boxes of one image, in [0, 1]: of one without any, predicted or true, it is 1."""
    hits = sum(one.true == one.said for one in found)
    sides = sum((one.true is not None) + (one.said is not None) for one in found)
    return 2 * hits / sides if sides else 1.0


def _without(rows: Tensor, some: list[int]) -> Tensor:
    kept = torch.ones(len(rows), dtype=torch.bool)
    kept[some] = False
    return rows[kept]
