"""A small detector of one stage without anchors, as FCOS (arXiv:1904.01355, 2019): every place tells a box."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Target = dict[str, Tensor]

STRIDE = 8
"""Pixels from one place to the next."""
LEAST, OVERLAP, MOST = 0.05, 0.5, 20
"""Boxes with a smaller score are left out; and those that overlap a surer one of their class by more; so many stay."""


class Detector(nn.Module):
    """Three blocks that halve the image, two that do not; of each place a logit for every class, and four edges.

    In eval mode it takes images, float32 (N, 3, size, size), and gives a dict for each, as torchvision's detectors do:
    `boxes` (M, 4), left, top, right and bottom in pixels, `labels` (M,) and `scores` (M,) in [0, 1].

    Args:
        classes: How many.
        width: Channels of the first block.

    >>> found = Detector(3, 4).eval()(torch.rand(2, 3, 32, 32))
    >>> len(found), sorted(found[0])
    (2, ['boxes', 'labels', 'scores'])
    """

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        channels = [3, width, 2 * width, 4 * width, 8 * width, 8 * width]
        layers: list[nn.Module] = []
        for level, (inputs, outputs) in enumerate(pairwise(channels)):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
            layers += [nn.MaxPool2d(2)] if level < 3 else []
        self.body = nn.Sequential(*layers)
        self.score, self.edges = nn.Conv2d(8 * width, classes, 1), nn.Conv2d(8 * width, 4, 1)
        nn.init.constant_(self.score.bias, -4.0)  # type: ignore[arg-type]  # most places have nothing

    def forward(self, images: Tensor) -> list[Target]:
        """What is found in each image."""
        return self.found(self.places(images), images)

    def found(self, places: tuple[Tensor, Tensor], images: Tensor) -> list[Target]:
        """What `places` tells of each of these images."""
        size = (images.shape[-2], images.shape[-1])
        return [_found(logits, boxes, size) for logits, boxes in zip(*places, strict=True)]

    def places(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Of every place of images (N, 3, H, W) its logits (N, P, classes) and its box (N, P, 4) in pixels."""
        features = self.body(images)
        far = F.softplus(self.edges(features)).flatten(2).transpose(1, 2) * STRIDE
        at = _centres(features)
        return self.score(features).flatten(2).transpose(1, 2), torch.cat([at - far[..., :2], at + far[..., 2:]], dim=2)

    def loss(self, places: tuple[Tensor, Tensor], targets: Sequence[Target], size: int) -> Tensor:
        """Focal loss (arXiv:1708.02002, 2017) of the scores and 1 - IoU of the boxes, per box that is there.

        Args:
            places: What `places` returned.
            targets: `boxes` (B, 4) and `labels` (B,) of each image.
            size: Edge of the images.
        """
        total = places[0].new_zeros(())
        at = _centres(places[0].new_zeros(1, 1, size // STRIDE, size // STRIDE))
        for logits, boxes, target in zip(*places, targets, strict=True):
            which = _assigned(at, target["boxes"])
            inside = which >= 0
            wanted = torch.zeros_like(logits)
            wanted[inside, target["labels"][which[inside]]] = 1.0
            total = total + _focal(logits, wanted) + (1 - _overlap(boxes[inside], target["boxes"][which[inside]])).sum()
        return total / max(sum(len(target["boxes"]) for target in targets), 1)


def _centres(features: Tensor) -> Tensor:
    """The centre of every place of features (N, D, h, w) in pixels, (h * w, 2)."""
    y, x = (torch.arange(length, device=features.device) + 0.5 for length in features.shape[-2:])
    return STRIDE * torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=2).reshape(-1, 2)


def _assigned(at: Tensor, boxes: Tensor) -> Tensor:
    """The box in whose middle each place (P, 2) lies, long (P,), -1 where in none; the middle is half as wide."""
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    apart = ((at[:, None] - middle[None]).abs() / half[None].clamp_min(1.0)).amax(2)
    nearest = apart.min(1)
    return torch.where(nearest.values < 0.5, nearest.indices, -1)


def _focal(logits: Tensor, wanted: Tensor) -> Tensor:
    wrong = (logits.sigmoid() - wanted).abs()
    return (wrong.square() * F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")).sum()


def _overlap(boxes: Tensor, others: Tensor) -> Tensor:
    """IoU of pairs of boxes, (..., 4) each."""
    sides = torch.minimum(boxes[..., 2:], others[..., 2:]) - torch.maximum(boxes[..., :2], others[..., :2])
    both = sides.clamp_min(0).prod(-1)
    areas = [(one[..., 2:] - one[..., :2]).prod(-1) for one in (boxes, others)]
    return both / (areas[0] + areas[1] - both)


def _found(logits: Tensor, boxes: Tensor, size: tuple[int, int]) -> Target:
    """The boxes of one image, without those that overlap a surer one of their class."""
    scores, labels = logits.sigmoid().max(1)
    order = scores.argsort(descending=True)[:200]
    order = order[scores[order] >= LEAST]
    kept: list[int] = []
    while len(order) and len(kept) < MOST:
        first, order = order[0], order[1:]
        kept.append(int(first))
        same = (labels[order] == labels[first]) & (_overlap(boxes[order], boxes[first]) > OVERLAP)
        order = order[~same]
    edges = boxes.new_tensor([size[1], size[0]] * 2)
    inside = torch.minimum(boxes[kept].clamp_min(0), edges)
    return {"boxes": inside, "labels": labels[kept], "scores": scores[kept]}


def found_share(found: Sequence[Target], targets: Sequence[Target]) -> Tensor:
    """F1 of each image at a score and an IoU of .5, (N,) in [0, 1]."""
    return torch.stack([_f1(one, target) for one, target in zip(found, targets, strict=True)])


def _f1(found: Target, target: Target) -> Tensor:
    said = found["scores"] >= 0.5
    boxes, labels = found["boxes"][said], found["labels"][said]
    fits = _overlap(boxes[:, None], target["boxes"][None]) >= 0.5
    fits &= labels[:, None] == target["labels"][None]
    hits = int(fits.any(0).sum())  # no two dishes are of one class, so that none takes what another one needs
    return torch.tensor(2 * hits / max(len(labels) + len(target["labels"]), 1))
