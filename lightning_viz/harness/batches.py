"""Images and labels out of a user's loader and batches, without ever iterating the loader itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.trainer.states import RunningStage
from torch import Tensor
from torch.utils.data import ConcatDataset, DataLoader, Subset


def unpack_batch(batch: Any, unpack: Callable[..., Any] | None = None) -> tuple[Tensor, Tensor]:
    """Finds images and labels in a batch.

    Args:
        batch: Any nesting of tuples, lists, mappings and dataclasses.
        unpack: The user's own way, which returns both.

    Returns:
        The first float tensor (N, C, H, W), and the first integer tensor (N,) or (N, 1) as long (N,).

    Raises:
        ValueError: No such pair is in the batch.
    """
    if unpack is not None:
        images, labels = unpack(batch)
        return images, labels.reshape(-1).long()
    tensors = list(_tensors(batch))
    images = next((t for t in tensors if t.ndim == 4 and t.is_floating_point()), None)
    if images is not None:
        for t in tensors:
            if t.shape in ((len(images),), (len(images), 1)) and not (t.is_floating_point() or t.dtype == torch.bool):
                return images, t.reshape(-1).long()
    raise ValueError(
        "Expected a batch with float images (N, C, H, W) and integer labels (N,), received "
        f"{[f'{str(t.dtype)[6:]} {tuple(t.shape)}' for t in tensors] or type(batch).__name__}: "
        "pass probes=Probes(unpack=...), a function from a batch to (images, labels)."
    )


def _tensors(batch: Any) -> Iterator[Tensor]:
    if isinstance(batch, Tensor):
        yield batch
    elif isinstance(batch, Mapping):
        for value in batch.values():
            yield from _tensors(value)
    elif is_dataclass(batch):
        for field in fields(batch):
            yield from _tensors(getattr(batch, field.name))
    elif isinstance(batch, (tuple, list)):
        for value in batch:
            yield from _tensors(value)


def first_loader(loaders: Any) -> DataLoader[Any] | None:
    """The first loader with a data set of known length, out of what a Trainer keeps as its loaders."""
    if loaders is None:
        return None
    if hasattr(loaders, "collate_fn") and hasattr(loaders.dataset, "__len__"):
        loader: DataLoader[Any] = loaders
        return loader
    if isinstance(loaders, Mapping):
        children: Iterable[Any] = loaders.values()
    else:
        children = getattr(loaders, "flattened", loaders if isinstance(loaders, (list, tuple)) else ())
    return next((found for child in children if (found := first_loader(child)) is not None), None)


def dataset_labels(dataset: Any) -> Sequence[int] | None:
    """The labels of a whole data set where it knows them without loading its items, else `None`."""
    if isinstance(dataset, Subset):
        labels = dataset_labels(dataset.dataset)
        return None if labels is None else [int(labels[i]) for i in dataset.indices]
    if isinstance(dataset, ConcatDataset):
        parts = [dataset_labels(d) for d in dataset.datasets]
        return None if any(p is None for p in parts) else [label for p in parts if p is not None for label in p]
    for name in ("targets", "labels"):
        found = getattr(dataset, name, None)
        values: Any = found if isinstance(found, (list, tuple)) else getattr(found, "tolist", lambda: None)()
        if (
            isinstance(values, (list, tuple))
            and len(values) == len(dataset)
            and all(isinstance(v, int) for v in values)
        ):
            return values
    return None


def load(
    loader: DataLoader[Any], indices: Sequence[int], trainer: pl.Trainer, unpack: Callable[..., Any] | None
) -> tuple[Tensor, Tensor]:
    """Loads items of a loader's data set, as the network would get them in validation.

    A private loader over the same data set: iterating the user's own would move its generator or its workers. The batch
    passes the user's transfer hooks as a validation batch, so normalisation happens and augmentation does not.

    Returns:
        Images (N, C, H, W) in float32 on the network's device, and labels (N,).
    """
    private = DataLoader(
        Subset(loader.dataset, list(indices)),
        batch_size=loader.batch_size or 1,
        collate_fn=loader.collate_fn,
        # A handle that the data set opens lazily must not be opened here and then shared with the user's workers.
        num_workers=min(loader.num_workers, 1),
        multiprocessing_context=loader.multiprocessing_context,
        worker_init_fn=loader.worker_init_fn,
        generator=torch.Generator().manual_seed(0),
    )
    module = trainer.lightning_module
    with _as_validation(trainer):
        moved = [trainer.strategy.batch_to_device(module._on_before_batch_transfer(batch)) for batch in private]
        parts = [unpack_batch(batch, unpack) for batch in moved]
    # Clones, because a batch that was made in inference mode takes part in no gradient.
    return torch.cat([x for x, _ in parts]).float().clone(), torch.cat([y for _, y in parts]).clone()


@contextmanager
def _as_validation(trainer: pl.Trainer) -> Iterator[None]:
    stage = trainer.state.stage
    try:
        trainer.state.stage = RunningStage.VALIDATING
        yield
    finally:
        trainer.state.stage = stage
