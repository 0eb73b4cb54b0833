"""The images of a validation that are the worst ones, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lightning_viz.callbacks.base.captions import captioned
from lightning_viz.callbacks.base.outlines import legend_rows
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Picture, Pixels
from lightning_viz.harness.validation.mistakes import WORST_SHOWN, Mistake
from lightning_viz.render.maps.regions import legend
from lightning_viz.render.maps.slices import sheet_size
from lightning_viz.render.panel import GAP, notice
from lightning_viz.render.size import WIDTH


def worst_images(
    scene: Scene,
    loader: str,
    tiles: Sequence[tuple[str, Pixels]],
    classes: Mapping[int, tuple[int, int, int]],
    *,
    each: int,
    columns: int,
    what: str,
) -> Picture:
    """One picture, with room for as many images as there may be, and a legend below.

    Args:
        scene: The scene.
        loader: The name of the loader.
        tiles: Pictures of the images and what stands above them, the worst first, of the width `width_of(columns)`.
        classes: The colour of each class in them.
        each: Pictures of one image.
        columns: Pictures in a row.
        what: What is worst about them.
    """
    names, width = scene.probes.class_names, width_of(columns)
    down, across = sheet_size(scene.probes.images.shape[2:])
    missing = each * WORST_SHOWN - len(tiles)
    pictures = [tile for _, tile in tiles] + missing * [notice("", width, max(width * down // across, 1))]
    titles = [title for title, _ in tiles] + missing * [""]
    bar = legend([names[k] for k in classes], list(classes.values()), rows=legend_rows(names))
    options: dict[str, Any] = {"titles": titles, "bars": [bar], "columns": columns}
    caption = [f"{scene.when} · {loader} · {what}"]
    return captioned(f"confusions/{loader}/worst", pictures, caption, lines=2, **options)


def width_of(columns: int) -> int:
    """Pixels that each of so many pictures in a row is wide."""
    return (WIDTH - (columns - 1) * GAP) // columns


def scored(name: str, one: Mistake) -> str:
    """What one of the worst images has of a measure, for example `IoU .42`."""
    return f"{name} {1 - (one.confidence or 0.0):.2f}".replace(" 0.", " .")
