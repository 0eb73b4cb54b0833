"""All drawings shared by two processes, in a training and in a replay, against one; every process has one thread."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytorch_lightning as pl
import torch

import lightning_viz
from benchmarks.measure import Line, in_fork
from benchmarks.network import Settings
from lightning_viz import DeepDream, FilterAscent, LimePanels, SaliencyMaps, Snapshots
from lightning_viz.food11 import FoodClassifier, FoodData
from lightning_viz.harness.namespaces import Callback

EPOCHS = 2


def lines(settings: Settings) -> Iterator[Line]:
    """Two lines: below 0.625, two processes draw at least 1.6 times as fast as one."""
    command = [sys.executable, "-m", "benchmarks.ranks", *map(str, (settings.size, settings.width, settings.samples))]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)  # errors are shown
    alone, together, replayed, shared = (float(told.split()[0]) for told in ended.stdout.split("drawn in")[1:])
    yield Line("all drawings, shared by 2 processes", together, "1 process", alone)
    yield Line(f"replay of {EPOCHS} checkpoints, shared by 2 processes", shared, "1 process", replayed)


class Clock(Callback):
    """Begins before the drawings of an epoch, and another of them ends behind; takes part in a replay."""

    def __init__(self, begin: Clock | None = None) -> None:
        self.begin = begin
        self.seconds: list[float] = []

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Reads the clock."""
        self.seconds.append(time.perf_counter())

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Says the median duration, without the first one."""
        if self.begin is not None and trainer.is_global_zero:
            durations = [end - begin for begin, end in zip(self.begin.seconds, self.seconds, strict=True)]
            print(f"drawn in {median(durations[1:])} s", flush=True)


def train(processes: int, size: int, width: int, samples: int, folder: str) -> None:
    """Trains, draws and says how long drawing took."""
    begin = Clock()
    trainer = _trainer(
        processes, folder, [begin, *_pictures(size, samples), Clock(begin), *([Snapshots()] if processes == 1 else [])]
    )
    trainer.fit(FoodClassifier(size=size, width=width), _data(size))


def replay(processes: int, size: int, width: int, samples: int, folder: str) -> None:
    """Draws what that training kept, and says how long it took, without the first drawing."""
    begin = Clock()
    trainer = _trainer(processes, folder, [begin, *_pictures(size, samples), Clock(begin)])
    lightning_viz.replay(
        trainer, FoodClassifier(size=size, width=width), Path(folder) / "snapshots", datamodule=_data(size)
    )


def _pictures(size: int, samples: int) -> list[pl.Callback]:
    return [
        SaliencyMaps(method="smoothgrad", samples=4),
        FilterAscent(steps=4),
        LimePanels(samples=3 * samples),
        DeepDream(canvas=size, octaves=2, iterations=2),
    ]


def _data(size: int) -> FoodData:
    return FoodData(size=size, batch_size=8, train_count=16, val_count=16)


def _trainer(processes: int, folder: str, callbacks: list[pl.Callback]) -> pl.Trainer:
    torch.set_num_threads(1)
    return pl.Trainer(
        max_epochs=EPOCHS,
        accelerator="cpu",
        devices=processes,
        strategy="ddp_fork" if processes > 1 else "auto",
        logger=False,
        callbacks=callbacks,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as nothing_is_kept:
        for what in (train, replay):
            for number in (1, 2):
                in_fork(what, number, *map(int, sys.argv[1:]), nothing_is_kept)
