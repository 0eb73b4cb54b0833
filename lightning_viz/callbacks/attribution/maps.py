"""What callbacks that draw a map per probe have in common: they tell in figures what it is like, and how it changes."""

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from lightning_viz.callbacks.attribution.judging import JudgingCallback
from lightning_viz.explain.measures.similarity import correlation_of_ranks, entropy, magnitudes, structural_similarity
from lightning_viz.explain.measures.similarity import ranks as ranks_of
from lightning_viz.harness.run.processes import Ranks
from lightning_viz.harness.run.run import session_of
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Keep, Map, Result
from lightning_viz.harness.sinks.thumbnails import thumbnail
from lightning_viz.harness.steps import BEFORE
from lightning_viz.render.color import symmetric

ALIKE = 0.9
"""Rank correlation with the untrained network's map from which on a caption tells it: on drawn food, the maps of five
methods fall below .7 in the first epoch and stay there; where nothing is learnt they stay at 1."""

_MOMENTS = ("previous", "untrained", "best")


class MapCallback(JudgingCallback):
    """Tells in figures what its maps are like and how they change, and what `JudgingCallback` tells.

    They are `explanations/<tag>/<measure>`, means over the probes, of the maps as they are drawn, by magnitude:
    `entropy` (nats) and `sum`, and while training `rank_...` (Spearman's rank correlation) and `ssim_...` (structural
    similarity) with the map of the `previous` drawing, of the `untrained` network before the first step, and of the
    `best` network before this one. What a map has not (one without any values has no entropy) is left out of the mean.
    """

    def __init__(self, **common: Any) -> None:
        super().__init__(**common)
        self._best = False

    def decide(self, trainer: pl.Trainer, ranks: Ranks, step: int) -> None:
        """Whether the network is better now than ever before: the metrics of the first process count."""
        super().decide(trainer, ranks, step)
        record = session_of(trainer).record
        self._best = self._compares and step > BEFORE and ranks.agree(lambda: record.broken(trainer, step))

    def measured(
        self, scene: Scene, i: int, values: Tensor, units: float, bound: float | None = None
    ) -> tuple[list[Result], str]:
        """What there is to tell of the map of probe `i`, and the map itself, if it is finite.

        Args:
            scene: The scene.
            i: The number of the probe.
            values: (H, W), the map as it is drawn; large values speak for the class.
            units: What it took, as `Work` counts.
            bound: The magnitude at which the colours of its picture are full, if it is not that of `bound`.

        Returns:
            What to yield, and what to add to the caption: nothing, or that the map looks as if nothing had been learnt.
        """
        values = values.detach().float().cpu()
        figures = {"entropy": entropy(values), "sum": magnitudes(values), **self.held_to_mask(scene, i, values)}
        shown = self._shown_map(scene, i, values, self.bound(values) if bound is None else bound)
        if not self._compares:
            return [*shown, *self.told(figures)], ""
        changes = self._changes(scene, i, values)
        alike = changes.get("rank_untrained", 0.0)
        mark = f", like untrained: {alike:.2f}".replace(" 0.", " .") if abs(alike) >= ALIKE else ""
        moments = ["previous"] + ["untrained"] * (scene.step == BEFORE) + ["best"] * self._best
        kept = [Keep(f"{self._key(scene.probes, i)}/{moment}", values.clone()) for moment in moments]
        return [*shown, *self.told({**figures, **changes}), *kept, *self.held_to_network(scene, i, values, units)], mark

    def bound(self, values: Tensor) -> float:
        """The magnitude at which the colours of a map, (H, W) on the CPU, are full."""
        return symmetric(values.numpy())[1]

    def _shown_map(self, scene: Scene, i: int, values: Tensor, bound: float) -> list[Result]:
        if not bool(values.isfinite().all()):
            return []
        return [Map(f"{scene.probes.tag(i)}/{self.tag}", thumbnail(values.numpy()), bound)]

    def _changes(self, scene: Scene, i: int, values: Tensor) -> dict[str, float]:
        found: list[tuple[Tensor, float, float]] = []
        figures: dict[str, float] = {}
        own = _ranks(values)
        for moment in _MOMENTS if scene.step > BEFORE else ():
            other = self._kept.get(f"{self._key(scene.probes, i)}/{moment}")
            if other is not None and other.shape == values.shape:
                known = next(
                    (pair for one, *pair in found if torch.equal(one, other)), None
                )  # the last is often the best
                rank, alike = known or (correlation_of_ranks(own, _ranks(other)), structural_similarity(values, other))
                found.append((other, rank, alike))
                figures |= {f"rank_{moment}": rank, f"ssim_{moment}": alike}
        return figures


def _ranks(values: Tensor) -> Tensor | None:
    return ranks_of(values) if bool(values.isfinite().all()) else None
