"""From the spec to the images: which loader, which items of it, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor, nn
from torch.utils.data import DataLoader

from lightning_viz.explain.network.chunks import is_out_of_memory
from lightning_viz.harness.isolation.things.standins import UntouchableError
from lightning_viz.harness.network.axes import NAMES, axes_of
from lightning_viz.harness.network.calls import with_extras
from lightning_viz.harness.network.outputs import NoScoresError, RefusedError
from lightning_viz.harness.network.spatial.maps import Maps
from lightning_viz.harness.network.subject import NotYetError, Subject
from lightning_viz.harness.probes.batches import Unpacked
from lightning_viz.harness.probes.boxes import of_boxes
from lightning_viz.harness.probes.loaders import (
    batches_of,
    first_loader,
    flat,
    has_batches,
    has_items,
    is_known,
    load,
    named,
    side_by_side,
)
from lightning_viz.harness.probes.metadata import Metadata, ask, masks, normalization
from lightning_viz.harness.probes.places import of_places
from lightning_viz.harness.probes.spec import ProbeBatch, Probes, Split
from lightning_viz.harness.probes.stream import Observed
from lightning_viz.harness.probes.understand import understood


class SplitNotLoadedError(ValueError):
    """The loader that the probes were asked from is not part of this run."""


class NotSeenYetError(NotYetError):
    """The probes come from a stream, of which no batch has passed yet."""


def split_of(trainer: pl.Trainer, spec: Probes) -> tuple[Split, Any]:
    """The split that the probes come from, and its loader: the one that is asked for, else the first.

    Raises:
        SplitNotLoadedError: The split is not part of this run.
        ValueError: There is no such loader.
    """
    wanted, available = spec.split, _available(trainer)
    found = {split: loaders for split, loaders in available.items() if first_loader(loaders) is not None}
    if not found or (wanted is not None and wanted not in found):
        raise SplitNotLoadedError(
            f"Expected probes of split={wanted or 'val'!r}, but this run has a loader for "
            f"{' and '.join(found) or 'none'}: pass probes=Probes(split=...) with one it has."
        )
    split = next(iter(found)) if wanted is None else wanted
    loader = first_loader(found[split], spec.loader)
    if loader is None:
        names = [name for name, _ in named(found[split])]
        raise ValueError(f"Expected loader= as one of {names} of the {split} loaders, received {spec.loader!r}.")
    return split, loader


def number_of(trainer: pl.Trainer, split: Split, loader: Any) -> int:
    """The number of a loader within its split, by which Lightning tells whose batch passes."""
    if split == "train" or side_by_side(trainer):  # whose batches hold one of each
        return 0
    return next((k for k, one in enumerate(flat(_available(trainer)[split])) if one is loader), 0)


def _available(trainer: pl.Trainer) -> dict[Split, Any]:
    return {"val": trainer.val_dataloaders, "test": trainer.test_dataloaders, "train": trainer.train_dataloader}


def _readable(trainer: pl.Trainer, module: nn.Module, spec: Probes) -> tuple[Split, Any]:
    """The split, and of several loaders the first that has images and labels: others may be unlabelled."""
    split, loader = split_of(trainer, spec)
    if spec.loader is not None or not is_known(loader):
        return split, loader
    several = [(name, one) for name, one in named(_available(trainer)[split]) if is_known(one) and len(one.dataset)]
    for name, one in several if len(several) > 1 else ():
        with suppress(ValueError):
            if load(one, [0], trainer, module, spec.unpack).known is None:
                continue
            if one is not loader:
                rank_zero_info(f"The probes come from loader {name!r}, the first of the {split} loaders with labels.")
            return split, one
    return split, loader


def select(
    trainer: pl.Trainer, module: nn.Module, spec: Probes, subject: Subject, observed: Observed
) -> tuple[Split, ProbeBatch]:
    """The images of a spec: items of a data set, or what has passed of a stream.

    Args:
        trainer: The Trainer.
        module: The LightningModule that is explained, whose hooks a batch passes.
        spec: Which images.
        subject: The network, which tells how many classes there are.
        observed: What has passed.

    Returns:
        The split, and the images; their numbers are their indices for now.

    Raises:
        ValueError: The spec does not fit the data set or the network.
        SplitNotLoadedError: Its split is not part of this run.
        NotSeenYetError: It is a stream, and nothing has passed.
    """
    split, loader = _readable(trainer, module, spec)
    if spec.split is None and split == "train":
        rank_zero_warn("There is no validation loader, so the probes come from the training data.")
    if has_items(loader):
        _check_indices(spec, split, loader)
    # Workers are processes already, which a process of ours may not start.
    ahead = partial(_first_batches, spec, loader) if has_items(loader) and not loader.num_workers else None
    known, batches = ask(trainer, loader, labels=has_items(loader) and spec.indices is None, then=ahead)
    if has_batches(loader):
        indices, found, seen = _of_batches(trainer, module, spec, loader)
    elif has_items(loader):
        indices = _first(spec, loader, known.labels)
        found, seen = load(loader, indices, trainer, module, spec.unpack, batches=batches), None
        if spec.indices is None and known.labels is None:
            indices, seen = _spread(indices, found.groups, spec), found.labels
            found = load(loader, indices, trainer, module, spec.unpack)
    else:
        indices, found, seen = _pass(observed, spec, split, trainer.lightning_module.device)
    axes = axes_of(found.images, subject.net, spec.axes)
    found = found.arranged(axes)
    images, labels, places = found.images, found.labels, found.places
    subject = with_extras(replace(subject, axes=axes), images, found.extras)
    if axes is not None and spec.axes is None:
        rank_zero_info(f"The images are read as {NAMES[axes]} (N, {', '.join(axes)}). Probes(axes=...) says else.")
    boxes = spec.task == "boxes" or (spec.task is None and spec.guide is None and found.boxes is not None)
    outputs = None if boxes else _outputs(subject, images)
    open_ = spec.task is None and spec.guide is None and places is not None and (outputs is None or labels is None)
    channels = _count_maps(subject, images) if open_ or spec.task == "regions" else None
    mean, std = normalization(known, spec, images)
    evidence = masks(known, loader, indices, images) if has_items(loader) else None
    given, numbers = images.new_zeros(len(images), 0) if labels is None else labels, tuple(indices)
    plain = ProbeBatch(images, given, (), numbers, numbers, mean, std, evidence, extras=subject.extras, axes=axes)
    seen = labels if seen is None else seen
    if boxes:
        return split, of_boxes(plain, found.boxes, known=known, spec=spec, subject=subject)
    if channels is not None or spec.task == "regions":
        return split, of_places(plain, places, channels, known=known, spec=spec, subject=subject)
    return split, understood(plain, seen, outputs, known=known, spec=spec, subject=subject)


def _count_maps(subject: Subject, images: Tensor) -> int | None:
    with suppress(NoScoresError), torch.no_grad():
        return Maps.like(subject).of(0).maps(images[:1]).shape[1]
    return None


def _outputs(subject: Subject, images: Tensor) -> Tensor | None:
    try:
        with torch.no_grad():
            return subject.outputs_of(images)
    except NoScoresError:
        return None
    except UntouchableError:
        raise
    except Exception as error:  # whatever a forward does with images that it was not made for
        if is_out_of_memory(error):
            raise
        raise RefusedError(
            f"Expected {type(subject.net).__name__} to take images, but its forward refuses {tuple(images.shape)}: "
            f"{error}. Pass net= with the module that takes images (N, C, H, W), or probes=Probes(unpack=...)."
        ) from error


def _pass(
    observed: Observed, spec: Probes, split: Split, device: torch.device
) -> tuple[list[int], Unpacked, Tensor | None]:
    if spec.indices is not None:
        raise ValueError(
            f"Expected a data set with items by index for probes=Probes(indices=...), but that of {split!r} is a "
            "stream: pass count= or per_class=, which take the first that pass."
        )
    if not len(observed):
        raise NotSeenYetError(f"The {split} data is a stream, of which nothing has passed yet.")
    found = observed.found()
    indices = _spread(range(len(found.images)), found.groups, spec)
    return indices, found.rows(indices, device), found.labels


def _of_batches(
    trainer: pl.Trainer, module: nn.Module, spec: Probes, loader: DataLoader[Any]
) -> tuple[list[int], Unpacked, Tensor | None]:
    """Images of a data set that has whole batches, by their place in all of them, each as long as the first."""
    batches = len(loader.dataset)  # type: ignore[arg-type]
    each = len(load(loader, [0], trainer, module, spec.unpack).images)
    if spec.indices is not None:
        which = sorted({i // each for i in spec.indices})
        if which[-1] >= batches:
            raise ValueError(f"Expected probe indices below {batches * each}, received {list(spec.indices)}.")
    else:
        some = min(batches, -(-spec.looks // each))
        which = [k * batches // some for k in range(some)]
    parts = [load(loader, [k], trainer, module, spec.unpack) for k in which]
    places = [k * each + row for k, part in zip(which, parts, strict=True) for row in range(len(part.images))]
    found = Unpacked.joined(parts)
    indices = list(spec.indices or _spread(places, found.groups, spec))
    return indices, found.rows([places.index(i) for i in indices], found.images.device), found.labels


def _check_indices(spec: Probes, split: Split, loader: DataLoader[Any]) -> None:
    size = len(loader.dataset)  # type: ignore[arg-type]
    wrong = [i for i in spec.indices or () if not 0 <= i < size]
    if wrong:
        raise ValueError(
            f"Expected probe indices from 0 and below {size}, the size of the {split} set, received {wrong}: "
            "pass probes=Probes(indices=[...]) with others."
        )


def _first(spec: Probes, loader: DataLoader[Any], labels: Sequence[int] | None) -> list[int]:
    """Which items to load first: those that are wanted, where it is known without loading which ones these are."""
    if spec.indices is not None:
        return list(spec.indices)
    size = len(loader.dataset)  # type: ignore[arg-type]
    if labels is not None:
        return _spread(range(size), labels, spec)
    # Only loading an item tells its label: look at a few times as many as are wanted, spread over the data set.
    looks = min(size, spec.looks)
    return [k * size // looks for k in range(looks)]


def _first_batches(spec: Probes, loader: DataLoader[Any], known: Metadata) -> list[Any]:
    return batches_of(loader, _first(spec, loader, known.labels))


def _spread(items: Sequence[int], labels: Sequence[int], spec: Probes) -> list[int]:
    labelled = [k for k, label in enumerate(labels) if label >= 0]  # losses leave out negative labels, so do probes
    chosen = spread([labels[k] for k in labelled], count=spec.count, per_class=spec.per_class)
    return [items[labelled[k]] for k in chosen]


def spread(labels: Sequence[int], *, count: int, per_class: int | None = None) -> list[int]:
    """Chooses items spread evenly over the classes, and within a class over the data set.

    Args:
        labels: The class of every item that may be chosen.
        count: How many to choose, if `per_class` is not given.
        per_class: How many of every class to choose.

    Returns:
        Positions in `labels`, ordered by class; fewer where there are not enough.

    Example:
        >>> spread([0, 0, 1, 1, 2, 2], count=2)
        [0, 4]
    """
    groups: dict[int, list[int]] = {}
    for position, label in enumerate(labels):
        groups.setdefault(int(label), []).append(position)
    classes = sorted(groups)
    wanted = dict.fromkeys(classes, per_class or 0)
    if per_class is None:
        picks = min(count, len(labels))
        while (missing := picks - sum(wanted.values())) > 0:
            open_classes = [c for c in classes if wanted[c] < len(groups[c])]
            for c in _evenly(open_classes, min(missing, len(open_classes))):
                wanted[c] += 1
    return [p for c in classes for p in _evenly(groups[c], min(wanted[c], len(groups[c])))]


def _evenly(items: list[int], count: int) -> list[int]:
    if count <= 1:
        return items[:count]
    return [items[round(k * (len(items) - 1) / (count - 1))] for k in range(count)]
