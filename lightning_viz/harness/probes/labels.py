"""Labels among the tensors of a batch, and what data sets know of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, Subset

UNPACK = "pass probes=Probes(unpack=...), a function from a batch to (images, labels)."
_VOID = 255
"""What stands for places without a class where these are bytes."""
_ROWS = 2
"""The kind of labels of several columns, behind those of whole numbers."""
MASKS = ("mask", "masks", "segmentation", "seg", "semantic", "segments")
NAMES = ("label", "labels", "target", "targets", "y", "class", "classes", "category")


def find_labels(candidates: Sequence[tuple[str, Tensor]]) -> Tensor | None:
    """The labels among tensors of as many rows as there are images, with their names, if any.

    Of the first of these kinds that there are: whole numbers (N,), floats (N,) that are whole, rows (N, K), other
    floats (N,), booleans (N,); what is named as labels are goes before all others.

    Raises:
        ValueError: Several with other names could be meant.
    """
    kinds: list[list[tuple[str, Tensor]]] = [[] for _ in range(5)]
    for name, tensor in candidates:
        kinds[_kind(tensor)].append((name, tensor))
    named = [t for kind in kinds for name, t in kind if name.lower() in NAMES]
    if named:
        return named[0]
    first = next((kind for kind in kinds if kind), [])
    if len([name for name, _ in first if name]) > 1:
        raise ValueError(f"Expected one tensor of labels, received {[described(n, t) for n, t in first]}: {UNPACK}")
    return first[0][1] if first else None


def labels_around(images: Tensor, tensors: Sequence[tuple[str, Tensor]]) -> Tensor | None:
    """The labels in a batch of these images, see `find_labels`.

    Where no name tells them, whole numbers go before all others, and what stands behind the images before the rest.

    Args:
        images: (N, C, H, W).
        tensors: All tensors of the batch, with their names, if any; the images are one of them.

    Raises:
        ValueError: Several with other names could be meant.
    """
    where = next(k for k, (_, t) in enumerate(tensors) if t is images)
    fits = [t.ndim in (1, 2) and len(t) == len(images) and t.numel() > 0 for _, t in tensors]
    every = [one for one, fit in zip(tensors, fits, strict=True) if fit]
    if any(name.lower() in NAMES for name, _ in every):
        return find_labels(every)
    behind = [one for k, (one, fit) in enumerate(zip(tensors, fits, strict=True)) if fit and (one[0] or k > where)]
    kinds = [[one for one in some if _kind(one[1]) < _ROWS] for some in (behind, every)]
    return find_labels(next((some for some in (*kinds, behind, every) if some), []))


def places_around(images: Tensor, tensors: Sequence[tuple[str, Tensor]]) -> Tensor | None:
    """Labels of the places of these images in their batch: whole numbers (N, H, W) or (N, 1, H, W), masks (N, K, H, W).

    Of volumes and clips they have one side more. Those of the images' size go before others, and then those that are
    named as such.

    Args:
        images: (N, C, H, W), or with one side more.
        tensors: All tensors of the batch, with their names, if any; the images are one of them.
    """
    size, sides = images.shape[-2:], images.ndim
    others = [(name.lower(), t) for name, t in tensors if t is not images and len(t) == len(images)]
    found = [(name, t) for name, t in others if _of_places(t, sides)]
    rank = {name: k for k, name in enumerate((*MASKS, *NAMES))}
    order = sorted(found, key=lambda one: (one[1].shape[-2:] != size, rank.get(one[0], len(rank))))
    return order[0][1] if order else None


def _of_places(tensor: Tensor, sides: int) -> bool:
    if tensor.ndim not in (sides - 1, sides) or min(tensor.shape[-2:]) < 2:
        return False
    if tensor.ndim == sides and tensor.shape[1] > 1:
        return bool(((tensor == 0) | (tensor == 1)).all())
    return not tensor.is_floating_point() or bool((tensor == tensor.floor()).all())


def as_labels(tensor: Tensor) -> Tensor:
    """Labels as all that is recognised of them: one per image as (N,), whole ones as long, unless they are floats."""
    tensor = tensor.reshape(-1) if tensor.ndim == 2 and tensor.shape[1] == 1 else tensor
    return tensor if tensor.is_floating_point() else tensor.long()


def groups(labels: Tensor | None, count: int, sides: int = 4) -> list[int]:
    """The group of every image that probes are spread over: classes, or tenths of the values there are.

    Args:
        labels: As batches have them, (N, ...), or None.
        count: N.
        sides: Of the images, the first two included; masks have as many.
    """
    if labels is None or not len(labels):
        return [0] * count
    if labels.ndim > 2:
        return [_largest(one, masks=labels.ndim == sides) for one in labels]
    if labels.ndim == 2:
        return torch.where(labels.amax(1) > 0, labels.argmax(1), labels.shape[1]).tolist()
    if not labels.is_floating_point() or (bool((labels == labels.floor()).all()) and float(labels.min()) >= -1):
        return labels.long().tolist()
    place = torch.empty(count, dtype=torch.long).scatter_(0, labels.cpu().argsort(stable=True), torch.arange(count))
    return (place * 10 // count).tolist()


def _largest(places: Tensor, *, masks: bool) -> int:
    """The largest class above 0 of places (H, W) or (1, H, W), or the largest mask of (K, H, W)."""
    if masks and len(places) > 1:
        return int(places.flatten(1).sum(1).argmax())
    counts = torch.bincount(places[(places > 0) & (places < _VOID)].long().flatten(), minlength=1)
    return int(counts.argmax())


def described(name: str, tensor: Tensor) -> str:
    """A tensor of a batch, as errors describe it."""
    return f"{name} {str(tensor.dtype)[6:]} {tuple(tensor.shape)}".strip()


def _kind(tensor: Tensor) -> int:
    if tensor.numel() != len(tensor):
        return _ROWS
    if tensor.dtype == torch.bool:
        return 4
    if not tensor.is_floating_point():
        return 0
    # Losses for two classes want their labels as floats.
    return 1 if bool((tensor == tensor.floor()).all()) else 3


def dataset_labels(dataset: Any) -> Sequence[int] | None:
    """The labels of a whole data set where it knows them without loading its items, else `None`."""
    if isinstance(dataset, Subset):
        labels = dataset_labels(dataset.dataset)
        return None if labels is None else [int(labels[i]) for i in dataset.indices]
    if isinstance(dataset, ConcatDataset):
        parts = [dataset_labels(d) for d in dataset.datasets]
        return None if any(p is None for p in parts) else [label for p in parts if p is not None for label in p]
    for name in ("targets", "labels"):
        found = getattr(dataset, name, None)
        values: Any = found if isinstance(found, (list, tuple)) else getattr(found, "tolist", lambda: None)()
        if (
            isinstance(values, (list, tuple))
            and len(values) == len(dataset)
            and all(isinstance(v, int) for v in values)
        ):
            return values
    return None
