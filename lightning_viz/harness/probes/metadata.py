"""Class names, normalisation and masks, from whoever knows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from lightning_viz.harness.arguments import is_whole
from lightning_viz.harness.isolation.forks.elsewhere import elsewhere, only_elsewhere
from lightning_viz.harness.names import printable
from lightning_viz.harness.probes.labels import dataset_labels
from lightning_viz.harness.probes.spec import Probes
from lightning_viz.harness.tensors import are_bytes

T = TypeVar("T")


class Metadata(NamedTuple):
    """What others tell about the images.

    Attributes:
        names: Every list of class names that somebody has; first the data module's and the data set's.
        scales: Every mean and std that somebody has, each one value or one per channel.
        masks: Whether the data set, or that of which it is a part, has a method `mask`.
        counts: How many classes somebody says there are: by their names, or as `num_classes` of the data, the module or
            its metrics.
        ignored: What the losses of the module take for no class.
        labels: The class of every item, where that was asked for and the data set knows it without loading its items.
    """

    names: list[list[str]]
    scales: list[tuple[list[float], list[float]]]
    masks: bool
    counts: frozenset[int] = frozenset()
    ignored: frozenset[int] = frozenset()
    labels: Sequence[int] | None = None


def ask(
    trainer: pl.Trainer, loader: DataLoader[Any], *, labels: bool, then: Callable[[Metadata], T] | None
) -> tuple[Metadata, T | None]:
    """Asks whoever may know: the data module, the data set, what it wraps, its transforms, and the LightningModule.

    Elsewhere, since what they do when they are asked is theirs; all at once, since a process takes longer to start than
    most data sets take to read a few items.

    Args:
        trainer: The Trainer.
        loader: The user's.
        labels: Whether the labels of the whole data set are wanted.
        then: What is read by the same process, of what is told; None for nothing.

    Returns:
        What they tell; and what was read, None where it has to be read anew, here or by a process of its own.
    """
    dataset: Any = getattr(loader, "dataset", None)
    datamodule, module = getattr(trainer, "datamodule", None), trainer.lightning_module

    def asked() -> Metadata:
        places = list(_places(datamodule, dataset))
        whole = _whole(dataset, [])[0]
        names = list(_names([*places, module]))
        counts = frozenset([*map(len, names), *_counts([*places, module, *module.modules()])])
        ignored = frozenset(_ignored([module, *module.modules()]))
        known = dataset_labels(dataset) if labels else None
        return Metadata(names, list(_scales(places)), callable(_get(whole, "mask")), counts, ignored, known)

    def both(then: Callable[[Metadata], T]) -> tuple[Metadata, T]:
        known = asked()
        return known, then(known)

    found = None
    if then is not None:
        found = only_elsewhere(lambda: both(then), datamodule, dataset, loader.collate_fn)
    return found or (elsewhere(asked, datamodule, dataset), None)


def _places(datamodule: Any, dataset: Any) -> Iterator[Any]:
    places = [datamodule, dataset]
    while (inner := _get(dataset, "dataset")) is not None:  # a Subset, or any wrapper of that manner
        dataset = inner
        places.append(dataset)
    yield from places
    for transform in (_get(place, "transform") for place in places):
        yield from _get(transform, "transforms") or [transform]


def _get(place: Any, attribute: str) -> Any:
    try:
        return getattr(place, attribute, None)
    except Exception:  # a property of that name is there for something else
        return None


def _names(places: Sequence[Any]) -> Iterator[list[str]]:
    for place in places:
        for attribute in ("class_names", "classes"):
            found = _get(place, attribute)
            if isinstance(found, (list, tuple)):
                yield [str(name) for name in found]
        numbered = _get(place, "class_to_idx")
        if isinstance(numbered, Mapping):
            yield [str(name) for name in sorted(numbered, key=numbered.__getitem__)]
    # As `labels` a data set would rather keep the class of every item.
    labels = _get(places[-1], "labels")
    if isinstance(labels, (list, tuple)) and all(isinstance(name, str) for name in labels):
        yield list(labels)
    for part in (places[-1], *places[-1].children()):  # a network that brings its configuration along
        numbered = _get(_get(part, "config"), "id2label")
        if isinstance(numbered, Mapping):
            yield [str(numbered[key]) for key in sorted(numbered, key=int)]


def _counts(places: Iterable[Any]) -> Iterator[int]:
    for place in places:
        for attribute in ("num_classes", "n_classes", "num_labels"):
            for holder in (place, _get(place, "hparams")):
                found = _get(holder, attribute)
                if is_whole(found) and found > 1:
                    yield int(found)


def _ignored(places: Iterable[Any]) -> Iterator[int]:
    for place in places:
        # A metric may leave out a class that is learnt all the same, such as the background.
        holders = [] if callable(_get(place, "compute")) else [place, _get(place, "hparams"), _get(place, "config")]
        for holder in holders:
            for attribute in ("ignore_index", "semantic_loss_ignore_index"):
                found = _get(holder, attribute)
                if is_whole(found) and found >= 0:
                    yield int(found)


def _scales(places: Iterable[Any]) -> Iterator[tuple[list[float], list[float]]]:
    for place in places:
        with suppress(Exception):  # of another kind
            mean, std = _numbers(_get(place, "mean")), _numbers(_get(place, "std"))
            yield mean, std


def _numbers(values: Any) -> list[float]:
    found: list[float] = torch.as_tensor(values, dtype=torch.float32).reshape(-1).tolist()
    return found


def class_names(known: Metadata, spec: Probes, classes: int, labels: Tensor | None = None) -> tuple[str, ...]:
    """A name per class; where nobody knows them, its number.

    Args:
        known: What others tell.
        spec: What the user tells.
        classes: How many there are.
        labels: What is known of images, (N, ...); names that are fewer than the classes count where they name all of
            labels (N,), and the classes behind them have numbers.

    Raises:
        ValueError: The spec names another number of classes.
    """
    if spec.class_names is not None and len(spec.class_names) != classes:
        raise ValueError(
            f"Expected {classes} class names, one per output of the network, received {len(spec.class_names)}: "
            "mend probes=Probes(class_names=[...])."
        )
    found = known.names if spec.class_names is None else [list(spec.class_names)]
    names = next((names for names in found if len(names) == classes), None)
    if names is None:
        used = int(labels.max()) + 1 if labels is not None and labels.ndim == 1 else classes
        names = next((names for names in found if used <= len(names) < classes), [])
        rank_zero_warn(
            f"Found {len(found[0]) if found else 0} class names for {classes} outputs, so "
            f"{'the others' if names else 'classes'} go by number: pass probes=Probes(class_names=[...])."
        )
    return (*(printable(str(name)) for name in names), *(f"class {k}" for k in range(len(names), classes)))


def normalization(known: Metadata, spec: Probes, images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and std (C, 1, 1); where nobody knows them, the range of the images: [0, 1], bytes, or what they reach.

    Of volumes they are (C, 1, 1, 1). Of more than three channels, which are no colours, each has a range of its own.
    """
    channels = images.shape[1]
    pairs: list[tuple[Any, Any]] = [(spec.mean, spec.std)] if spec.mean is not None and spec.std is not None else []
    if are_bytes(images):  # the network scales them itself, and with what others know of them
        pairs.append((0.0, 1 / 255))
    pairs += known.scales
    if pairs:
        mean, std = pairs[0]
        return _channel_values(mean, images, "mean"), _channel_values(std, images, "std")
    sides = range(2, images.ndim)
    over = (0, *sides) if channels > 3 else (0, 1, *sides)
    finite = images.isfinite()
    shape = channels, *[1 for _ in sides]
    least = torch.where(finite, images, torch.inf).amin(over, True)[0].expand(shape)
    most = torch.where(finite, images, -torch.inf).amax(over, True)[0].expand(shape)
    if bool((least >= 0).all()) and bool((most <= 1).all()):
        return torch.zeros_like(least), torch.ones_like(least)
    rank_zero_warn(
        f"The images reach from {float(least.min()):.2f} to {float(most.max()):.2f} and nobody knows their mean and "
        "std, so that range is stretched for display: pass probes=Probes(mean=[...], std=[...])."
    )
    scale = 1 / torch.where(most > least, most - least, 1.0)  # of an image of one colour it would be 0
    return -least * scale, scale  # pixels = images * std + mean


