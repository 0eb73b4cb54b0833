"""Values per image: regression."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.tasks.task import Task, named

_MOVES = 0.1
"""An image that moves its value by less than this share of what the values of all images span has little to explain."""

_NAMED = 3
"""Values that a caption tells."""


@dataclass(frozen=True)
class Measured(Subject):
    """A network whose outputs are values, in units of their own.

    Attributes:
        ordinal: Whether its outputs are the logits of being above each rank (CORAL, arXiv:1901.07884, 2019).
    """

    ordinal: bool = False

    def __call__(self, images: Tensor) -> Tensor:
        """Values (N, M)."""
        outputs = self.outputs(images)
        return _rank(outputs) if self.ordinal else outputs


@dataclass(frozen=True)
class Values(Task):
    """Values per image, in units of their own.

    Attributes:
        ordinal: See `Measured`: the value is the rank to expect.
    """

    ordinal: bool = False

    name = "values"
    curves = "value"
    unit = "the output's unit"
    counts = "values"
    signs = ("raises it", "lowers it")

    def subject(self, subject: Subject, images: Tensor, labels: Tensor | None = None) -> Subject:
        """The network as its values."""
        return Measured.like(subject, ordinal=self.ordinal)

    def scores(self, outputs: Tensor) -> Tensor:
        """The values."""
        return _rank(outputs) if self.ordinal else outputs

    def own(self, found: Tensor) -> Tensor | None:
        """Values (N,) or (N, M)."""
        if not found.is_floating_point():
            return None
        return self.scores(found) if found.ndim == 2 else found.reshape(-1, 1)

    def predictions(self, scores: Tensor) -> Tensor:
        """The values."""
        return scores

    def ends(self, whole: float, empty: float, span: float) -> tuple[float, float]:
        """From the value of the empty image to that of the whole one, whichever is larger."""
        return (empty, whole) if abs(whole - empty) > _MOVES * span else (math.nan, math.nan)

    def read(self, labels: Tensor | None, count: int) -> Tensor:
        """Float32 (N, M)."""
        if labels is None:
            raise ValueError("Expected labels (N,) or (N, values), received none: pass probes=Probes(unpack=...).")
        return labels.float().reshape(len(labels), -1)

    def no_label(self, labels: Tensor, columns: int) -> Tensor:
        """Which values are not finite."""
        return ~labels.isfinite().all(dim=1)

    def title(self, label: Tensor, names: Sequence[str]) -> str:
        """The true values."""
        return ", ".join(f"{float(value):.3g}" for value in label[:_NAMED])

    def slug(self, label: Tensor, names: Sequence[str]) -> str:
        """What they are, since numbers are no names."""
        return "value"

    def present(self, label: Tensor, prediction: Tensor) -> list[int]:
        """The first value."""
        return [0]

    def predicted(self, prediction: Tensor, label: Tensor) -> list[int]:
        """The first value."""
        return [0]

    def rival(self, label: Tensor, prediction: Tensor, column: int) -> int | None:
        """None: values stand side by side."""
        return None

    def verdict(self, label: Tensor, prediction: Tensor, names: Sequence[str]) -> str:
        """For example `says 3.2, true 2.9`, with names where there are several."""
        pairs = zip(names, prediction.tolist(), label.tolist(), strict=True)
        parts = [(f"{named(name, 12)} " if len(names) > 1 else "", one, true) for name, one, true in pairs]
        if len(parts) == 1:
            return f"says {parts[0][1]:.3g}, true {parts[0][2]:.3g}"
        return ", ".join(f"{name}{one:.3g} (true {true:.3g})" for name, one, true in parts[:_NAMED])

    def drawn(self, label: Tensor, columns: int, most: int) -> list[int]:
        """The first values."""
        return list(range(min(columns, most)))

    def about(self, label: Tensor) -> dict[str, Any]:
        """The true values."""
        return {**super().about(label), "values": label.tolist()}


def _rank(outputs: Tensor) -> Tensor:
    return outputs.sigmoid().sum(1, keepdim=True)


def is_whole(values: Tensor) -> bool:
    """Whether all of some values are whole numbers."""
    return bool((values == values.floor()).all()) if values.is_floating_point() else True


def is_binary(values: Tensor) -> bool:
    """Whether all of some values are 0 or 1.

    >>> is_binary(torch.tensor([[0.0, 1.0]])), is_binary(torch.tensor([0.5]))
    (True, False)
    """
    return bool(((values == 0) | (values == 1)).all())


def are_shares(rows: Tensor) -> bool:
    """Whether each row of (N, K) is not below 0 and sums to 1.

    >>> are_shares(torch.tensor([[0.9, 0.1], [0.0, 1.0]])), are_shares(torch.tensor([[1, 1]]))
    (True, False)
    """
    sums = rows.double().sum(1)
    return bool((rows >= 0).all()) and torch.allclose(sums, torch.ones_like(sums), atol=1e-3)
