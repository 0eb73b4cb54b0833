"""All drawings on two processes, against the same on one; every process has one thread."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from statistics import median

import pytorch_lightning as pl
import torch

from benchmarks.measure import Line, in_fork
from benchmarks.network import Settings
from lightning_viz import DeepDream, FilterAscent, LimePanels, SaliencyMaps
from lightning_viz.food11 import FoodClassifier, FoodData

EPOCHS = 3


def lines(settings: Settings) -> Iterator[Line]:
    """One line: below 0.625, two processes draw at least 1.6 times as fast as one."""
    command = [sys.executable, "-m", "benchmarks.ranks", str(settings.size), str(settings.width)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)  # errors are shown
    alone, together = (float(told.split()[0]) for told in ended.stdout.split("drawn in")[1:])
    yield Line("all drawings, shared by 2 processes", together, "1 process", alone)


class Clock(pl.Callback):
    """Begins before the drawings of an epoch, and another of them ends behind."""

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


def main(processes: int, size: int, width: int, folder: str) -> None:
    """Trains, draws and says how long drawing took."""
    torch.set_num_threads(1)
    pictures = [
        SaliencyMaps(method="smoothgrad", samples=4),
        FilterAscent(steps=4),
        LimePanels(samples=192),
        DeepDream(canvas=size, octaves=2, iterations=2),
    ]
    begin = Clock()
    trainer = pl.Trainer(
        max_epochs=EPOCHS,
        accelerator="cpu",
        devices=processes,
        strategy="ddp_fork" if processes > 1 else "auto",
        logger=False,
        callbacks=[begin, *pictures, Clock(begin)],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )
    trainer.fit(FoodClassifier(size=size, width=width), FoodData(size=size, batch_size=8, train_count=16, val_count=16))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as nothing_is_kept:
        for number in (1, 2):
            in_fork(main, number, *map(int, sys.argv[1:]), nothing_is_kept)
