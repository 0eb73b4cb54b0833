"""Scores of places as one score per class and image: the mean over a region that stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from typing_extensions import Self

from lightning_viz.harness.network.outputs import LastSigmoid
from lightning_viz.harness.network.spatial.maps import Maps
from lightning_viz.harness.network.spatial.shares import are_probabilities


class Places(NamedTuple):
    """What is said of the places of the probes, and what is true of them.

    Of classes that exclude each other (N, h, w), whole numbers; else (N, K, h, w) of 0 and 1; of volumes with one side
    more. What is not known is below 0 or NaN.

    Attributes:
        predicted: By the unperturbed network, at the size of its output.
        true: At the size of the labels; None where nothing is known.
        masks: Whether classes may overlap.
    """

    predicted: Tensor
    true: Tensor | None
    masks: bool

    def of(self, column: int, items: Sequence[int]) -> Tensor:
        """The region of a class in some probes: where it is said, else where it is true, else everywhere.

        Returns:
            Bool (n, 1, h, w) or (n, 1, d, h, w), never empty.
        """
        rows = list(items)
        area = where(self.predicted[rows], column, masks=self.masks)
        if self.true is not None:
            true = where(self.true[rows], column, masks=self.masks)
            area = _or_else(area, fitted(true[:, None], area.shape[1:])[:, 0])
        return _or_else(area, torch.ones_like(area))[:, None]


def where(places: Tensor, column: int, *, masks: bool) -> Tensor:
    """Where a class is, bool (N, ...), in classes (N, ...) or masks (N, K, ...).

    >>> where(torch.tensor([[[0.0, 1.0]]]), 1, masks=False).tolist()
    [[[False, True]]]
    """
    return places[:, column] > 0 if masks else places == column


def _or_else(area: Tensor, other: Tensor) -> Tensor:
    """Of each of (n, ...) the other one where there is nothing."""
    return torch.where(area.flatten(1).any(1).view(-1, *[1] * (area.ndim - 1)), area, other)


@dataclass(frozen=True)
class Regional(Maps):
    """A network that tells of places, as the mean of each class's logit over a region of the image.

    The sum over the places where the unperturbed network says the class (as the wrapper of captum's tutorial on
    segmentation and pytorch-grad-cam's `SemanticSegmentationTarget` take it), divided by their number: then it is in
    the unit of a place, and regions of any size compare. While an image is perturbed, its region stays.

    Attributes:
        independent: Whether classes may overlap.
        sigmoid: Whether the network itself puts out probabilities of classes that may overlap, or of a single one.
        places: Tells the regions of the probes, see `Places`; None where there are none.
        items: Which of the probes these are.
        area: The region of each, bool (n, 1, ...), of whatever size, where it is settled.
    """

    independent: bool = False
    sigmoid: bool = False
    places: Callable[[], Places] | None = field(default=None, compare=False)
    items: tuple[int, ...] = ()
    area: Tensor | None = field(default=None, compare=False)

    def __call__(self, images: Tensor) -> Tensor:
        """Mean logits over the region, (N, K); where none is settled, each class over its own.

        Raises:
            ValueError: There are other images than those with a region.
        """
        logits = self.logits(images)
        area = self._own(logits.shape[1]) if self.area is None and self.places is not None else self.area
        if area is None:
            return logits.flatten(2).mean(2)
        if len(area) not in (1, len(images)):
            raise ValueError(
                f"Expected {len(area)} images, each of which has a region of its own, received {len(images)}: ask "
                "`scene.subject.of(i)` for copies of probe i."
            )
        weight = fitted(area, logits.shape[2:]).to(logits)
        return (logits * weight).flatten(2).sum(2) / weight.flatten(2).sum(2)

    def outputs(self, images: Tensor) -> Tensor:
        """All scores of all places, in a row."""
        return self.maps(images).flatten(1)

    def logits(self, images: Tensor) -> Tensor:
        """Logits of classes at places, float32 (N, K, ...); of a single one, half of it for and half against."""
        with LastSigmoid() as last:
            outputs = self.maps(images)
        found: Tensor = last.logits(outputs) if self.sigmoid else outputs
        return as_logits(found, independent=self.independent, sigmoid=self.sigmoid and found is outputs)

    @property
    def local(self) -> bool:
        """Whether what is asked decides on the region."""
        return self.places is not None

    def about(self, column: int) -> Self:
        """Has all classes judged over the region of one of them."""
        return self if self.places is None else replace(self, area=self.places().of(column, self.items))

    def over(self, area: Tensor) -> Self:
        """Has all classes judged over a region, bool (H, W) or (D, H, W) of whatever size, whatever is asked."""
        return replace(self, places=None, area=area[None, None])

    def anywhere(self) -> Self:
        """Has all classes judged over whole images."""
        return replace(self.of(0), places=None, area=None)

    def rows(self, items: Sequence[int]) -> Self:
        """For some of the images, with their regions and what stands beside them."""
        some = list(items)
        area = self.area if self.area is None or len(self.area) == 1 else self.area[some]
        return replace(super().rows(items), items=tuple(self.items[i] for i in some) if self.items else (), area=area)

    def _own(self, classes: int) -> Tensor:
        assert self.places is not None
        found = self.places()
        return torch.cat([found.of(k, self.items) for k in range(classes)], dim=1)


def as_logits(outputs: Tensor, *, independent: bool, sigmoid: bool) -> Tensor:
    """Outputs (N, K, ...) as logits; a single one of a foreground as two classes, the background first."""
    if sigmoid:
        outputs = outputs.logit(1e-6)
    if independent:
        return outputs
    if outputs.shape[1] == 1:
        return torch.cat([-outputs / 2, outputs / 2], dim=1)
    return outputs.clamp(1e-12, 1).log() if are_probabilities(outputs) else outputs


def fitted(area: Tensor, size: Sequence[int]) -> Tensor:
    """Regions (n, K, ...), bool, at another size; one that would vanish keeps the places that it touches.

    >>> fitted(torch.tensor([[[[True, False, False, False]]]]), (1, 2)).tolist()
    [[[[True, False]]]]
    """
    own, wanted = area.shape[2:], tuple(size)
    if own == wanted:
        return area
    if all(new >= old for new, old in zip(wanted, own, strict=True)):
        return F.interpolate(area.float(), wanted, mode="nearest") > 0
    shares = F.interpolate(area.float(), wanted, mode="area")
    most = shares >= 0.5
    return torch.where(most.flatten(2).any(2).view(*most.shape[:2], *[1] * len(own)), most, shares > 0)
