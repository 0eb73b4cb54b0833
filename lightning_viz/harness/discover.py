"""Class names and normalisation, from whoever knows them."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor
from torch.utils.data import DataLoader

from lightning_viz.harness.batches import are_bytes
from lightning_viz.harness.probes import Probes, channel_values


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


def class_names(trainer: pl.Trainer, wish: Probes, loader: DataLoader[Any], classes: int) -> tuple[str, ...]:
    """A name per class; where nobody knows them, its number.

    Raises:
        ValueError: The wish names another number of classes.
    """
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


def normalization(trainer: pl.Trainer, wish: Probes, loader: DataLoader[Any], images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and std (C, 1, 1); where nobody knows them, the range of the images themselves.

    Of more than three channels, which are no colours, each has a range of its own.
    """
    channels = images.shape[1]
    mean, std = wish.mean, wish.std
    if mean is None and are_bytes(images):  # the network scales them itself, and with what others know of them
        mean, std = 0.0, 1 / 255
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
    over = (0, 2, 3) if channels > 3 else (0, 1, 2, 3)
    least, most = (t.expand(1, channels, 1, 1)[0] for t in (images.amin(over, True), images.amax(over, True)))
    scale = 1 / torch.where(most > least, most - least, 1.0)
    return -least * scale, scale
