"""From the spec to the images: which loader, which items of it, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor, nn
from torch.utils.data import DataLoader

from lightning_viz.explain.network.chunks import Chunks, is_out_of_memory
from lightning_viz.harness.isolation.elsewhere import elsewhere
from lightning_viz.harness.isolation.standins import UntouchableError
from lightning_viz.harness.network.outputs import NoScoresError, RefusedError
from lightning_viz.harness.network.subject import NotYetError, Subject
from lightning_viz.harness.probes.batches import first_loader, has_items, load
from lightning_viz.harness.probes.labels import dataset_labels, groups
from lightning_viz.harness.probes.metadata import ask, masks, normalization
from lightning_viz.harness.probes.spec import ProbeBatch, Probes, Split
from lightning_viz.harness.probes.stream import Observed
from lightning_viz.harness.probes.understand import understood


class SplitNotLoadedError(ValueError):
    """The loader that the probes were asked from is not part of this run."""


class NotSeenYetError(NotYetError):
    """The probes come from a stream, of which no batch has passed yet."""


def split_of(trainer: pl.Trainer, spec: Split | None) -> tuple[Split, Any]:
    """The split that the probes come from, and its first loader.

    Raises:
        SplitNotLoadedError: The split is not part of this run.
    """
    available: dict[Split, Any] = {
        "val": trainer.val_dataloaders,
        "test": trainer.test_dataloaders,
        "train": trainer.train_dataloader,
    }
    found = {split: loader for split, loaders in available.items() if (loader := first_loader(loaders)) is not None}
    if not found or (spec is not None and spec not in found):
        raise SplitNotLoadedError(
            f"Expected probes of split={spec or 'val'!r}, but this run has a loader for "
            f"{' and '.join(found) or 'none'}: pass probes=Probes(split=...) with one it has."
        )
    split = next(iter(found)) if spec is None else spec
    return split, found[split]


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
    split, loader = split_of(trainer, spec.split)
    if spec.split is None and split == "train":
        rank_zero_warn("There is no validation loader, so the probes come from the training data.")
    if has_items(loader):
        indices, seen = _choose(trainer, module, spec, split, loader)
        images, labels = load(loader, indices, trainer, module, spec.unpack)
    else:
        indices, images, labels, seen = _pass(observed, spec, split, trainer.lightning_module.device)
    columns = _count_scores(subject, images)
    known = ask(trainer, loader)
    mean, std = normalization(known, spec, images)
    evidence = masks(known, loader, indices, images) if has_items(loader) else None
    given = images.new_zeros(len(images), 0) if labels is None else labels
    plain = ProbeBatch(images, given, (), tuple(indices), tuple(indices), mean, std, evidence)
    seen = labels if seen is None else seen
    return split, understood(plain, seen, columns, known=known, spec=spec, subject=subject)


def _count_scores(subject: Subject, images: Tensor) -> int | None:
    try:
        with torch.no_grad():
            return Chunks()(subject.outputs, images).shape[1]
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
) -> tuple[list[int], Tensor, Tensor | None, Tensor | None]:
    if spec.indices is not None:
        raise ValueError(
            f"Expected a data set with items by index for probes=Probes(indices=...), but that of {split!r} is a "
            "stream: pass count= or per_class=, which take the first that pass."
        )
    if not len(observed):
        raise NotSeenYetError(f"The {split} data is a stream, of which nothing has passed yet.")
    images, labels = observed.tensors()
    indices = _spread(range(len(images)), groups(labels, len(images)), spec)
    return indices, images[indices].to(device), None if labels is None else labels[indices].to(device), labels


def _choose(
    trainer: pl.Trainer, module: nn.Module, spec: Probes, split: Split, loader: DataLoader[Any]
) -> tuple[list[int], Tensor | None]:
    """Which items, and the labels of those that were looked at, if any were."""
    size = len(loader.dataset)  # type: ignore[arg-type]
    if spec.indices is not None:
        wrong = [i for i in spec.indices if not 0 <= i < size]
        if wrong:
            raise ValueError(
                f"Expected probe indices from 0 and below {size}, the size of the {split} set, received {wrong}: "
                "pass probes=Probes(indices=[...]) with others."
            )
        return list(spec.indices), None
    labels = elsewhere(lambda: dataset_labels(loader.dataset), loader.dataset)
    if labels is not None:
        return _spread(range(size), labels, spec), None
    # Only loading an item tells its label: look at a few times as many as are wanted, spread over the data set.
    looks = min(size, spec.looks)
    candidates = [k * size // looks for k in range(looks)]
    _, seen = load(loader, candidates, trainer, module, spec.unpack)
    return _spread(candidates, groups(seen, looks), spec), seen


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
