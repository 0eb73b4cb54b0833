"""Deep dream: a photograph, redrawn until the network sees more of whatever it already sees in it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_viz.explain.chunks import Chunks
from lightning_viz.explain.layout import channels_last
from lightning_viz.explain.octave import Climb, Features

_SMALLEST = 16  # pixels; below that an octave is a handful of colours


def dream(
    features: Features,
    pixels: Tensor,
    *,
    normalize: Callable[[Tensor], Tensor] | None = None,
    canvas: int | tuple[int, int] | None = None,
    octaves: int = 4,
    octave_scale: float = 1.4,
    iterations: int = 10,
    step: float = 0.6 / 255,
    jitter: int = 32,
    tile: int = 256,
    normalize_gradient: bool = True,
    seed: int = 0,
    batch_size: int = 4,
) -> Tensor:
    """Raises the norm of a layer's output on pictures, from coarse to fine (google/deepdream, 2015).

    Every octave adds detail to the picture at its size, and hands it on to the next larger one. Each step rolls
    the picture at random, so that neither its borders nor those of the tiles leave a trace. Octaves that are too
    small for the layer are left out.

    Args:
        features: Images -> the layer's output; the forward pass should end there, then canvases may be larger
            than what the network was trained on. Parameters frozen.
        pixels: (N, C, H, W) in [0, 1].
        normalize: From pixels to what the network takes; nothing by default.
        canvas: Size of the result: (height, width), or its longer side; None keeps the size of `pixels`.
        octaves: Number of sizes, the last being the canvas.
        octave_scale: Ratio of neighbouring sizes.
        iterations: Steps per octave.
        step: Size of a step in pixel values: the gradient's mean amount becomes this much.
        jitter: Largest roll, in pixels; where there are tiles, rolls reach over a whole tile at least.
        tile: Longest side that goes through the network at once, in pixels; bounds the memory.
        normalize_gradient: Smooth the gradient at several widths and divide it by its mean amount, after the
            normalised gradients of Mordvintsev's notebooks (2016). If not, a step is `step` times the gradient of the
            norm.
        seed: Of the rolls, which are the same for all pictures.
        batch_size: Most pictures in one forward pass.

    Returns:
        (N, C, height, width) in [0, 1].

    Raises:
        ValueError: If an argument is out of its range, or the layer cannot take the canvas.
    """
    size = _canvas_size(pixels, canvas)
    _check_picture(pixels, size)
    _check_options(octaves=(octaves, 1), octave_scale=(octave_scale, 1), iterations=(iterations, 0))
    _check_options(jitter=(jitter, 0), tile=(tile, 1), batch_size=(batch_size, 1))
    climb = Climb(
        features=channels_last(features),
        normalize=normalize or (lambda x: x),
        iterations=iterations,
        step=step,
        jitter=jitter,
        tile=tile,
        normalize_gradient=normalize_gradient,
        chunks=Chunks(batch_size),
    )
    refusal = climb.refusal(_resize(pixels[:1].detach().float(), size))
    if refusal is not None:
        raise ValueError(f"no dream on a canvas of {size[0]} x {size[1]} pixels: {refusal}") from refusal
    sizes = _octave_sizes(size, octaves, octave_scale)
    return _dream(climb, pixels.detach().float(), sizes, torch.Generator().manual_seed(seed))


def _dream(climb: Climb, pixels: Tensor, sizes: list[tuple[int, int]], generator: torch.Generator) -> Tensor:
    image, detail = pixels, torch.zeros_like(pixels)
    for size in sizes:
        base = _resize(pixels, size)
        if size != sizes[-1] and (min(size) < _SMALLEST or climb.refusal(base)):
            continue
        image = climb.run((base + _resize(detail, size)).clamp(0, 1), generator)
        detail = image - base
    return image


def _resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    if image.shape[-2:] == size:
        return image
    return F.interpolate(image, size, mode="bilinear", align_corners=False, antialias=True)


def _canvas_size(pixels: Tensor, canvas: int | tuple[int, int] | None) -> tuple[int, int]:
    height, width = pixels.shape[-2:]
    if isinstance(canvas, int):
        ratio = canvas / max(height, width)
        return max(1, round(height * ratio)), max(1, round(width * ratio))
    return (height, width) if canvas is None else (int(canvas[0]), int(canvas[1]))


def _octave_sizes(canvas: tuple[int, int], octaves: int, scale: float) -> list[tuple[int, int]]:
    ratios = [scale**-i for i in reversed(range(octaves))]
    return [(max(1, round(canvas[0] * ratio)), max(1, round(canvas[1] * ratio))) for ratio in ratios]


def _check_picture(pixels: Tensor, canvas: tuple[int, int]) -> None:
    if pixels.ndim != 4 or not len(pixels):
        raise ValueError(f"expected pixels (N, C, H, W) with N >= 1, got {tuple(pixels.shape)}.")
    if min(canvas) < 1:
        raise ValueError(f"expected a canvas of at least 1 x 1 pixels, got {canvas}.")


def _check_options(**least: tuple[float, float]) -> None:
    for name, (value, minimum) in least.items():
        if value < minimum:
            raise ValueError(f"expected {name} >= {minimum}, got {value}.")
