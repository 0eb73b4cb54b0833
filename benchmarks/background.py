"""What drawing in the background takes from training: of the training's process, and of the time on the wall."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import TensorBoardLogger

import lightning_viz as viz
from benchmarks.measure import Line, in_fork
from benchmarks.network import Settings
from lightning_viz.food11 import FoodClassifier, FoodData


def lines(settings: Settings) -> Iterator[Line]:
    """The demo's network and callbacks; training has one thread, so that a core is left to draw."""
    ways = _measured(settings)
    bare = ways["none"]
    for way in ("foreground", "background"):
        for what, of in (("cpu", "processor time of the training's process"), ("wall", "time on the wall")):
            more = max(ways[way][what] - bare[what], 1e-9)
            yield Line(f"drawing in the {way}: {of}", more, "training without callbacks", bare[what])


def _measured(settings: Settings) -> dict[str, dict[str, float]]:
    """In a process that has done nothing else."""
    size, width, count = min(settings.size, 64), min(settings.width, 16), min(settings.images, 2200)
    epochs = 1 + settings.repetitions**2  # the first one does not count; ten by default
    arguments = map(str, (size, width, count, epochs, settings.probes))
    command = [sys.executable, "-m", "benchmarks.background", *arguments]
    ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, dict[str, float]] = json.loads(ended.stdout.strip().splitlines()[-1])
    return found


class _Clock(pl.Callback):
    """From the first batch of the second epoch to the last of the last one: before films, and before waiting."""

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begins."""
        if trainer.current_epoch == 1:
            self.began = time.perf_counter(), time.process_time()

    def on_train_batch_end(self, *args: Any) -> None:
        """Notes how long that has been."""
        if hasattr(self, "began"):
            self.took = time.perf_counter() - self.began[0], time.process_time() - self.began[1]


def drawn(size: int, probes: int, background: bool) -> list[pl.Callback]:
    """The callbacks that draw, all of the demo's."""
    common: dict[str, Any] = {"probes": probes, "background": background}
    return [
        viz.SaliencyMaps(**common),
        viz.SaliencyMaps(method="smoothgrad", **common),
        viz.FilterAscent(layer="cnn.12", **common),
        viz.FilterWall(layer="cnn.14", **common),
        viz.FilterActivations(layer="cnn.6", **common),
        viz.LimePanels(**common),
        viz.DeepDream(layer="cnn.16", canvas=3 * size, step=0.006, **common),
        viz.ConfusionMatrixPanel(**common),
        viz.ConfusionPanels(**common),
    ]


def took(way: str, size: int, width: int, count: int, epochs: int, probes: int) -> dict[str, float]:
    """Trains the demo's network; returns the seconds that it took, on the wall and of this process."""
    torch.set_num_threads(1)
    pl.seed_everything(0, verbose=False)
    clock = _Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = pl.Trainer(
            max_epochs=epochs,
            accelerator="cpu",
            logger=TensorBoardLogger(Path(folder)),
            callbacks=[*([] if way == "none" else drawn(size, probes, way == "background")), clock],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        data = FoodData(size=size, batch_size=64, train_count=count, val_count=max(count // 4, 11))
        trainer.fit(FoodClassifier(size=size, width=width, lr=0.001, decay=True), data)
    return {"wall": clock.took[0], "cpu": clock.took[1]}


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    print(json.dumps({way: in_fork(took, way, *given) for way in ("none", "foreground", "background")}))
