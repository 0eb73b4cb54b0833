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
from lightning_viz.harness.network.spatial.regional import Places, Regional, as_logits, where
from lightning_viz.harness.network.spatial.shares import log_odds
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.tasks.task import Task, listed, named, percent
from lightning_viz.harness.tasks.values import is_whole

_NAMED = 3
"""Classes that a caption names."""


@dataclass(frozen=True)
class Regions(Task):
    """A class for every place, or several of which each is there or not.

    Labels and predictions are, of classes that exclude each other, whole numbers (N, H, W) as floats, else masks
    (N, K, H, W) of 0 and 1, of volumes with D before H; labels below 0 are left out, and so are predictions that are
    not finite. Both have the size of the labels, to which logits are brought linearly.

    Attributes:
        independent: Whether classes may overlap.
        sigmoid: Whether the network itself puts out probabilities of such classes, or of a single one.
        background: The class that nobody asks for while there is another.
        ignore: Labels that are no class.
        sides: Of an image: 2, or 3 of a volume.
    """

    independent: bool = False
    sigmoid: bool = False
    background: int | None = None
    ignore: tuple[int, ...] = ()
    sides: int = 2

    name = "regions"
    curves = "iou"
    unit = "log-odds per pixel"
    counts = "regions"
    several = True
    places = True
    whole = False

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
                predicted = self._predicted(plain, images, plain.of(0).maps(images[:1]).shape[2:])
            return Places(predicted, None if labels is None else labels.to(predicted.device), self.independent)

        return replace(plain, places=cache(places), items=tuple(range(len(images))))

    def over(self, subject: Subject, area: Tensor) -> Regional:
        """The network as mean logits over an area."""
        return self._plain(subject).over(area)

    def ask(self, subject: Subject, images: Tensor, labels: Tensor) -> Tensor:
        """What is predicted of every place."""
        return self._predicted(self._plain(subject), images, labels.shape[-self.sides :])

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
        return self._decided(scores, labels.shape[-self.sides :])

    def scores(self, outputs: Tensor) -> Tensor:
        """Logits (N, K, h, w)."""
        return as_logits(outputs, independent=self.independent, sigmoid=self.sigmoid)

    def own(self, found: Tensor) -> Tensor | None:
        """Logits or probabilities (N, K, h, w), told from each other as torchmetrics does, or classes (N, H, W)."""
        flat = found.ndim == self.sides + 1
        if flat and self.independent:
            return None
        if flat and is_whole(found) and bool((found >= 0).all()):
            return found
        found = found[:, None] if flat else found
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
        if labels is None or labels.ndim not in (self.sides + 1, self.sides + 2):
            shape = "none" if labels is None else tuple(labels.shape)
            raise ValueError(
                f"Expected labels (N, {'D, ' * (self.sides - 2)}H, W) of places, or masks with their classes second, "
                f"received {shape}: pass "
                "probes=Probes(unpack=...), a function from a batch to (images, labels)."
            )
        found = labels.float()
        left_out = found < 0
        for value in self.ignore:
            left_out |= labels == value
        if self.independent:
            found = (found > 0.5).float()
        kept = torch.where(left_out, -1.0, found)
        return kept if self.independent or labels.ndim == self.sides + 1 else _flat(kept)

    def no_label(self, labels: Tensor, columns: int) -> Tensor:
        """Of which images a place has a label that is no class."""
        return (labels >= columns).flatten(1).any(1)

    def title(self, label: Tensor, names: Sequence[str]) -> str:
        """The names of the true classes, the largest first."""
        return listed([names[k] for k in self.marked(label)]) or "no class"

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
        missed, false = self._off(true, predicted, column)
        sizes = Counter(self._sizes(predicted)) + Counter(self._sizes(true))
        confused: dict[int, int] = {}
        for k in sorted(sizes.keys() - {column}):
            other_missed, other_false = self._off(true, predicted, k)
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
        classes = sorted({*self._sizes(predicted), *self._sizes(true)})
        found = torch.full((classes[-1] + 1 if classes else 0,), torch.nan)
        for k in classes:
            a, b = self.truth(true, k), self.truth(torch.where(kept, predicted, -1.0), k)
            found[k] = float((a & b).sum()) / max(float((a | b).sum()), 1.0)
        return found

    def best(self, prediction: Tensor, label: Tensor) -> tuple[int, float]:
        """The largest class that is predicted, and the share of pixels that are right."""
        return self.predicted(prediction, label)[0], self.right(label, prediction)

    def drawn(self, label: Tensor, columns: int, most: int) -> list[int]:
        """The true classes."""
        return sorted(self._sizes(label))[:most]

    def marked(self, label: Tensor) -> list[int]:
        """The true classes, the largest first."""
        return self._largest(label)

    def about(self, label: Tensor) -> dict[str, Any]:
        """All true classes."""
        return {**super().about(label), "labels": self.marked(label)}

    def truth(self, label: Tensor, column: int) -> Tensor:
        """Where a class is, bool (H, W), or (D, H, W) of a volume."""
        return where(label[None], column, masks=self.independent)[0]

    def certainty(self, prediction: Tensor, column: int) -> float | None:
        """None: over a region it takes the network."""
        return None

    def _plain(self, subject: Subject) -> Regional:
        return Regional.like(subject, independent=self.independent, sigmoid=self.sigmoid)

    def _largest(self, places: Tensor) -> list[int]:
        sizes = self._sizes(places)
        found = sorted(sizes, key=lambda k: (-sizes[k], k))
        return [k for k in found if k != self.background] or found

    def _off(self, true: Tensor, predicted: Tensor, column: int) -> tuple[Tensor, Tensor]:
        """Where a class is missed, and where it is predicted falsely, bool (H, W)."""
        a, b = self.truth(true, column), self.truth(predicted, column)
        return a & ~b, b & ~a

    def _sizes(self, places: Tensor) -> dict[int, int]:
        """How many places each class has, of those that have any."""
        masks = self.independent
        counts = (places > 0).flatten(1).sum(1) if masks else torch.bincount(places[places >= 0].long())
        return {k: int(counts[k]) for k in counts.nonzero().flatten().tolist()}

    def _predicted(self, plain: Regional, images: Tensor, size: Sequence[int]) -> Tensor:
        def call(some: Tensor, items: range) -> Tensor:
            return self._decided(plain.rows(items).logits(some), size)

        return Chunks()(call, images, range(len(images)))

    def _decided(self, scores: Tensor, size: Sequence[int]) -> Tensor:
        """What logits (N, K, ...), or classes (N, ...), say of places of so many sides."""
        wanted = tuple(size)
        fits = scores.shape[-self.sides :] == wanted
        if scores.ndim == self.sides + 1:
            return scores.float() if fits else F.interpolate(scores[:, None].float(), wanted)[:, 0]
        mode = "bilinear" if self.sides == 2 else "trilinear"
        fine = scores if fits else F.interpolate(scores.float(), wanted, mode=mode)
        finite = fine.isfinite()
        if self.independent:
            return torch.where(finite, (fine > 0).float(), torch.nan)
        return torch.where(finite.all(1), fine.argmax(1).float(), torch.nan)


def _flat(labels: Tensor) -> Tensor:
    one = labels[:, 0] if labels.shape[1] == 1 else labels.argmax(1).float()
    return torch.where((labels < 0).any(1), -1.0, one)
