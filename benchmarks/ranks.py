"""All drawings shared by two processes, in a training and in a replay, against one; every process has one thread."""

from __future__ import annotations

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


def drawn(settings: Settings) -> list[pl.Callback]:
    """The callbacks whose drawings are shared."""
    return [
        SaliencyMaps(method="smoothgrad", samples=4, probes=settings.probes),
        FilterAscent(steps=4, probes=settings.probes),
        LimePanels(samples=3 * settings.samples, probes=settings.probes),
        DeepDream(canvas=settings.size, octaves=2, iterations=2, probes=settings.probes),
    ]


def lines(settings: Settings) -> Iterator[Line]:
    """Two lines: below 0.625, two processes draw at least 1.6 times as fast as one."""
    with tempfile.TemporaryDirectory() as nothing_is_kept:
        folder = Path(nothing_is_kept)
        ways = [(what, processes) for what in (train, replay) for processes in (1, 2)]
        alone, together, replayed, shared = (in_fork(what, processes, settings, folder) for what, processes in ways)
    yield Line("all drawings, shared by 2 processes", together, "1 process", alone)
    yield Line(f"replay of {EPOCHS} checkpoints, shared by 2 processes", shared, "1 process", replayed)


class Clock(Callback):
    """Begins before the drawings of an epoch, and another of them ends behind; takes part in a replay.

    What they have measured is in a file, since of two processes neither is the one that asks.
    """

    def __init__(self, begin: Clock | None = None, told: Path | None = None) -> None:
        self.begin, self.told = begin, told
        self.seconds: list[float] = []

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Reads the clock."""
        self.seconds.append(time.perf_counter())

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Writes down the median duration, without the first one."""
        if self.begin is not None and self.told is not None and trainer.is_global_zero:
            durations = [end - begin for begin, end in zip(self.begin.seconds, self.seconds, strict=True)]
            self.told.write_text(str(median(durations[1:])))


def train(processes: int, settings: Settings, folder: Path) -> float:
    """Trains and draws; returns how long drawing took."""
    callbacks, told = _pictures(settings, folder)
    trainer = _trainer(processes, folder, [*callbacks, *([Snapshots()] if processes == 1 else [])])
    trainer.fit(FoodClassifier(size=settings.size, width=settings.width), _data(settings.size))
    return float(told.read_text())


def replay(processes: int, settings: Settings, folder: Path) -> float:
    """Draws what that training kept; returns how long it took, without the first drawing."""
    callbacks, told = _pictures(settings, folder)
    net = FoodClassifier(size=settings.size, width=settings.width)
    trainer = _trainer(processes, folder, callbacks)
    lightning_viz.replay(trainer, net, folder / "snapshots", datamodule=_data(settings.size))
    return float(told.read_text())


def _pictures(settings: Settings, folder: Path) -> tuple[list[pl.Callback], Path]:
    """What draws, between two clocks, and where these tell the time."""
    begin, told = Clock(), folder / "seconds.txt"
    told.unlink(missing_ok=True)
    return [begin, *drawn(settings), Clock(begin, told)], told


def _data(size: int) -> FoodData:
    return FoodData(size=size, batch_size=8, train_count=16, val_count=16)


def _trainer(processes: int, folder: Path, callbacks: list[pl.Callback]) -> pl.Trainer:
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