def _channel_values(values: float | Sequence[float], images: Tensor, name: str) -> Tensor:
    """A mean or std of images (N, C, ...) as a tensor (C, 1, 1), of volumes (C, 1, 1, 1).

    Raises:
        ValueError: The number of values is neither 1 nor the number of channels.
    """
    channels = images.shape[1]
    given = torch.as_tensor(values, dtype=torch.float32).reshape(-1)
    if len(given) not in (1, channels):
        raise ValueError(f"Expected {name} with 1 value or {channels}, one per channel, received {len(given)}.")
    return given.expand(channels).reshape(channels, *[1] * (images.ndim - 2)).to(images, copy=True)


def _whole(dataset: Any, indices: Sequence[int]) -> tuple[Any, list[int]]:
    """What a `Subset` is a part of, and the numbers that its items have there."""
    while isinstance(dataset, Subset):
        dataset, indices = dataset.dataset, [int(dataset.indices[i]) for i in indices]
    return dataset, list(indices)


def masks(known: Metadata, loader: DataLoader[Any], indices: Sequence[int], images: Tensor) -> Tensor | None:
    """Where the evidence lies: what the data set's `mask(index)` returns, also behind a `Subset`.

    Args:
        known: Whether there are some.
        loader: The loader.
        indices: Items of its data set.
        images: These items, (N, C, H, W) or (N, C, D, H, W).

    Returns:
        Bool (N, H, W) on the CPU, or (N, K, H, W) of K labels, or with D before H; None where the data set has no masks
        of that size.
    """
    if not known.masks:
        return None
    dataset, items = _whole(loader.dataset, indices)
    try:
        found = elsewhere(lambda: torch.stack([torch.as_tensor(dataset.mask(i)).bool().cpu() for i in items]), dataset)
    except Exception as error:  # whatever a method of that name is there for
        found, why = torch.empty(0), f"it failed: {type(error).__name__}: {error}"
    else:
        why = f"received {tuple(found.shape[1:])} for images of {tuple(images.shape[2:])}"
    sides = images.ndim - 2
    if found.ndim in (sides + 1, sides + 2) and found.shape[-sides:] == images.shape[2:]:
        return found
    rank_zero_warn(
        f"Expected {type(dataset).__name__}.mask(index) to return booleans, of an image's size, for example (H, W), or "
        f"(labels, H, W), but {why}. So nothing is held against masks."
    )
    return None
