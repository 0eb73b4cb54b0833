"""The output of any layer with its channels second: transformers put them last, and places in a row."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from lightning_viz.explain.network.patches import PatchesSeen
from lightning_viz.explain.network.places import CHANNELS_SECOND, places_in


def channels_second(
    features: Callable[[Tensor], Tensor], layer: nn.Module, *, maps: bool = False
) -> Callable[[Tensor], Tensor]:
    """Wraps a layer's features so that their channels come second.

    Args:
        features: Images (N, C, H, W) or (N, C, D, H, W) -> the output of `layer`.
        layer: Convolutions and batch normalisations have their channels second already.
        maps: Lay tokens out as the patches of the image that they stand for, instead of in a row.

    Returns:
        From images to (N, D, h, w) or (N, D), of volumes to (N, D, d, h, w). Of (N, h, w, D) the channels move where h
        and w are what patches of one size make of the image, and the last two are not. Tokens (N, T, D) become
        (N, D, T, 1); with `maps` (N, D, h, w) without class token and registers, in the grid that was seen on the way
        to the layer, or else where the rest are as many as patches of one size. What is put out for every slice of a
        volume, or every frame of a clip, by itself becomes (N, D, slices, h, w) with `maps`. Anything else stays.

    >>> import torch
    >>> tokens = channels_second(lambda images: torch.zeros(len(images), 13, 5), nn.Linear(5, 5), maps=True)
    >>> tokens(torch.zeros(1, 3, 12, 16)).shape
    torch.Size([1, 5, 3, 4])
    """

    def run(images: Tensor) -> Tensor:
        seen = PatchesSeen(images)
        if not maps:
            return arranged(features(images), layer, seen)
        with seen:
            output = features(images)
        return arranged(output, layer, seen, maps=True)

    return run


def arranged(output: Tensor, layer: nn.Module, seen: PatchesSeen, *, maps: bool = False) -> Tensor:
    """A layer's output with its channels second, see `channels_second`.

    Args:
        output: What the layer put out, or a tensor like it.
        layer: The layer.
        seen: What was seen of patches in the forward.
        maps: Lay tokens out as patches.
    """
    if output.ndim == 3 and not maps:
        return (output if isinstance(layer, CHANNELS_SECOND) else output.transpose(1, 2))[..., None]
    places = places_in(output, layer, seen)
    laid = output if places is None else places.laid_out(output)
    return seen.apart(laid) if maps else laid
