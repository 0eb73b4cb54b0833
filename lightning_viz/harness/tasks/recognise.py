"""Which task it is, by what labels and outputs look like."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

from torch import Tensor

from lightning_viz.harness.tasks.classes import Classes
from lightning_viz.harness.tasks.labels import Labels
from lightning_viz.harness.tasks.nothing import Nothing
from lightning_viz.harness.tasks.regions import Regions
from lightning_viz.harness.tasks.similarity import Similarity
from lightning_viz.harness.tasks.task import Kind, Task
from lightning_viz.harness.tasks.values import Values, are_shares, is_binary, is_whole

_MUCH_WIDER = 2
"""Outputs that are so many times as many as the classes that anybody knows of are an embedding, not classes."""
_VOID = 255
"""What stands for places without a class where these are bytes."""


class Evidence(NamedTuple):
    """What there is to recognise a task by.

    Attributes:
        labels: Of the probes, as the batches have them, (N, ...); None where there are none.
        columns: Scores per image; None where the output holds nothing of that kind.
        counts: How many classes anybody says that there are: by their names, or as a number.
        in_sigmoid: Whether the outputs are what a sigmoid of the network has made.
        places: Labels of places of the probes, (N, H, W) or (N, K, H, W); None where there are none.
        channels: Scores per place; None where the output holds nothing of that kind.
        ignore: What the user, or the module's losses and metrics, leave out.
    """

    labels: Tensor | None
    columns: int | None
    counts: Collection[int]
    in_sigmoid: Callable[[], bool]
    places: Tensor | None = None
    channels: int | None = None
    ignore: Collection[int] = ()


def recognise(wanted: Kind | None, seen: Evidence) -> tuple[Task, str]:
    """The task.

    Args:
        wanted: What the user asks for; None recognises it.
        seen: What there is to recognise it by.

    Returns:
        The task, and why, in a few words; empty where the user named it, or it is the usual one.

    Raises:
        ValueError: Two readings are left, or none fits.
    """
    if wanted is not None:
        return _made(wanted, seen), ""
    kind, why = _kind(seen)
    return _made(kind, seen), why


def _made(kind: Kind, seen: Evidence) -> Task:
    if kind == "labels":
        return Labels(sigmoid=seen.in_sigmoid())
    if kind == "regions":
        return _of_places(seen)
    if kind == "values":
        return Values(ordinal=seen.columns is not None and seen.columns > 1 and _one_each(seen.labels))
    plain: dict[Kind, Callable[[], Task]] = {"classes": Classes, "similarity": Similarity, "none": Nothing}
    return plain[kind]()


def _kind(seen: Evidence) -> tuple[Kind, str]:
    labels, columns = seen.labels, seen.columns
    if seen.places is not None and seen.channels is not None:
        return "regions", f"labels {_shape(seen.places)} of places for outputs (N, {seen.channels}, height, width)"
    if columns is None:
        return "none", "the network puts out no scores"
    if labels is None:
        embeds = columns > 1 and columns not in seen.counts
        why = f"no labels, and outputs (N, {columns}) that are no known classes"
        return ("similarity", why) if embeds else ("none", "there are no labels")
    if labels.ndim > 2:
        return "none", f"labels {_shape(labels)} are none of an image as a whole"
    return _of_one(labels.reshape(-1), columns, seen.counts) if _one_each(labels) else _of_several(labels, columns)


def _of_one(labels: Tensor, columns: int, counts: Collection[int]) -> tuple[Kind, str]:
    """Of labels (N,)."""
    if columns == 1:
        known = labels if labels.is_floating_point() else labels[labels >= 0]  # losses leave out negative classes
        return ("classes", "") if is_binary(known) else ("values", "labels other than 0 and 1 for a single output")
    if not is_whole(labels):
        raise _two(f"labels (N,) that are no whole numbers, for outputs (N, {columns})")
    largest = int(labels.max())
    if counts and columns >= _MUCH_WIDER * max(*counts, largest + 1, 1):
        return "similarity", f"outputs (N, {columns}) are many more than {max(*counts, 1)} classes"
    return "classes", ""


def _of_several(labels: Tensor, columns: int) -> tuple[Kind, str]:
    """Of labels (N, K)."""
    width = labels.shape[1]
    if width == columns or (width == 2 and columns == 1):
        if are_shares(labels):
            return "classes", f"labels {_shape(labels)} whose rows sum to 1, of which the largest is taken"
        if width == columns and is_binary(labels):
            return "labels", f"labels {_shape(labels)} of 0 and 1"
    if width != columns:
        raise _two(f"labels (N, {width}) for outputs (N, {columns})")
    if labels.is_floating_point() and float(labels.min()) >= 0 and float(labels.max()) <= 1:
        raise _two(f"labels (N, {width}) from 0 to 1, which may be soft labels or values")
    return "values", f"labels {_shape(labels)} other than 0 and 1"


def _of_places(seen: Evidence) -> Regions:
    """Of labels for places: one class each, or masks of which several may overlap."""
    labels, channels = seen.places, seen.channels or 1
    masks = labels is not None and labels.ndim == 4 and labels.shape[1] > 1
    apart = labels is not None and masks and bool((labels.sum(1) == 1).all())
    independent = masks and not apart
    if labels is not None and masks and labels.shape[1] != channels:
        raise _two(f"masks {_shape(labels)} for outputs (N, {channels}, height, width)")
    in_sigmoid = (independent or channels == 1) and seen.in_sigmoid()
    void = {_VOID} if labels is not None and 1 < channels <= _VOID and bool((labels == _VOID).any()) else set()
    return Regions(independent, in_sigmoid, 0 if channels == 1 else None, tuple(sorted({*seen.ignore, *void})))


def _one_each(labels: Tensor | None) -> bool:
    return labels is not None and labels.numel() == len(labels)


def _shape(labels: Tensor) -> str:
    return f"(N, {', '.join(map(str, labels.shape[1:]))})"


def _two(what: str) -> ValueError:
    return ValueError(
        f"Expected labels and outputs that tell what the outputs mean, received {what}: pass probes=Probes(task=...) "
        "with 'classes', 'labels', 'values', 'regions', 'similarity' or 'none', net= with the module that returns the "
        "scores, or unpack= where other tensors are the labels."
    )
