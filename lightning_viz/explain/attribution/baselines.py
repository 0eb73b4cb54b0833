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
        images: (N, C, H, W), as the network takes them.
        black: (C, 1, 1), what a black pixel is to the network: after the normalisation.
        white: (C, 1, 1), likewise.
        seed: Of the noise.

    Returns:
        (N, C, H, W), as the network takes them.

    Raises:
        ValueError: An unknown kind.

    >>> one = torch.ones(1, 1, 1)
    >>> baseline("black", torch.rand(1, 1, 1, 2), black=-one, white=one)
    tensor([[[[-1., -1.]]]])
    """
    check_baselines([kind], "kind")
    if kind == "mean":
        return images.mean((2, 3), keepdim=True).expand_as(images)
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
        images: (N, C, H, W).
        sigma: Its standard deviation in pixels, above 0.

    Returns:
        (N, C, H, W).
    """
    radius = round(3 * sigma)
    steps = torch.arange(-radius, radius + 1, device=images.device, dtype=images.dtype)
    kernel = (-0.5 * (steps / sigma) ** 2).exp()
    kernel = (kernel / kernel.sum()).expand(images.shape[1], 1, 1, -1)
    along = F.conv2d(F.pad(images, (radius, radius, 0, 0), mode="replicate"), kernel, groups=images.shape[1])
    padded = F.pad(along, (0, 0, radius, radius), mode="replicate")
    return F.conv2d(padded, kernel.transpose(2, 3), groups=images.shape[1])
