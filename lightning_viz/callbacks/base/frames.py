"""What is true and what is predicted of the things in an image, as boxes in the colours of their classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from lightning_viz.callbacks.base.outlines import legend_rows
from lightning_viz.harness.sinks.results import Pixels
from lightning_viz.harness.tasks.boxes import Boxes, real
from lightning_viz.render.maps.boxes import Frame, framed
from lightning_viz.render.maps.regions import class_colours, legend
from lightning_viz.render.size import WIDTH

MOST = 20
"""Predicted boxes of one image that are drawn, the surest ones."""


class Frames(NamedTuple):
    """What is to be drawn of one image.

    Attributes:
        frames: The boxes, true ones first, the surest last.
        classes: Of them.
        colours: Of these classes.
        legend: Their names, uint8 (h, w, 3) of a height that does not depend on them.
    """

    frames: list[Frame]
    classes: list[int]
    colours: list[tuple[int, int, int]]
    legend: Pixels

    def drawn(self, pixels: Any, width: int = WIDTH) -> Pixels:
        """The image, (C, H, W) in [0, 1], with its boxes, so wide."""
        return framed(pixels, self.frames, width=width)


def frames(task: Boxes, label: Tensor, prediction: Tensor, names: Sequence[str], *, texts: bool = True) -> Frames:
    """The boxes of an image: what is true, solid, and what is said, dashed and with its score in percent.

    Args:
        task: The task.
        label: (B, 5).
        prediction: (M, 6).
        names: Of the classes.
        texts: Whether scores are written.
    """
    palette = class_colours(len(names))
    true, said = (rows.tolist() for rows in (real(label), task.said(prediction)[:MOST]))
    known = [row for row in said if row[4] < len(names)]
    found = [Frame(tuple(row[:4]), palette[int(row[4])]) for row in true]
    found += [
        Frame(tuple(row[:4]), palette[int(row[4])], dashed=True, text=f"{100 * row[5]:.0f}" if texts else "")
        for row in reversed(known)
    ]
    classes = list(dict.fromkeys(int(row[4]) for row in [*true, *known]))
    colours = [palette[k] for k in classes]
    return Frames(found, classes, colours, legend([names[k] for k in classes], colours, rows=legend_rows(names)))
