"""Maps as pictures."""

from __future__ import annotations

from torch import Tensor

from lightning_viz.explain.attribution.baselines import blurred
from lightning_viz.explain.attribution.gradients import magnitude
from lightning_viz.harness.sinks.results import Pixels
from lightning_viz.render.color import diverging, overlay, sequential, symmetric


def flattened(values: Tensor, *, signed: bool, grain: float = 0.0) -> Tensor:
    """What a method found for one image as the map that is drawn, (H, W).

    Args:
        values: (H, W), or (C, H, W), of which it is the sum over the channels if signs count, else their largest
            magnitude.
        signed: Whether signs count.
        grain: Standard deviation of a blur, as a share of the shorter side.
    """
    values = values.detach().float()
    if values.ndim == 3:
        values = values.sum(0) if signed else magnitude(values[None])[0]
    return blurred(values[None, None], grain * min(values.shape))[0, 0] if grain else values


def painted(pixels: Tensor, values: Tensor, full: float, *, signed: bool) -> list[Pixels]:
    """A map, and the map over its image.

    Args:
        pixels: The image, (C, H, W) in [0, 1].
        values: (H, W), finite.
        full: The value that is drawn in full colour.
        signed: Whether signs count.

    Returns:
        Both, uint8 (h, w, 3).
    """
    heat, _ = symmetric(values.cpu().numpy(), scale=full)
    colour = diverging(heat) if signed else sequential(heat)
    return [colour, overlay(pixels.cpu().numpy(), heat, signed=signed)]
