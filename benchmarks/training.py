"""What the callbacks add to a training run: isolation, drawing with all defaults, and the epochs in between."""

from __future__ import annotations

import logging
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from inspect import isabstract
from statistics import median
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import TensorBoardLogger

import lightning_viz as viz
from benchmarks.measure import Line, side_by_side
from benchmarks.network import Settings, Subject
from lightning_viz.food11 import FoodClassifier, FoodData
from lightning_viz.harness.isolation.isolation import Isolation

CALLBACKS = [
    cls
    for name in viz.__all__
    if isinstance(cls := getattr(viz, name), type) and issubclass(cls, viz.ExplanationCallback) and not isabstract(cls)
    if cls not in (viz.AttentionMaps, viz.AttentionWall)  # which the demo's network has no use for
]
NEVER = 10**6
VALIDATION = 3430 / 9866
"""Images of validation for each of training, as in Food-11; an epoch has both."""
BATCH = 64
MEASURED = 2 * BATCH
"""Training images of which the time of an epoch is extrapolated."""


def lines(settings: Settings) -> Iterator[Line]:
    """Isolation of the large network, then the callbacks on the demo's."""
    yield from _isolation(settings)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on loaders
        yield from _drawings(settings)
        yield _between(settings)


def _data(size: int, count: int) -> FoodData:
    validation = max(int(count * VALIDATION), 11)
    data = FoodData(size=size, batch_size=BATCH, train_count=max(count, 11), val_count=validation)
    data.setup("fit")
    return data


def _isolation(settings: Settings) -> Iterator[Line]:
    """The copy of the network: made, brought up to date before and after a drawing; and the guard in its place."""
    subject = Subject(settings)
    weights, guard = list(subject.net.parameters()), Isolation(subject.net, refusal="it is measured")

    @torch.no_grad()
    def step() -> None:
        torch._foreach_add_(weights, 1e-6)

    def enter(isolation: Isolation) -> Callable[[], None]:
        def run() -> None:
            with isolation():
                pass

        return run

    def moved() -> None:
        step()
        enter(subject.isolation)()

    @torch.no_grad()
    def forward() -> None:
        subject.net(subject.images)

    calls = {
        "copy: made": lambda: enter(Isolation(subject.net))(),
        "copy: enter and leave, the weights have moved": moved,
        "copy: enter and leave, they have not": enter(subject.isolation),
        "guard: enter and leave": enter(guard),
    }
    seconds = side_by_side({**calls, "step": step, "forward": forward}, 5 * settings.repetitions)
    seconds["copy: enter and leave, the weights have moved"] -= seconds["step"]
    against = f"forward of {len(subject.images)} images"
    millions = sum(p.numel() for p in weights) / 1e6
    for name in calls:
        yield Line(f"isolation of {millions:.1f} M weights, {name}", seconds[name], against, seconds["forward"])


def _drawings(settings: Settings) -> Iterator[Line]:
    """Every callback with all defaults, against a training epoch extrapolated from a few steps.

    The network that is drawn has taken these steps, as that of a first drawing has taken an epoch's: of a network after
    its very first step LIME needs two to three times as many masked copies.
    """
    measured = min(MEASURED, settings.images)
    net = _classifier(settings.size, settings.width)
    steps = _epochs(_data(settings.size, measured), [], 2, net)
    epoch, against = steps[-1] * settings.images / measured, f"epoch of {settings.images} images, extrapolated"
    callbacks = [cls(probes=settings.probes, on_error="raise") for cls in CALLBACKS]
    spent = {type(callback).__name__: _timed(callback) for callback in callbacks}
    _epochs(_data(settings.size, 11), callbacks, 2, net)
    for which, when in ((0, "the first"), (1, "a later")):
        for name, seconds in spent.items():
            yield Line(f"drawing: {name}, all defaults, in {when} epoch", seconds[which], against, epoch)
        total = sum(seconds[which] for seconds in spent.values())
        yield Line(f"drawing: all of them, in {when} epoch", total, against, epoch)


def _between(settings: Settings) -> Line:
    """Epochs in which nothing is drawn, of the demo's network."""
    data = _data(min(settings.size, 64), min(4 * BATCH, settings.images))
    without: list[float] = []
    with_all: list[float] = []
    for _ in range(settings.repetitions):
        without += _epochs(data, [], 3)[1:]
        with_all += _epochs(data, [cls(probes=settings.probes, every_n_epochs=NEVER) for cls in CALLBACKS], 3)[1:]
    return Line("epoch between drawings, all callbacks", median(with_all), "epoch without any", median(without))


def _timed(callback: pl.Callback) -> defaultdict[int, float]:
    """Measures the hooks in which a callback draws; returns the seconds per epoch, which fill up."""
    seconds: defaultdict[int, float] = defaultdict(float)

    def watch(name: str) -> None:
        hook = getattr(callback, name)

        def timed(trainer: pl.Trainer, *args: Any) -> None:
            begin = time.perf_counter()
            hook(trainer, *args)
            seconds[trainer.current_epoch] += time.perf_counter() - begin

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


def _classifier(size: int, width: int = 16) -> FoodClassifier:
    pl.seed_everything(0, verbose=False)
    return FoodClassifier(size=size, width=width)


def _epochs(data: FoodData, callbacks: list[Any], count: int, net: FoodClassifier | None = None) -> list[float]:
    """Trains a network, by default a new one of the demo's; seconds per epoch."""
    net = net or _classifier(data.size)
    pl.seed_everything(0, verbose=False)
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
