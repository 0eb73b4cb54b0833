"""What callbacks that draw a map per probe have in common: they tell in metrics what it is like."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Union

import numpy as np
import pytorch_lightning as pl
from torch import Tensor

from lightning_viz.callbacks.attribution.figures import MapFigures
from lightning_viz.callbacks.base.callback import ExplanationCallback
from lightning_viz.callbacks.base.keywords import Common, Unpack
from lightning_viz.harness.arguments import number, refusal
from lightning_viz.harness.network.subject import find_subject
from lightning_viz.harness.probes.spec import ProbeBatch
from lightning_viz.harness.run.processes import attempt
from lightning_viz.harness.run.run import Run, run_of
from lightning_viz.harness.run.scene import Ask, Scene
from lightning_viz.harness.sinks.results import Map, Result
from lightning_viz.harness.sinks.thumbnails import small
from lightning_viz.harness.steps import epoch_at, logged_step

FLOOR = 0.1
"""The smallest value of full colour of a map of superpixels, in log-odds. The maps of an untrained network on drawn
food (64 px) reach .0001 by LIME, occlusion or Grad-CAM, those of one that has collapsed .004, of one that has learnt
.5 to 3 in the median."""
PARTS = 64
"""Of the image, each as large as a superpixel: a pixel's floor is its part of that. There, gradients times contrast
reach .00004, .0005 and .5, integrated gradients .00002, .0002 and .2, where that floor is .0016."""


class MapCallback(ExplanationCallback):
    """Draws a map per probe; what its `figures` tell of them is logged.

    Args:
        scale: What full colour stands for: the largest value that this probe's map has had in the `"run"` so far, and
            never less than a floor, so that a network that knows nothing looks like it; the map's `"own"` largest one;
            or a number in the map's unit.
        common: The arguments of `ExplanationCallback`.

    Attributes:
        figures: What there is to tell of the maps.

    Raises:
        ValueError: Another scale, or a number that is not above 0.
    """

    unit = "log-odds"
    """What the values of a map are measured in."""

    @property
    def floor(self) -> float:
        """The least that a superpixel in full colour stands for, in that unit."""
        return FLOOR

    per_pixel = False
    """Whether every pixel has a value of its own, and not a superpixel or a patch."""

    def __init__(
        self,
        *,
        scale: Union[Literal["run", "own"], float] = "run",  # noqa: UP007
        **common: Unpack[Common],
    ) -> None:
        super().__init__(**common)
        self.scale: str | float = scale if isinstance(scale, str) else number("scale", scale)
        if isinstance(scale, str) and scale not in ("run", "own"):
            raise refusal("scale", "'run', 'own' or a number above 0", scale)
        self.figures = MapFigures(self.seed)

    def unit_of(self, scene: Scene) -> str:
        """What the values of a map are measured in, for the task of these probes."""
        return self.unit.replace("log-odds", scene.task.unit)

    def full(self, scene: Scene, ask: Ask, largest: float) -> float:
        """The value that is drawn in full colour in a map whose own largest one is given."""
        if self.scale == "own":
            return largest
        if not isinstance(self.scale, str):
            return self.scale
        floor = self.floor * (PARTS / scene.probes.images[0, 0].numel() if self.per_pixel else 1)
        if not scene.task.unit.startswith("log-odds"):  # of any other unit nobody knows what is little
            floor = 0.0
        return max(largest, floor, self.figures.largest(scene, ask))

    def for_tab(self, scene: Scene, picture: str, maps: Sequence[Tensor], full: float, **how: Any) -> list[Result]:
        """The values of a picture for the Explanations tab; none where they are not finite.

        Args:
            scene: The scene.
            picture: Its tag.
            maps: (H, W) each, side by side, or (D, H, W), of which the tab shows one slice.
            full: The value that is drawn in full colour.
            how: `colours`, `titles` and `striped` of `Map`.
        """
        if not all(bool(values.isfinite().all()) for values in maps):
            return []
        stacked = np.stack([small(values.detach().float().cpu().numpy()) for values in maps])
        depth = len(maps[0]) if maps[0].ndim > 2 else 0
        return [Map(picture, stacked, full, self.unit_of(scene), depth=depth, **how)]

    @property
    @abstractmethod
    def tag(self) -> str:
        """The last part of the pictures' tags."""

    @abstractmethod
    def asked(self, scene: Scene) -> list[Ask]:
        """What the maps are of: of each probe what this process is to draw."""

    @abstractmethod
    def maps_of(self, scene: Scene, asked: Sequence[Ask]) -> list[Tensor]:
        """Some maps as they are drawn, (H, W) or (D, H, W) each, by what the network is now."""

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
        super().on_train_end(trainer, pl_module)
        drawing = self._drawing
        if drawing is None or not (drawing.active and drawing.ready):
            return
        step = logged_step(trainer)
        drawing.conclude(step, lambda scene: self.figures.concluded(scene, self.asked(scene), self.maps_of))
        curves = self.figures.curves() if trainer.is_global_zero else []
        epoch = epoch_at(trainer, step, ended=True)
        drawing.report(attempt(lambda: drawing.write([curves], step, epoch) if curves else None)[1])

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
