"""Boxes that were mistaken, as pictures: what was missed, what is false, what was taken for something else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from lightning_viz.callbacks.attribution.superpixels import Lime, fidelity, largest, shown
from lightning_viz.callbacks.base.frames import Frames, frames
from lightning_viz.callbacks.validation.panel import Explained, alone, lead, shares
from lightning_viz.callbacks.validation.worst import scored, width_of, worst_images
from lightning_viz.harness.network.spatial.boxed import Boxed
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Picture, Pixels
from lightning_viz.harness.tasks.boxes import Boxes
from lightning_viz.harness.tasks.task import named
from lightning_viz.harness.validation.boxes import became
from lightning_viz.harness.validation.changes import Confusion
from lightning_viz.harness.validation.mistakes import Mistake
from lightning_viz.render.color import to_uint8

_IN_A_ROW = 3


def explain_box(
    scene: Scene, mistake: Mistake, confusion: Confusion, *, lime: Lime, steps: int, few: bool
) -> Explained:
    """The image with its boxes, what makes the score of the mistaken one, and LIME for that; or of both its classes.

    Args:
        scene: The scene.
        mistake: The image.
        confusion: What was taken for what, or missed, or false.
        lime: How LIME explains.
        steps: Points of the integrated gradients.
        few: Whether the smallest number of masked copies will do.
    """
    own, names = alone(scene, mistake, None), scene.probes.class_names
    assert isinstance(own.subject, Boxed), "of a task of boxes"
    box = mistaken(mistake, confusion, len(names)).to(own.probes.images)
    own = replace(own, subject=own.subject.over(box))
    classes = [k for k in (confusion.true, confusion.predicted) if k < len(names)]
    called = [named(names[k], 15) for k in classes]
    if len(classes) > 1:
        map_, scale, slices = lead(own, classes[0], classes[1], steps)
    else:
        map_, scale, slices = shares(own, own.subject, torch.tensor(classes, device=own.probes.images.device), steps)
    superpixels = lime.cut(own.probes.pixels[0], few=few, enough=True)
    found = lime.weights(own, 0, superpixels, classes)
    full = largest(found)
    pixels = own.probes.pixels[0].cpu().numpy()
    tiles = [_frames(scene, mistake, texts=True).drawn(pixels), map_]
    image = shown(own.probes.pixels[0], superpixels, slices)
    tiles += [lime.painted(image, one, full) for one in found]
    fits = [f"{name}, R² {fidelity(one)}" for name, one in zip(called, found, strict=True)]
    what = f"{called[-1]} over {called[0]}" if len(classes) > 1 else called[0]
    return Explained([*tiles, to_uint8(pixels)][:4], ["", what, *fits, ""][:4], scale, f"{full:.2g}", [])


def mistaken(mistake: Mistake, confusion: Confusion, classes: int) -> Tensor:
    """The box of an image that was mistaken most surely, (4,)."""
    assert mistake.places is not None, "kept of boxes"
    true, predicted = mistake.places
    pair = (confusion.true, confusion.predicted)
    some = [one for one in became(predicted, true) if one.cell(classes) == pair]
    return max(some, key=lambda one: -one.score if one.said is None else one.score).box


def worst_boxes(scene: Scene, loader: str, found: Sequence[Mistake]) -> Picture:
    """The images with the lowest F1 score: solid what is true, dashed what is predicted.

    Args:
        scene: The scene.
        loader: The name of the loader.
        found: The images, the worst first.
    """
    probes = scene.probes
    tiles: list[tuple[str, Pixels]] = []
    classes: dict[int, tuple[int, int, int]] = {}
    for one in found:
        drawn = _frames(scene, one, texts=False)
        pixels = probes.unnormalized(one.image.to(probes.std)).cpu().numpy()
        tiles.append((scored("F1", one), drawn.drawn(pixels, width_of(_IN_A_ROW))))
        classes |= dict(zip(drawn.classes, drawn.colours, strict=True))
    what = "lowest F1 score, solid is true, dashed is predicted"
    return worst_images(scene, loader, tiles, classes, each=1, columns=_IN_A_ROW, what=what)


def _frames(scene: Scene, one: Mistake, *, texts: bool) -> Frames:
    assert isinstance(scene.task, Boxes)
    assert one.places is not None, "kept of boxes"
    true, predicted = one.places
    return frames(scene.task, true, predicted, scene.probes.class_names, texts=texts)
