"""How faithful maps are to the network, as often as that is a small share of what the maps take."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import torch
from torch import Tensor

from lightning_viz.explain.attribution.baselines import blurred
from lightning_viz.explain.measures.faithfulness import FORWARDS, SHARES, Curves, area, at_random, faithful_curves
from lightning_viz.explain.network.chunks import Chunks
from lightning_viz.harness.network.subject import probabilities
from lightning_viz.harness.probes.spec import ProbeBatch
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Keep, Picture
from lightning_viz.render.curves import curves_picture

SHARE_OF_WORK = 0.06
"""What curves may take of the network, in units of what the maps take; with the other metrics it is under a tenth."""

Found = Keep | tuple[str | None, dict[str, float]]
"""What is kept, or metrics of a map, or of what has another name."""


class Faithfulness:
    """Deletion and insertion of the maps of one callback, and of chance.

    `deletion` and `insertion` are areas under the probability of the predicted class while pixels go and come, the
    strongest first; `explanations/random/...` are those of an order by chance. They take forwards of their own, so they
    come as often as that is a small share of what the maps take, by count, and at the end of training, with a picture
    of the curves.

    Args:
        seed: Of chance.

    Attributes:
        due: Whether it is time for curves, in this drawing.
        shared: The curves of chance by probe, found at this step by any callback with the same probes.
        chance: What the metrics of chance are called.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.due = False
        self.shared: dict[Hashable, Any] = {}
        self.chance = "random"

    def affordable(self, kept: Mapping[str, Tensor]) -> bool:
        """Whether all maps have earned their curves, by what was kept of them."""
        credits = [float(value) for tag, value in kept.items() if tag.endswith("/credit")]
        price = FORWARDS["map"] + (0 if self.shared else FORWARDS["chance"])
        return bool(credits) and sum(credits) >= price * len(credits)

    def held(
        self, scene: Scene, i: int, values: Tensor, kept: Mapping[str, Tensor], *, key: str, units: float
    ) -> list[Found]:
        """The curves of probe `i` if it is time for them, and what the map has earned towards the next ones.

        Args:
            scene: The scene.
            i: The number of the probe.
            values: (H, W), its map.
            kept: What was kept of all maps.
            key: What the tags of what is kept of this one begin with.
            units: What the map took, as `Work` counts.
        """
        before = scene.subject.work.units
        curves = self.judged(scene, i, values, key=key) if self.due else []
        if f"{key}/curves" not in kept and not curves:
            none = torch.full((4, len(SHARES)), math.nan)  # what is kept is as much from the first drawing on
            curves = [Keep(f"{key}/curves", none)]
        credit = float(kept.get(f"{key}/credit", 0.0)) + SHARE_OF_WORK * units
        credit = min(credit - (scene.subject.work.units - before), sum(FORWARDS.values()))
        return [*curves, Keep(f"{key}/credit", torch.tensor(credit))]

    def judged(self, scene: Scene, i: int, values: Tensor, *, key: str) -> list[Found]:
        """The curves of probe `i`.

        Args:
            scene: The scene.
            i: The number of the probe.
            values: (H, W), its map.
            key: What the tags of what is kept of this one begin with.
        """
        fresh = i not in self.shared
        own, chance = judged(scene, i, values, shared=self.shared, seed=self._seed)
        areas = [{"deletion": area(found.deletion), "insertion": area(found.insertion)} for found in (own, chance)]
        by_chance: list[Found] = [(self.chance, areas[1])] if fresh else []
        return [(None, areas[0]), *by_chance, Keep(f"{key}/curves", torch.stack([*own, *chance]))]

    def picture(self, kept: Mapping[str, Tensor], title: str, tag: str) -> list[Picture]:
        """The curves that were kept, their mean over the probes; none where there are none."""
        found = [value for name, value in kept.items() if name.endswith("/curves") and bool(value.isfinite().all())]
        if not found:
            return []
        sides = torch.stack(found).view(len(found), 2, 2, -1).numpy()
        title = f"{title}, mean of {len(found)} probes"
        return [Picture(tag, curves_picture(SHARES.numpy(), sides[:, 0], sides[:, 1], title=title), flat=True)]


def judged(scene: Scene, i: int, values: Tensor, *, shared: dict[Hashable, Any], seed: int) -> tuple[Curves, Curves]:
    """Deletion and insertion of the class that the network predicts, by a map and by chance.

    Args:
        scene: The scene.
        i: The number of the probe.
        values: (H, W), its map.
        shared: Where the curves of chance are looked for, and left for other maps.
        seed: Of chance.

    Returns:
        The curves of the map, and those of chance.
    """
    image, said = scene.probes.images[i], int(scene.probabilities[i].argmax())
    fill, start, subject = _nothing(scene.probes, image), _vague(image), scene.subject.of(i)

    def probability(images: Tensor) -> Tensor:
        return probabilities(subject(images))[:, said]

    if i not in shared:
        with torch.no_grad():
            empty, vague = Chunks()(probability, torch.stack([fill.expand_as(image), start])).tolist()
        ends = float(scene.probabilities[i, said]), empty, vague
        chance = at_random(image.shape[1], image.shape[2], seed=seed)
        found = faithful_curves(probability, image, chance, fill=fill, start=start, ends=ends)
        shared[i] = ends, [curve.tolist() for curve in found]
    ends, by_chance = shared[i]
    own = faithful_curves(probability, image, values, fill=fill, start=start, ends=ends)
    return own, Curves(*map(torch.tensor, by_chance))


def _nothing(probes: ProbeBatch, image: Tensor) -> Tensor:
    """The data set's mean, which is zero to the network, where that is a colour; else the image's own mean."""
    colour = bool(((probes.mean > 0) & (probes.mean < 1)).all())
    return torch.zeros_like(image[:, :1, :1]) if colour else image.mean((1, 2), keepdim=True)


def _vague(image: Tensor) -> Tensor:
    return blurred(image[None], max(min(image.shape[1:]) / 16, 0.5))[0]
