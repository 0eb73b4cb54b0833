"""Boxes around the things in an image: object detection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from torch import Tensor

from lightning_viz.harness.network.extras import Sizes
from lightning_viz.harness.network.spatial.boxed import Boxed
from lightning_viz.harness.network.spatial.detections import find_detections, rows_of
from lightning_viz.harness.network.spatial.overlap import area, iou
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.tasks.task import Task, listed, named, percent

SAID = 0.5
"""Boxes with at least this score count as said."""
FITS = 0.5
"""A box is found where one of its class overlaps it by at least this much (IoU), as in PASCAL VOC (2010)."""


@dataclass(frozen=True)
class Boxes(Task):
    """Boxes, each with a class.

    Labels are rows float32 (N, B, 5), left, top, right and bottom in pixels and the class; predictions (N, M, 6) have a
    score in [0, 1] too, the surest first. The class of what only fills the rows is -1.

    Attributes:
        classes: K.
        sigmoid: See `Boxed`.
        background: Whether class 0 is no class.
        size: Height and width of the probes.
    """

    classes: int = 1
    sigmoid: bool = False
    background: bool = False
    size: tuple[int, int] = (0, 0)

    name = "boxes"
    curves = "box_score"
    unit = "score · IoU"
    counts = "boxes"
    several = True
    whole = False

    @property
    def takes_for(self) -> bool:
        """Whether a confusion is one class taken for another: a box has one class."""
        return True

    # What the network puts out

    def subject(self, subject: Subject, images: Tensor, labels: Tensor | None = None) -> Boxed:
        """The network as scores of the boxes of the probes."""
        plain = self._plain(subject)

        def held() -> Tensor:
            with torch.no_grad():
                found = plain.found(images)
            true = labels if labels is not None else images.new_zeros(len(images), 0, 5)
            return torch.stack([self._held(row, own) for row, own in zip(true.to(found), found, strict=True)])

        return replace(plain, held=cache(held), items=tuple(range(len(images))))

    def ask(self, subject: Subject, images: Tensor, labels: Tensor) -> Tensor:
        """What is predicted, (N, M, 6)."""
        return self._plain(subject).found(images)

    def asked_anew(self, subject: Subject, images: Tensor) -> Tensor:
        """What is predicted, (N, M, 6)."""
        return self._plain(subject).found(images)

    def rows(self, output: Any, sizes: Sizes) -> Tensor:
        """What was overheard, (N, M, 6), of images of these sizes; see `find_detections`."""
        return rows_of(find_detections(output, sizes, "the network", classes=self.classes, sigmoid=self.sigmoid))

    def predictions(self, scores: Tensor) -> Tensor:
        """The scores of the held boxes, (N, K)."""
        return scores

    def fingerprint(self, subject: Subject, images: Tensor) -> Tensor:
        """The largest score of each class, (N, K); where gradients are asked for, something that has some."""
        plain = self._plain(subject)
        # As of places, so that not the layer of the scores themselves counts as the last one.
        return plain.trace(images)[:, :, None, None] if torch.is_grad_enabled() else plain.outputs(images)

    # What is known of an image

    def read(self, labels: Tensor | None, count: int) -> Tensor:
        """Rows (N, B, 5), none where nothing is known."""
        return torch.zeros(count, 0, 5) if labels is None else labels.float()

    def no_label(self, labels: Tensor, columns: int) -> Tensor:
        """Of which images a box has a label that is no class."""
        return (labels[..., 4] >= columns).any(1)

    def title(self, label: Tensor, names: Sequence[str]) -> str:
        """The names of the true classes, those of the largest boxes first."""
        return listed([names[k] for k in self.marked(label)]) or "no box"

    def slug(self, label: Tensor, names: Sequence[str]) -> str:
        """The name of the class of the largest box."""
        found = self.marked(label)
        return names[found[0]] if found else "no_box"

    # What is asked of it

    def present(self, label: Tensor, prediction: Tensor) -> list[int]:
        """The true classes, the best found first; what is predicted where there is none."""
        found = self.curves_of(label, prediction)
        return sorted(self.marked(label), key=lambda k: -float(found[k])) or self.predicted(prediction, label)

    def predicted(self, prediction: Tensor, label: Tensor) -> list[int]:
        """The classes that are said, the surest first; where none is, the surest; where nothing is, a true one."""
        found = list(dict.fromkeys(real(prediction)[:, 4].long().tolist()))
        said = [k for k in found if float(of_class(prediction, k)[0, 5]) >= SAID]
        return said or found[:1] or self.marked(label)[:1] or [int(self.background)]

    def rival(self, label: Tensor, prediction: Tensor, column: int) -> int | None:
        """What else is found, or true, in the same place; where nothing is, the surest other class, or any other."""
        box = self._held(label, prediction.to(label))[column : column + 1]
        rows = real(prediction).to(label)
        others = rows[rows[:, 4] != column]
        overlaps = iou(others[:, :4], box.nan_to_num())[:, 0] >= FITS if len(others) else torch.zeros(0).bool()
        candidates = [*others[overlaps.to(others.device)][:, 4].tolist(), *others[:, 4].tolist(), *self.marked(label)]
        every = range(int(self.background), self.classes)
        return next((int(k) for k in [*candidates, *every] if int(k) != column), None)

    # What is told of it

    def verdict(self, label: Tensor, prediction: Tensor, names: Sequence[str]) -> str:
        """For example `Egg 93 % at IoU .8, missed: Bread, false: Soup 61 %`, or `no box found, missed: Egg`."""
        true, said = real(label), self.said(prediction).to(label)
        pairs = matched(said, true)
        hits = [
            (int(true[b, 4]), float(said[p, 5]), float(iou(said[p : p + 1, :4], true[b : b + 1, :4]))) for p, b in pairs
        ]
        missed = [int(true[b, 4]) for b in range(len(true)) if b not in {b for _, b in pairs}]
        false = [(int(said[p, 4]), float(said[p, 5])) for p in range(len(said)) if p not in {p for p, _ in pairs}]
        found = [f"{named(names[k], 12)} {percent(s)} at IoU {_short(overlap)}" for k, s, overlap in hits]
        kinds = {
            "missed: ": [named(names[k], 12) for k in missed],
            "false: ": [f"{named(names[k], 12)} {percent(s)}" for k, s in false],
        }
        parts = ["" if len(said) else "no box found", listed(found)]
        parts += [word + listed(some) for word, some in kinds.items() if some]
        return ", ".join(part for part in parts if part)

    def said(self, prediction: Tensor) -> Tensor:
        """The rows of an image, (M, 6), that count as said."""
        rows = real(prediction)
        return rows[rows[:, 5] >= SAID]

    def best(self, prediction: Tensor, label: Tensor) -> tuple[int, float]:
        """The class of the surest box, and its score."""
        rows = real(prediction)
        return (int(rows[0, 4]), float(rows[0, 5])) if len(rows) else (-1, 0.0)

    def curves_of(self, label: Tensor, prediction: Tensor) -> Tensor:
        """Of every class the largest product of score and IoU of a predicted box with a true one, (K,)."""
        true, found = real(label), torch.zeros(self.classes)
        for k in set(true[:, 4].long().tolist()):
            own, boxes = of_class(prediction, k).to(true), of_class(true, k)
            if len(own):
                found[k] = float((own[:, 5:] * iou(own[:, :4], boxes[:, :4])).max())
        return found

    def drawn(self, label: Tensor, columns: int, most: int) -> list[int]:
        """The true classes."""
        return sorted(self.marked(label))[:most]

    def marked(self, label: Tensor) -> list[int]:
        """The true classes, those of the largest boxes first."""
        true = real(label)
        order = area(true[:, :4]).argsort(descending=True, stable=True)
        return list(dict.fromkeys(true[order][:, 4].long().tolist()))

    def about(self, label: Tensor) -> dict[str, Any]:
        """All true classes."""
        return {**super().about(label), "labels": self.marked(label)}

    def truth(self, label: Tensor, column: int) -> Tensor | None:
        """Within the boxes of a class, bool (H, W)."""
        y, x = (torch.arange(length) + 0.5 for length in self.size)
        inside = torch.zeros(self.size, dtype=torch.bool)
        for left, top, right, bottom in of_class(label, column)[:, :4].tolist():
            inside |= ((y >= top) & (y < bottom))[:, None] & ((x >= left) & (x < right))
        return inside

    def certainty(self, prediction: Tensor, column: int) -> float | None:
        """None: of a box it takes the network."""
        return None

    def _plain(self, subject: Subject) -> Boxed:
        return Boxed.like(subject, classes=self.classes, sigmoid=self.sigmoid)

    def _held(self, label: Tensor, prediction: Tensor) -> Tensor:
        """The box of every class of one image, (K, 4).

        Of the predicted boxes of the class the one with the largest product of score and IoU with a true one; where
        none overlaps a true one, the largest true one; where there is none, the surest. NaN of a class of which
        there is nothing.
        """
        held = torch.full((self.classes, 4), torch.nan, device=label.device)
        for k in range(self.classes):
            own, true = of_class(prediction, k), of_class(label, k)
            fit = own[:, 5] * (iou(own[:, :4], true[:, :4]).amax(1) if len(true) else 1.0)
            if len(own) and float(fit.max()) > 0:
                held[k] = own[fit.argmax(), :4]
            elif len(true):
                held[k] = true[area(true[:, :4]).argmax(), :4]
        return held


def matched(predicted: Tensor, true: Tensor, *, same: bool = True) -> list[tuple[int, int]]:
    """Which predicted box finds which true one: the surest takes the one that it overlaps most, and so on.

    Args:
        predicted: (M, 6), the surest first.
        true: (B, 5).
        same: Whether both have to be of one class.

    Returns:
        Pairs of rows, each of which is in one pair at most, with an IoU of at least .5.
    """
    overlaps = iou(predicted[:, :4], true[:, :4])
    if same:
        overlaps = overlaps * (predicted[:, None, 4] == true[None, :, 4])
    pairs: list[tuple[int, int]] = []
    for p in range(len(predicted) if len(true) else 0):
        b = int(overlaps[p].argmax())
        if float(overlaps[p, b]) >= FITS:
            pairs.append((p, b))
            overlaps[:, b] = 0.0
    return pairs


def real(rows: Tensor) -> Tensor:
    """Rows of an image without those that only fill."""
    return rows[rows[:, 4] >= 0]


def of_class(rows: Tensor, column: int) -> Tensor:
    """Those rows of an image that are of one class."""
    return rows[rows[:, 4] == column]


def _short(share: float) -> str:
    return f"{share:.1f}".replace("0.", ".", 1)
