"""What a drawing sees."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from lightning_viz.harness.probes import ProbeBatch
from lightning_viz.harness.subject import Subject


@dataclass(frozen=True)
class Scene:
    """The network and the probes at one moment of training.

    Attributes:
        subject: The network: images (N, C, H, W) in, class scores (N, K) out.
        probes: The images to explain.
        probabilities: What the network says of them, (N, K) in [0, 1].
        epoch: The epoch, from 0.
        step: The step at which Lightning logs the scalars of this moment.
    """

    subject: Subject
    probes: ProbeBatch
    probabilities: Tensor
    epoch: int
    step: int

    def says(self, i: int) -> str:
        """What the network says of probe `i`, for example `Egg 87 %`."""
        if not bool(self.probabilities[i].isfinite().all()):
            return "nothing finite"
        share, index = self.probabilities[i].max(dim=0)
        return f"{self.probes.class_names[int(index)]} {100 * float(share):.0f} %"

    def caption(self, i: int) -> str:
        """The caption of every picture of probe `i`: true class, prediction, epoch."""
        return f"{self.probes.label_name(i)} · says {self.says(i)} · epoch {self.epoch}"
