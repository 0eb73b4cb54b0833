"""Images that the network took for something else, kept as they go by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_viz.harness.network.extras import Extras
from lightning_viz.harness.network.spatial.detections import stacked
from lightning_viz.harness.network.spatial.shares import probabilities
from lightning_viz.harness.validation.boxes import became, f1

Pair = tuple[int, int]
"""The true class, and what it was taken for."""

ERROR: Pair = (-1, -1)
"""Stands for all images whose value was predicted wrongly."""
WORST: Pair = (-2, -2)
"""Stands for all images of places, by their mean intersection over union, or of boxes, by their F1 score."""
WORST_SHOWN = 6
_PAIRS = 8
"""Confusions of one image's pixels that are looked at, the most frequent ones."""


class Mistake(NamedTuple):
    """One image that was taken for another class.

    Attributes:
        image: Float32 (C, H, W) on the CPU, as the network takes it.
        confidence: The probability of the wrong class, in [0, 1]; None where the step told classes alone. Of places the
            share of the image that was mistaken so; of the worst images 1 less the mean intersection over union, or the
            F1 score; of a box that is missed 1 less what the network says of it.
        place: When it came, counted over all processes.
        values: The true and the predicted one, where values are predicted; the confidence is their difference.
        extras: What the network is given beside the image, on the CPU, if anything.
        places: Of places what is true and what is predicted, float32 (2, H, W) or (2, K, H, W), of
            volumes with D before H, on the CPU; of boxes, (2, M, 6).
    """

    image: Tensor
    confidence: float | None
    place: int
    values: tuple[float, float] | None = None
    extras: Extras | None = None
    places: Tensor | None = None

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        places = 0 if self.places is None else self.places.numel()
        return 4 * (self.image.numel() + places) + (0 if self.extras is None else self.extras.size)

    @property
    def order(self) -> tuple[float, int]:
        """The surest first, and of equally sure ones the earliest."""
        return _order(self.confidence, self.place)


