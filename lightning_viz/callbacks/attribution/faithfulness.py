"""How faithful maps are to the network, on the probes of a scene."""

from collections.abc import Hashable
from typing import Any

import torch
from torch import Tensor

from lightning_viz.explain.attribution.baselines import blurred
from lightning_viz.explain.measures.faithfulness import Curves, at_random, faithful_curves
from lightning_viz.explain.network.chunks import Chunks
from lightning_viz.harness.network.subject import probabilities
from lightning_viz.harness.probes.spec import ProbeBatch
from lightning_viz.harness.run.scene import Scene


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
    fill, start = _nothing(scene.probes, image), _vague(image)

    def probability(images: Tensor) -> Tensor:
        return probabilities(scene.subject(images))[:, said]

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
