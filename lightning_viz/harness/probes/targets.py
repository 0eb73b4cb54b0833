"""Boxes among the targets of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_viz.harness.network.spatial.detections import corners, stacked
from lightning_viz.harness.network.spatial.overlap import area
from lightning_viz.harness.tensors import named_tensors, plain

BOXES = ("boxes", "bboxes", "bbox")
CLASSES = ("labels", "class_labels", "category_ids", "category_id", "classes")
_IMAGE = 3
"""Dimensions of an image in a list."""


class Targets(NamedTuple):
    """What a batch has to say of boxes.

    Attributes:
        images: (N, C, H, W), those of a list in the upper left corner of the largest, with zeros around them.
        listed: The images as the batch has them, where that is a list.
        each: A mapping with boxes and labels for each image.
        batch: The batch, images beside targets.
    """

    images: Tensor
    listed: Sequence[Tensor] | None
    each: Sequence[Mapping[str, Any]]
    batch: Any

    @property
    def rows(self) -> Tensor:
        """The boxes, see `boxes_of`."""
        sizes = [(one.shape[-2], one.shape[-1]) for one in (self.images if self.listed is None else self.listed)]
        return boxes_of(self.each, sizes).to(self.images.device)


def find_targets(batch: Any) -> Targets | None:
    """Images and boxes in a batch: one tensor or a list of images, and as many mappings with boxes; None of another.

    Batches are also understood as a list of pairs of both.
    """
    if isinstance(batch, (list, tuple)) and len(batch) and all(_is_pair(one) for one in batch):
        batch = [one[0] for one in batch], [one[1] for one in batch]
    each = next((part for part in _lists(batch) if all(is_target(one) for one in part)), None)
    if each is None:
        return None
    return targets_of(_images(batch, each), each, batch)


def targets_of(images: Any, each: Sequence[Mapping[str, Any]], batch: Any) -> Targets | None:
    """Images, one tensor or a list of (C, H, W), beside what is known of each of them; None where they do not fit."""
    if images is None or len(images) != len(each):
        return None
    if isinstance(images, Tensor):
        return Targets(plain(images), None, each, batch)
    return Targets(padded([plain(one) for one in images]), images, each, batch)


def padded(images: Sequence[Tensor]) -> Tensor:
    """Images (C, H, W) or (N, C, H, W) of several sizes, each in the upper left corner of one as large as the largest.

    >>> padded([torch.ones(1, 1, 2), torch.ones(1, 2, 1)])[1, 0].tolist()
    [[1.0, 0.0], [1.0, 0.0]]
    """
    height, width = (max(one.shape[d] for one in images) for d in (-2, -1))
    large = [F.pad(one, (0, width - one.shape[-1], 0, height - one.shape[-2])) for one in images]
    return torch.stack(large) if large[0].ndim == _IMAGE else torch.cat(large)


def is_target(part: Any) -> bool:
    """Whether a part of a batch tells of the boxes of one image."""
    return isinstance(part, Mapping) and _key(part, BOXES) is not None and _key(part, CLASSES) is not None


def boxes_of(each: Sequence[Mapping[str, Any]], sizes: Sequence[tuple[int, int]]) -> Tensor:
    """The boxes of images in pixels, cut at their edges; without those of no area, and of labels below 0.

    Args:
        each: For every image its boxes (B, 4) and classes (B,): left, top, right and bottom in pixels; or where all of
            the batch are in [0, 1], centre, width and height as shares of the image.
        sizes: Height and width of each image.

    Returns:
        Float32 (N, B, 5) on the CPU: left, top, right, bottom and class; behind the last box of an image its class is
        -1.

    Raises:
        ValueError: They are not (B, 4), not as many as the classes, or no box ends behind where it begins.
    """
    rows = [_rows(one) for one in each]
    every = torch.cat(rows)
    shares = len(every) > 0 and bool(((every[:, :4] >= 0) & (every[:, :4] <= 1)).all())
    if shares:
        pairs = zip(rows, sizes, strict=True)
        rows = [torch.cat([corners(one[:, :4], size), one[:, 4:]], dim=1) for one, size in pairs]
    elif bool((every[:, 2:4] < every[:, :2]).any()):
        wrong = every[(every[:, 2:4] < every[:, :2]).any(1)][0]
        raise ValueError(
            f"Expected boxes (left, top, right, bottom) in pixels, received {wrong[:4].tolist()}, which ends before it "
            "begins, as (left, top, width, height) does: pass probes=Probes(unpack=...), a function from a batch to "
            "(images, targets) with boxes of the former kind."
        )
    return stacked([_within(one, size) for one, size in zip(rows, sizes, strict=True)])


def largest(boxes: Tensor) -> Tensor | None:
    """The class of the largest box of every image, long (N,), -1 where there is none; None where no image has any.

    Args:
        boxes: (N, B, 5), as `boxes_of` returns them.
    """
    if not bool((boxes[..., 4] >= 0).any()):
        return None
    return boxes[..., 4].gather(1, area(boxes[..., :4]).argmax(1, keepdim=True))[:, 0].long()


def _within(rows: Tensor, size: tuple[int, int]) -> Tensor:
    most = rows.new_tensor([size[1], size[0]] * 2)
    rows = torch.cat([torch.minimum(rows[:, :4].clamp_min(0), most), rows[:, 4:]], dim=1)
    kept = (rows[:, 2:4] > rows[:, :2]).all(1) & (rows[:, 4] >= 0)
    return rows[kept]


def _rows(target: Mapping[str, Any]) -> Tensor:
    boxes, classes = (torch.as_tensor(target[_key(target, keys) or ""]) for keys in (BOXES, CLASSES))
    boxes, classes = plain(boxes).detach().float().cpu(), plain(classes).detach().float().cpu()
    if not boxes.numel():
        return torch.zeros(0, 5)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or classes.shape != boxes.shape[:1]:
        raise ValueError(
            f"Expected boxes (B, 4) and labels (B,) of each image, received {tuple(boxes.shape)} and "
            f"{tuple(classes.shape)}: pass probes=Probes(unpack=...), a function from a batch to (images, targets)."
        )
    return torch.cat([boxes, classes[:, None]], dim=1)


def _key(part: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next((name for name in names if name in part), None)


def _is_pair(part: Any) -> bool:
    if not isinstance(part, (list, tuple)) or len(part) != 2:
        return False
    return isinstance(part[0], Tensor) and part[0].ndim == _IMAGE and is_target(part[1])


def _lists(batch: Any) -> Iterator[Sequence[Any]]:
    """All lists and tuples of a batch that are not empty, and what they hold."""
    if isinstance(batch, Mapping):
        for part in batch.values():
            yield from _lists(part)
    elif isinstance(batch, (list, tuple)) and len(batch):
        yield batch
        for part in batch:
            yield from _lists(part)


def _images(batch: Any, each: Sequence[Any]) -> Tensor | Sequence[Tensor] | None:
    stacks = [t for _, t in named_tensors(batch) if t.ndim == _IMAGE + 1 and len(t) == len(each)]
    if stacks:
        return next((t for t in stacks if t.is_floating_point()), stacks[0])
    fits = lambda part: isinstance(part, Tensor) and part.ndim == _IMAGE  # noqa: E731
    return next((part for part in _lists(batch) if len(part) == len(each) and all(map(fits, part))), None)