class Mistakes:
    """The surest mistakes of one pass over a loader, in bounded memory.

    Where the room does not suffice, the confusion that was least frequent so far loses an image, and what is no more
    frequent than it gets none. So the images of the most frequent confusions are there at the end, the surest ones of
    those that came since there was room for them.

    Args:
        each: Images of each confusion.
        room: Bytes for all images together.
        least: As many images are kept in any case.
        boxes: How many classes there are, where boxes are predicted.
    """

    def __init__(self, each: int, *, room: int, least: int, boxes: int | None = None) -> None:
        self._each, self._room, self._least, self._boxes = each, room, least, boxes
        self._counts: Counter[Pair] = Counter()
        self._kept: dict[Pair, list[Mistake]] = {}
        self._bytes = self._images = 0
        self._fewest = 0  # no confusion with an image was less frequent when it was last looked

    @property
    def kept(self) -> int:
        """How many images are kept."""
        return self._images

    def see(
        self,
        images: Tensor,
        predictions: Tensor,
        labels: Tensor,
        *,
        counted: Tensor,
        places: Sequence[int],
        extras: Extras | None = None,
    ) -> None:
        """Looks through a batch.

        Args:
            images: (N, C, H, W), as the network takes them.
            predictions: Scores (N, K), or predicted classes (N,); what is predicted of places; boxes (N, M, 6).
            labels: (N,), bool (N, K) of several labels per image, or float (N, M) of values, of which the first counts;
                or those of places, float (N, H, W) or (N, K, H, W), of volumes with D before H, or boxes (N, B, 5).
            counted: Bool (N,): which to look at; their scores are finite.
            places: When each came.
            extras: What the network is given beside the images.
        """
        beside = 0 if extras is None else extras.size // max(len(images), 1)
        with torch.inference_mode(False), torch.no_grad():  # so that gradients can be taken of what is kept
            masks = labels.ndim == images.ndim
            found = _mistakes(predictions, labels, counted, masks=masks)
            if self._boxes is not None:
                labels = F.pad(labels, (0, 1))  # so that rows are as long as those of what is predicted
                found = _of_boxes(predictions, labels, counted, self._boxes)
            for i, pair, confidence in found:
                self._counts[pair] += 1
                size = 4 * (images[i].numel() + (2 * labels[i].numel() if labels.ndim > 2 else 0)) + beside
                if self._makes_room(pair, _order(confidence, places[i]), size):
                    values = (float(labels[i, 0]), float(predictions[i, 0])) if pair == ERROR else None
                    own = None if extras is None else extras.rows([i]).to(torch.device("cpu"))
                    both = _beside(labels[i], predictions[i]) if labels.ndim > 2 else None
                    image = images[i].float().cpu().clone()
                    self._keep(pair, Mistake(image, confidence, places[i], values, own, both))

    def surest(self, pair: Pair) -> list[Mistake]:
        """The mistakes that are kept of one confusion, the surest first."""
        return list(self._kept.get(pair, ()))

    def _makes_room(self, pair: Pair, order: tuple[float, int], size: int) -> bool:
        kept = self._kept.get(pair, [])
        if len(kept) == shown(pair, self._each):
            if order >= kept[-1].order:
                return False
            self._lose(pair)
        while self._images >= self._least and self._bytes + size > self._room:
            if self._counts[pair] <= self._fewest:
                return False
            victim = min(self._kept, key=lambda p: (self._counts[p], -self._kept[p][-1].order[0]))
            self._fewest = self._counts[victim]
            if self._counts[pair] <= self._fewest:
                return False
            self._lose(victim)
        return True

    def _keep(self, pair: Pair, mistake: Mistake) -> None:
        kept = self._kept.setdefault(pair, [])
        kept.append(mistake)
        kept.sort(key=lambda one: one.order)
        self._bytes += mistake.size
        self._images += 1

    def _lose(self, pair: Pair) -> None:
        lost = self._kept[pair].pop()
        if not self._kept[pair]:
            del self._kept[pair]
        self._bytes -= lost.size
        self._images -= 1


def shown(pair: Pair, each: int) -> int:
    """How many images are kept of a confusion, or of the worst images."""
    return WORST_SHOWN if pair == WORST else each


def surest(parts: Sequence[Sequence[Mistake]], count: int) -> list[Mistake]:
    """Out of what all processes have kept of one confusion the surest."""
    return sorted((one for part in parts for one in part), key=lambda one: one.order)[:count]


def _order(confidence: float | None, place: int) -> tuple[float, int]:
    return -(confidence or 0.0), place


def _mistakes(
    predictions: Tensor, labels: Tensor, counted: Tensor, *, masks: bool
) -> Iterator[tuple[int, Pair, float | None]]:
    """Number, classes and confidence of each image of a batch that was taken for something else."""
    if labels.ndim > 2:
        yield from _of_places(predictions, labels, counted, masks=masks)
        return
    if labels.ndim == 2 and labels.is_floating_point():
        off = (predictions[:, 0] - labels[:, 0]).abs()
        yield from ((i, ERROR, float(off[i])) for i in (counted & (off > 0)).nonzero().flatten().tolist())
        return
    if labels.ndim == 2:
        yield from _mixed_up(predictions, labels, counted)
        return
    predicted = predictions.argmax(dim=1) if predictions.ndim == 2 else predictions
    where = ((predicted != labels) & counted).nonzero().flatten()
    sure: Sequence[float | None] = [None] * len(where)
    if predictions.ndim == 2:
        share = torch.zeros_like(predictions, dtype=torch.float32)
        share[counted] = probabilities(predictions[counted].float())
        sure = share[where, predicted[where]].tolist()
    pairs = zip(labels[where].tolist(), predicted[where].tolist(), strict=True)
    yield from zip(where.tolist(), pairs, sure, strict=True)


