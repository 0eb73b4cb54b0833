"""What the callbacks add to a training run: isolation, drawing with all defaults, and the epochs in between."""

from __future__ import annotations

import logging
import tempfile
import time
import warnings
from collections.abc import Iterator
from statistics import median
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import TensorBoardLogger

import lightning_viz as viz
from benchmarks.measure import Line, side_by_side
from benchmarks.network import Settings, Subject
from lightning_viz.food11 import FoodClassifier, FoodData
from lightning_viz.harness.quiet import quiet

CALLBACKS = (
    viz.SaliencyMaps,
    viz.FilterAscent,
    viz.FilterActivations,
    viz.LimePanels,
    viz.DeepDream,
    viz.ConfusionMatrixPanel,
)
NEVER = 10**6
EPOCHS = 2


def lines(settings: Settings) -> Iterator[Line]:
    """Isolation of the large network, then the callbacks on the demo's."""
    yield _isolation(settings)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    data = _data(settings, settings.images)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on loaders
        yield from _drawings(data)
        yield _between(_data(settings, max(settings.images // 8, 22)), settings)


def _data(settings: Settings, count: int) -> FoodData:
    data = FoodData(size=min(settings.size, 64), batch_size=64, train_count=count, val_count=-(-count // 4))
    data.setup("fit")
    return data


def _isolation(settings: Settings) -> Line:
    subject = Subject(settings)

    def isolate() -> None:
        with quiet(subject.net):
            pass

    @torch.no_grad()
    def forward() -> None:
        subject.net(subject.images)

    seconds = side_by_side({"quiet": isolate, "forward": forward}, 5 * settings.repetitions)
    against = f"forward of {len(subject.images)} images"
    return Line("isolation: enter and leave", seconds["quiet"], against, seconds["forward"])


def _drawings(data: FoodData) -> Iterator[Line]:
    """Every callback with all defaults, in a run of its own epochs."""
    callbacks = [cls(on_error="raise") for cls in CALLBACKS]
    spent = {type(callback).__name__: _timed(callback) for callback in callbacks}
    epoch = median(_epochs(data, callbacks, EPOCHS))
    for name, seconds in spent.items():
        what = f"drawing: {name}, all defaults"
        yield Line(what, sum(seconds) / EPOCHS, "training epoch of the demo", epoch)
    total = sum(sum(seconds) for seconds in spent.values()) / EPOCHS
    yield Line("drawing: all of them", total, "training epoch of the demo", epoch)


def _between(data: FoodData, settings: Settings) -> Line:
    """Epochs in which nothing is drawn."""
    without: list[float] = []
    with_all: list[float] = []
    for _ in range(settings.repetitions):
        without += _epochs(data, [], 2)[1:]
        with_all += _epochs(data, [cls(every_n_epochs=NEVER) for cls in CALLBACKS], 2)[1:]
    return Line("epoch between drawings, all callbacks", median(with_all), "epoch without any", median(without))


def _timed(callback: pl.Callback) -> list[float]:
    """Measures the hooks in which a callback draws, at every call; returns the list that fills."""
    seconds: list[float] = []

    def watch(name: str) -> None:
        hook = getattr(callback, name)

        def timed(*args: Any) -> None:
            begin = time.perf_counter()
            hook(*args)
            seconds.append(time.perf_counter() - begin)

        setattr(callback, name, timed)

    watch("on_train_epoch_end")
    watch("on_validation_end")
    return seconds


class _Clock(pl.Callback):
    """Seconds of every epoch, with its validation, before anything is drawn. Goes first."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_train_epoch_start(self, *args: Any) -> None:
        self._begin = time.perf_counter()

    def on_train_epoch_end(self, *args: Any) -> None:
        self.seconds.append(time.perf_counter() - self._begin)


def _epochs(data: FoodData, callbacks: list[Any], count: int) -> list[float]:
    """Trains the demo's network; seconds per epoch."""
    pl.seed_everything(0, verbose=False)
    net = FoodClassifier(size=data.size, width=16)
    clock = _Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = pl.Trainer(
            max_epochs=count,
            accelerator="cpu",
            logger=TensorBoardLogger(folder),
            callbacks=[clock, *callbacks],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(net, data)
    return clock.seconds
