"""What a filter asks for, and what it makes of an image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from lightning_viz.explain.ascent import Ascent, ascend
from lightning_viz.explain.chunks import Chunks
from lightning_viz.explain.layout import channels_last
from lightning_viz.explain.parametrise import FourierImage, Picture, PixelImage
from lightning_viz.explain.transforms import RandomViews

Features = Callable[[Tensor], Tensor]
"""Images (N, C, H, W) -> a layer's output (N, D, h, w) or (N, D), differentiable with respect to the images."""

Parametrisation = Literal["fourier", "pixels"]
Reduce = Literal["mean", "sum"]
Device = torch.device | str | None


def channel_outputs(features: Features, images: Tensor, channels: Sequence[int]) -> Tensor:
    """What the chosen channels of a layer put out for images.

    Args:
        features: Images (N, C, H, W) -> (N, D, h, w).
        images: (N, C, H, W), as the network takes them.
        channels: M indices in [0, D).

    Returns:
        (N, M, h, w), without gradients.

    Raises:
        ValueError: If the layer has no such channel, or its output no spatial extent.

    >>> channel_outputs(lambda x: x, torch.zeros(2, 3, 4, 4), [2]).shape
    torch.Size([2, 1, 4, 4])
    """

    def chosen(some: Tensor) -> Tensor:
        maps = features(some)
        if maps.ndim != 4:
            raise ValueError(
                f"expected a layer output with spatial extent, (N, D, h, w), got {tuple(maps.shape)}: "
                "choose a convolution or another layer before the flattening."
            )
        _check_channels(channels, maps.shape[1])
        return maps[:, list(channels)]

    with torch.no_grad():
        return Chunks()(chosen, images)


def maximise_channels(
    features: Features,
    channels: Sequence[int],
    *,
    size: tuple[int, int],
    image_channels: int = 3,
    steps: int = 128,
    lr: float = 0.05,
    parametrisation: Parametrisation = "fourier",
    transforms: bool = True,
    normalize: Callable[[Tensor], Tensor] | None = None,
    seed: int = 0,
    start: Tensor | None = None,
    reduce: Reduce = "mean",
    batch_size: int = 16,
    device: Device = None,
) -> Ascent:
    """Finds, for each channel, a picture to which it reacts strongly ("Feature Visualization", Distill, 2017).

    A channel's picture depends neither on the other channels asked for nor, with equal seeds, on the call.

    Args:
        features: Images (N, C, H, W) -> (N, D, h, w), or (N, D) for units of a dense layer. Parameters frozen.
        channels: M indices in [0, D).
        size: (H, W) of the pictures.
        image_channels: C.
        steps: Steps of Adam.
        lr: Its learning rate.
        parametrisation: `"fourier"` gives pictures in [0, 1]; `"pixels"` leaves the pixels unbounded.
        transforms: Shift, scale and turn the pictures a little at every step.
        normalize: From pixels to what the network takes; nothing by default.
        seed: Of start and transforms.
        start: Pixels to start from, (C, H, W) or (M, C, H, W), instead of noise around grey.
        reduce: Objective: the mean of the channel's map, or its sum.
        batch_size: Most pictures in one forward pass.
        device: Where to compute; that of `start` by default, else the CPU.

    Returns:
        `Ascent` of M pictures (M, C, H, W), in the order of `channels`.

    Raises:
        ValueError: If the layer has no such channel, or an argument is out of its range.
    """
    _check_options(channels, parametrisation, reduce, batch_size)
    call = channels_last(features)

    def climb(some: range) -> Ascent:
        shape = (len(some), image_channels, *size)
        begin = start if start is None or start.ndim == 3 else start[some.start : some.stop]
        return ascend(
            _picture(parametrisation, shape, begin, seed, device),
            _objective(call, [channels[i] for i in some], reduce),
            steps=steps,
            lr=lr,
            transform=RandomViews(seed) if transforms else None,
            normalize=normalize,
        )

    found = Chunks(batch_size).each(climb, range(len(channels)))
    return Ascent(*map(torch.cat, zip(*found, strict=True)))


def _picture(
    kind: Parametrisation, shape: tuple[int, int, int, int], start: Tensor | None, seed: int, device: Device
) -> Picture:
    if start is not None:
        if start.shape[-3:] != shape[1:] or start.ndim not in (3, 4) or (start.ndim == 4 and len(start) != shape[0]):
            raise ValueError(f"expected start {shape[1:]} or one per channel, got {tuple(start.shape)}.")
        pixels = start.to(device or start.device).expand(shape)
        return FourierImage.from_pixels(pixels) if kind == "fourier" else PixelImage(pixels)
    if kind == "fourier":
        return FourierImage.from_noise(shape, seed=seed, device=device)
    noise = torch.rand(shape[1:], generator=torch.Generator().manual_seed(seed), dtype=torch.float32)
    return PixelImage(noise.expand(shape).to(device or "cpu"))


def _objective(features: Features, channels: Sequence[int], reduce: Reduce) -> Callable[[Tensor], Tensor]:
    def objective(images: Tensor) -> Tensor:
        maps = features(images)
        if maps.ndim not in (2, 4):
            raise ValueError(f"expected a layer output (N, D, h, w) or (N, D), got {tuple(maps.shape)}.")
        _check_channels(channels, maps.shape[1])
        chosen = maps[range(len(maps)), list(channels)].reshape(len(maps), -1)
        return chosen.mean(1) if reduce == "mean" else chosen.sum(1)

    return objective


def _check_channels(channels: Sequence[int], count: int) -> None:
    wrong = [channel for channel in channels if not 0 <= channel < count]
    if wrong:
        raise ValueError(f"channels {wrong} do not exist: the layer has {count}, expected 0 to {count - 1}.")


def _check_options(channels: Sequence[int], kind: str, reduce: str, batch_size: int) -> None:
    if not channels:
        raise ValueError("expected at least one channel, got none.")
    if kind not in get_args(Parametrisation):
        raise ValueError(f"expected parametrisation 'fourier' or 'pixels', got {kind!r}.")
    if reduce not in get_args(Reduce):
        raise ValueError(f"expected reduce 'mean' or 'sum', got {reduce!r}.")
    if batch_size < 1:
        raise ValueError(f"expected batch_size >= 1, got {batch_size}.")
