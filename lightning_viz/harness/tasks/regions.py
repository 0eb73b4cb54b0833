"""A class for every place of an image: semantic segmentation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_viz.explain.network.chunks import Chunks
from lightning_viz.harness.network.regional import Places, Regional, as_logits, where
from lightning_viz.harness.network.shares import log_odds
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.tasks.task import Task, named, percent
from lightning_viz.harness.tasks.values import is_whole

_NAMED = 3
"""Classes that a caption names."""


@dataclass(frozen=True)
class Regions(Task):
    """A class for every place, or several of which each is there or not.

    Labels and predictions are, of classes that exclude each other, whole numbers (N, H, W) as floats, else masks
    (N, K, H, W) of 0 and 1; labels below 0 are left out, and so are predictions that are not finite. Both have the
    size of the labels, to which logits are brought bilinearly.

    Attributes:
        independent: Whether classes may overlap.
        sigmoid: Whether the network itself puts out probabilities of such classes, or of a single one.
        background: The class that nobody asks for while there is another.
        ignore: Labels that are no class.
    """

    independent: bool = False
    sigmoid: bool = False
    background: int | None = None
    ignore: tuple[int, ...] = ()

    name = "regions"
    curves = "iou"
    unit = "log-odds per pixel"
    counts = "regions"
    several = True
    places = True

    @property
    def takes_for(self) -> bool:
        """Whether a confusion is one class taken for another."""
        return not self.independent

    # What the network puts out

    def subject(self, subject: Subject, images: Tensor, labels: Tensor | None = None) -> Regional:
        """The network as mean logits over the regions of the probes."""
        plain = self._plain(subject)

        def places() -> Places:
            with torch.no_grad():
                size = plain.of(0).maps(images[:1]).shape[2:]
                predicted = self._predicted(plain, images, (size[0], size[1]))
            return Places(predicted, None if labels is None else labels.to(predicted.device))

        return replace(plain, places=cache(places), items=tuple(range(len(images))))

    def over(self, subject: Subject, area: Tensor) -> Regional:
        """The network as mean logits over an area."""
        return self._plain(subject).over(area)

    def ask(self, subject: Subject, images: Tensor, labels: Tensor) -> Tensor:
        """What is predicted of every place."""
        return self._predicted(self._plain(subject), images, (labels.shape[-2], labels.shape[-1]))

    def asked_anew(self, subject: Subject, images: Tensor) -> Tensor:
        """Logits of places, (N, K, h, w)."""
        plain = self._plain(subject)
        return Chunks()(lambda some, items: plain.rows(items).logits(some), images, range(len(images)))

    def settled(self, scores: Tensor, labels: Tensor) -> Tensor:
        """What is predicted of every place, by logits (N, K, h, w) or classes (N, H, W): NaN where that is not finite.

        Args:
            scores: As `scores` or `own` return them.
            labels: Of the size that is wanted.
        """
        return self._decided(scores, (labels.shape[-2], labels.shape[-1]))

    def scores(self, outputs: Tensor) -> Tensor:
        """Logits (N, K, h, w)."""
        return as_logits(outputs, independent=self.independent, sigmoid=self.sigmoid)

    def own(self, found: Tensor) -> Tensor | None:
        """Logits or probabilities (N, K, h, w), told from each other as torchmetrics does, or classes (N, H, W)."""
        if found.ndim == 3 and self.independent:
            return None
        if found.ndim == 3 and is_whole(found) and bool((found >= 0).all()):
            return found
        found = found[:, None] if found.ndim == 3 else found
        shares = bool(((found >= 0) & (found <= 1)).all()) and (self.independent or found.shape[1] == 1)
        return as_logits(found.float(), independent=self.independent, sigmoid=shares)

    def predictions(self, scores: Tensor) -> Tensor:
        """Probabilities over a region, (N, K): of classes that exclude each other those of their mean logits."""
        return scores.sigmoid() if self.independent else scores.softmax(1)

    def explained(self, scores: Tensor) -> Tensor:
        """Log-odds over a region, (N, K)."""
        return scores if self.independent else log_odds(scores.log_softmax(1))

    def fingerprint(self, subject: Subject, images: Tensor) -> Tensor:
        """The maps themselves, (N, K, h, w)."""
        return Regional.like(subject).maps(images)

    # What is known of an image

    def read(self, labels: Tensor | None, count: int) -> Tensor:
        """Float32 (N, H, W) or (N, K, H, W)."""
        if labels is None or labels.ndim not in (3, 4):
            shape = "none" if labels is None else tuple(labels.shape)
            raise ValueError(
                f"Expected labels (N, H, W) of places, or masks (N, classes, H, W), received {shape}: pass "
                "probes=Probes(unpack=...), a function from a batch to (images, labels)."
            )
        found = labels.float()
        left_out = found < 0
        for value in self.ignore:
            left_out |= labels == value
        if self.independent:
            found = (found > 0.5).float()
        return _flat(torch.where(left_out, -1.0, found), independent=self.independent)

    def no_label(self, labels: Tensor, columns: int) -> Tensor:
        """Of which images a place has a label that is no class."""
        return (labels >= columns).flatten(1).any(1)

    def title(self, label: Tensor, names: Sequence[str]) -> str:
        """The names of the true classes, the largest first."""
        found = [names[k] for k in self.marked(label)]
        more = [f"{len(found) - _NAMED} more"] if len(found) > _NAMED else []
        return ", ".join([*found[:_NAMED], *more]) or "no class"

    def slug(self, label: Tensor, names: Sequence[str]) -> str:
        """The name of the largest true class but the background."""
        found = self.marked(label)
        return names[found[0]] if found else "no_class"

    # What is asked of it

    def present(self, label: Tensor, prediction: Tensor) -> list[int]:
        """The true classes, the largest first, without the background where there is another."""
        return self.marked(label) or self.predicted(prediction, label)

    def predicted(self, prediction: Tensor, label: Tensor) -> list[int]:
        """The classes that are predicted, the largest first, without the background where there is another."""
        return self._largest(prediction) or [self.background or 0]

    def rival(self, label: Tensor, prediction: Tensor, column: int) -> int | None:
        """The class it is most confused with; where there is none, the largest other that is predicted or true."""
        predicted, true = prediction.to(label.device), label
        missed, false = _off(true, predicted, column)
        sizes = Counter(_sizes(predicted)) + Counter(_sizes(true))
        confused: dict[int, int] = {}
        for k in sorted(sizes.keys() - {column}):
            other_missed, other_false = _off(true, predicted, k)
            confused[k] = int((missed & other_false).sum() + (false & other_missed).sum())
        if confused:
            return max(confused, key=lambda k: (confused[k], sizes[k]))
        alone = None if self.independent and len(predicted) < 2 else int(column == 0)
        return alone if self.background in (None, column) else self.background

    # What is told of it

    def verdict(self, label: Tensor, prediction: Tensor, names: Sequence[str]) -> str:
        """For example `87 % of pixels right, IoU Bread .81, Egg .45`."""
        ious = self.curves_of(label, prediction)
        shown = [f"{named(names[k], 12)} {float(ious[k]):.2f}".replace(" 0.", " .") for k in self.marked(label)]
        more = ["…"] if len(shown) > _NAMED else []
        parts = [f"{percent(self.right(label, prediction))} of pixels right"]
        return ", ".join([*parts, *([f"IoU {shown[0]}", *shown[1:_NAMED], *more] if shown else [])])

    def right(self, label: Tensor, prediction: Tensor) -> float:
        """The share of the labelled pixels that are predicted rightly."""
        predicted, true = prediction.to(label.device), label
        known = true >= 0
        return float((predicted == true)[known].float().mean()) if bool(known.any()) else 0.0

    def curves_of(self, label: Tensor, prediction: Tensor) -> Tensor:
        """The intersection over union of every class up to the last that is predicted or true; NaN of others."""
        predicted, true = prediction.to(label.device), label
        kept = true >= 0
        classes = sorted({*_sizes(predicted), *_sizes(true)})
        found = torch.full((classes[-1] + 1 if classes else 0,), torch.nan)
        for k in classes:
            a, b = where(true[None], k)[0], where(torch.where(kept, predicted, -1.0)[None], k)[0]
            found[k] = float((a & b).sum()) / max(float((a | b).sum()), 1.0)
        return found

    def best(self, prediction: Tensor, label: Tensor) -> tuple[int, float]:
        """The largest class that is predicted, and the share of pixels that are right."""
        return self.predicted(prediction, label)[0], self.right(label, prediction)

    def drawn(self, label: Tensor, columns: int, most: int) -> list[int]:
        """The true classes."""
        return sorted(_sizes(label))[:most]

    def marked(self, label: Tensor) -> list[int]:
        """The true classes, the largest first."""
        return self._largest(label)

    def about(self, label: Tensor) -> dict[str, Any]:
        """All true classes."""
        return {**super().about(label), "labels": self.marked(label)}

    def truth(self, label: Tensor, column: int) -> Tensor | None:
        """Where a class is, bool (H, W)."""
        return where(label[None], column)[0]

    def certainty(self, prediction: Tensor, column: int) -> float | None:
        """None: over a region it takes the network."""
        return None

    def _plain(self, subject: Subject) -> Regional:
        return Regional.like(subject, independent=self.independent, sigmoid=self.sigmoid)

    def _largest(self, places: Tensor) -> list[int]:
        sizes = _sizes(places)
        found = sorted(sizes, key=lambda k: (-sizes[k], k))
        return [k for k in found if k != self.background] or found

    def _predicted(self, plain: Regional, images: Tensor, size: tuple[int, int]) -> Tensor:
        def call(some: Tensor, items: range) -> Tensor:
            return self._decided(plain.rows(items).logits(some), size)

        return Chunks()(call, images, range(len(images)))

    def _decided(self, scores: Tensor, size: tuple[int, int]) -> Tensor:
        """What logits (N, K, h, w), or classes (N, h, w), say of places (H, W)."""
        if scores.ndim == 3:
            return scores.float() if scores.shape[-2:] == size else F.interpolate(scores[:, None].float(), size)[:, 0]
        fine = scores if scores.shape[-2:] == size else F.interpolate(scores.float(), size, mode="bilinear")
        finite = fine.isfinite()
        if self.independent:
            return torch.where(finite, (fine > 0).float(), torch.nan)
        return torch.where(finite.all(1), fine.argmax(1).float(), torch.nan)


def _flat(labels: Tensor, *, independent: bool) -> Tensor:
    if independent or labels.ndim == 3:
        return labels
    one = labels[:, 0] if labels.shape[1] == 1 else labels.argmax(1).float()
    return torch.where((labels < 0).any(1), -1.0, one)


def _off(true: Tensor, predicted: Tensor, column: int) -> tuple[Tensor, Tensor]:
    """Where a class is missed, and where it is predicted falsely, bool (H, W)."""
    a, b = where(true[None], column)[0], where(predicted[None], column)[0]
    return a & ~b, b & ~a


def _sizes(places: Tensor) -> dict[int, int]:
    """How many places each class has, of those that have any."""
    masks = places.ndim == 3
    counts = (places > 0).flatten(1).sum(1) if masks else torch.bincount(places[places >= 0].long())
    return {k: int(counts[k]) for k in counts.nonzero().flatten().tolist()}
