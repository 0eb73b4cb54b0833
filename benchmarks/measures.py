"""What the figures of maps take of the drawing that they are told with, in one run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from benchmarks.measure import Line
from benchmarks.network import Settings
from lightning_viz import LimePanels, SaliencyMaps
from lightning_viz.callbacks.attribution.maps import MapCallback
from lightning_viz.food11 import FoodClassifier, FoodData
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Result


def lines(settings: Settings) -> Iterator[Line]:
    """Of every drawing after the first, without the curves at the end of training."""
    for name, make, options in (
        ("saliency", SaliencyMaps, {}),
        ("SmoothGrad", SaliencyMaps, {"method": "smoothgrad"}),
        ("LIME", LimePanels, {}),
    ):
        timed = _timed(make)(**options)
        _train(settings, timed)
        whole = sum(timed.drawings[1:])
        yield Line(f"figures of {name}, {settings.size} px, without curves", timed.figures, "the drawing", whole)
        yield Line(f"curves of {name}, {settings.size} px", timed.curves, "the drawing", whole)


def _train(settings: Settings, callback: pl.Callback) -> None:
    pl.seed_everything(0, verbose=False)
    module = FoodClassifier(size=settings.size, width=settings.width)
    data = FoodData(size=settings.size, batch_size=16, train_count=16, val_count=22)
    with tempfile.TemporaryDirectory() as folder:
        logger = pl.loggers.TensorBoardLogger(Path(folder))
        quietly: dict[str, Any] = {"enable_progress_bar": False, "enable_model_summary": False, "logger": logger}
        epochs = 2 * settings.repetitions + 1
        trainer = pl.Trainer(max_epochs=epochs, enable_checkpointing=False, callbacks=[callback], **quietly)
        trainer.fit(module, datamodule=data)


def _timed(base: type[Any]) -> type[Any]:
    """The callback, with a stop-watch for its drawings, and for two parts of them."""

    class Timed(base):  # type: ignore[misc]
        def __init__(self, **options: Any) -> None:
            super().__init__(on_error="raise", **options)
            self.drawings: list[float] = []
            self.figures = self.curves = 0.0

        def _explain(self, *arguments: Any) -> None:
            began = time.perf_counter()
            super()._explain(*arguments)
            self.drawings.append(time.perf_counter() - began)

        def measured(self, *arguments: Any) -> tuple[list[Result], str]:
            began, before = time.perf_counter(), self.curves
            found: tuple[list[Result], str] = super().measured(*arguments)
            self.figures += (time.perf_counter() - began - (self.curves - before)) * bool(self.drawings)
            return found

        def held_to_network(self, scene: Scene, i: int, values: Tensor, units: float) -> list[Result]:
            began = time.perf_counter()
            found: list[Result] = super().held_to_network(scene, i, values, units)
            self.curves += time.perf_counter() - began
            return found

    assert issubclass(base, MapCallback)
    return Timed
