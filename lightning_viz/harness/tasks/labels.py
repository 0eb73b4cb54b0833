"""Several labels per image, each true or not by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lightning_viz.harness.network.outputs import LastSigmoid
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.tasks.task import Task, listed, named, percent, strongest


@dataclass(frozen=True)
class Independent(Subject):
    """A network whose outputs are independent of each other, as their logits.

    What a sigmoid of the network has made of logits is taken before the sigmoid: behind it, gradients fade where the
    network is sure.
    """

    def __call__(self, images: Tensor) -> Tensor:
        """Logits (N, K)."""
        with LastSigmoid() as last:
            outputs = self.outputs(images)
        logits: Tensor = last.logits(outputs)
        return logits


@dataclass(frozen=True)
class Labels(Task):
    """Several labels per image: every score stands by itself, and a sigmoid makes a probability of it.

    Attributes:
        sigmoid: Whether the network itself puts out probabilities.
    """

    sigmoid: bool = False

    name = "labels"
    curves = "probability"
    unit = "log-odds"
    counts = "labels"
    several = True

    def subject(self, subject: Subject, images: Tensor, labels: Tensor | None = None) -> Subject:
        """The network as logits."""
        return Independent.like(subject)

    def scores(self, outputs: Tensor) -> Tensor:
        """Logits, where the network itself puts out probabilities too."""
        return outputs.logit(1e-6) if self.sigmoid else outputs

    def own(self, found: Tensor) -> Tensor | None:
        """Logits, probabilities (N, K), told from each other as torchmetrics does, or labels (N, K)."""
        if found.ndim != 2:
            return None
        if found.is_floating_point():
            return found.logit(1e-6) if bool(((found >= 0) & (found <= 1)).all()) else found
        return torch.where(found > 0, torch.inf, -torch.inf)

    def finite(self, scores: Tensor) -> Tensor:
        """All but NaN: labels without scores count as infinitely sure."""
        return ~scores.isnan()

    def predictions(self, scores: Tensor) -> Tensor:
        """Probabilities, each of its own."""
        return scores.sigmoid()

    def read(self, labels: Tensor | None, count: int) -> Tensor:
        """Bool (N, K)."""
        if labels is None or labels.ndim != 2:
            shape = "none" if labels is None else tuple(labels.shape)
            raise ValueError(
                f"Expected labels (N, classes) of 0 and 1, received {shape}: pass probes=Probes(task=...)."
            )
        return labels > 0.5

    def title(self, label: Tensor, names: Sequence[str]) -> str:
        """The names of the true classes."""
        return ", ".join(names[k] for k in self.marked(label)) or "no label"

    def present(self, label: Tensor, prediction: Tensor) -> list[int]:
        """The true classes, the surest first; the strongest of all where none is true."""
        return strongest(prediction, self.marked(label)) or [int(prediction.argmax())]

    def predicted(self, prediction: Tensor, label: Tensor) -> list[int]:
        """The classes that are predicted, the surest first; the strongest of all where none is."""
        return strongest(prediction, _where(prediction > 0.5)) or [int(prediction.argmax())]

    def rival(self, label: Tensor, prediction: Tensor, column: int) -> int | None:
        """The strongest class predicted falsely or missed; where all is right, the strongest that is not true."""
        wrong, absent = _where((prediction > 0.5) != label.to(prediction.device)), _where(~label)
        for some in (wrong, absent, range(len(prediction))):
            if others := strongest(prediction, [k for k in some if k != column]):
                return others[0]
        return None

    def verdict(self, label: Tensor, prediction: Tensor, names: Sequence[str]) -> str:
        """For example `Egg ✓ 87 %, misses Bread 12 %, false: Soup 61 %`."""
        true, said_so = label.to(prediction.device), prediction > 0.5
        kinds = {" ✓": true & said_so, "misses": true & ~said_so, "false:": said_so & ~true}
        parts = []
        for word, which in kinds.items():
            some = strongest(prediction, _where(which))
            shown = [
                f"{named(names[k], 12)}{word if word == ' ✓' else ''} {percent(float(prediction[k]))}" for k in some
            ]
            parts += [listed(shown) if word == " ✓" else f"{word} {listed(shown)}"] if some else []
        return ", ".join(parts) or "no label ✓"

    def marked(self, label: Tensor) -> list[int]:
        """The true classes."""
        return _where(label)

    def about(self, label: Tensor) -> dict[str, Any]:
        """All true classes."""
        return {**super().about(label), "labels": self.marked(label)}


def ends_in_sigmoid(subject: Subject, images: Tensor) -> bool:
    """Whether what a network puts out for images (N, C, H, W) is what its last sigmoid has made."""
    with torch.no_grad(), LastSigmoid() as last:
        in_sigmoid: bool = last.returned(subject.of(0).outputs(images[:1]))
    return in_sigmoid


def _where(which: Tensor) -> list[int]:
    return which.nonzero().flatten().tolist()
