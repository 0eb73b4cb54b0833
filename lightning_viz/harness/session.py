"""What all callbacks of one Trainer share: the probes, what the network says of them, and who logs it."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any
from weakref import WeakKeyDictionary

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor
from torch.utils.data import DataLoader

from lightning_viz.harness.batches import dataset_labels, first_loader, load
from lightning_viz.harness.probes import ProbeBatch, Probes, Split, channel_values, spread
from lightning_viz.harness.subject import Subject, probabilities


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
        with torch.no_grad():
            classes = subject(images).shape[1]
        if not 0 <= int(labels.min()) <= int(labels.max()) < classes:
            raise ValueError(
                f"Expected labels 0 to {classes - 1} for {classes} class scores, received {labels.tolist()}."
            )
        mean, std = _normalization(trainer, wish, loader, images)
        numbers = tuple(self._numbers.setdefault((split, i), len(self._numbers)) for i in indices)
        names = _class_names(trainer, wish, loader, classes)
        return ProbeBatch(images, labels, names, numbers, tuple(indices), mean, std)


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
                f"Expected probe indices below {size}, the size of the {split} set, received {wrong}: "
                "pass probes=Probes(indices=[...]) with others."
            )
        return list(wish.indices)
    labels = dataset_labels(loader.dataset)
    if labels is not None:
        return spread(labels, count=wish.count, per_class=wish.per_class)
    # Only loading an item tells its label: look at a few times as many as are wanted, spread over the data set.
    looks = min(size, 8 * wish.count if wish.per_class is None else 256)
    candidates = [k * size // looks for k in range(looks)]
    _, seen = load(loader, candidates, trainer, wish.unpack)
    return [candidates[k] for k in spread(seen.tolist(), count=wish.count, per_class=wish.per_class)]


def _places(trainer: pl.Trainer, loader: DataLoader[Any]) -> list[Any]:
    """Who may know names and normalisation: the data module, the data set, what it wraps, and its transforms."""
    dataset: Any = loader.dataset
    places = [getattr(trainer, "datamodule", None), dataset]
    while hasattr(dataset, "dataset"):  # a Subset, or any wrapper of that manner
        dataset = dataset.dataset
        places.append(dataset)
    transforms = [t for p in places if (t := getattr(p, "transform", None)) is not None]
    return places + [step for t in transforms for step in getattr(t, "transforms", [t])]


def _discover(trainer: pl.Trainer, loader: DataLoader[Any], *names: str) -> Any:
    found = (getattr(place, name, None) for place in _places(trainer, loader) for name in names)
    return next((value for value in found if value is not None and not callable(value)), None)


def _class_names(trainer: pl.Trainer, wish: Probes, loader: DataLoader[Any], classes: int) -> tuple[str, ...]:
    if wish.class_names is not None and len(wish.class_names) != classes:
        raise ValueError(
            f"Expected {classes} class names, one per output of the network, received {len(wish.class_names)}: "
            "mend probes=Probes(class_names=[...])."
        )
    found = wish.class_names or _discover(trainer, loader, "class_names", "classes")
    names = [str(name) for name in found] if isinstance(found, (list, tuple)) else []
    if len(names) != classes:
        rank_zero_warn(
            f"Found {len(names)} class names for {classes} outputs, so classes go by number: "
            "pass probes=Probes(class_names=[...])."
        )
        return tuple(f"class {k}" for k in range(classes))
    return tuple(names)


def _normalization(trainer: pl.Trainer, wish: Probes, loader: DataLoader[Any], images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and std (C, 1, 1); where nobody knows them, the range of the images themselves."""
    channels = images.shape[1]
    mean, std = wish.mean, wish.std
    if mean is None:
        mean, std = _discover(trainer, loader, "mean"), _discover(trainer, loader, "std")
    if mean is not None and std is not None:
        return channel_values(mean, channels, "mean").to(images), channel_values(std, channels, "std").to(images)
    low, high = images.amin(), images.amax()
    if low >= 0 and high <= 1:
        return torch.zeros_like(images[0, :, :1, :1]), torch.ones_like(images[0, :, :1, :1])
    rank_zero_warn(
        f"The images reach from {low:.2f} to {high:.2f} and nobody knows their mean and std, so that range is "
        "stretched for display: pass probes=Probes(mean=[...], std=[...])."
    )
    shape = torch.ones_like(images[0, :, :1, :1])
    return shape * low, shape * (high - low)
