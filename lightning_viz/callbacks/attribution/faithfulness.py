"""How faithful maps are to the network, on the probes of a scene."""

from collections.abc import Hashable
from typing import Any

import torch
from torch import Tensor

from lightning_viz.explain.measures.faithfulness import Curves, Fill, chance_curves, faithful_curves
from lightning_viz.explain.network.chunks import Chunks
from lightning_viz.harness.network.subject import probabilities
from lightning_viz.harness.probes.spec import ProbeBatch
from lightning_viz.harness.run.scene import Scene


def judged(
    scene: Scene, i: int, values: Tensor, *, shared: dict[Hashable, Any], seed: int, fill: Fill = "mean"
) -> tuple[Curves, Curves]:
    """Deletion and insertion of the class that the network predicts, by a map and by the same map moved.

    Args:
        scene: The scene.
        i: The number of the probe.
        values: (H, W), its map.
        shared: Where what all maps of the probe share is looked for, and left for other maps.
        seed: Of the places that the map is moved to.
        fill: What stands where pixels have gone.

    Returns:
        The curves of the map, and those of chance.
    """
    image, said = scene.probes.images[i], int(scene.probabilities[i].argmax())
    colour = _nothing(scene.probes, image)

    def probability(images: Tensor) -> Tensor:
        return probabilities(scene.subject(images))[:, said]

    if i not in shared:
        with torch.no_grad():
            (empty,) = Chunks()(probability, colour.expand_as(image)[None]).tolist()
        shared[i] = float(scene.probabilities[i, said]), empty
    options: dict[str, Any] = {"colour": colour, "ends": shared[i], "fill": fill}
    own = faithful_curves(probability, image, values, seed=seed, **options)
    return own, chance_curves(probability, image, values, seed=seed, **options)


def _nothing(probes: ProbeBatch, image: Tensor) -> Tensor:
    """The data set's mean, which is zero to the network, where that is a colour; else the image's own mean."""
    colour = bool(((probes.mean > 0) & (probes.mean < 1)).all())
    return torch.zeros_like(image[:, :1, :1]) if colour else image.mean((1, 2), keepdim=True)
