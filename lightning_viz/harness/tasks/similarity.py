"""Embeddings: what an image is like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_viz.explain.network.chunks import Chunks
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.tasks.task import Task, named


@dataclass(frozen=True)
class Similar(Subject):
    """A network that puts out embeddings, as cosines with what its images are held against.

    Attributes:
        references: Gives what images are held against, (R, D), of length 1.
    """

    references: Callable[[], Tensor] = field(default=lambda: torch.zeros(0, 0), compare=False)

    def __call__(self, images: Tensor) -> Tensor:
        """Cosines (N, R), in [-1, 1]."""
        return F.normalize(self.outputs(images), dim=1) @ self.references().T


@dataclass(frozen=True, eq=False)
class Similarity(Task):
    """What an image is like: the cosine of its embedding with that of other probes, or of guides.

    Attributes:
        images: (R, C, H, W), the guides; None where these are vectors, or all probes.
        vectors: (R, D), the guides; None where these are images, or all probes.
        beside: The probe whose extras the guides that are images share.
    """

    images: Tensor | None = None
    vectors: Tensor | None = None
    beside: int = 0

    name = "similarity"
    curves = "similarity"
    unit = "cosine"
    compares = True
    judged = False

    @property
    def between(self) -> bool:
        """Whether probes are held against each other."""
        return self.images is None and self.vectors is None

    def subject(self, subject: Subject, images: Tensor, labels: Tensor | None = None) -> Subject:
        """The network as cosines, (N, R)."""
        # Once for all probes, however many subjects of some of them are made of this one.
        return Similar.like(subject, references=cache(lambda: F.normalize(self._embedded(subject, images), dim=1)))

    def predictions(self, scores: Tensor) -> Tensor:
        """The cosines."""
        return scores

    def read(self, labels: Tensor | None, count: int) -> Tensor:
        """Long (N,): the probe itself, which it is not to be held against; with guides its class, -1 if not known."""
        if self.between:
            return torch.arange(count)
        known = labels is not None and labels.ndim == 1 and not labels.is_floating_point()
        return labels.long() if labels is not None and known else torch.full((count,), -1)

    def title(self, label: Tensor, names: Sequence[str]) -> str:
        """The guide that it should be like, where that is known."""
        return names[int(label)] if self._known(label, len(names)) else "image"

    def present(self, label: Tensor, prediction: Tensor) -> list[int]:
        """What it is to be like, or else most like."""
        return [int(label)] if self._known(label, len(prediction)) else self.predicted(prediction, label)

    def predicted(self, prediction: Tensor, label: Tensor) -> list[int]:
        """What it is most like."""
        return [int(self._others(prediction, label).argmax())]

    def rival(self, label: Tensor, prediction: Tensor, column: int) -> int | None:
        """What it is next most like."""
        others = self._others(prediction, label)
        others[column] = -torch.inf
        best = int(others.argmax())
        return best if bool(others[best].isfinite()) else None

    def verdict(self, label: Tensor, prediction: Tensor, names: Sequence[str]) -> str:
        """For example `nearest to probe 3, Egg .87`."""
        best, cosine = self.best(prediction, label)
        right = ""
        if self._known(label, len(prediction)):
            right = " ✓" if best == int(label) else f", is {named(names[int(label)])}"
        return f"nearest to {named(names[best], 40)} {cosine:.2f}{right}"

    def marked(self, label: Tensor) -> list[int]:
        """The guide that it should be like, where that is known."""
        return [int(label)] if not self.between and int(label) >= 0 else []

    def drawn(self, label: Tensor, columns: int, most: int) -> list[int]:
        """All but the probe itself."""
        own = int(label) if self.between else -1
        return [k for k in range(columns) if k != own][:most]

    def about(self, label: Tensor) -> dict[str, Any]:
        """That nothing is right or wrong where no class is known."""
        return {**super().about(label), **({} if self.marked(label) else {"open": True})}

    def _embedded(self, subject: Subject, images: Tensor) -> Tensor:
        """What images are held against, (R, D)."""
        if self.vectors is not None:
            return self.vectors.to(images.device)
        with torch.no_grad():  # what an image is like, not what would make two of them alike
            if self.images is None:
                return subject.outputs_of(images)
            return Chunks()(subject.of(self.beside).outputs, self.images.to(images.device))

    def _known(self, label: Tensor, count: int) -> bool:
        return not self.between and 0 <= int(label) < count

    def _others(self, prediction: Tensor, label: Tensor) -> Tensor:
        others = prediction.clone()
        if self.between:
            others[int(label)] = -torch.inf
        return others
