"""Items out of a user's loader, without ever iterating the loader itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, Subset

from lightning_viz.harness.isolation.forks.elsewhere import elsewhere
from lightning_viz.harness.isolation.forks.hooks import as_validation_batch
from lightning_viz.harness.isolation.switches import as_outside
from lightning_viz.harness.probes.batches import Unpacked, unpacked


def first_loader(loaders: Any, wanted: int | str | None = None) -> Any | None:
    """Out of what a Trainer keeps as its loaders the wanted one, else the first with items, else the first stream.

    Args:
        loaders: What the Trainer keeps.
        wanted: The name of a loader, or its number.
    """
    found = [one for name, one in named(loaders) if wanted in (None, name) and not _is_empty(one)]
    return next((one for one in found if is_known(one)), found[0] if found else None)


def is_known(loader: Any) -> bool:
    """Whether the items behind a loader can be had by index, or its batches; else they are a stream."""
    dataset = getattr(loader, "dataset", None)
    return hasattr(loader, "collate_fn") and hasattr(dataset, "__len__") and not isinstance(dataset, IterableDataset)


def has_items(loader: Any) -> bool:
    """Whether the items behind a loader can be had by index."""
    return is_known(loader) and not has_batches(loader)


def has_batches(loader: Any) -> bool:
    """Whether what can be had by index are whole batches."""
    return is_known(loader) and getattr(loader, "batch_sampler", None) is None and not _takes_lists(loader)


def _takes_lists(loader: Any) -> bool:
    """Whether a data set makes a batch of a list of indices by itself."""
    return getattr(loader, "batch_sampler", None) is None and isinstance(loader.sampler, BatchSampler)


def _is_empty(loader: Any) -> bool:
    return is_known(loader) and len(loader.dataset) == 0


def side_by_side(trainer: pl.Trainer) -> bool:
    """Whether each batch of a validation or test holds one of every loader."""
    alone = trainer.test_loop if trainer.state.fn == "test" else trainer.validate_loop
    loop = trainer.fit_loop.epoch_loop.val_loop if trainer.state.fn == "fit" else alone
    # The Trainer hands out the loaders alone, without how they are combined.
    combined = getattr(loop, "_combined_loader", None)
    return getattr(combined, "_mode", "sequential") != "sequential" and len(list(flat(combined))) > 1


def named(loaders: Any) -> list[tuple[int | str, Any]]:
    """Every single loader out of what a Trainer keeps as its loaders, by its name, or where it has none its number."""
    names = list(_names(getattr(loaders, "iterables", loaders)))
    return [(k if name is None else name, one) for k, (name, one) in enumerate(zip(names, flat(loaders), strict=True))]


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


def _names(loaders: Any, name: str | None = None) -> Iterator[str | None]:
    if hasattr(loaders, "flattened"):
        loaders = loaders.iterables
    if isinstance(loaders, Mapping):
        for key, child in loaders.items():
            yield from _names(child, str(key))
    elif isinstance(loaders, (list, tuple)):
        for child in loaders:
            yield from _names(child, None)
    elif loaders is not None:
        yield name


def load(
    loader: DataLoader[Any],
    indices: Sequence[int],
    trainer: pl.Trainer,
    module: nn.Module,
    unpack: Callable[..., Any] | None,
    *,
    batches: Sequence[Any] | None = None,
) -> Unpacked:
    """Loads items of a loader's data set, or of one that has whole batches some batches, as validation would get them.

    A private loader over the same data set, in a process of its own: iterating the user's own would move its generator
    or its workers, and the data set may count or cache. The batch passes the transfer hooks as a validation batch, so
    normalisation happens and augmentation does not.

    Args:
        loader: The user's.
        indices: Items of its data set.
        trainer: The Trainer.
        module: The LightningModule that is explained, whose hooks the batch passes.
        unpack: The user's own way to images and labels.
        batches: What `batches_of` returned for these items, where they have been read.

    Returns:
        Images (N, C, H, W) in float32 on the network's device, labels, if there are some, and what stands beside them.

    Raises:
        ValueError: The images are not of one size, or none are found.
    """
    if batches is None:
        touched = loader.dataset, loader.collate_fn
        read = partial(batches_of, loader, indices)
        batches = read() if loader.num_workers else elsewhere(read, *touched)
    with as_outside():
        parts = [unpacked(as_validation_batch(trainer, module, batch), unpack) for batch in batches]
    return Unpacked.joined(parts)


def batches_of(loader: DataLoader[Any], indices: Sequence[int]) -> list[Any]:
    """Items of a loader's data set, or whole batches of one that has those, as its collate function leaves them."""
    private = DataLoader(
        **_reading(loader, list(indices)),
        collate_fn=loader.collate_fn,
        num_workers=min(loader.num_workers, 1),  # the data set may ask which worker it is in
        multiprocessing_context=loader.multiprocessing_context,
        worker_init_fn=loader.worker_init_fn,
        generator=torch.Generator().manual_seed(0),
    )
    with as_outside():
        return list(private)


def _reading(loader: DataLoader[Any], indices: list[int]) -> dict[str, Any]:
    """How a private loader reads items of the user's data set."""
    if has_batches(loader):
        return {"dataset": loader.dataset, "sampler": indices, "batch_size": None}
    if _takes_lists(loader):
        size = getattr(loader.sampler, "batch_size", None) or 1
        lists = [indices[k : k + size] for k in range(0, len(indices), size)]
        return {"dataset": loader.dataset, "sampler": lists, "batch_size": None}
    return {"dataset": Subset(loader.dataset, indices), "batch_size": loader.batch_size or 1}
