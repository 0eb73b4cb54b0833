"""What is known of the probes, and what is asked of them, by the task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor

from lightning_viz.harness.names import printable
from lightning_viz.harness.network.outputs import check_bytes
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.probes.files import read_image
from lightning_viz.harness.probes.metadata import Metadata, class_names
from lightning_viz.harness.probes.spec import ProbeBatch, Probes, is_by_name
from lightning_viz.harness.tasks.labels import ends_in_sigmoid
from lightning_viz.harness.tasks.nothing import Nothing
from lightning_viz.harness.tasks.recognise import Evidence, recognise
from lightning_viz.harness.tasks.similarity import Similarity
from lightning_viz.harness.tasks.task import Task


def understood(
    probes: ProbeBatch, seen: Tensor | None, outputs: Tensor | None, *, known: Metadata, spec: Probes, subject: Subject
) -> ProbeBatch:
    """The probes with their task, labels and names.

    Args:
        probes: The images; their labels are as the batches had them, (N, 0) where there are none.
        seen: Labels of all images that were looked at, to recognise the task by, if there are some.
        outputs: The scores of the images, (N, columns), if the network has some.
        known: What others tell.
        spec: What is asked for.
        subject: The network, with what stands beside the images.

    Raises:
        ValueError: The task cannot be told, or does not fit labels and outputs.
        NoScoresError: The task asks for scores, and the network has none.
    """
    columns = None if outputs is None else outputs.shape[1]
    named = {*map(len, known.names), *([len(spec.class_names)] if spec.class_names else [])}
    in_sigmoid = lambda: ends_in_sigmoid(subject, probes.images)  # noqa: E731
    evidence = Evidence(seen, columns, known.counts | named, in_sigmoid, named, outputs)
    wanted = spec.task or (None if spec.guide is None else "similarity")
    labels = probes.labels if probes.labels.shape[1:] != (0,) else None
    try:
        task, why = recognise(wanted, evidence)
        found = None if isinstance(task, Similarity) else _read(task, labels, probes, columns)
    except ValueError as error:  # which concerns whoever asks for scores
        if wanted is not None:
            raise
        task, why = Nothing(str(error)), ""
    if why:
        rank_zero_info(f"The network's outputs are explained as task={task.name!r}: {why}. Probes(task=...) says else.")
    if task.name == "none":
        return replace(probes, task=task, labels=task.read(None, len(probes)).to(probes.images.device))
    if columns is None:
        subject.of(0)(probes.images[:1])  # which tells what came instead
    check_bytes(subject.outputs, probes.images)
    if found is None:
        return _like(probes, labels, known=known, spec=spec)
    width = _columns(task, columns or 1)
    names = _value_names(known, spec, width) if task.name == "values" else class_names(known, spec, width, seen)
    return replace(probes, task=task, labels=found, class_names=names)


def _read(task: Task, labels: Tensor | None, probes: ProbeBatch, columns: int | None) -> Tensor:
    """Labels as the task keeps them.

    Raises:
        ValueError: They do not fit the scores.
    """
    found = task.read(labels, len(probes)).to(probes.images.device)
    if columns is not None and task.name != "none":
        _check(task, found, _columns(task, columns))
    return found


def _columns(task: Task, outputs: int) -> int:
    if task.name == "classes":
        return max(outputs, 2)
    return 1 if getattr(task, "ordinal", False) else outputs


def _check(task: Task, labels: Tensor, columns: int) -> None:
    """Raises where labels do not fit so many scores.

    Raises:
        ValueError: They do not.
    """
    if labels.ndim == 2 and labels.shape[1] != columns:
        raise ValueError(
            f"Expected labels (N, {columns}) for {columns} outputs of task={task.name!r}, received "
            f"{tuple(labels.shape)}: pass probes=Probes(unpack=...) where other tensors are the labels, or task=."
        )
    if bool(task.no_label(labels, columns).any()) and task.name == "classes":
        raise ValueError(
            f"Expected labels 0 to {columns - 1} for {columns} class scores, received {labels.tolist()}: "
            "pass probes=Probes(unpack=...) where other numbers are the labels, indices=[...] of other items, "
            "task='values' where the outputs are thresholds of ranks, or the labels no classes, or task='similarity' "
            "where the outputs are embeddings."
        )


def _value_names(known: Metadata, spec: Probes, count: int) -> tuple[str, ...]:
    if spec.class_names is not None or any(len(names) == count > 1 for names in known.names):
        return class_names(known, spec, count)
    return ("value",) if count == 1 else tuple(f"value {k}" for k in range(count))


def _like(probes: ProbeBatch, labels: Tensor | None, *, known: Metadata, spec: Probes) -> ProbeBatch:
    """Probes that are held against each other, or against guides."""
    task, names = _guides(probes, spec)
    titles = _titles(labels, known, len(probes))
    if task.between and len(probes) < 2:
        raise ValueError("Expected at least 2 probes to hold against each other, received 1: pass probes=8, or guide=.")
    kept = task.read(labels, len(probes)).to(probes.images.device)
    found = replace(probes, task=task, labels=kept, class_names=names, titles=titles)
    return found.numbered(probes.numbers)


def _guides(probes: ProbeBatch, spec: Probes) -> tuple[Similarity, tuple[str, ...]]:
    guide = spec.guide
    if guide is None:
        return Similarity(), tuple(f"probe {i}" for i in range(len(probes)))
    if isinstance(guide, str):
        pixels = read_image(Path(guide), probes.images)
        return Similarity(images=probes.normalize(pixels).cpu()), (printable(Path(guide).stem),)
    if isinstance(guide, int):
        if not 0 <= guide < len(probes):
            raise ValueError(
                f"Expected guide= as the position of a probe, 0 to {len(probes) - 1}, the path of an image file, a "
                f"vector, or vectors by name, received {guide}."
            )
        like = Similarity(images=probes.images[guide : guide + 1].cpu(), beside=guide)
        return like, (f"item {probes.indices[guide]}",)
    by_name: dict[str, Any] = dict(cast(Any, guide)) if is_by_name(guide) else {"the guide": guide}
    return Similarity(vectors=torch.tensor(list(by_name.values()))), tuple(map(str, by_name))


def _titles(labels: Tensor | None, known: Metadata, count: int) -> tuple[str, ...]:
    """What each probe is called: its class, where it has a known one."""
    whole = labels is not None and labels.ndim == 1 and not labels.is_floating_point()
    if labels is None or not whole or int(labels.min()) < 0:
        return ("image",) * count
    largest = int(labels.max())
    names: Sequence[str] = next((names for names in known.names if len(names) > largest), ())
    return tuple(printable(names[k]) if names else f"class {k}" for k in labels.tolist())
