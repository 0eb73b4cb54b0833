"""One class per image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_viz.harness.network.spatial.shares import log_odds, probabilities
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.tasks.labels import Independent
from lightning_viz.harness.tasks.task import Task, named, percent


@dataclass(frozen=True)
class Classes(Task):
    """One class per image: scores exclude each other, and a softmax makes probabilities of them.

    Attributes:
        sigmoid: Whether a sigmoid of the network has made probabilities of them already, each by itself.
    """

    sigmoid: bool = False

    name = "classes"
    curves = "probability"
    unit = "log-odds"
    counts = "classes"
    exclusive = True

    def subject(self, subject: Subject, images: Tensor, labels: Tensor | None = None) -> Subject:
        """The network itself, or its logits where it ends in sigmoids; a single logit counts as two classes."""
        return Independent.like(subject) if self.sigmoid else subject

    def scores(self, outputs: Tensor) -> Tensor:
        """Logits, where the network itself puts out probabilities of each class by itself."""
        return outputs.logit(1e-6) if self.sigmoid else outputs

    def own(self, found: Tensor) -> Tensor | None:
        """Scores (N, K), or predicted classes (N,)."""
        if found.ndim == 2 and found.shape[1] > 1:
            return found
        return None if found.is_floating_point() else found.reshape(-1)

    def predictions(self, scores: Tensor) -> Tensor:
        """Probabilities, whose rows sum to 1, unless sigmoids have made them."""
        return scores.sigmoid() if self.sigmoid else probabilities(scores)

    def explained(self, scores: Tensor) -> Tensor:
        """The log-odds of each class against all others, or where sigmoids make probabilities, its logit."""
        return scores if self.sigmoid else log_odds(scores)

    def read(self, labels: Tensor | None, count: int) -> Tensor:
        """Long (N,); of one-hot and soft labels (N, K) the largest."""
        if labels is None:
            raise ValueError("Expected labels (N,) of classes, received none: pass probes=Probes(unpack=...).")
        return labels.argmax(1) if labels.ndim == 2 and labels.shape[1] > 1 else labels.reshape(-1).long()

    def no_label(self, labels: Tensor, columns: int) -> Tensor:
        """Which labels are no class."""
        return (labels < 0) | (labels >= columns)

    def title(self, label: Tensor, names: Sequence[str]) -> str:
        """The name of the true class."""
        return names[int(label)]

    def present(self, label: Tensor, prediction: Tensor) -> list[int]:
        """The true class."""
        return [int(label)]

    def predicted(self, prediction: Tensor, label: Tensor) -> list[int]:
        """The class with the highest probability."""
        return [int(prediction.argmax())]

    def rival(self, label: Tensor, prediction: Tensor, column: int) -> int | None:
        """The strongest other class."""
        others = prediction.clone()
        others[column] = -torch.inf
        return int(others.argmax())

    def verdict(self, label: Tensor, prediction: Tensor, names: Sequence[str]) -> str:
        """For example `Egg ✓ 87 %`, or `Egg, says Bread 62 %`."""
        best, probability = self.best(prediction, label)
        right = " ✓" if best == int(label) else f", says {named(names[best])}"
        return f"{named(names[int(label)])}{right} {percent(probability)}"

    def marked(self, label: Tensor) -> list[int]:
        """The true class."""
        return [int(label)]
