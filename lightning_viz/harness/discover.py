"""Class names, normalisation and masks, from whoever knows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from lightning_viz.harness.batches import are_bytes
from lightning_viz.harness.isolation.elsewhere import elsewhere
from lightning_viz.harness.names import printable
from lightning_viz.harness.probes import Probes, channel_values


def _places(trainer: pl.Trainer, loader: DataLoader[Any]) -> list[Any]:
    """Who may know names and normalisation: the data module, the data set, what it wraps, and its transforms."""
    dataset: Any = getattr(loader, "dataset", None)
    places = [getattr(trainer, "datamodule", None), dataset]
    while hasattr(dataset, "dataset"):  # a Subset, or any wrapper of that manner
        dataset = dataset.dataset
        places.append(dataset)
    transforms = [t for p in places if (t := getattr(p, "transform", None)) is not None]
    return places + [step for t in transforms for step in getattr(t, "transforms", [t])]


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
    found = [list(wish.class_names)] if wish.class_names is not None else list(_listed_names(trainer, loader))
    names = next((names for names in found if len(names) == classes), None)
    if names is None:
        rank_zero_warn(
            f"Found {len(found[0]) if found else 0} class names for {classes} outputs, so classes go by number: "
            "pass probes=Probes(class_names=[...])."
        )
        return tuple(f"class {k}" for k in range(classes))
    return tuple(printable(str(name)) for name in names)


def _listed_names(trainer: pl.Trainer, loader: DataLoader[Any]) -> Iterator[list[Any]]:
    """Every list of class names that somebody has, the LightningModule last."""
    for place in [*_places(trainer, loader), trainer.lightning_module]:
        for attribute in ("class_names", "classes"):
            found = getattr(place, attribute, None)
            if isinstance(found, (list, tuple)):
                yield list(found)
        numbered = getattr(place, "class_to_idx", None)
        if isinstance(numbered, Mapping):
            yield sorted(numbered, key=numbered.__getitem__)
    # As `labels` a data set would rather keep the class of every item.
    labels = getattr(trainer.lightning_module, "labels", None)
    if isinstance(labels, (list, tuple)) and all(isinstance(name, str) for name in labels):
        yield list(labels)


def normalization(trainer: pl.Trainer, wish: Probes, loader: DataLoader[Any], images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and std (C, 1, 1); where nobody knows them, the range of the images: [0, 1], bytes, or what they reach.

    Of more than three channels, which are no colours, each has a range of its own.
    """
    channels = images.shape[1]
    pairs = [(wish.mean, wish.std)]
    if are_bytes(images):  # the network scales them itself, and with what others know of them
        pairs.append((0.0, 1 / 255))
    pairs += [(getattr(p, "mean", None), getattr(p, "std", None)) for p in _places(trainer, loader)]
    known = ((m, s) for m, s in pairs if m is not None and s is not None and not callable(m) and not callable(s))
    mean, std = next(known, (None, None))
    if mean is not None and std is not None:
        return channel_values(mean, channels, "mean").to(images), channel_values(std, channels, "std").to(images)
    over = (0, 2, 3) if channels > 3 else (0, 1, 2, 3)
    finite = images.isfinite()
    least = torch.where(finite, images, torch.inf).amin(over, True).expand(1, channels, 1, 1)[0]
    most = torch.where(finite, images, -torch.inf).amax(over, True).expand(1, channels, 1, 1)[0]
    if bool((least >= 0).all()) and bool((most <= 1).all()):
        return torch.zeros_like(least), torch.ones_like(least)
    rank_zero_warn(
        f"The images reach from {float(least.min()):.2f} to {float(most.max()):.2f} and nobody knows their mean and "
        "std, so that range is stretched for display: pass probes=Probes(mean=[...], std=[...])."
    )
    scale = 1 / torch.where(most > least, most - least, 1.0)  # of an image of one colour it would be 0
    return -least * scale, scale  # pixels = images * std + mean


def masks(loader: DataLoader[Any], indices: Sequence[int], images: Tensor) -> Tensor | None:
    """Where the evidence lies: what the data set's `mask(index)` returns, also behind a `Subset`.

    Args:
        loader: The loader.
        indices: Items of its data set.
        images: These items, (N, C, H, W).

    Returns:
        Bool (N, H, W) on the CPU, or None where the data set has no masks of that size.
    """
    dataset: Any = loader.dataset
    while isinstance(dataset, Subset):
        dataset, indices = dataset.dataset, [int(dataset.indices[i]) for i in indices]
    find = getattr(dataset, "mask", None)
    if not callable(find):
        return None
    try:
        found = elsewhere(lambda: torch.stack([torch.as_tensor(find(i)).bool().cpu() for i in indices]), dataset)
    except Exception as error:  # whatever a method of that name is there for
        found, why = torch.empty(0), f"it failed: {type(error).__name__}: {error}"
    else:
        why = f"received {tuple(found.shape[1:])} for images of {tuple(images.shape[2:])}"
    if found.shape == (len(images), *images.shape[2:]):
        return found
    rank_zero_warn(
        f"Expected {type(dataset).__name__}.mask(index) to return booleans (H, W), of an image's size, but {why}. So "
        "nothing is held against masks."
    )
    return None
