"""No task: images alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.tasks.task import Task


@dataclass(frozen=True)
class Nothing(Task):
    """Images alone: what layers make of them can be shown, and nothing is predicted of them.

    Attributes:
        reason: Why nothing else is known of them, where that could be mended.
    """

    reason: str = ""

    name = "none"
    curves = "none"
    unit = "none"
    judged = False

    def subject(self, subject: Subject, images: Tensor, labels: Tensor | None = None) -> Subject:
        """The network itself."""
        return subject

    def predictions(self, scores: Tensor) -> Tensor:
        """Nothing, (N, 0)."""
        return scores[:, :0]

    def fingerprint(self, subject: Subject, images: Tensor) -> Tensor:
        """All that is put out."""
        return subject.everything(images)

    def check(self, subject: Subject, images: Tensor, called: str) -> None:
        """Raises.

        Raises:
            ValueError: There are no scores, or it is not known what they mean.
        """
        if self.reason:
            raise ValueError(self.reason)
        with torch.no_grad():
            subject.of(0)(images[:1])  # which tells what came instead, where there are no scores
        raise ValueError(
            f"Expected scores that {called} can explain, but there are no labels and it is not known what the outputs "
            "mean (task 'none'): leave it out, or pass probes=Probes(task='classes'), 'labels', 'values' or "
            "'similarity', and where the labels are not found, unpack=."
        )

    def read(self, labels: Tensor | None, count: int) -> Tensor:
        """Nothing, (N, 0)."""
        return torch.zeros(count, 0)

    def title(self, label: Tensor, names: Sequence[str]) -> str:
        """What it is."""
        return "image"

    def present(self, label: Tensor, prediction: Tensor) -> list[int]:
        """None."""
        return []

    def predicted(self, prediction: Tensor, label: Tensor) -> list[int]:
        """None."""
        return []

    def rival(self, label: Tensor, prediction: Tensor, column: int) -> int | None:
        """None."""
        return None

    def verdict(self, label: Tensor, prediction: Tensor, names: Sequence[str]) -> str:
        """Nothing."""
        return ""

    def drawn(self, label: Tensor, columns: int, most: int) -> list[int]:
        """None."""
        return []

    def about(self, label: Tensor) -> dict[str, Any]:
        """That nothing is right or wrong."""
        return {"label": 0, "open": True}
