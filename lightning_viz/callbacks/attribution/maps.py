"""What callbacks that draw a map per probe have in common: they tell in metrics what it is like."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from lightning_viz.callbacks.attribution.figures import MapFigures
from lightning_viz.callbacks.base.callback import ExplanationCallback
from lightning_viz.callbacks.base.keywords import Common, Unpack
from lightning_viz.harness.network.subject import find_subject
from lightning_viz.harness.probes.spec import ProbeBatch
from lightning_viz.harness.run.processes import attempt
from lightning_viz.harness.run.run import Run, run_of
from lightning_viz.harness.run.scene import Ask, Scene
from lightning_viz.harness.steps import logged_step


class MapCallback(ExplanationCallback):
    """Draws a map per probe; what its `figures` tell of them is logged.

    Args:
        common: The arguments of `ExplanationCallback`.

    Attributes:
        figures: What there is to tell of the maps.
    """

    def __init__(self, **common: Unpack[Common]) -> None:
        super().__init__(**common)
        self.figures = MapFigures(self.seed)

    @property
    @abstractmethod
    def tag(self) -> str:
        """The last part of the pictures' tags."""

    @abstractmethod
    def asked(self, scene: Scene) -> list[Ask]:
        """What the maps are of: of each probe what this process is to draw."""

    @abstractmethod
    def maps_of(self, scene: Scene, asked: Sequence[Ask]) -> list[Tensor]:
        """Some maps as they are drawn, (H, W) each, by what the network is now."""

    def prepared(self, run: Run, probes: ProbeBatch) -> None:
        """Has the figures know the probes."""
        self.figures.prepared(run.claims, self.probes, self.tag, probes)

    def decide(self, run: Run, step: int, *, ended: bool) -> None:
        """Has all processes tell the same figures."""
        name = find_subject(run.trainer, run.module, self.net).name
        self.figures.decide(run, self.probes, name, step, ended=ended)

    def keep(self, found: Mapping[str, Tensor]) -> None:
        """Keeps what the figures want to know at the next drawing."""
        self.figures.keep(found)

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Begins anew with each run of the Trainer."""
        super().setup(trainer, pl_module, stage)
        self.figures.begin(trainer, stage)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Holds the last maps against the network, and draws the curves."""
        drawing = self._drawing
        if drawing is None or not (drawing.active and drawing.ready):
            return
        step = logged_step(trainer)
        drawing.conclude(step, lambda scene: self.figures.concluded(scene, self.asked(scene), self.maps_of))
        curves = self.figures.curves() if trainer.is_global_zero else []
        drawing.tell(attempt(lambda: drawing.write([curves], step, ended=True) if curves else None)[1])

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Adds what is kept of the maps."""
        self.figures.save(run_of(trainer), checkpoint)

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Takes it up again."""
        self.figures.load(run_of(trainer), checkpoint)
