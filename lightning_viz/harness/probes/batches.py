"""Images and labels out of a user's loader and batches, without ever iterating the loader itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, Subset

from lightning_viz.harness.isolation.elsewhere import elsewhere
from lightning_viz.harness.isolation.hooks import as_validation_batch
from lightning_viz.harness.isolation.switches import as_outside
from lightning_viz.harness.probes.labels import UNPACK, as_labels, find_labels, told
from lightning_viz.harness.tensors import named_tensors


def unpack_batch(batch: Any, unpack: Callable[..., Any] | None = None) -> tuple[Tensor, Tensor | None]:
    """Finds images and labels in a batch.

    Args:
        batch: Any nesting of tuples, lists, mappings and dataclasses.
        unpack: The user's own way, which returns both, or images alone.

    Returns:
        The first float tensor (N, C, H, W), or the first of integers where there is none; and the labels, (N,) or
        (N, K), see `find_labels`, or None where there are none of an image as a whole.

    Raises:
        ValueError: No images are in the batch, or it cannot be told which tensor holds the labels.
    """
    if unpack is not None:
        return _checked(unpack(batch))
    tensors = list(named_tensors(batch))
    stacks = [t for _, t in tensors if t.ndim == 4 and t.dtype != torch.bool]
    images = next((t for t in stacks if t.is_floating_point()), stacks[0] if stacks else None)
    if images is None:
        raise ValueError(
            "Expected a batch with images (N, C, H, W), floats or bytes, and labels (N,) or (N, classes), received "
            f"{[told(name, t) for name, t in tensors] or type(batch).__name__}: {UNPACK}"
        )
    labels = find_labels([(n, t) for n, t in tensors if t.ndim in (1, 2) and len(t) == len(images) and t.numel()])
    return _as_floats(images), None if labels is None else as_labels(labels)


def _checked(found: Any) -> tuple[Tensor, Tensor | None]:
    pair = (found, None) if isinstance(found, Tensor) else found
    images, labels = pair if isinstance(pair, (tuple, list)) and len(pair) == 2 else (None, None)
    fits = labels is None or (isinstance(labels, Tensor) and labels.ndim and isinstance(images, Tensor))
    if not (fits and isinstance(images, Tensor) and images.ndim == 4) or (
        labels is not None and len(images) != len(labels)
    ):
        shapes = [tuple(p.shape) if isinstance(p, Tensor) else type(p).__name__ for p in (images, labels)]
        raise ValueError(
            "Expected unpack to return images (N, C, H, W) and labels (N,) or (N, classes), or images alone, received "
            f"{shapes}."
        )
    return _as_floats(images), None if labels is None else as_labels(labels)


def _as_floats(images: Tensor) -> Tensor:
    return images if images.is_floating_point() else images.float()


def first_loader(loaders: Any) -> Any | None:
    """Out of what a Trainer keeps as its loaders the first that has items, else the first that is a stream."""
    found = [loader for loader in flat(loaders) if not (has_items(loader) and len(loader.dataset) == 0)]
    return next((loader for loader in found if has_items(loader)), found[0] if found else None)


def has_items(loader: Any) -> bool:
    """Whether the items behind a loader can be had by index; else they are a stream."""
    dataset = getattr(loader, "dataset", None)
    return hasattr(loader, "collate_fn") and hasattr(dataset, "__len__") and not isinstance(dataset, IterableDataset)


def flat(loaders: Any) -> Iterator[Any]:
    """Every single loader out of what a Trainer keeps as its loaders, in the order of their numbers."""
    if isinstance(loaders, Mapping):
        loaders = loaders.values()
    elif hasattr(loaders, "flattened"):
        loaders = loaders.flattened
    elif not isinstance(loaders, (list, tuple)):
        if loaders is not None:
            yield loaders
        return
    for child in loaders:
        yield from flat(child)


def load(
    loader: DataLoader[Any],
    indices: Sequence[int],
    trainer: pl.Trainer,
    module: nn.Module,
    unpack: Callable[..., Any] | None,
) -> tuple[Tensor, Tensor | None]:
    """Loads items of a loader's data set, as the network would get them in validation.

    A private loader over the same data set, in a process of its own: iterating the user's own would move its generator
    or its workers, and the data set may count or cache. The batch passes the transfer hooks as a validation batch, so
    normalisation happens and augmentation does not.

    Args:
        loader: The user's.
        indices: Items of its data set.
        trainer: The Trainer.
        module: The LightningModule that is explained, whose hooks the batch passes.
        unpack: The user's own way to images and labels.

    Returns:
        Images (N, C, H, W) in float32 on the network's device, and labels, see `unpack_batch`.

    Raises:
        ValueError: The images are not of one size, or none are found.
    """
    private = DataLoader(
        Subset(loader.dataset, list(indices)),
        batch_size=loader.batch_size or 1,
        collate_fn=loader.collate_fn,
        num_workers=min(loader.num_workers, 1),
        multiprocessing_context=loader.multiprocessing_context,
        worker_init_fn=loader.worker_init_fn,
        generator=torch.Generator().manual_seed(0),
    )
    with as_outside():
        # One worker, where the user's loader has some: the data set may ask which worker it is in.
        touched = loader.dataset, loader.collate_fn
        batches = list(private) if private.num_workers else elsewhere(lambda: list(private), *touched)
        parts = [unpack_batch(as_validation_batch(trainer, module, batch), unpack) for batch in batches]
    if len({x.shape[1:] for x, _ in parts}) > 1:
        raise ValueError(
            f"Expected probes of one size, received {sorted({tuple(x.shape[1:]) for x, _ in parts})}: "
            "pass probes=Probes(indices=[...]) with items of one size."
        )
    # Clones, because a batch that was made in inference mode takes part in no gradient.
    labels = joined([y for _, y in parts])
    return torch.cat([x for x, _ in parts]).float().clone(), None if labels is None else labels.clone()


def joined(parts: Sequence[Tensor | None]) -> Tensor | None:
    """Labels of several batches as one; None where one of them has none, or others."""
    found = [part for part in parts if part is not None]
    if len(found) < len(parts) or len({part.shape[1:] for part in found}) > 1:
        return None
    return torch.cat(found)
