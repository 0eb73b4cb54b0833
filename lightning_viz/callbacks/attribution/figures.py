"""Metrics of the maps that a callback draws: what they are like, how they change, how faithful they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_viz.callbacks.attribution.faithfulness import Faithfulness
from lightning_viz.explain.measures.faithfulness import points_into, share_inside
from lightning_viz.explain.measures.similarity import (
    correlation_of_ranks,
    entropy,
    magnitudes,
    ranks,
    structural_similarity,
)
from lightning_viz.harness.probes.spec import ProbeBatch, Probes
from lightning_viz.harness.run.best_metric import BestMetric
from lightning_viz.harness.run.claims import Claims
from lightning_viz.harness.run.entry import entry, taken
from lightning_viz.harness.run.run import Run, run_of
from lightning_viz.harness.run.scene import Ask, Scene
from lightning_viz.harness.sinks.results import Keep, Mean, Picture, Result
from lightning_viz.harness.steps import BEFORE

ALIKE = 0.9
"""Rank correlation with the untrained network's map from which on a caption tells it: on drawn food, the maps of five
methods fall below .7 in the first epoch and stay there; where nothing is learnt they stay at 1."""

_MOST_KEPT = 2**18
"""Of a volume so many values are kept for a moment, 1 MiB: 64 along each side."""

_ENDED = "/ended"
"""Behind the tags of what the end of training tells: a run that goes on from there has not seen it."""
_MOMENTS = ("previous", "untrained", "best")


class MapFigures:
    """What there is to tell of the maps of one callback, from one drawing to the next and through checkpoints.

    All of it is logged as `explanations/<tag>/<metric>`, means over the probes, of the maps as they are drawn, by
    magnitude: `entropy` (nats) and `sum`, and while training `rank_...` (Spearman's rank correlation) and `ssim_...`
    (structural similarity) with the map of the `previous` drawing, of the `untrained` network before the first step,
    and of the `best` network before this one. Where the data set knows masks, `pointing` is the share of probes whose
    maximum lies in the mask, `in_mask` the share of the map that does, and `pointing_chance` and `in_mask_chance` what
    both are by chance: the mask's share of the image. What `Faithfulness` tells comes with it.
    What a map has not (one without any values has no entropy) is left out of the mean.

    The first process has what any of them has drawn, so that the run's checkpoints hold all of it; a resumed run goes
    on from there, whatever process draws a probe then.

    Args:
        seed: Of chance.
    """

    def __init__(self, seed: int) -> None:
        self._kept: dict[str, Tensor] = {}
        self._ended: dict[str, Tensor] = {}
        self._tag = self._number = ""
        self._compares, self._best = True, False
        self._faithfulness = Faithfulness(seed)
        self._predicted: Tensor | None = None

    def begin(self, trainer: pl.Trainer, stage: str) -> None:
        """Begins anew with each run of the Trainer; what is kept, where training begins with the first step."""
        self._compares, self._best, self._predicted = stage == "fit", False, None
        self._faithfulness.due, self._ended = False, {}
        if stage == "fit" and trainer.global_step == 0:
            self._kept = {}
            run_of(trainer).best = BestMetric()

    def prepared(self, claims: Claims, spec: Probes, tag: str, probes: ProbeBatch) -> None:
        """Learns what the maps are of; of what was kept by all callbacks of a run, only its own stays.

        Args:
            claims: Of the run.
            spec: What the probes were chosen by.
            tag: The last part of the pictures' tags.
            probes: The probes.
        """
        self._tag = tag
        number = claims.namesake(tag, spec)
        self._number = f"_{number + 1}" if number else ""
        keys = {self._key(probes, i) for i in range(len(probes))}
        self._kept = {tag: value for tag, value in self._kept.items() if _of_probe(tag) in keys}

    def decide(self, run: Run, spec: Probes, name: str, step: int, *, ended: bool) -> None:
        """Settles what all processes do alike: whether it is time for curves, and whether the network is at its best.

        Args:
            run: The run.
            spec: What the probes were chosen by.
            name: Of the network.
            step: The step of the drawing.
            ended: Whether training is over.
        """
        agree = run.processes.agree
        self._faithfulness.shared = run.claims.shared(spec, name, step)
        if self._compares and not ended:
            self._faithfulness.due = agree(lambda: self._faithfulness.affordable(self._kept))
        self._best = self._compares and step > BEFORE and agree(lambda: run.best.improved(run.trainer, step))

    def keep(self, found: Mapping[str, Tensor]) -> None:
        """Takes what a drawing yielded as `Keep`."""
        self._kept |= {tag: value for tag, value in found.items() if not tag.endswith(_ENDED)}
        self._ended |= {tag.removesuffix(_ENDED): value for tag, value in found.items() if tag.endswith(_ENDED)}

    def largest(self, scene: Scene, ask: Ask) -> float:
        """The largest value of full colour of this map so far in the run; 0 where there was none."""
        return float(self._kept.get(f"{self._key(scene.probes, ask.probe, ask.mark)}/full", 0.0))

    def measured(
        self, scene: Scene, ask: Ask, values: Tensor, *, units: float, bound: float
    ) -> tuple[list[Result], str]:
        """What there is to tell of a map.

        Args:
            scene: The scene.
            ask: What it is of.
            values: (H, W) or (D, H, W), the map as it is drawn; large values speak for the class.
            units: What it took, as `Work` counts.
            bound: The value at which the colours of its picture are full.

        Returns:
            What to yield, and what to add to the caption: nothing, or that the map looks as if nothing was learnt, or
            that the maps are no better than their own texture elsewhere.
        """
        values, self._predicted = values.detach().float().cpu(), scene.predictions
        metrics = {"entropy": entropy(values), "sum": magnitudes(values), **_held_to_mask(scene, ask, values)}
        if not self._compares:
            return self.logged(metrics), ""
        key = self._key(scene.probes, ask.probe, ask.mark)
        changes = self._changes(scene, key, values)
        alike = changes.get("rank_untrained", 0.0)
        mark = f", like untrained: {alike:.2f}".replace(" 0.", " .") if abs(alike) >= ALIKE else ""
        if worse := self._faithfulness.worse(self._kept):
            mark += f", {' and '.join(worse)} no better than chance"
        top = Keep(f"{key}/full", torch.tensor(max(bound, self.largest(scene, ask))))
        moments = ["previous"] + ["untrained"] * (scene.step == BEFORE) + ["best"] * self._best
        kept = [Keep(f"{key}/{moment}", _comparable(values).clone()) for moment in moments]
        results = self.logged({**metrics, **changes})
        areas, curves = self._faithfulness.held(scene, ask, values, self._kept, key=key, units=units)
        return [*results, *kept, top, *self.logged(areas), *curves], mark

    def logged(self, metrics: Mapping[str, float]) -> list[Result]:
        """Metrics of one probe as parts of their means over all probes, without those that are not finite."""
        stem = f"explanations/{self._tag}{self._number}"
        return [Mean(f"{stem}/{metric}", value) for metric, value in metrics.items() if math.isfinite(value)]

    def concluded(
        self, scene: Scene, asked: Sequence[Ask], maps: Callable[[Scene, Sequence[Ask]], list[Tensor]]
    ) -> Iterator[Result]:
        """Curves of the last maps, or of new ones where the network has changed since.

        Args:
            scene: The scene, at the end of training.
            asked: What the maps are of.
            maps: Makes some of them as they are drawn.
        """
        still = self._predicted is not None and torch.equal(self._predicted, scene.predictions)
        if (still and self._faithfulness.due) or not scene.task.judged:
            return
        mine = [ask for ask in asked if bool(scene.predictions[ask.probe].isfinite().all())]
        keys = [self._key(scene.probes, ask.probe, ask.mark) for ask in mine]
        last = [self._kept.get(f"{key}/previous") for key in keys]
        size = scene.probes.images.shape[2:]
        known = [values for values in last if still and values is not None and values.shape == size]
        found = known if len(known) == len(mine) else maps(scene, mine)
        for ask, values, key in zip(mine, found, keys, strict=True):
            areas, curves = self._faithfulness.judged(scene, ask, values, key=key)
            yield from [*self.logged(areas), *(Keep(curve.tag + _ENDED, curve.value) for curve in curves)]

    def curves(self) -> list[Picture]:
        """The curves of the last maps as a picture; none where there are none."""
        return self._faithfulness.picture(
            self._kept | self._ended, self._tag, f"explanations/{self._tag}{self._number}/curves"
        )

    def save(self, run: Run, checkpoint: dict[str, Any]) -> None:
        """Adds to a checkpoint what is kept."""
        # Not by `state_dict`, which Lightning refuses where two callbacks have equal arguments.
        entry(checkpoint).setdefault("maps", {}).update(self._kept)
        entry(checkpoint)["best"] = run.best.best

    def load(self, run: Run, checkpoint: Mapping[str, Any]) -> None:
        """Takes it up again."""
        self._kept = taken(run.trainer, checkpoint, "maps", _maps) or {}
        run.best.best = taken(run.trainer, checkpoint, "best", lambda found: None if found is None else float(found))

    def _key(self, probes: ProbeBatch, i: int, mark: str = "") -> str:
        """What the tags of all that is kept of a map of probe `i` begin with."""
        return f"{probes.prints[i]}/{self._tag}" + (f"@{mark}" if mark else "")

    def _changes(self, scene: Scene, key: str, values: Tensor) -> dict[str, float]:
        found: list[tuple[Tensor, float, float]] = []
        changes: dict[str, float] = {}
        values = _comparable(values)
        own = _ranks(values)
        for moment in _MOMENTS if scene.step > BEFORE else ():
            other = self._kept.get(f"{key}/{moment}")
            if other is not None and other.shape == values.shape:
                known = next(
                    (pair for one, *pair in found if torch.equal(one, other)), None
                )  # the last is often the best
                rank, alike = known or (correlation_of_ranks(own, _ranks(other)), structural_similarity(values, other))
                found.append((other, rank, alike))
                changes |= {f"rank_{moment}": rank, f"ssim_{moment}": alike}
        return changes


def _comparable(values: Tensor) -> Tensor:
    """A map as it is held against those of other moments, and kept: that of a large volume in boxes of few pixels."""
    side = math.ceil((values.numel() / _MOST_KEPT) ** (1 / 3)) if values.ndim == 3 else 1
    return values if side <= 1 else F.avg_pool3d(values[None], side, ceil_mode=True)[0]


def _ranks(values: Tensor) -> Tensor | None:
    return ranks(values) if bool(values.isfinite().all()) else None


def _of_probe(tag: str) -> str:
    """The key of a probe out of the tag of what is kept of one of its maps."""
    return tag.rpartition("/")[0].partition("@")[0]


def tag_of(scene: Scene, ask: Ask, tag: str) -> str:
    """The tag of a picture about what is asked: `probe_03_egg/saliency`, of several labels with the label behind it."""
    return f"{scene.probes.tag(ask.probe)}/{tag}" + (f"_{ask.mark}" if ask.mark else "")


def _held_to_mask(scene: Scene, ask: Ask, values: Tensor) -> dict[str, float]:
    """What there is to tell of a map, float32 (H, W) or (D, H, W), where the mask of its probe is known."""
    masks = None if scene.task.places else scene.probes.masks  # which tell more than boxes do
    if masks is None:
        mask = scene.task.truth(scene.probes.labels[ask.probe].cpu(), ask.column)
    else:
        mask = masks[ask.probe]
        if mask.ndim > values.ndim:  # of each label
            mask = mask[ask.column] if len(mask) == len(scene.probes.class_names) else mask[:0]
    if mask is None or mask.shape != values.shape or not bool(mask.any()):
        return {}
    found = {"pointing": points_into(values, mask), "in_mask": share_inside(values, mask)}
    by_chance = float(mask.double().mean())  # what a map has that is the same everywhere, or points anywhere
    return found | {f"{name}_chance": by_chance if math.isfinite(value) else math.nan for name, value in found.items()}


def _maps(found: Any) -> dict[str, Tensor]:
    """What is kept of maps in a checkpoint, by tag.

    Raises:
        TypeError: It is something else.
    """
    for tag, value in found.items():
        numbers = {"credit": (0,), "full": (0,), "curves": (2,)}.get(tag.rpartition("/")[2], (2, 3))
        if value.ndim not in numbers or not value.is_floating_point():
            raise TypeError("maps of another shape")
    return dict(found)
