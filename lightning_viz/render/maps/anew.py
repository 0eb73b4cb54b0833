"""Maps painted anew on another scale, out of the little that is kept of their pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from lightning_viz.render.color import diverging, overlay, sequential, symmetric, to_uint8
from lightning_viz.render.maps.colorbar import Colours, colorbar
from lightning_viz.render.maps.lime import superpixel_picture
from lightning_viz.render.maps.slices import blanked
from lightning_viz.render.panel import panel
from lightning_viz.render.size import Floats, Picture

SIDE = 176
"""Pixels on the longer side that are kept: a picture beside another one shows no more."""

Kept = dict[str, NDArray[Any]]

_Painted = tuple[list[Picture], list[str] | None, Colours]
"""Tiles, their titles, and what colours they have."""


def kept_of_map(pixels: ArrayLike, values: ArrayLike, full: float, *, signed: bool, unit: str) -> Kept:
    """What is kept of a map and of the map over its image.

    Args:
        pixels: The image, (C, H, W) in [0, 1].
        values: The map, (H, W), finite but where there is nothing to see, see `slices`.
        full: The value in full colour, from 0.
        signed: Whether signs count.
        unit: Of the values.

    Returns:
        Arrays without objects, by name; the values in parts of `full`, as float16.
    """
    shares = _small(np.asarray(values, np.float32) / (full or 1.0))
    return {"shares": shares.astype(np.float16)[None], **_common(pixels, full, unit), "signed": np.array(signed)}


def kept_of_superpixels(
    pixels: ArrayLike, segments: ArrayLike, classes: Sequence[Sequence[ArrayLike]], full: float, **texts: Any
) -> Kept:
    """What is kept of superpixels, of several classes side by side.

    Args:
        pixels: The image, (C, H, W) in [0, 1].
        segments: (H, W) superpixel of every pixel.
        classes: Of each, weights, selection and certain as `superpixel_picture` takes them, (n,) each.
        full: The weight in full colour, from 0.
        texts: `titles` of the classes, and the `unit` of the weights.

    Returns:
        Arrays without objects, by name.
    """
    whole = np.asarray(segments)
    rows, columns = (np.arange(new) * old // new for new, old in zip(_size(whole), whole.shape, strict=True))
    labels = whole[rows[:, None], columns]
    left = int(labels.max()) + 1  # tiny ones may be gone
    weights, chosen, sure = (np.stack(parts)[:, :left] for parts in zip(*classes, strict=True))
    return {
        "shares": (weights / (full or 1.0)).astype(np.float16),
        "segments": labels.astype(np.uint16),
        "selection": chosen.astype(np.int8),
        "certain": sure.astype(np.bool_),
        "titles": np.array(texts["titles"]),
        **_common(pixels, full, texts["unit"]),
    }


def painted_anew(kept: Mapping[str, NDArray[Any]], full: float) -> Picture:
    """A picture as it was, on another scale.

    Args:
        kept: From `kept_of_map` or `kept_of_superpixels`, and the rows of its `caption`, uint8 (h, W, 3).
        full: The value in full colour.

    Returns:
        uint8 (H, W, 3).
    """
    values = kept["shares"].astype(np.float64) * float(kept["full"])
    if "segments" in kept:
        tiles, titles, colours = _superpixels(kept, values, full)
    else:
        tiles, titles, colours = _map(kept, values[0], full)
    body = panel(tiles, titles=titles, bars=[colorbar(full, str(kept["unit"]), colours=colours)])
    return np.concatenate([body, kept["caption"]])


def _map(kept: Mapping[str, NDArray[Any]], values: Floats, full: float) -> _Painted:
    signed, (heat, _) = bool(kept["signed"]), symmetric(values, scale=full)
    tiles = [diverging(heat) if signed else sequential(heat), overlay(kept["grey"] / 255, heat, signed=signed)]
    return [blanked(tile, values) for tile in tiles], None, "signed" if signed else "sequential"


def _superpixels(kept: Mapping[str, NDArray[Any]], weights: Floats, full: float) -> _Painted:
    classes = zip(weights, kept["selection"], kept["certain"], strict=True)
    tiles = [
        superpixel_picture(kept["grey"] / 255, kept["segments"], own, chosen, certain=sure, scale=full)
        for own, chosen, sure in classes
    ]
    return tiles, kept["titles"].tolist(), "superpixels"


def _common(pixels: ArrayLike, full: float, unit: str) -> Kept:
    # In grey, as maps lie over it.
    grey = to_uint8(pixels) @ np.array([0.299, 0.587, 0.114])
    return {"grey": np.rint(_small(grey)).astype(np.uint8), "full": np.array(full), "unit": np.array(unit)}


def _size(values: NDArray[Any]) -> tuple[int, int]:
    share = min(SIDE / max(values.shape), 1)
    return max(round(values.shape[0] * share), 1), max(round(values.shape[1] * share), 1)


def _small(values: NDArray[Any]) -> NDArray[np.float32]:
    plain, size = np.asarray(values, np.float32), _size(values)
    return plain if size == plain.shape else np.asarray(Image.fromarray(plain).resize(size[::-1], Image.Resampling.BOX))
