"""What is known of probes whose places have labels, and what is asked of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor

from lightning_viz.harness.network.outputs import check_bytes
from lightning_viz.harness.network.spatial.maps import Maps, maps_end_in_sigmoid
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.probes.metadata import Metadata, class_names
from lightning_viz.harness.probes.spec import ProbeBatch, Probes
from lightning_viz.harness.tasks.nothing import Nothing
from lightning_viz.harness.tasks.recognise import Evidence, recognise
from lightning_viz.harness.tasks.regions import Regions

_BACKGROUND = {"background", "bg", "void", "unlabeled", "unlabelled", "none", "nothing", "other"}


def of_places(
    probes: ProbeBatch, places: Tensor | None, channels: int | None, *, known: Metadata, spec: Probes, subject: Subject
) -> ProbeBatch:
    """The probes with their task, labels and names, where a network tells of places.

    Args:
        probes: The images.
        places: Their labels as the batches had them, (N, H, W) or (N, K, H, W).
        channels: Scores per place; None where the network has none.
        known: What others tell.
        spec: What is asked for.
        subject: The network, with what stands beside the images.

    Raises:
        ValueError: The user asks for it, and it does not fit labels and outputs.
        NoScoresError: The user asks for it, and the network tells of no places.
    """
    maps = Maps.like(subject)
    if channels is None:
        maps.of(0).maps(probes.images[:1])  # which tells what came instead
    ignore = known.ignored if spec.ignore is None else {spec.ignore}
    in_sigmoid = lambda: maps_end_in_sigmoid(maps, probes.images)  # noqa: E731
    try:
        seen = Evidence(None, None, (), in_sigmoid, places=places, channels=channels, ignore=ignore)
        seen = seen._replace(sides=probes.images.ndim)
        task, _ = recognise("regions", seen)
        assert isinstance(task, Regions)
        labels = task.read(places, len(probes)).to(probes.images.device)
        _check(task, labels, channels or 1)
    except ValueError as error:  # which concerns whoever asks for scores
        if spec.task is not None:
            raise
        nothing = Nothing(str(error))
        return replace(probes, task=nothing, labels=nothing.read(None, len(probes)).to(probes.images.device))
    check_bytes(maps.maps, probes.images)
    names = _names(known, spec, channels or 1)
    task = replace(task, background=_background(task, labels, names))
    with torch.no_grad():
        outputs = maps.of(0).maps(probes.images[:1]).shape
    _announce(task, labels, names, outputs, spec)
    return replace(probes, task=task, labels=labels, class_names=names)


def _check(task: Regions, labels: Tensor, channels: int) -> None:
    """Raises where labels are none of the classes.

    Raises:
        ValueError: Some are not.
    """
    columns = max(channels, 2)
    if not task.independent and bool(task.no_label(labels, columns).any()):
        raise ValueError(
            f"Expected labels 0 to {columns - 1} of places for outputs (N, {channels}, height, width), received up to "
            f"{int(labels.max())}: pass probes=Probes(ignore={int(labels.max())}) where that stands for no class, or "
            "unpack= where other numbers are the labels."
        )


def _names(known: Metadata, spec: Probes, channels: int) -> tuple[str, ...]:
    if channels > 1:
        return class_names(known, spec, channels)
    found = known.names if spec.class_names is None else [list(spec.class_names)]
    if spec.class_names is not None and len(spec.class_names) > 1:
        return class_names(known, spec, 2)
    two = next((names for names in found if len(names) in (1, 2)), ["foreground"])
    return (*(["background"] if len(two) == 1 else []), *two)


def _background(task: Regions, labels: Tensor, names: Sequence[str]) -> int | None:
    """The class that stands for all that is no thing: by its name, and where classes have none it is the first."""
    if task.independent or task.background is not None:
        return task.background
    named = next((k for k, name in enumerate(names) if name.strip("_ ").lower() in _BACKGROUND), None)
    unnamed = tuple(names) == tuple(f"class {k}" for k in range(len(names)))
    often = 2 * int((labels == 0).flatten(1).any(1).sum()) >= len(labels)
    return 0 if named is None and unnamed and often else named


def _announce(task: Regions, labels: Tensor, names: Sequence[str], outputs: torch.Size, spec: Probes) -> None:
    """Tells what the task is, and what is left out."""
    kind = "masks that may overlap" if task.independent else "labels"
    known, received = (f"(N, {', '.join(map(str, shape[1:]))})" for shape in (labels.shape, outputs))
    parts = [f"{kind} {known} of places for outputs {received}"]
    if labels.shape[-task.sides :] != outputs[2:]:
        parts.append("outputs are brought to the size of the labels, linearly")
    if task.background is not None:
        parts.append(f"{names[task.background]!r} is the background (asked for only by name)")
    if task.ignore:
        parts.append(f"labels {', '.join(map(str, task.ignore))} are left out")
    overrule = ". Probes(task=..., ignore=...) says else." if spec.task is None else "."
    rank_zero_info(f"The network's outputs are explained as task='regions': {'; '.join(parts)}{overrule}")
