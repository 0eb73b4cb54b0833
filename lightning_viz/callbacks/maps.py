"""What callbacks that draw a map per probe have in common: they tell in figures what it is like, and how it changes."""

import math
from abc import abstractmethod
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from lightning_viz.callbacks.keeping import KeepingCallback
from lightning_viz.explain.similarity import correlation_of_ranks, entropy, magnitudes, structural_similarity
from lightning_viz.explain.similarity import ranks as ranks_of
from lightning_viz.harness.pictures import Keep, Mean, Result
from lightning_viz.harness.probes import ProbeBatch
from lightning_viz.harness.ranks import Ranks
from lightning_viz.harness.scene import Scene
from lightning_viz.harness.session import session_of
from lightning_viz.harness.steps import BEFORE

ALIKE = 0.9
"""Rank correlation with the untrained network's map from which on a caption tells it."""

_MOMENTS = ("previous", "untrained", "best")


class MapCallback(KeepingCallback):
    """Tells in figures what its maps are like and how they change.

    They are `explanations/<tag>/<measure>`, means over the probes, of the maps as they are drawn, by magnitude:
    `entropy` (nats) and `sum`, and while training `rank_...` (Spearman's rank correlation) and `ssim_...` (structural
    similarity) with the map of the `previous` drawing, of the `untrained` network before the first step, and of the
    `best` network before this one. What a map has not (one without any values has no entropy) is left out of the mean.
    """

    def __init__(self, **common: Any) -> None:
        super().__init__(**common)
        self._compares = True
        self._best = False
        self._number = ""

    @property
    @abstractmethod
    def tag(self) -> str:
        """The last part of the pictures' tags."""

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Begins anew with each run of the Trainer."""
        super().setup(trainer, pl_module, stage)
        self._compares = stage == "fit"

    def decide(self, trainer: pl.Trainer, ranks: Ranks, step: int) -> None:
        """Whether the network is better now than ever before; the metrics of the first process count."""
        record = session_of(trainer).record
        training = trainer.state.fn == "fit" and step > BEFORE
        self._best = training and ranks.agree(lambda: record.broken(trainer, step))

    def keeps(self, tag: str, probes: ProbeBatch) -> bool:
        """Whether this is the tag of one of its maps."""
        return tag.rpartition("/")[0] in {self._map_of(probes, i) for i in range(len(probes))}

    def told(self, figures: dict[str, float]) -> list[Result]:
        """Figures of one probe as parts of their means over all probes, without those that are not finite."""
        stem = f"explanations/{self.tag}{self._number}"
        return [Mean(f"{stem}/{name}", value) for name, value in figures.items() if math.isfinite(value)]

    def measured(self, scene: Scene, i: int, values: Tensor) -> tuple[list[Result], str]:
        """What there is to tell of the map of probe `i`.

        Args:
            scene: The scene.
            i: The number of the probe.
            values: (H, W), the map as it is drawn.

        Returns:
            What to yield, and what to add to the caption: nothing, or that the map looks as if nothing had been learnt.
        """
        values = values.detach().float().cpu()
        changes = self._changes(scene, i, values) if self._compares else {}
        kept = self._keeping(scene, i, values) if self._compares else []
        alike = changes.get("rank_untrained", 0.0)
        mark = f", like untrained: {alike:.2f}".replace(" 0.", " .") if abs(alike) >= ALIKE else ""
        return [*self.told({"entropy": entropy(values), "sum": magnitudes(values), **changes}), *kept], mark

    def _changes(self, scene: Scene, i: int, values: Tensor) -> dict[str, float]:
        found: dict[int, tuple[float, float]] = {}  # the best network is often that of the previous drawing
        figures: dict[str, float] = {}
        own = _ranks(values)
        for moment in _MOMENTS if scene.step > BEFORE else ():
            other = self._kept.get(f"{self._map_of(scene.probes, i)}/{moment}")
            if other is not None and other.shape == values.shape:
                if id(other) not in found:
                    alike = structural_similarity(values, other)
                    found[id(other)] = correlation_of_ranks(own, _ranks(other)), alike
                figures[f"rank_{moment}"], figures[f"ssim_{moment}"] = found[id(other)]
        return figures

    def _keeping(self, scene: Scene, i: int, values: Tensor) -> list[Result]:
        moments = ["previous"] + ["untrained"] * (scene.step == BEFORE) + ["best"] * self._best
        return [Keep(f"{self._map_of(scene.probes, i)}/{moment}", values) for moment in moments]

    def _map_of(self, probes: ProbeBatch, i: int) -> str:
        return f"{probes.prints[i]}/{self.tag}"

    def _prepare(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        super()._prepare(trainer, pl_module)
        number = session_of(trainer).namesake(self.tag, self.probes)
        self._number = f"_{number + 1}" if number else ""


def _ranks(values: Tensor) -> Tensor | None:
    return ranks_of(values) if bool(values.isfinite().all()) else None
