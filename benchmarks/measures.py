"""What the figures of maps take of the drawing that they are told with, in one run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from benchmarks.measure import Line
from benchmarks.network import Settings
from lightning_viz import LimePanels, SaliencyMaps
from lightning_viz.callbacks.attribution.maps import MapCallback
from lightning_viz.food11 import FoodClassifier, FoodData

CASES: tuple[tuple[str, type[MapCallback], dict[str, Any]], ...] = (
    ("saliency", SaliencyMaps, {}),
    ("SmoothGrad", SaliencyMaps, {"method": "smoothgrad"}),
    ("LIME", LimePanels, {}),
)
"""What draws maps: a name, the callback, its options."""


def lines(settings: Settings) -> Iterator[Line]:
    """Of every drawing after the first, without the curves at the end of training."""
    for name, make, options in CASES:
        timed = _timed(make)(probes=settings.probes, **options)
        _train(settings, timed)
        whole = sum(timed.drawings[1:])
        rest = timed.took["figures"] - timed.took["curves"]
        yield Line(f"figures of {name}, {settings.size} px, without curves", rest, "the drawing", whole)
        yield Line(f"curves of {name}, {settings.size} px", timed.took["curves"], "the drawing", whole)


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


def _noted(call: Callable[..., Any], took: dict[str, float], name: str, drawings: list[Any]) -> Callable[..., Any]:
    """A function that notes what it takes, from the second drawing on."""

    def timed(*arguments: Any, **options: Any) -> Any:
        began = time.perf_counter()
        found = call(*arguments, **options)
        took[name] += (time.perf_counter() - began) * bool(drawings)
        return found

    return timed


def _timed(base: type[Any]) -> type[Any]:
    """The callback, with a stop-watch for its drawings, and for two parts of them."""

    class Timed(base):  # type: ignore[misc]
        def __init__(self, **options: Any) -> None:
            super().__init__(on_error="raise", **options)
            self.drawings: list[float] = []
            self.took = {"figures": 0.0, "curves": 0.0}
            self.figures.measured = _noted(self.figures.measured, self.took, "figures", self.drawings)
            judge = self.figures._faithfulness
            judge.held = _noted(judge.held, self.took, "curves", self.drawings)  # type: ignore[method-assign]

        def _explain(self, *arguments: Any) -> None:
            began = time.perf_counter()
            super()._explain(*arguments)
            self.drawings.append(time.perf_counter() - began)

    assert issubclass(base, MapCallback)
    return Timed
