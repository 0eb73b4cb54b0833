"""Attention as pictures: the heads of a layer side by side, and those of all layers as one wall."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from lightning_viz.render.color import hatch, sequential, symmetric, to_uint8
from lightning_viz.render.panel import grid
from lightning_viz.render.size import WIDTH, Floats, Picture, enlarge
from lightning_viz.render.text import DARK

ABOVE = 4.0
"""Times the share that each patch gets where all get the same, at which colours of heads are full."""

_TILE, _FRAME, _ORANGE = 48, 4, (255, 140, 0)


def head_tiles(
    pixels: ArrayLike, heads: Floats, entropy: Sequence[float], distance: Sequence[float], *, full: float
) -> Picture:
    """The maps of a layer's heads on one scale, behind the image.

    Args:
        pixels: (C, H, W) in [0, 1].
        heads: (heads, H, W), not below 0.
        entropy: Of each head, in nats.
        distance: Of each head, in patches.
        full: The value that is drawn in full colour.

    Returns:
        uint8 (h, w, 3).
    """
    heat, _ = symmetric(heads, scale=full)
    tiles = [to_uint8(pixels), *(sequential(values) for values in heat)]
    figures = [f"{e:.1f}, {d:.1f}" for e, d in zip(entropy, distance, strict=True)] or [""] * len(heads)
    rows = -(-len(tiles) // 5)
    return grid(tiles, -(-len(tiles) // rows), titles=["image", *figures])


def wall(rows: Sequence[Floats], uniform: Sequence[Sequence[bool]], blind: Sequence[Sequence[bool]]) -> Picture:
    """What the heads of all layers attend to: a row is a layer, the first one on top.

    Colours are the same in every epoch: dark is nothing, full is four times what each patch gets where all get the
    same.

    Args:
        rows: Per layer (heads, h, w), shares of the attention.
        uniform: Per layer and head: attends to everything alike; hatched.
        blind: Per layer and head: attends to the same whatever the image; framed in orange.

    Returns:
        uint8 (H, W, 3), at most about twice as high as wide.
    """
    most = max(len(row) for row in rows)
    columns = max(most, -(-len(rows) // 2))
    tiles = []
    for row, alike, same in zip(rows, uniform, blind, strict=True):
        left = (columns - most) // 2
        shown = [_tile(*head) for head in zip(row, alike, same, strict=True)]
        blank = np.full((*shown[0].shape[:2], 3), DARK, np.uint8)
        tiles += [*[blank] * left, *shown, *[blank] * (columns - left - len(shown))]
    return grid(tiles, columns, width=max(WIDTH, 20 * columns))


def _tile(values: Floats, uniform: bool, blind: bool) -> Picture:
    heat = np.clip(np.asarray(values) * values.size / ABOVE, 0, 1)
    picture = enlarge(hatch(*heat.shape) if uniform else sequential(heat), _TILE)
    if uniform:
        picture = hatch(*picture.shape[:2])
    if blind:
        picture = picture.copy()
        inside = picture[_FRAME:-_FRAME, _FRAME:-_FRAME].copy()
        picture[:] = _ORANGE
        picture[_FRAME:-_FRAME, _FRAME:-_FRAME] = inside
    return picture
