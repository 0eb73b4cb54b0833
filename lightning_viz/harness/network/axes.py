"""Volumes and clips: in which order the sides of images stand in a batch, and in front of the network."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

Axes = Literal["CDHW", "CTHW", "TCHW"]
"""Behind the number of images: channels, depth or time, height, width."""

NAMES: dict[Axes | None, str] = {None: "images", "CDHW": "volumes", "CTHW": "clips", "TCHW": "clips"}

_CONVOLUTIONS = (nn.Conv2d, nn.Conv3d)
_COLOURS = 3


def axes_of(images: Tensor, net: nn.Module, wanted: Axes | None = None) -> Axes | None:
    """The order of the sides of images, by the network's first convolution.

    Its channels are those of the images. Where either side has as many, one of three sides has them second, and one of
    two, which takes frame by frame, third. Without convolutions there are one or three channels, second if in doubt.
    Three channels are colours, which clips have; other images are volumes.

    Args:
        images: As a batch has them.
        net: The network.
        wanted: What the user says.

    Returns:
        None for flat images (N, C, H, W).

    Raises:
        ValueError: The user says an order of flat images, or one in which a convolution of three sides has others.
    """
    first = next((m for m in net.modules() if isinstance(m, _CONVOLUTIONS)), None)
    channels = {1, _COLOURS} if first is None else {first.in_channels}
    second, third = (images.shape[k] in channels for k in (1, 2))
    if wanted is not None:
        _check(images, wanted, (third if wanted == "TCHW" else second) or second == third or type(first) is nn.Conv2d)
    if images.ndim == 4 or wanted is not None:
        return wanted
    if second == third:
        second = not isinstance(first, nn.Conv2d)
    if not second:
        return "TCHW"
    return "CTHW" if images.shape[1] == _COLOURS else "CDHW"


def _check(images: Tensor, wanted: Axes, fits: bool) -> None:
    told = f"Expected images (N, {', '.join(wanted)}) with probes=Probes(axes={wanted!r}), received"
    if images.ndim == 4:
        raise ValueError(f"{told} {tuple(images.shape)}: leave axes= out for flat images.")
    if not fits:
        raise ValueError(
            f"{told} {tuple(images.shape)}, whose channels stand elsewhere for the network's first convolution: leave "
            "axes= out, or name another order."
        )


def channels_first(tensor: Tensor, axes: Axes | None) -> Tensor:
    """Images, or what is said of their places, (N, T, C, ...), with the channels second; others stay as they are.

    It is its own reverse.

    >>> import torch
    >>> channels_first(torch.zeros(1, 8, 3, 16, 16), "TCHW").shape
    torch.Size([1, 3, 8, 16, 16])
    """
    return tensor.transpose(1, 2).contiguous() if axes == "TCHW" and tensor.ndim == 5 else tensor