def _of_boxes(
    predicted: Tensor, labels: Tensor, counted: Tensor, classes: int
) -> Iterator[tuple[int, Pair, float | None]]:
    """The same of boxes; those that are missed are the surest where the network says least of them."""
    for i in counted.nonzero().flatten().tolist():
        found = became(predicted[i].cpu(), labels[i].cpu())
        yield i, WORST, 1 - f1(found)
        surest: dict[Pair, float] = {}
        for one in found:
            if one.true != one.said:
                pair = one.cell(classes)
                surest[pair] = max(surest.get(pair, 0.0), 1 - one.score if one.said is None else one.score)
        yield from ((i, pair, score) for pair, score in surest.items())


def _beside(label: Tensor, predicted: Tensor) -> Tensor:
    """What is true and what is predicted of an image, on the CPU; boxes as many rows."""
    sides = [label.float().cpu(), predicted.float().cpu()]
    return torch.stack(sides) if label.shape == predicted.shape else stacked(sides)


def _of_places(
    predicted: Tensor, labels: Tensor, counted: Tensor, *, masks: bool
) -> Iterator[tuple[int, Pair, float | None]]:
    """The same of places: of each image its most frequent confusions of pixels, and the image as a whole."""
    for i in counted.nonzero().flatten().tolist():
        table = confusions(labels[i], predicted[i], masks=masks)
        known = labels[i, 0].numel() if masks else max(int((labels[i] >= 0).sum()), 1)
        yield i, WORST, 1 - _mean_iou(table, labels[i], predicted[i], masks=masks)
        wrong = (table - table.diagonal().diag()).flatten()
        for cell in wrong.argsort(descending=True, stable=True)[:_PAIRS].tolist():
            if wrong[cell]:
                yield i, divmod(cell, len(table)), int(wrong[cell]) / known


def confusions(true: Tensor, predicted: Tensor, *, masks: bool = False) -> Tensor:
    """How many pixels of an image were taken for what, long (K, K), rows true; K is as many as there must be.

    Args:
        true: (H, W) or (D, H, W), or masks with their classes first.
        predicted: Likewise.
        masks: Whether it is these: then off the diagonal the row is missed where the column is said.

    >>> confusions(torch.tensor([[0.0, 1.0, -1.0]]), torch.tensor([[0.0, 0.0, 1.0]])).tolist()
    [[1, 0], [1, 0]]
    """
    if masks:
        a, b = (true == 1).flatten(1).float(), (predicted == 1).flatten(1).float()
        known = (true >= 0).flatten(1).float()
        off = (a * (1 - b)) @ (b * (1 - a) * known).T
        return (off + (a * b).sum(1).diag()).round().long().cpu()
    known = true >= 0
    classes = int(max(true.max(), predicted.max(), torch.zeros_like(true.max()))) + 1
    cells = true[known].long() * classes + predicted[known].long()
    return torch.bincount(cells, minlength=classes**2).reshape(classes, classes).cpu()


def _mean_iou(table: Tensor, true: Tensor, predicted: Tensor, *, masks: bool) -> float:
    if masks:
        a, b = true == 1, (predicted == 1) & (true >= 0)
        both, either = (a & b).flatten(1).sum(1), (a | b).flatten(1).sum(1)
    else:
        both, either = table.diagonal(), table.sum(0) + table.sum(1) - table.diagonal()
    there = either > 0
    return float((both[there] / either[there]).mean()) if bool(there.any()) else 1.0


def _mixed_up(predictions: Tensor, labels: Tensor, counted: Tensor) -> Iterator[tuple[int, Pair, float | None]]:
    """The same of several labels: of each image every missed class with every falsely predicted one."""
    found = predictions > 0
    missed, false = labels & ~found & counted[:, None], found & ~labels & counted[:, None]
    sure = predictions.sigmoid()
    for i in (missed.any(1) & false.any(1)).nonzero().flatten().tolist():
        for true in missed[i].nonzero().flatten().tolist():
            for wrong in false[i].nonzero().flatten().tolist():
                yield i, (true, wrong), float(sure[i, wrong])
