"""Maps as pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lightning_viz.explain.attribution.baselines import blurred
from lightning_viz.explain.attribution.gradients import magnitude
from lightning_viz.harness.sinks.results import Pixels
from lightning_viz.render.color import diverging, overlay, sequential, symmetric
from lightning_viz.render.maps.slices import NOTHING, WHOLE, Slices, blanked, middle, strongest


def flattened(values: Tensor, *, sides: int, signed: bool, grain: float = 0.0) -> Tensor:
    """What a method found for one image as the map that is drawn, (H, W), or (D, H, W) of a volume.

    Args:
        values: Of that shape, or with channels before it, of which it is the sum if signs count, else the largest
            magnitude.
        sides: Of the image.
        signed: Whether signs count.
        grain: Standard deviation of a blur, as a share of the shorter side.
    """
    values = values.detach().float()
    if values.ndim > sides:
        values = values.sum(0) if signed else magnitude(values[None])[0]
    return blurred(values[None, None], grain * min(values.shape[-2:]))[0, 0] if grain else values


def painted(pixels: Tensor, values: Tensor, full: float, *, signed: bool, slices: Slices = WHOLE) -> list[Pixels]:
    """A map, and the map over its image.

    Args:
        pixels: The image, (C, H, W) in [0, 1], or a volume (C, D, H, W).
        values: (H, W) or (D, H, W), finite.
        full: The value that is drawn in full colour.
        signed: Whether signs count.
        slices: Which of a volume.

    Returns:
        Both, uint8 (h, w, 3).
    """
    image, sheet = sheets(pixels, values, slices)
    heat, _ = symmetric(sheet, scale=full)
    colour = diverging(heat) if signed else sequential(heat)
    return [blanked(picture, sheet) for picture in (colour, overlay(image, heat, signed=signed))]


def sheets(pixels: Tensor, values: Tensor, slices: Slices) -> tuple[NDArray[Any], NDArray[Any]]:
    """Image and map as flat arrays, (C, h, w) and (h, w); between slices the map is not a number."""
    image, found = pixels.cpu().numpy(), values.detach().float().cpu().numpy()
    return slices.sheet(image, NOTHING), slices.sheet(found, np.nan)


def slices_of(values: Tensor) -> Slices:
    """Which slices of a map (D, H, W) are drawn: those with most of it, so that they stand still with the network.

    Where it is not finite there are none to prefer; a flat map is not cut.
    """
    if values.ndim < 3:
        return WHOLE
    found = values.detach().float().cpu().numpy()
    return strongest(found) if bool(np.isfinite(found).all()) else middle(found.shape)
