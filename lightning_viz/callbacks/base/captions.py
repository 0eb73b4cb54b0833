"""Panels as pictures for the logger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lightning_viz.harness.probes.spec import ProbeBatch
from lightning_viz.harness.sinks.results import Picture, Pixels
from lightning_viz.render.maps.slices import Slices, sheet_size
from lightning_viz.render.panel import caption_height, notice, panel


def captioned(
    tag: str,
    image: Pixels | Sequence[Pixels],
    caption: Sequence[str],
    *,
    lines: int,
    titles: Sequence[str] | None = None,
    bars: Sequence[Pixels] = (),
    columns: int | None = None,
    full: float = 0.0,
    source: Mapping[str, npt.NDArray[Any]] | None = None,
) -> Picture:
    """A panel that knows how high its caption is.

    Args:
        tag: Its name in the logger.
        image: One picture or several, see `panel`.
        caption: Each entry begins a line.
        lines: Of the caption, the same in every epoch.
        titles: A short title above each picture.
        bars: What the colours stand for.
        columns: Pictures in a row, all of them if None.
        full: The value in full colour.
        source: What the picture can be painted anew from, see `render.anew`.
    """
    drawn = panel(image, caption, titles=titles, columns=columns, lines=lines, bars=bars)
    rows = caption_height(lines)
    if source is not None:
        source = {**source, "caption": np.asarray(drawn[len(drawn) - rows :])}
    return Picture(tag, drawn, caption=rows, words=tuple(caption), full=full, source=source)


def sliced(probes: ProbeBatch, slices: Slices) -> list[str]:
    """The line of a caption that tells which slices of a volume are shown, or frame of a clip; else none."""
    return slices.told(probes.images.shape[2:], time=probes.are_clips)


def instead(text: str, size: Sequence[int]) -> Pixels:
    """A tile that says why there is no map of an image (H, W), or volume (D, H, W), of the shape that it would have."""
    height, width = sheet_size(size)
    return notice(text, 176, round(176 * height / width))
