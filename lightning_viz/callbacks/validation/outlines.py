"""Images of a validation with what was true and what was predicted of their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from lightning_viz.callbacks.base.outlines import outlines, slices_of_input, where_true
from lightning_viz.callbacks.validation.worst import scored, width_of, worst_images
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Picture, Pixels
from lightning_viz.harness.tasks.task import Task
from lightning_viz.harness.validation.mistakes import Mistake
from lightning_viz.render.color import AGAINST, FOR
from lightning_viz.render.maps.regions import outlined
from lightning_viz.render.maps.slices import NOTHING, Slices

_IN_A_ROW = 4
"""Pictures: two images, each as it is and as it is predicted."""


@dataclass(frozen=True)
class Confused:
    """Where in an image one class was taken for another.

    Attributes:
        true: Where the one is true, bool (H, W) on the CPU.
        predicted: Where the other is predicted.
        both: Where it is the one and was taken for the other.
    """

    true: Tensor
    predicted: Tensor
    both: Tensor

    def drawn(self, pixels: Any, slices: Slices) -> Pixels:
        """The image, (C, H, W) in [0, 1], with the outline of the one in blue and of the other in orange.

        Args:
            pixels: Of a volume these slices.
            slices: Which of a volume.
        """
        masks = [slices.sheet(mask.numpy(), False) for mask in (self.true, self.predicted)]
        return outlined(pixels, np.stack(masks), [AGAINST, FOR])


def confused(task: Task, places: Tensor, true: int, predicted: int) -> Confused:
    """Where an image was mistaken.

    Args:
        task: One of places.
        places: What is true and what is predicted, (2, H, W) or (2, K, H, W).
        true: A class.
        predicted: What it was taken for.
    """
    (a, other_true), (own_predicted, b) = ([where_true(task, side, k) for k in (true, predicted)] for side in places)
    return Confused(a, b, a & ~own_predicted & b & ~other_true)


def worst_picture(scene: Scene, loader: str, found: Sequence[Mistake]) -> Picture:
    """The images with the lowest mean intersection over union: what is true, and to the right what is predicted.

    Args:
        scene: The scene.
        loader: The name of the loader.
        found: The images, the worst first.
    """
    names, probes = scene.probes.class_names, scene.probes
    tiles: list[tuple[str, Pixels]] = []
    shown: dict[int, tuple[int, int, int]] = {}
    for one in found:
        assert one.places is not None, "kept of places"
        slices = slices_of_input(probes, one.places[0])
        curves_of = outlines(scene.task, one.places[0], one.places[1], names, slices=slices)
        pixels = probes.unnormalized(one.image.to(probes.std)).cpu().numpy()
        drawn = curves_of.drawn(slices.sheet(pixels, NOTHING), width_of(_IN_A_ROW))
        tiles += zip(["true", scored("IoU", one)], drawn, strict=True)
        shown |= dict(zip(curves_of.classes, curves_of.colours, strict=True))
    what = "lowest mean IoU, true and predicted"
    return worst_images(scene, loader, tiles, shown, each=2, columns=_IN_A_ROW, what=what)
