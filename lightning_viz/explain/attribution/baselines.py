"""Images without anything in them, to hold an image against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

Baseline = Literal["black", "white", "mean", "blurred", "noise"]


def check_baselines(kinds: Sequence[str], name: str) -> None:
    """Raises unless there is a kind, and every kind is known.

    Args:
        kinds: What is asked for.
        name: Of the argument, for the error.

    Raises:
        ValueError: There is none, or an unknown one.

    >>> check_baselines(["black", "blurred"], "baseline")
    """
    if not kinds or any(kind not in get_args(Baseline) for kind in kinds):
        known = ", ".join(map(repr, get_args(Baseline)))
        raise ValueError(f"Expected {name}= of {known}, received {', '.join(map(repr, kinds)) or 'none'}.")


def baseline(kind: str, images: Tensor, *, black: Tensor, white: Tensor, seed: int = 0) -> Tensor:
    """An image without anything in it for each image.

    Args:
        kind: `"black"` or `"white"`; the image's `"mean"` colour; the image `"blurred"`, by a sixteenth of its shorter
            side; or uniform `"noise"` from black to white.
        images: (N, C, H, W), or volumes (N, C, D, H, W), as the network takes them.
        black: (C, 1, 1) or (C, 1, 1, 1), what a black pixel is to the network: after the normalisation.
        white: Likewise.
        seed: Of the noise.

    Returns:
        Of the shape of the images, as the network takes them.

    Raises:
        ValueError: An unknown kind.

    >>> one = torch.ones(1, 1, 1)
    >>> baseline("black", torch.rand(1, 1, 1, 2), black=-one, white=one)
    tensor([[[[-1., -1.]]]])
    """
    check_baselines([kind], "kind")
    if kind == "mean":
        return images.mean(tuple(range(2, images.ndim)), keepdim=True).expand_as(images)
    if kind == "blurred":
        return blurred(images, max(min(images.shape[-2:]) / 16, 0.5))
    if kind == "noise":
        generator = torch.Generator().manual_seed(seed)
        share = torch.rand(images.shape[1:], generator=generator, dtype=torch.float32).to(images)
        return (black + (white - black) * share).expand_as(images)
    return (black if kind == "black" else white).expand_as(images)


def blurred(images: Tensor, sigma: float) -> Tensor:
    """Images behind a Gaussian blur, which goes on with the colour of the edge beyond it.

    Args:
        images: (N, C, H, W), or volumes (N, C, D, H, W), blurred along all three sides.
        sigma: Its standard deviation in pixels, above 0.

    Returns:
        Of the same shape.
    """
    radius = round(3 * sigma)
    steps = torch.arange(-radius, radius + 1, device=images.device, dtype=images.dtype)
    kernel = (-0.5 * (steps / sigma) ** 2).exp()
    channels, sides = images.shape[1], images.ndim - 2
    kernel, convolve = kernel / kernel.sum(), F.conv2d if sides == 2 else F.conv3d
    for side in range(sides):  # the last one first
        around = [(radius if k == side else 0) for k in range(sides) for _ in range(2)]
        along = kernel.view(1, 1, *[-1 if k == sides - 1 - side else 1 for k in range(sides)])
        padded = F.pad(images, around, mode="replicate")
        images = convolve(padded, along.expand(channels, *along.shape[1:]), groups=channels)
    return images
