"""Counts of what a network says of places: pixel by pixel, without keeping any."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import torch
from torch import Tensor
from torchmetrics.classification import MulticlassConfusionMatrix, MultilabelConfusionMatrix

from lightning_viz.harness.validation.tallies import LabelTally, Tally

NO_LABEL = "pixels without a class"


@dataclass
class RegionTally(LabelTally):
    """What was counted of places; the table is of pixels.

    Attributes:
        independent: Whether classes may overlap; then the table is that of several labels.
    """

    independent: bool = False

    def __add__(self, other: Tally) -> Tally:
        assert isinstance(other, RegionTally)
        left_out = self.left_out + other.left_out
        return RegionTally(self.table + other.table, left_out, self.each + other.each, self.independent)

    @property
    def iou(self) -> Tensor:
        """Float64 (K,): intersection over union of every class (Jaccard index), NaN of one that there is none of."""
        hits, wrong = self._hits, self._wrong
        return hits / (hits + wrong)

    @property
    def dice(self) -> Tensor:
        """Float64 (K,): the Dice coefficient of every class, the F1 score of its pixels; NaN likewise."""
        hits, wrong = self._hits, self._wrong
        return 2 * hits / (2 * hits + wrong)

    @property
    def right(self) -> tuple[int, int]:
        """How many pixels are right, of how many; of classes that may overlap those where one is true."""
        hits = int(self._hits.sum())
        return hits, int(self.of.sum())

    @property
    def _hits(self) -> Tensor:
        return self.each[:, 1, 1].double()

    @property
    def _wrong(self) -> Tensor:
        return (self.each[:, 0, 1] + self.each[:, 1, 0]).double()


class RegionCount:
    """Counts classes of places; see `Count`."""

    def __init__(self, classes: int, device: torch.device, *, independent: bool) -> None:
        kind = MultilabelConfusionMatrix if independent else MulticlassConfusionMatrix
        self._metric = kind(classes, ignore_index=-1, sync_on_compute=False, validate_args=False).to(device)
        self._independent, self._skipped = independent, 0
        self._pairs = torch.zeros(classes, classes, dtype=torch.long)

    def update(self, scores: Tensor, labels: Tensor) -> None:
        """Counts what is predicted, finite, beside labels, both (N, H, W) or (N, K, H, W)."""
        self._skipped += int((labels < 0).sum())
        predicted, true = scores.long(), labels.long()
        self._metric.update(predicted, true)
        if self._independent:
            for one, other in zip(predicted.flatten(2), true.flatten(2), strict=True):
                # Single precision, which every device has, counts the pixels of an image up to 16 million.
                missed, false = ((other == 1) & (one == 0)).float(), ((other == 0) & (one == 1)).float()
                hits = ((other == 1) & (one == 1)).sum(1)
                self._pairs += (missed @ false.T).round().long().cpu() + hits.diag().cpu()

    def tally(self, left_out: Counter[str]) -> RegionTally:
        """What was counted."""
        left_out = left_out + Counter({NO_LABEL: self._skipped})
        found = self._metric.compute().cpu()
        if self._independent:
            return RegionTally(self._pairs.clone(), left_out, found, independent=True)
        return RegionTally(found, left_out, _each(found))


def _each(table: Tensor) -> Tensor:
    """Of every class of a table (K, K) how often it is and is not true (rows) and predicted (columns), (K, 2, 2)."""
    hits = table.diagonal()
    missed, false = table.sum(1) - hits, table.sum(0) - hits
    rest = table.sum() - hits - missed - false
    return torch.stack([rest, false, missed, hits], dim=1).reshape(-1, 2, 2)
