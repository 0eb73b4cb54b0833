"""Peak extra memory of every drawing: how far the process's high-water mark rises, in a process of its own."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

import lightning_viz as viz
from benchmarks.measure import Line
from benchmarks.network import Settings
from benchmarks.training import CALLBACKS
from lightning_viz.food11 import FoodClassifier, FoodData

BOUND = 64
"""MiB, as `memory=` of a second drawing."""
CLEAR = Path("/proc/self/clear_refs")


def lines(settings: Settings) -> Iterator[Line]:
    """Two lines per callback: with all defaults, and bounded; none where the system tells no high-water mark."""
    if not CLEAR.exists():
        return
    for cls in CALLBACKS:
        for bound, how in ((0, "all defaults"), (BOUND, f"memory={BOUND}")):
            peak, step = measured(cls.__name__, bound, settings)
            yield Line(f"peak memory: {cls.__name__}, {how}", peak, "training step of 8 images", step, unit="MiB")


def measured(name: str, bound: int, settings: Settings) -> tuple[float, float]:
    """How many MiB a drawing takes, and how many a training step of 8 images, in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.memory", name, str(bound)]
    command += [str(settings.size), str(settings.width)]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    peak, step = ended.stdout.rsplit("took", 1)[1].split()[:2]
    return float(peak), float(step)


class Marks(pl.Callback):
    """Reads the high-water mark around what comes between this and a second one, in the second epoch.

    In the first one libraries are loaded, which is no matter of the drawing.
    """

    def __init__(self, begin: Marks | None = None) -> None:
        self.begin = begin
        self.base = self.step = self.drawing = 0.0

    def on_train_batch_start(self, *args: Any) -> None:
        """Forgets the mark before a step."""
        self.base = _begin()

    def on_train_batch_end(self, *args: Any) -> None:
        """What the step took."""
        self.step = _status("VmHWM") - self.base

    def on_validation_end(self, trainer: pl.Trainer, *args: Any) -> None:
        """What a drawing took that came between."""
        self.on_train_epoch_end(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        """What a drawing took that came between."""
        if self.begin is None:
            self.base = _begin()
        elif trainer.current_epoch == 1:
            self.drawing = max(self.drawing, _status("VmHWM") - self.begin.base)


def peak(call: Callable[[], object]) -> float:
    """How many MiB a call takes in this process, the second time that it is made."""
    call()
    base = _begin()
    call()
    return max(_status("VmHWM") - base, 0.0)


def main(name: str, bound: int, size: int, width: int) -> None:
    """Trains for an epoch of one step, draws and says what both took."""
    callback = getattr(viz, name)(on_error="raise", memory=bound or None)
    begin = Marks()
    end = Marks(begin)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = pl.Trainer(
            max_epochs=2,
            accelerator="cpu",
            logger=False,
            callbacks=[begin, callback, end],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            default_root_dir=folder,
        )
        data = FoodData(size=size, batch_size=8, train_count=11, val_count=11)
        trainer.fit(FoodClassifier(size=size, width=width), data)
    print(f"took {end.drawing} {end.step}")


def _begin() -> float:
    """Gives back what is free, and lets the high-water mark begin anew; what is resident now, in MiB."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    CLEAR.write_text("5")
    return _status("VmRSS")


def _status(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
