"""What all callbacks of one Trainer share: the probes, what the network says of them, and who logs it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor
from torch.utils.data import DataLoader

from lightning_viz.harness.batches import dataset_labels, first_loader, load
from lightning_viz.harness.discover import class_names, normalization
from lightning_viz.harness.outputs import check_bytes
from lightning_viz.harness.probes import ProbeBatch, Probes, Split, spread
from lightning_viz.harness.subject import NoScoresError, Subject, probabilities


class SplitNotLoadedError(ValueError):
    """The loader that the probes were asked from is not part of this run."""


class Session:
    """What the callbacks of one Trainer share. Get it with `session_of`; call its methods inside `quiet`."""

    def __init__(self) -> None:
        self._probes: dict[tuple[Probes, str], ProbeBatch] = {}
        self._numbers: dict[tuple[str, int], int] = {}
        self._scores: dict[tuple[Probes, str], tuple[int, Tensor]] = {}
        self._claimed: dict[Hashable, int] = {}
        self._charts: dict[str, list[Any]] = {}

    def probes(self, trainer: pl.Trainer, wish: Probes, subject: Subject) -> ProbeBatch:
        """The images of a wish, loaded once.

        Raises:
            ValueError: The wish does not fit the data set or the network.
            SplitNotLoadedError: Its split is not part of this run.
        """
        key = (wish, subject.name)
        if key not in self._probes:
            self._probes[key] = self._load(trainer, wish, subject)
        return self._probes[key]

    def probabilities(self, wish: Probes, subject: Subject, step: int) -> Tensor:
        """Class probabilities of the probes, (N, K), computed once per step for all callbacks."""
        key = (wish, subject.name)
        if key not in self._scores or self._scores[key][0] != step:
            with torch.no_grad():
                self._scores[key] = step, probabilities(subject(self._probes[key].images))
        return self._scores[key][1]

    def claim(self, what: Hashable, step: int) -> bool:
        """Whether the caller is the first to ask for this at this step, and so the one to log it."""
        if self._claimed.get(what) == step:
            return False
        self._claimed[what] = step
        return True

    def charts(self, more: dict[str, list[Any]]) -> dict[str, dict[str, list[Any]]]:
        """The layout of Custom Scalars: one chart per probe, of all callbacks so far."""
        self._charts.update(more)
        return {"class probabilities of the probes": self._charts}

    def forget(self) -> None:
        """Drops what belongs to one run of the Trainer; the numbers of the probes stay."""
        self._probes.clear()
        self._scores.clear()
        self._claimed.clear()

    def _load(self, trainer: pl.Trainer, wish: Probes, subject: Subject) -> ProbeBatch:
        split, loader = _loader(trainer, wish.split)
        indices = _choose(trainer, wish, split, loader)
        images, labels = load(loader, indices, trainer, wish.unpack)
        classes = _count_classes(subject, images)
        check_bytes(subject, images)
        if not 0 <= int(labels.min()) <= int(labels.max()) < classes:
            raise ValueError(
                f"Expected labels 0 to {classes - 1} for {classes} class scores, received {labels.tolist()}: "
                "pass probes=Probes(unpack=...) where other numbers are the labels, or indices=[...] of other items."
            )
        mean, std = normalization(trainer, wish, loader, images)
        numbers = tuple(self._numbers.setdefault((split, i), len(self._numbers)) for i in indices)
        names = class_names(trainer, wish, loader, classes)
        return ProbeBatch(images, labels, names, numbers, tuple(indices), mean, std)


def _count_classes(subject: Subject, images: Tensor) -> int:
    try:
        with torch.no_grad():
            return subject(images).shape[1]
    except NoScoresError:
        raise
    except Exception as error:  # whatever a forward does with images that it was not made for
        raise ValueError(
            f"Expected {type(subject.net).__name__} to take images, but its forward refuses {tuple(images.shape)}: "
            f"{error}. Pass net= with the module that takes images (N, C, H, W), or probes=Probes(unpack=...)."
        ) from error


_SESSIONS: WeakKeyDictionary[pl.Trainer, Session] = WeakKeyDictionary()


def session_of(trainer: pl.Trainer) -> Session:
    """The session of a Trainer, made on first use."""
    return _SESSIONS.setdefault(trainer, Session())


def _loader(trainer: pl.Trainer, wish: Split | None) -> tuple[Split, DataLoader[Any]]:
    available: dict[Split, Any] = {
        "val": trainer.val_dataloaders,
        "test": trainer.test_dataloaders,
        "train": trainer.train_dataloader,
    }
    found = {split: loader for split, loaders in available.items() if (loader := first_loader(loaders)) is not None}
    if wish is not None and wish not in found:
        raise SplitNotLoadedError(
            f"Expected probes of split={wish!r} from a loader with a data set of known length, but this run has "
            f"{' and '.join(found) or 'none'}: pass probes=Probes(split=...) with one it has."
        )
    if not found:
        raise ValueError(
            "Expected a loader whose data set has a length and items by index, found none to take probes from."
        )
    split = next(iter(found)) if wish is None else wish
    if wish is None and split == "train":
        rank_zero_warn("There is no validation loader, so the probes come from the training data.")
    return split, found[split]


def _choose(trainer: pl.Trainer, wish: Probes, split: Split, loader: DataLoader[Any]) -> list[int]:
    size = len(loader.dataset)  # type: ignore[arg-type]
    if wish.indices is not None:
        wrong = [i for i in wish.indices if not 0 <= i < size]
        if wrong:
            raise ValueError(
                f"Expected probe indices from 0 and below {size}, the size of the {split} set, received {wrong}: "
                "pass probes=Probes(indices=[...]) with others."
            )
        return list(wish.indices)
    labels = dataset_labels(loader.dataset)
    if labels is not None:
        return _spread(range(size), labels, wish)
    # Only loading an item tells its label: look at a few times as many as are wanted, spread over the data set.
    looks = min(size, 8 * wish.count if wish.per_class is None else 256)
    candidates = [k * size // looks for k in range(looks)]
    _, seen = load(loader, candidates, trainer, wish.unpack)
    return _spread(candidates, seen.tolist(), wish)


def _spread(items: Sequence[int], labels: Sequence[int], wish: Probes) -> list[int]:
    labelled = [k for k, label in enumerate(labels) if label >= 0]  # losses leave out negative labels, so do probes
    chosen = spread([labels[k] for k in labelled], count=wish.count, per_class=wish.per_class)
    return [items[labelled[k]] for k in chosen]
