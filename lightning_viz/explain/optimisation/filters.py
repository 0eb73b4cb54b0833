"""What a filter asks for, and what it makes of an image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from lightning_viz.explain.attribution.gradients import gradient_size
from lightning_viz.explain.network.bfloat16 import in_bfloat16
from lightning_viz.explain.network.chunks import Chunks
from lightning_viz.explain.network.layout import channels_last
from lightning_viz.explain.optimisation.ascent import Ascent, ascend
from lightning_viz.explain.optimisation.objectives import Features, Objective, Reduce, check_channels, climbs, is_reduce
from lightning_viz.explain.optimisation.parametrise import FourierImage, MacoImage, Picture, PixelImage
from lightning_viz.explain.optimisation.transforms import RandomCrops, RandomViews

Parametrization = Literal["fourier", "pixels", "maco"]
Device = torch.device | str | None

_SETTLING, _VIEWS = 128, 2
"""Of phases: steps that get shorter, and views in each. With long steps to the end, as published, all around the form
stays noise: other networks had two to four of six classes of ImageNet among their first five then, and all six so."""


def channel_outputs(features: Features, images: Tensor, channels: Sequence[int]) -> Tensor:
    """What the chosen channels of a layer put out for images.

    Args:
        features: Images (N, C, H, W) -> (N, D, h, w), or of volumes (N, C, D, H, W) -> (N, D, d, h, w).
        images: As the network takes them.
        channels: M indices in [0, D).

    Returns:
        (N, M, h, w) or (N, M, d, h, w), without gradients.

    Raises:
        ValueError: If the layer has no such channel, or its output no spatial extent.

    >>> channel_outputs(lambda x: x, torch.zeros(2, 3, 4, 4), [2]).shape
    torch.Size([2, 1, 4, 4])
    """

    def chosen(some: Tensor) -> Tensor:
        maps = features(some)
        if maps.ndim not in (4, 5):
            raise ValueError(
                f"Expected a layer output with spatial extent, (N, D, h, w), received {tuple(maps.shape)}: "
                "choose a convolution or another layer before the flattening."
            )
        check_channels(channels, maps.shape[1])
        return maps[:, list(channels)]

    with torch.no_grad():
        # Of one volume at a time, rows of a layer that has its slices there are these in any case.
        return Chunks(1 if images.ndim > 4 else None)(chosen, images)


def maximise_channels(
    features: Features,
    channels: Sequence[Objective],
    *,
    size: tuple[int, int],
    image_channels: int = 3,
    steps: int = 128,
    lr: float = 0.05,
    parametrization: Parametrization = "fourier",
    spectrum: Tensor | None = None,
    transforms: bool = True,
    normalize: Callable[[Tensor], Tensor] | None = None,
    seed: int = 0,
    start: Tensor | None = None,
    last: Tensor | None = None,
    keep: float = 1.0,
    reduce: Reduce = "mean",
    variants: int = 1,
    diversity: float = 1.0,
    batch_size: int | None = None,
    bfloat16: bool = False,
    device: Device = None,
) -> Ascent:
    """Finds, for each channel, a picture to which it reacts strongly ("Feature Visualization", Distill, 2017).

    A channel's picture depends neither on the other channels asked for nor, with equal seeds, on the call.

    Args:
        features: Images (N, C, H, W) -> (N, D, h, w), or (N, D) for units of a dense layer and for class scores.
            Parameters frozen.
        channels: M indices in [0, D), or directions: `{3: 1.0, 7: -0.5}` raises channel 3 minus half of channel 7.
        size: (H, W) of the pictures.
        image_channels: C.
        steps: Steps of Adam.
        lr: Its learning rate; with `"maco"` it is the first one, and falls to zero at the end.
        parametrization: `"fourier"` gives pictures in [0, 1]; `"pixels"` leaves the pixels unbounded; `"maco"` moves
            phases only, and gives pictures with the spectrum of photographs; its steps take twice as long.
        spectrum: What `"maco"` keeps to, (C, H, W // 2 + 1), see `magnitude_spectrum`.
        transforms: Shift, scale and turn the pictures a little at every step; with `"maco"`, see a part under noise.
        normalize: From pixels to what the network takes; nothing by default.
        seed: Of start and transforms.
        start: Pixels to start from, (C, H, W) or (M, C, H, W), instead of noise around grey.
        last: `coefficients` of an earlier ascent for as many channels and variants, to go on from.
        keep: How much of `last` to go on from, from 0 (the start) to 1: what is not confirmed fades.
        reduce: Objective: the channel's `"mean"` or `"sum"` over its map, or one `"neuron"`: that in its centre, or the
            one at (row, column).
        variants: How many pictures to find for each channel, each from other noise.
        diversity: How much variants of one channel avoid each other, see `objectives.dissimilar`.
        batch_size: Most pictures in one forward pass; the variants of a channel stay together. None is as many as go
            fastest.
        bfloat16: Find the way by gradients in bfloat16, see `bfloat16_pays`; what is reached is told in full precision.
        device: Where to compute; that of `start` by default, else the CPU.

    Returns:
        `Ascent` of M * variants pictures, (M * variants, C, H, W), in the order of `channels`.

    Raises:
        ValueError: If the layer has no such channel, or an argument is out of its range.
    """
    _check_options(channels, parametrization, reduce, variants, batch_size)
    maco = parametrization == "maco"
    views = RandomCrops if maco else RandomViews
    make = partial(_picture, parametrization, seeds=range(seed, seed + variants), device=device, spectrum=spectrum)
    call = channels_last(features)
    if last is not None and len(last) != len(channels) * variants:
        raise ValueError(f"Expected last with {len(channels) * variants} pictures, received {len(last)}.")

    def climb(some: range) -> Ascent:
        shape = (len(some), image_channels, *size)
        begin = start if start is None or start.ndim == 3 else start[some.start : some.stop]
        picture = make(shape, begin)
        if last is not None:
            _go_on(picture, last[some.start * variants : some.stop * variants], keep)
        sought = partial(climbs, [channels[i] for i in some], reduce=reduce, variants=variants, diversity=diversity)
        return ascend(
            picture,
            sought(call),
            slope_of=sought(in_bfloat16(call)) if bfloat16 else None,
            steps=steps,
            lr=lr,
            transform=views(seed) if transforms else None,
            normalize=normalize,
            settling=_SETTLING if maco else 0,
            views=_VIEWS if maco else 1,
        )

    there = torch.empty(0, 1, *size, device=device or (None if start is None else start.device))
    together = batch_size or gradient_size(there)
    found = Chunks(max(together // variants, 1)).each(climb, range(len(channels)))
    return Ascent(*map(torch.cat, zip(*found, strict=True)))


def coefficients_shape(shape: tuple[int, int, int], parametrization: Parametrization | None = None) -> tuple[int, ...]:
    """The shape of what one picture (C, H, W) is made from: that of an entry of `Ascent.coefficients`.

    >>> coefficients_shape((3, 8, 8)), coefficients_shape((3, 8, 8), "pixels")
    ((3, 8, 5, 2), (3, 8, 8))
    """
    half = (*shape[:2], shape[2] // 2 + 1)
    made = _picture(parametrization or "fourier", (1, *shape), None, seeds=[0], device=None, spectrum=torch.ones(half))
    return tuple(made.coefficients.shape[1:])


def _picture(
    kind: Parametrization,
    shape: tuple[int, int, int, int],
    start: Tensor | None,
    *,
    seeds: Sequence[int],
    device: Device,
    spectrum: Tensor | None,
) -> Picture:
    count, *rest = shape
    if kind == "maco" and spectrum is None:
        raise ValueError("Expected spectrum= with parametrization 'maco', received none: see `magnitude_spectrum`.")
    options: dict[str, Any] = {"spectrum": spectrum} if kind == "maco" else {}
    made: type[Any] = {"fourier": FourierImage, "pixels": PixelImage, "maco": MacoImage}[kind]
    picture: Picture
    if start is None:
        picture = made.from_noise(shape[1:], [*seeds] * count, device=device, **options)
        return picture
    if list(start.shape[-3:]) != rest or start.ndim not in (3, 4) or (start.ndim == 4 and len(start) != count):
        raise ValueError(f"Expected start {shape[1:]} or one per channel, received {tuple(start.shape)}.")
    pixels = start.to(device or start.device).expand(shape).repeat_interleave(len(seeds), 0)
    picture = made.from_pixels(pixels, **options)
    return picture


def _go_on(picture: Picture, last: Tensor, keep: float) -> None:
    begin = picture.coefficients
    if last.shape != begin.shape:
        raise ValueError(f"Expected last {tuple(begin.shape)}, received {tuple(last.shape)}.")
    with torch.no_grad():
        begin.lerp_(last.to(begin.device), keep)


def _check_options(
    channels: Sequence[Objective], kind: str, reduce: Reduce, variants: int, batch_size: int | None
) -> None:
    if not channels:
        raise ValueError("Expected at least one channel, received none.")
    if kind not in get_args(Parametrization):
        raise ValueError(f"Expected parametrization 'fourier', 'pixels' or 'maco', received {kind!r}.")
    if not is_reduce(reduce):
        raise ValueError(f"Expected reduce 'mean', 'sum', 'neuron' or a (row, column), received {reduce!r}.")
    if variants < 1:
        raise ValueError(f"Expected variants >= 1, received {variants}.")
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"Expected batch_size >= 1, received {batch_size}.")
