"""Places in a probe as the Explanations tab draws them: what is true, what is predicted, where the evidence lies."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lightning_viz.callbacks.base.frames import MOST
from lightning_viz.callbacks.base.outlines import where_true
from lightning_viz.harness.network.spatial.overlap import iou
from lightning_viz.harness.probes.spec import ProbeBatch
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Places
from lightning_viz.harness.sinks.thumbnails import first_slices
from lightning_viz.harness.tasks.boxes import Boxes, matched, real
from lightning_viz.render.maps.regions import class_colours

_LONGEST = 128
"""Pixels on the longer side of what is outlined: finer than maps, since an edge is seen where a shade is not."""
_OF_MASK = 6
"""Which of the colours of classes a mask has that is of no class: none that maps are painted in."""


def places(scene: Scene, i: int) -> Iterator[Places]:
    """Those of a probe; none where its task knows of none."""
    if isinstance(scene.task, Boxes):
        yield Places(scene.probes.tag(i), _boxes(scene, scene.task, i))
    elif scene.task.places:
        yield Places(scene.probes.tag(i), _areas(scene, i))


def _boxes(scene: Scene, task: Boxes, i: int) -> dict[str, Any]:
    """Every box: its edges in pixels, its class, and what became of it; the surest last, since it lies on top."""
    true = real(scene.probes.labels[i])
    said = task.said(scene.predictions[i]).to(true)[:MOST]
    pairs = dict(matched(said, true))
    overlaps = iou(said[:, :4], true[:, :4])
    colours = class_colours(len(scene.probes.class_names))
    found: list[dict[str, Any]] = []
    for b, (*edges, k) in enumerate(true.tolist()):
        what = "found" if b in pairs.values() else "missed"
        found.append({"edges": _short(edges), "class": int(k), "true": True, "what": what})
    for p, (*edges, k, score) in reversed([*enumerate(said.tolist())]):
        fit = float(overlaps[p].max()) if len(true) else 0.0
        fit = float(overlaps[p, pairs[p]]) if p in pairs else fit
        what = "correct" if p in pairs else "false"
        about = {"score": round(score, 4), "iou": round(fit, 3)}
        found.append({"edges": _short(edges), "class": int(k), "true": False, "what": what, **about})
    known = [box for box in found if box["class"] < len(colours)]
    return {"size": [1, *task.size], "boxes": [{**box, "colour": colours[box["class"]]} for box in known]}


def _areas(scene: Scene, i: int) -> dict[str, Any]:
    """Of each class that is true or predicted where it is."""
    task, label, prediction = scene.task, scene.probes.labels[i], scene.predictions[i]
    predicted = [k for k in task.predicted(prediction, label) if bool(where_true(task, prediction, k).any())]
    colours, areas, size = class_colours(len(scene.probes.class_names)), list[dict[str, Any]](), [1, 1, 1]
    for k in dict.fromkeys([*task.marked(label), *predicted]):
        sides = [_sampled(where_true(task, which, k).numpy()) for which in (label, prediction)]
        size = [*sides[0].shape]
        areas.append({"class": k, "colour": colours[k], "true": runs(sides[0]), "predicted": runs(sides[1])})
    return {"size": size, "areas": areas}


def masks(probes: ProbeBatch) -> list[dict[str, Any] | None]:
    """Where the evidence of each probe lies, by its data set; None where that is nowhere, or its labels are places."""
    known = None if probes.task.places or probes.task.counts == "boxes" else probes.masks
    if known is None:
        return [None] * len(probes)
    sides, names = probes.images.ndim - 2, probes.class_names
    if known.ndim == sides + 1:
        colour = class_colours(_OF_MASK + 1)[-1]
        return [_evidence([{"colour": colour}], mask[None]) for mask in known]
    if known.shape[1] != len(names):
        return [None] * len(probes)
    about = [{"class": k, "colour": colour} for k, colour in enumerate(class_colours(len(names)))]
    return [_evidence(about, of) for of in known]


def _evidence(about: list[dict[str, Any]], of: Tensor) -> dict[str, Any] | None:
    """The masks of one probe, with what is told of each; those of nothing are left out, and None where all are."""
    sampled = [_sampled(mask) for mask in of.numpy()]
    areas = [{**one, "inside": runs(mask)} for one, mask in zip(about, sampled, strict=True)]
    found = [area for area in areas if area["inside"]]
    return {"size": [*sampled[0].shape], "masks": found} if found else None


def _sampled(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask (H, W) or (D, H, W) as (d, h, w), of pixels in the middle of those that they stand for."""
    volume = mask if mask.ndim > 2 else mask[None]
    depth, *sides = volume.shape
    starts = [*first_slices(depth), depth]
    slices = [(a + b) // 2 for a, b in pairwise(starts)]
    share = min(1.0, _LONGEST / max(sides))
    rows, columns = (np.floor((np.arange(max(round(n * share), 1)) + 0.5) / share).astype(int) for n in sides)
    found: NDArray[np.bool_] = volume[np.ix_(slices, rows.clip(0, sides[0] - 1), columns.clip(0, sides[1] - 1))]
    return found


def runs(mask: NDArray[np.bool_]) -> list[int]:
    """Lengths of runs by rows, the first without and by turns with the class; the last one without is left out.

    Example:
        >>> runs(np.array([[0, 1, 1], [1, 0, 0]], bool)), runs(np.zeros((2, 2), bool))
        ([1, 3], [])
    """
    flat = np.concatenate([[False], mask.ravel(), [False]])
    turns = np.flatnonzero(flat[1:] != flat[:-1])
    return [int(length) for length in np.diff(turns, prepend=0)]


def _short(edges: list[float]) -> list[float]:
    return [round(edge, 2) for edge in edges]
