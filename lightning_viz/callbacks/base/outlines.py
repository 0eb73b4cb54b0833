"""What is true and what is predicted of the places of an image, as masks in the colours of their classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lightning_viz.harness.probes.spec import ProbeBatch
from lightning_viz.harness.sinks.results import Pixels
from lightning_viz.harness.tasks.task import Task
from lightning_viz.render.maps.regions import class_colours, legend, outlined
from lightning_viz.render.maps.slices import WHOLE, Slices, middle, strongest
from lightning_viz.render.panel import GAP
from lightning_viz.render.size import WIDTH

HALF = (WIDTH - GAP) // 2
"""Width of one of two pictures side by side."""
_IN_A_ROW = 4
"""Classes for which a row of a legend has room."""

Masks = NDArray[np.bool_]


class Outlines(NamedTuple):
    """What is to be drawn of one image.

    Attributes:
        true: Bool (P, H, W), of volumes of slices in one picture, one mask for each class that is true or predicted.
        predicted: Likewise.
        colours: Of these classes.
        classes: Which these are.
        unknown: Bool (H, W), where there is no label.
        legend: Their names, uint8 (h, w, 3) of a height that does not depend on them.
    """

    true: Masks
    predicted: Masks
    colours: list[tuple[int, int, int]]
    classes: list[int]
    unknown: Masks
    legend: Pixels

    def drawn(self, pixels: Any, width: int) -> list[Pixels]:
        """The image, (C, H, W) in [0, 1], with what is true, and with what is predicted, so wide each."""
        true = outlined(pixels, self.true, self.colours, unknown=self.unknown, width=width)
        return [true, outlined(pixels, self.predicted, self.colours, width=width)]


def outlines(
    task: Task, label: Tensor, prediction: Tensor, names: Sequence[str], *, slices: Slices = WHOLE
) -> Outlines:
    """The masks of an image, or of some slices of a volume.

    Args:
        task: One of places.
        label: (H, W), or (K, H, W).
        prediction: Likewise.
        names: Of the classes.
        slices: Which of a volume.
    """
    predicted = [k for k in task.predicted(prediction, label) if bool(where_true(task, prediction, k).any())]
    classes = list(dict.fromkeys([*task.marked(label), *predicted]))
    size = where_true(task, label, 0).shape
    missing = (label < 0).cpu()
    flat = slices.sheet((missing.any(0) if missing.ndim > len(size) else missing).numpy(), False)
    sides = [np.zeros((len(classes), *flat.shape), dtype=np.bool_) for _ in range(2)]
    for masks, places in zip(sides, (label, prediction), strict=True):
        for mask, k in zip(masks, classes, strict=True):
            mask[:] = slices.sheet(where_true(task, places, k).numpy(), False)
    unknown, colours = flat, class_colours(len(names))
    legend_ = legend([names[k] for k in classes], [colours[k] for k in classes], rows=legend_rows(names))
    return Outlines(sides[0], sides[1], [colours[k] for k in classes], classes, unknown, legend_)


def slices_of_input(probes: ProbeBatch, label: Tensor) -> Slices:
    """Those through the middle of a volume; where its places have classes, those with most that is no background."""
    task, size = probes.task, probes.images.shape[2:]
    marked = task.marked(label) if task.places and len(size) > 2 else []
    if not marked:
        return middle(size)
    return strongest(np.sum([where_true(task, label, k).numpy() for k in marked], axis=0))


def legend_rows(names: Sequence[str]) -> int:
    """How many rows a legend has: one for few classes, else two; the same in every epoch."""
    return 1 if len(names) <= _IN_A_ROW else 2


def where_true(task: Task, places: Tensor, column: int) -> Tensor:
    """Where a class is, bool (H, W) or (D, H, W) on the CPU, by what is true or predicted of places."""
    found = task.truth(places.cpu(), column)
    assert found is not None, "a task of places knows"
    return found
