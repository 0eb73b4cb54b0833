"""What was counted of a validation, by the kind of what is predicted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import torch
from torch import Tensor


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
