"""Images and labels out of a user's batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lightning_viz.harness.network.axes import Axes, channels_first
from lightning_viz.harness.network.calls import IMAGE_NAMES
from lightning_viz.harness.network.extras import Extras
from lightning_viz.harness.network.spatial.detections import stacked
from lightning_viz.harness.probes.labels import UNPACK, as_labels, described, groups, labels_around, places_around
from lightning_viz.harness.probes.targets import Targets, find_targets, is_target, largest, padded, targets_of
from lightning_viz.harness.tasks.task import Task
from lightning_viz.harness.tensors import named_tensors, plain


class Unpacked(NamedTuple):
    """What is found in a batch.

    Attributes:
        images: Floats (N, C, H, W), or five sides of volumes and clips, as the batch has them.
        labels: (N,) or (N, K), see `find_labels`; None where there are none of an image as a whole.
        extras: The batch around the images, or what the user gives beside them.
        places: Labels of the places of the images, (N, H, W) or (N, K, H, W), with one side more of volumes, see
            `places_around`; None where there are none.
        boxes: What is in the images, (N, B, 5), see `boxes_of`; None where nothing tells.
    """

    images: Tensor
    labels: Tensor | None
    extras: Extras
    places: Tensor | None = None
    boxes: Tensor | None = None

    @property
    def known(self) -> Tensor | None:
        """What is true of the images: the labels, or where there are none those of their places, or their boxes."""
        return next((t for t in (self.labels, self.places, self.boxes) if t is not None), None)

    def told(self, task: Task) -> Tensor | None:
        """What a task reads of them."""
        if task.places:
            return self.places
        return self.labels if task.counts != "boxes" else self.boxes

    @property
    def groups(self) -> list[int]:
        """The group of every image that probes are spread over, see `groups`; of boxes the class of the largest."""
        if self.boxes is None or self.known is not self.boxes:
            return groups(self.known, len(self.images), self.images.ndim)
        return groups(largest(self.boxes), len(self.images))

    def rows(self, items: Sequence[int], device: torch.device) -> Unpacked:
        """Some of them, on a device."""
        chosen = list(items)
        known = [None if t is None else t[chosen].to(device) for t in (self.labels, self.places, self.boxes)]
        return Unpacked(self.images[chosen].to(device), known[0], self.extras.rows(chosen).to(device), *known[1:])

    def arranged(self, axes: Axes | None) -> Unpacked:
        """The same with the channels of the images, and the classes of masks, second."""
        places = None if self.places is None else channels_first(self.places, axes)
        return self._replace(images=channels_first(self.images, axes), places=places)

    @staticmethod
    def joined(parts: Sequence[Unpacked]) -> Unpacked:
        """One behind the other, images in float32; without labels where one has none, or others.

        Raises:
            ValueError: The images are not of one size, and are no lists either.
        """
        sizes = sorted({tuple(part.images.shape[1:]) for part in parts})
        listed = all(part.extras.sizes is not None for part in parts)
        if len(sizes) > 1 and not listed:
            raise ValueError(
                f"Expected probes of one size, received {sizes}: pass probes=Probes(indices=[...]) with items of one "
                "size, or count=1."
            )
        # Clones, because a batch that was made in inference mode takes part in no gradient.
        images = padded([part.images for part in parts]).float().clone()
        labels, places = _joined([part.labels for part in parts]), _joined([part.places for part in parts])
        own = [part.boxes for part in parts if part.boxes is not None]
        boxes = stacked([one for rows in own for one in rows]) if len(own) == len(parts) else None
        return Unpacked(images, labels, Extras.joined([part.extras for part in parts]), places, boxes)


def _joined(parts: Sequence[Tensor | None]) -> Tensor | None:
    found = [part for part in parts if part is not None]
    fit = len(found) == len(parts) and len({one.shape[1:] for one in found}) == 1
    return torch.cat(found).clone() if fit else None


def unpacked(batch: Any, unpack: Callable[..., Any] | None = None) -> Unpacked:
    """Finds images and labels in a batch.

    Args:
        batch: Any nesting of tuples, lists, mappings and dataclasses.
        unpack: The user's own way, which returns both, and perhaps what the network is given beside the images; or
            images alone.

    Returns:
        The images: a float tensor (N, C, H, W), or of five sides, or one of integers where there is none; one that is
        named as images are before others, and one that is no mask, of zeros and ones alone, before masks. The labels,
        (N,) or (N, K), see `labels_around`, or None where there are none of an image as a whole; and those of places,
        see `places_around`.

    Raises:
        ValueError: No images are in the batch, or it cannot be told which tensor holds the labels.
    """
    if unpack is not None:
        return _checked(batch, unpack(batch))
    if (targets := find_targets(batch)) is not None:
        return _of_boxes(targets)
    tensors = list(named_tensors(batch))
    images = _images([(n, t) for n, t in tensors if t.ndim in (4, 5) and t.dtype != torch.bool])
    if images is None:
        raise ValueError(
            "Expected a batch with images (N, C, H, W), or volumes or clips with one side more, floats or bytes, and "
            "labels (N,) or (N, classes), received "
            f"{[described(name, t) for name, t in tensors] or type(batch).__name__}: {UNPACK}"
        )
    return _unpacked(batch, images, labels_around(images, tensors), places_around(images, tensors))


def _images(stacks: list[tuple[str, Tensor]]) -> Tensor | None:
    if len(stacks) < 2:
        return stacks[0][1] if stacks else None
    named = sorted(
        (IMAGE_NAMES.index(name.lower()), k) for k, (name, _) in enumerate(stacks) if name.lower() in IMAGE_NAMES
    )
    if named:
        return stacks[named[0][1]][1]
    floats = [t for _, t in stacks if t.is_floating_point()] or [t for _, t in stacks]
    return next((t for t in floats if not _is_mask(t)), floats[0])


def _is_mask(stack: Tensor) -> bool:
    return stack.shape[1] == 1 and bool(((stack == 0) | (stack == 1)).all())


def _checked(batch: Any, found: Any) -> Unpacked:
    parts = (found, None) if isinstance(found, Tensor) else found
    fits = isinstance(parts, (tuple, list)) and len(parts) in (2, 3)
    labels: Any
    images, labels, *more = parts if fits else (None, None)
    of_boxes = isinstance(labels, (list, tuple)) and len(labels) > 0 and all(is_target(one) for one in labels)
    if of_boxes and (targets := targets_of(images, labels, batch)) is not None:
        return _of_boxes(targets, *more)
    labelled = labels is None or (isinstance(labels, Tensor) and labels.ndim > 0)
    if not (isinstance(images, Tensor) and images.ndim in (4, 5) and labelled) or (
        labels is not None and len(images) != len(labels)
    ):
        shapes = [tuple(p.shape) if isinstance(p, Tensor) else type(p).__name__ for p in (images, labels)]
        raise ValueError(
            "Expected unpack to return images (N, C, H, W), or with one side more, and labels (N,) or (N, classes), "
            "and perhaps a tuple or dict of what the network takes beside the images; or images alone. Received "
            f"{shapes}."
        )
    known = None if labels is None else plain(labels)
    of_places = known is not None and known.ndim > 2
    return _unpacked(batch, plain(images), *((None, known) if of_places else (known, None)), *more)


def _of_boxes(targets: Targets, *more: Any) -> Unpacked:
    around = more[0] if more else targets.batch
    extras = Extras.of(around, targets.images, targets.each, given=bool(more), listed=targets.listed)
    return Unpacked(targets.images.float(), None, extras, boxes=targets.rows)


def _unpacked(batch: Any, images: Tensor, labels: Tensor | None, places: Tensor | None, *more: Any) -> Unpacked:
    beside = (labels, None if labels is not None else places)  # beside labels, a mask may be what the network takes
    extras = Extras.of(more[0], images, *beside, given=True) if more else Extras.of(batch, images, *beside)
    floats = images if images.is_floating_point() else images.float()
    return Unpacked(floats, None if labels is None else as_labels(labels), extras, places)
