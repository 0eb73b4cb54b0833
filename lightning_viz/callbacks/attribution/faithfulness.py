"""How faithful maps are to the network, as often as that is a small share of what the maps take."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import torch
from torch import Tensor

from lightning_viz.explain.measures.faithfulness import (
    FORWARDS,
    SHARES,
    Curves,
    chance_curves,
    faithful_curves,
    worse_than_chance,
)
from lightning_viz.explain.network.chunks import Chunks
from lightning_viz.harness.probes.spec import ProbeBatch
from lightning_viz.harness.run.scene import Ask, Scene
from lightning_viz.harness.sinks.results import Keep, Picture
from lightning_viz.render.charts.curves import curves_picture

SHARE_OF_WORK = 0.06
"""What curves may take of the network, in units of what the maps take; with the other metrics it is under a tenth."""


FEWEST = 4
"""Probes whose mean may be called no better than chance: that of a single one is off by .06 to .12."""


class Faithfulness:
    """Deletion and insertion of the maps of one callback, and of the same maps moved.

    `deletion` and `insertion` are areas under the probability of the predicted class while pixels go and come, the
    strongest first; of values, under the share of the way from the empty image's value to the whole one's;
    `deletion_chance` and `insertion_chance` those of the map's own texture in other places. They take forwards of their
    own, so they come as often as that is a small share of what the maps take, by count, and at the end of training,
    with a picture of the curves.

    Args:
        seed: Of the places.

    Attributes:
        due: Whether it is time for curves, in this drawing.
        shared: What all maps of a probe share, by probe, found at this step by any callback with the same probes.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.due = False
        self.shared: dict[Hashable, Any] = {}

    def affordable(self, kept: Mapping[str, Tensor]) -> bool:
        """Whether all maps have earned their curves, by what was kept of them."""
        credits = [float(value) for tag, value in kept.items() if tag.endswith("/credit")]
        price = FORWARDS["map"] + (0 if self.shared else FORWARDS["chance"])
        return bool(credits) and sum(credits) >= price * len(credits)

    def held(
        self, scene: Scene, ask: Ask, values: Tensor, kept: Mapping[str, Tensor], *, key: str, units: float
    ) -> tuple[dict[str, float], list[Keep]]:
        """The areas of a map if it is time for them, and what the map has earned towards the next ones.

        Args:
            scene: The scene.
            ask: What the map is of.
            values: (H, W), the map.
            kept: What was kept of all maps.
            key: What the tags of what is kept of this one begin with.
            units: What the map took, as `Work` counts.
        """
        if not scene.task.judged:
            return {}, []
        before = scene.subject.work.units
        areas, keeps = self.judged(scene, ask, values, key=key) if self.due else ({}, [])
        if f"{key}/curves" not in kept and not keeps:
            none = torch.full((4, len(SHARES)), math.nan)  # what is kept is as much from the first drawing on
            keeps = [Keep(f"{key}/curves", none)]
        credit = float(kept.get(f"{key}/credit", 0.0)) + SHARE_OF_WORK * units
        credit = min(credit - (scene.subject.work.units - before), sum(FORWARDS.values()))
        return areas, [*keeps, Keep(f"{key}/credit", torch.tensor(credit))]

    def judged(self, scene: Scene, ask: Ask, values: Tensor, *, key: str) -> tuple[dict[str, float], list[Keep]]:
        """The areas of a map, and its curves to keep.

        Args:
            scene: The scene.
            ask: What the map is of.
            values: (H, W), the map.
            key: What the tags of what is kept of this one begin with.
        """
        own, chance = _curves(scene, ask, values, shared=self.shared, seed=self._seed)
        areas = own.areas | {f"{name}_chance": value for name, value in chance.areas.items()}
        return areas, [Keep(f"{key}/curves", torch.stack([*own, *chance]))]

    def worse(self, kept: Mapping[str, Tensor]) -> tuple[str, ...]:
        """By which measures the last maps are on average no better than their own texture elsewhere."""
        found = _finite(kept)
        if len(found) < FEWEST:
            return ()
        down, up, down_moved, up_moved = torch.stack(found).mean(0)
        return worse_than_chance(Curves(down, up), Curves(down_moved, up_moved))

    def picture(self, kept: Mapping[str, Tensor], title: str, tag: str) -> list[Picture]:
        """The curves that were kept, their mean over the probes; none where there are none."""
        found = _finite(kept)
        if not found:
            return []
        sides = torch.stack(found).view(len(found), 2, 2, -1).numpy()
        title = f"{title}, mean of {len(found)} probes"
        return [Picture(tag, curves_picture(SHARES.numpy(), sides[:, 0], sides[:, 1], title=title), flat=True)]


def _finite(kept: Mapping[str, Tensor]) -> list[Tensor]:
    return [value for name, value in kept.items() if name.endswith("/curves") and bool(value.isfinite().all())]


def _curves(scene: Scene, ask: Ask, values: Tensor, *, shared: dict[Hashable, Any], seed: int) -> tuple[Curves, Curves]:
    """Deletion and insertion by a map and by the same map moved.

    They are of the class that is predicted; of several labels, values or regions of the one that the map is of.
    """
    i = ask.probe
    image, column = scene.probes.images[i], int(scene.predictions[i].argmax()) if scene.task.exclusive else ask.column
    colour, subject = _nothing(scene.probes, image), scene.subject.of(i).about(column)

    def predicted(images: Tensor) -> Tensor:
        return scene.task.predictions(subject(images))[:, column]

    if (i, column) not in shared:
        known = scene.task.certainty(scene.predictions[i], column)
        ends = [colour.expand_as(image), *([image] if known is None else [])]
        with torch.no_grad():
            empty, *asked = Chunks()(predicted, torch.stack(ends)).tolist()
        shared[i, column] = (asked[0] if known is None else known), empty
    whole, empty = shared[i, column]
    zero, one = scene.task.ends(whole, empty, _span(scene, column))
    if math.isnan(one):
        return Curves(*torch.full((2, len(SHARES)), math.nan)), Curves(*torch.full((2, len(SHARES)), math.nan))
    share = lambda images: (predicted(images) - zero) / (one - zero)  # noqa: E731
    limits = tuple((end - zero) / (one - zero) for end in (whole, empty))
    # Of a value that the image lowers, what lowers it most goes first.
    ranked = -values if one < zero and bool((values < 0).any()) else values
    options: dict[str, Any] = {"colour": colour, "ends": limits, "seed": seed}
    return faithful_curves(share, image, ranked, **options), chance_curves(share, image, ranked, **options)


def _span(scene: Scene, column: int) -> float:
    """From the smallest to the largest prediction of a column, if there is one of the image as a whole."""
    if not scene.task.whole:
        return 0.0
    every = scene.predictions[:, column]
    return float(every.max() - every.min())


def _nothing(probes: ProbeBatch, image: Tensor) -> Tensor:
    """The data set's mean, which is zero to the network, where that is a colour; else the image's own mean."""
    colour = bool(((probes.mean > 0) & (probes.mean < 1)).all())
    return torch.zeros_like(image[:, :1, :1]) if colour else image.mean((1, 2), keepdim=True)
