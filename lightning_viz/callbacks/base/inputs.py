"""The probes themselves, and what the network says of them: logged once for all callbacks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from lightning_viz.callbacks.base.captions import captioned, sliced
from lightning_viz.callbacks.base.frames import frames
from lightning_viz.callbacks.base.outlines import HALF, outlines, slices_of_input
from lightning_viz.callbacks.base.places import masks, places
from lightning_viz.harness.probes.spec import ProbeBatch
from lightning_viz.harness.run.claims import Claims
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Charts, Picture, Pixels, Places, Prediction, Scalar, Seen
from lightning_viz.harness.sinks.thumbnails import drawn_together
from lightning_viz.harness.tasks.boxes import Boxes
from lightning_viz.render.charts.likeness import likeness_picture
from lightning_viz.render.color import to_uint8
from lightning_viz.render.maps.slices import NOTHING, Slices
from lightning_viz.render.text import channels_shown

MOST_CURVES = 20
"""With more classes than this, only the predictions of the true ones are logged."""
_PILED = 128
"""Pixels on the longer side of a slice."""


def inputs(scene: Scene, claims: Claims) -> Iterator[Picture | Prediction | Places | Scalar]:
    """The probes that no other callback has logged at this step: each as a picture, and its prediction."""
    probes = scene.probes
    tags = probes.class_tags
    fresh = claimed(probes, scene.subject.name, claims, scene.step)
    if scene.task.compares and any(fresh) and 0 in scene.mine(range(len(probes))):
        yield _alike(scene)
    for i in scene.mine(range(len(probes))):
        if fresh[i]:
            shown = channels_shown(probes.images.shape[1])
            caption = [scene.caption(i), f"item {probes.indices[i]} of the data set{shown}"]
            yield _input(scene, i, caption, slices_of_input(probes, probes.labels[i]))
            yield from places(scene, i)
            if tags:
                yield Prediction(probes.tag(i), *scene.prediction(i))
            curves = scene.task.curves_of(probes.labels[i], scene.predictions[i])
            for k in scene.task.drawn(probes.labels[i], len(tags), MOST_CURVES):
                yield Scalar(f"{_stem(probes, i)}/{tags[k]}", float(curves[k]))


def _input(scene: Scene, i: int, caption: list[str], slices: Slices) -> Picture:
    """The image; with boxes, or the outlines of places: what is true, and beside it what is predicted."""
    probes = scene.probes
    tag, pixels = f"{probes.tag(i)}/input", slices.sheet(probes.pixels[i].cpu().numpy(), NOTHING)
    if isinstance(scene.task, Boxes):
        found = frames(scene.task, probes.labels[i], scene.predictions[i], probes.class_names)
        caption[1] += " · solid is true, dashed is predicted, in %"
        return captioned(tag, found.drawn(pixels), caption, lines=4, bars=[found.legend])
    told = sliced(probes, slices)
    caption = [*caption[:1], *told, *caption[1:]]
    if not scene.task.places:
        return captioned(tag, to_uint8(pixels), caption, lines=2 + len(told))
    seen = outlines(scene.task, probes.labels[i], scene.predictions[i], probes.class_names, slices=slices)
    options: dict[str, Any] = {"titles": ["true", "predicted"], "bars": [seen.legend]}
    return captioned(tag, seen.drawn(pixels, HALF), caption, lines=3 + len(told), **options)


def seen(probes: ProbeBatch) -> list[Seen]:
    """The probes as an eye sees them, at their own size, and where their evidence lies.

    Of volumes what their pictures show, and slices below each other, as many as there are of their maps.
    """
    every = enumerate(probes.pixels.cpu().numpy())
    sheets = [to_uint8(slices_of_input(probes, probes.labels[i]).sheet(pixels, NOTHING)) for i, pixels in every]
    are_flat = probes.pixels.ndim < 5
    piles = [[] if are_flat else [pile(volume)] for volume in probes.pixels.cpu().numpy()]
    return [Seen([sheet, *more], mask) for sheet, more, mask in zip(sheets, piles, masks(probes), strict=True)]


def pile(volume: npt.NDArray[np.floating[Any]]) -> Pixels:
    """Slices of a volume, (C, D, H, W) in [0, 1], below each other, uint8 (d h, w, 3): at most 16, of at most 128 px.

    Larger ones would take more room in the log than all maps of the probe.
    """
    slices = [Image.fromarray(to_uint8(one)) for one in drawn_together(volume.swapaxes(0, 1))]
    for one in slices:
        one.thumbnail((_PILED, _PILED))
    return np.concatenate([np.asarray(one) for one in slices])


def claimed(probes: ProbeBatch, name: str, claims: Claims, step: int) -> list[bool]:
    """Which of the probes nobody has logged at this step as this network sees them; from now on somebody has.

    Every process claims every probe, so that all know what has been logged.
    """
    return [claims.claim(("input", number, name), step) for number in probes.numbers]


def _alike(scene: Scene) -> Picture:
    """How alike the probes are to each other, or to guides."""
    probes = scene.probes
    rows = [f"probe {number} ({probes.label_name(i)})" for i, number in enumerate(probes.numbers[: len(probes)])]
    caption = [f"{scene.when} · cosines of the probes' embeddings"]
    tag = f"similarity/{'_'.join(map(str, probes.numbers[:1]))}_and_others"
    return Picture(tag, likeness_picture(scene.predictions.cpu(), rows, probes.class_names, caption=caption), flat=True)


def charts(probes: ProbeBatch) -> dict[str, Charts]:
    """One chart per probe with its predictions, such as the probabilities, for TensorBoard's Custom Scalars."""
    if not probes.class_names:
        return {}
    return {"class probabilities of the probes": {probes.tag(i): f"^{_stem(probes, i)}/" for i in range(len(probes))}}


def _stem(probes: ProbeBatch, i: int) -> str:
    return f"{probes.task.curves}/{probes.tag(i)}"
