"""The output of any layer with its channels second: transformers put them last, and places in a row."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

_EXTRA = (0, 1, 2, 5)
"""Tokens that stand before the patches: none, a class token, one for distillation too, or four registers."""
_CHANNELS_SECOND = (nn.Conv1d, nn.Conv2d, nn.BatchNorm1d, nn.BatchNorm2d)


def channels_second(features: Callable[[Tensor], Tensor], layer: nn.Module) -> Callable[[Tensor], Tensor]:
    """Wraps a layer's features so that their channels come second.

    Args:
        features: Images (N, C, H, W) -> the output of `layer`.
        layer: Convolutions and batch normalisations have their channels second already.

    Returns:
        From images to (N, D, h, w) or (N, D). Tokens (N, T, D) become (N, D, T, 1); of (N, h, w, D) the channels move
        where h and w are what patches of one size make of the image, and the last two are not. Anything else stays.
    """

    def run(images: Tensor) -> Tensor:
        output = features(images)
        if output.ndim == 3:
            return (output if isinstance(layer, _CHANNELS_SECOND) else output.transpose(1, 2))[..., None]
        if output.ndim != 4 or isinstance(layer, _CHANNELS_SECOND):
            return output
        grids, shape = _grids(images), output.shape
        last = (shape[1], shape[2]) in grids and (shape[2], shape[3]) not in grids
        return output.permute(0, 3, 1, 2) if last else output

    return run


def places_as_maps(features: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Wraps features so that places in a row, (N, D, T, 1), become maps (N, D, h, w) of the image's patches.

    Args:
        features: As `channels_second` makes them.

    Returns:
        From images to (N, D, h, w), without class token and registers, where T is the number of patches of one size
        that cut the image, give or take those; else what `features` returns.

    >>> import torch
    >>> places_as_maps(lambda images: torch.zeros(len(images), 5, 13, 1))(torch.zeros(1, 3, 12, 16)).shape
    torch.Size([1, 5, 3, 4])
    """

    def run(images: Tensor) -> Tensor:
        output = features(images)
        if output.ndim != 4 or output.shape[3] != 1:
            return output
        sizes = {h * w: (h, w) for h, w in _grids(images)}
        for extra in _EXTRA:
            if size := sizes.get(output.shape[2] - extra):
                return output[:, :, extra:].reshape(*output.shape[:2], *size)
        return output

    return run


def _grids(images: Tensor) -> list[tuple[int, int]]:
    """Rows and columns of patches of every size, those at the edges left out or filled up."""
    height, width = images.shape[-2:]
    sides = range(1, min(height, width) // 2 + 1)
    return [(height // s, width // s) for s in sides] + [(-(-height // s), -(-width // s)) for s in sides]
