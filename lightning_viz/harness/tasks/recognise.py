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

_WIDE, _FAR_WIDER = 32, 8
"""Where nobody knows of any classes, at least so many outputs, and so many times as many as labels, may be either."""


class Evidence(NamedTuple):
    """What there is to recognise a task by.

    Attributes:
        labels: Of the probes, as the batches have them, (N, ...); None where there are none.
        columns: Scores per image; None where the output holds nothing of that kind.
        counts: How many classes anybody says that there are: by their names, or as a number.
        in_sigmoid: Whether the outputs are what a sigmoid of the network has made.
        named: Those of the counts that are numbers of names.
        outputs: The scores of some images, (N, columns).
        places: Labels of places of the probes, (N, H, W) or (N, K, H, W), of volumes with one side more; None where
            there are none.
        channels: Scores per place; None where the output holds nothing of that kind.
        ignore: What the user, or the module's losses and metrics, leave out.
        sides: Of the images, the first two included.
    """

    labels: Tensor | None
    columns: int | None
    counts: Collection[int]
    in_sigmoid: Callable[[], bool]
    named: Collection[int] = ()
    outputs: Tensor | None = None
    places: Tensor | None = None
    channels: int | None = None
    ignore: Collection[int] = ()
    sides: int = 4


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
    if kind == "classes":
        return Classes(sigmoid=_are_each_by_itself(seen.outputs) and seen.in_sigmoid())
    return Similarity() if kind == "similarity" else Nothing()


def _are_each_by_itself(outputs: Tensor | None) -> bool:
    """Whether outputs (N, K) may be probabilities of more than one class, but not shares of one."""
    if outputs is None or outputs.shape[1] < 2:
        return False
    return bool(((outputs >= 0) & (outputs <= 1)).all()) and not are_shares(outputs)


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
    return _of_one(labels.reshape(-1), columns, seen) if _one_each(labels) else _of_several(labels, columns)


def _of_one(labels: Tensor, columns: int, seen: Evidence) -> tuple[Kind, str]:
    """Of labels (N,)."""
    if columns == 1:
        known = labels if labels.is_floating_point() else labels[labels >= 0]  # losses leave out negative classes
        return ("classes", "") if is_binary(known) else ("values", "labels other than 0 and 1 for a single output")
    if not is_whole(labels):
        raise _two(f"labels (N,) that are no whole numbers, for outputs (N, {columns})")
    if seen.outputs is not None and are_ranks(seen.outputs):
        return "values", f"outputs (N, {columns}) that share one score, as the thresholds of ranks do (CORAL)"
    return _by_number(int(labels.max()) + 1, columns, seen)


def _by_number(used: int, columns: int, seen: Evidence) -> tuple[Kind, str]:
    """Classes or an embedding, by how many classes anybody knows of, and that labels use.

    Raises:
        ValueError: It may be either.
    """
    if columns in seen.counts or columns <= used:  # too few are told with the labels that do not fit
        return "classes", ""
    if not seen.counts:
        if columns >= max(_WIDE, _FAR_WIDER * used):
            raise _unknown(columns, f"{used} that labels use")
        return "classes", ""
    known = max(*(seen.named or seen.counts), used)
    if columns >= _MUCH_WIDER * known:
        return "similarity", f"outputs (N, {columns}) are many more than {known} classes"
    if columns > known or seen.named:
        raise _unknown(columns, " or ".join(map(str, sorted(seen.counts))))
    return "classes", ""


def are_ranks(outputs: Tensor) -> bool:
    """Whether outputs differ from each other by the same for every image, and from one image to the next.

    So do the logits of being above each rank that share their weights (CORAL, arXiv:1901.07884, 2019), and no others.

    Args:
        outputs: (N, K).

    >>> import torch
    >>> ranks = torch.tensor([[0.3], [-1.2]]) + torch.tensor([1.0, 0.5, -2.0])
    >>> are_ranks(ranks), are_ranks(torch.eye(3)), are_ranks(torch.zeros(2, 3))
    (True, False, False)
    """
    if len(outputs) < 2 or outputs.shape[1] < 2 or not bool(outputs.isfinite().all()):
        return False
    apart = outputs.double() - outputs[:, :1].double()
    close = 1e-5 * float(outputs.abs().max())
    moves = float(outputs[:, 0].max() - outputs[:, 0].min())
    return moves > 10 * close and float((apart - apart[:1]).abs().max()) <= close


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
    masks = labels is not None and labels.ndim == seen.sides and labels.shape[1] > 1
    apart = labels is not None and masks and bool((labels.sum(1) == 1).all())
    independent = masks and not apart
    if labels is not None and masks and labels.shape[1] != channels:
        raise _two(f"masks {_shape(labels)} for outputs (N, {channels}, height, width)")
    in_sigmoid = (independent or channels == 1) and seen.in_sigmoid()
    void = {_VOID} if labels is not None and 1 < channels <= _VOID and bool((labels == _VOID).any()) else set()
    ignore = tuple(sorted({*seen.ignore, *void}))
    return Regions(independent, in_sigmoid, 0 if channels == 1 else None, ignore, seen.sides - 2)


def _one_each(labels: Tensor | None) -> bool:
    return labels is not None and labels.numel() == len(labels)


def _shape(labels: Tensor) -> str:
    return f"(N, {', '.join(map(str, labels.shape[1:]))})"


def _unknown(columns: int, classes: str) -> ValueError:
    return ValueError(
        f"Expected as many outputs as classes, received outputs (N, {columns}) for {classes} classes: pass "
        "probes=Probes(task='classes') where the others are unused, task='similarity' where the outputs are "
        "embeddings, task='values' where they are thresholds of ranks, class_names=[...] with a name for each, or "
        "scores= or net= where others are the class scores."
    )


def _two(what: str) -> ValueError:
    return ValueError(
        f"Expected labels and outputs that tell what the outputs mean, received {what}: pass probes=Probes(task=...) "
        "with 'classes', 'labels', 'values', 'regions', 'boxes', 'similarity' or 'none', net= with the module that "
        "returns the scores, or unpack= where other tensors are the labels."
    )
