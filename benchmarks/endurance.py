"""`python -m benchmarks.endurance`: trains for many epochs with every picture, and counts what is left behind."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from types import BuiltinFunctionType
from weakref import ReferenceType

import numpy as np
import pytorch_lightning as pl
import torch
from matplotlib.figure import Figure
from pytorch_lightning.loggers import TensorBoardLogger
from torch import nn

import lightning_viz as viz
from benchmarks.measure import aligned
from lightning_viz.food11 import FoodClassifier, FoodData

FIRST = 20
"""Growth counts from here on: until then caches fill and the allocator finds its size."""

_REMEMBERED = (ReferenceType, BuiltinFunctionType)
"""For every class that an abstract one was asked of, once: how many is a matter of what ran before."""


@dataclass(frozen=True)
class Census:
    """What is alive at the end of an epoch, after the garbage collector.

    Attributes:
        epoch: How many epochs have been trained.
        resident: Memory of the process in MiB, as far as the system tells it.
        objects: Objects that the garbage collector knows, but for what `isinstance` remembers of abstract classes.
        tensors: Tensors.
        tensor_kib: What they hold, in KiB.
        array_kib: What arrays of numpy hold, in KiB.
        figures: Figures of matplotlib.
        hooks: Hooks on modules.
        descriptors: Open files, as far as the system tells them.
        threads: Threads.
        files: Temporary files.
    """

    epoch: int
    resident: int
    objects: int
    tensors: int
    tensor_kib: int
    array_kib: int
    figures: int
    hooks: int
    descriptors: int
    threads: int
    files: int


def census(epoch: int, module: nn.Module) -> Census:
    """Counts."""
    gc.collect()
    alive = gc.get_objects()
    tensors = [x for x in alive if issubclass(type(x), torch.Tensor)]
    real = [x for x in tensors if type(x) in (torch.Tensor, nn.Parameter)]  # not the compiler's fakes
    shown = (x.untyped_storage() for x in real if x.layout is torch.strided)
    storages = {storage.data_ptr(): storage.nbytes() for storage in shown}
    # What is arranged for the CPU's own convolution does not show where it lies.
    storages |= {id(x): x.nbytes for x in real if x.layout is not torch.strided}
    # The collector does not know arrays, but those who hold them.
    arrays = {id(x): x.nbytes for owner in alive for x in gc.get_referents(owner) if type(x) is np.ndarray}
    return Census(
        epoch=epoch,
        resident=_resident(),
        objects=sum(type(x) not in _REMEMBERED for x in alive),
        tensors=len(tensors),
        tensor_kib=sum(storages.values()) // 1024,
        array_kib=sum(arrays.values()) // 1024,
        figures=sum(issubclass(type(x), Figure) for x in alive),
        hooks=sum(len(hooks) for m in module.modules() for name, hooks in vars(m).items() if name.endswith("_hooks")),
        descriptors=len(_listing(Path("/proc/self/fd"))),
        threads=threading.active_count(),
        files=len(_listing(Path(tempfile.gettempdir()))),
    )


def train(epochs: int, counted: Iterable[int], callbacks: Iterable[pl.Callback]) -> list[Census]:
    """Trains a tiny classifier.

    Args:
        epochs: How many.
        counted: After which of them to count.
        callbacks: With what; see `pictures`.
    """
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    pl.seed_everything(0, verbose=False)
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory() as log, tempfile.TemporaryDirectory() as temporary:
        tempfile.tempdir = temporary  # its own, because other programs leave files in the common one
        try:
            watch = _Watch(frozenset(counted))
            trainer = pl.Trainer(
                max_epochs=epochs,
                accelerator="cpu",
                logger=TensorBoardLogger(log),
                callbacks=[*callbacks, watch],
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
            )
            trainer.fit(FoodClassifier(size=32, width=2), FoodData(size=32, batch_size=8, train_count=22, val_count=11))
        finally:
            tempfile.tempdir = before
    return watch.seen


def pictures(films: int = 5, probes: int = 2) -> list[pl.Callback]:
    """Every public callback, with little to do; after every so many epochs films are made."""
    often = {"probes": probes, "on_error": "raise"}
    return [
        *(viz.SaliencyMaps(method=method, samples=2, **often) for method in ("gradient", "smoothgrad", "loss")),
        viz.IntegratedGradients(steps=2, **often),
        viz.GradCam(**often),
        viz.Occlusion(**often),
        viz.CaptumAttribution("captum.attr.DeepLift", **often),
        viz.FilterAscent(channels=2, steps=2, **often),
        viz.FilterWall(channels=4, steps=2, warm_steps=1, **often),
        viz.FilterActivations(channels=2, **often),
        viz.LimePanels(samples=64, **often),
        viz.DeepDream(octaves=2, iterations=2, **often),
        viz.ConfusionMatrixPanel(**often),
        viz.ConfusionPanels(samples=64, steps=2, **often),
        viz.Films(every_n_epochs=films),
        viz.Snapshots(keep=2),
    ]


class _Watch(pl.Callback):
    """Counts after some of the epochs. Goes last."""

    def __init__(self, counted: frozenset[int]) -> None:
        self.counted = counted
        self.seen: list[Census] = []

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        epoch = trainer.current_epoch + 1
        if epoch in self.counted:
            self.seen.append(self._settled(epoch, pl_module))
            print(f"epoch {epoch}", file=sys.stderr, flush=True)

    def _settled(self, epoch: int, module: pl.LightningModule) -> Census:
        """A copy of the weights that a thread is still writing is no leak: what does not go by itself is counted."""
        last, end = self.seen[-1] if self.seen else None, time.monotonic() + 5
        while (now := census(epoch, module)) and last and now.tensors > last.tensors and time.monotonic() < end:
            time.sleep(0.1)
        return now


def _resident() -> int:
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 2**20 if status.exists() else 0


def _listing(folder: Path) -> list[str]:
    return os.listdir(folder) if folder.exists() else []


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains, and prints one line per count and what has grown.

    Args:
        arguments: Those of the command line by default.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endurance", description=__doc__)
    parser.add_argument("--epochs", type=int, default=200)
    epochs = parser.parse_args(arguments).epochs
    counted = {1, min(FIRST, epochs), epochs, *range(FIRST, epochs, max(epochs // 10, 1))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on loaders
        # A film shows all epochs so far: twenty of them in all, or the time would grow with the square of the epochs.
        seen = train(epochs, counted, pictures(max(epochs // 20, 1)))
    rows = [[str(value) for value in astuple(one)] for one in seen]
    first = next(one for one in seen if one.epoch == min(FIRST, epochs))
    grown = [f"{b - a:+d}" for a, b in zip(astuple(first), astuple(seen[-1]), strict=True)]
    print(aligned([[field.name for field in fields(Census)], *rows, grown]))


if __name__ == "__main__":
    main()
