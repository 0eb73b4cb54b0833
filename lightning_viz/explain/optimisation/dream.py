"""Deep dream: a photograph, redrawn until the network sees more of whatever it already sees in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_viz.explain.network.chunks import Chunks
from lightning_viz.explain.network.layout import channels_last
from lightning_viz.explain.optimisation.octave import Climb, Features, RefusedError

ITERATIONS = (20, 10, 5, 2)
"""Steps of the last octaves; at neighbouring sizes of a ratio of 1.4, each costs as much as the next."""
_MOST_PLACES = 1024
"""Of a guide; so many that they stand for it, so few that comparing costs little."""
_SMALLEST = 16  # pixels; below that an octave is a handful of colours


def dream(
    features: Features,
    pixels: Tensor,
    *,
    normalize: Callable[[Tensor], Tensor] | None = None,
    guide: Tensor | None = None,
    canvas: int | tuple[int, int] | None = None,
    octaves: int = 4,
    octave_scale: float = 1.4,
    iterations: int | Sequence[int] = ITERATIONS,
    step: float = 2 / 255,
    jitter: int = 16,
    tile: int = 512,
    only: tuple[int, int] | None = None,
    normalize_gradient: bool = True,
    seed: int = 0,
    batch_size: int = 4,
) -> Tensor:
    """Raises what a layer says of pictures, from coarse to fine (google/deepdream, 2015).

    What it raises is the norm of the layer's output, or with a guide its resemblance to the guide's output. Every
    octave adds detail to the picture at its size, and hands it on to the next larger one. Each step moves the picture
    at random, so that the borders of tiles leave no trace. Octaves that are too small for the layer are left out.

    Args:
        features: Images -> the layer's output; the forward pass should end there, then canvases may be larger
            than what the network was trained on. Parameters frozen.
        pixels: (N, C, H, W) in [0, 1].
        normalize: From pixels to what the network takes; nothing by default.
        guide: Another picture (1, C, h, w) in [0, 1], to dream towards; every place of a picture is drawn to the
            place of the guide that is most like it. The layer's output must be (N, D, ...).
        canvas: Size of the result: (height, width), or its longer side; None keeps the size of `pixels`.
        octaves: Number of sizes, the last being the canvas.
        octave_scale: Ratio of neighbouring sizes.
        iterations: Steps of every octave, or of each, the last being the canvas: octaves before the first take as
            many as the first. What is dreamt is decided while the picture is small, where steps are cheap.
        step: Size of a step in pixel values: its mean amount.
        jitter: Largest shift, in pixels; where there are tiles, half a tile.
        tile: Longest side that goes through the network at once, in pixels; bounds the memory.
        only: The one size of images that the layer takes, if so: tiles have this size and may overlap.
        normalize_gradient: Bring the gradient's coarse and fine detail and its colours into balance, see `Balance`.
            If not, a step is `step` times the gradient of the norm, or of the resemblance.
        seed: Of the shifts, which are the same for all pictures.
        batch_size: Most pictures in one forward pass.

    Returns:
        (N, C, height, width) in [0, 1].

    Raises:
        ValueError: If an argument is out of its range, or the layer cannot take the canvas.
    """
    size = _canvas_size(pixels, canvas)
    _check_picture(pixels, size)
    steps = _steps(iterations, octaves)
    _check_options(octaves=(octaves, 1), octave_scale=(octave_scale, 1), iterations=(min(steps), 0))
    _check_options(jitter=(jitter, 0), tile=(tile, 1), batch_size=(batch_size, 1))
    features, normalize = channels_last(features), normalize or (lambda x: x)
    climb = Climb(
        features=features,
        normalize=normalize,
        guide=None if guide is None else _places(features, normalize(guide.detach().float())),
        step=step,
        jitter=jitter,
        tile=tile if only is None else max(only),
        only=only,
        normalize_gradient=normalize_gradient,
        chunks=Chunks(batch_size),
    )
    sizes = octave_sizes(size, octaves, octave_scale)
    return _dream(climb, pixels.detach().float(), list(zip(sizes, steps, strict=True)), seed)


def _dream(climb: Climb, pixels: Tensor, octaves: list[tuple[tuple[int, int], int]], seed: int) -> Tensor:
    canvas, generator = octaves[-1][0], torch.Generator().manual_seed(seed)
    image, detail = pixels, torch.zeros_like(pixels)
    for size, steps in octaves:
        if size != canvas and min(size) < _SMALLEST:
            continue
        base = _resize(pixels, size)
        try:
            image = climb.run((base + _resize(detail, size)).clamp(0, 1), steps, generator)
        except RefusedError as refusal:
            if size == canvas:
                raise ValueError(f"no dream on a canvas of {size[0]} x {size[1]} pixels: {refusal}") from refusal
            continue
        detail = image - base
    return image


def _steps(iterations: int | Sequence[int], octaves: int) -> list[int]:
    """Steps of each octave.

    >>> _steps((4, 2, 1), 5), _steps((4, 2, 1), 2), _steps(3, 2)
    ([4, 4, 4, 2, 1], [2, 1], [3, 3])
    """
    each = [iterations] if isinstance(iterations, int) else list(iterations)
    if not each:
        raise ValueError("Expected iterations of at least one octave, received none.")
    return ([each[0]] * octaves + each)[-octaves:] if octaves > 0 else each


@torch.no_grad()
def _places(features: Features, guide: Tensor) -> Tensor:
    """The guide's output as columns (D, M), of many places some."""
    output = features(guide)
    if output.ndim < 2 or len(output) != 1:
        raise ValueError(f"Expected one guide and a layer with an output (N, D, ...), received {tuple(output.shape)}.")
    places = output[0].flatten(1)
    return places[:, :: -(-places.shape[1] // _MOST_PLACES)]


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


def octave_sizes(canvas: tuple[int, int], octaves: int, scale: float) -> list[tuple[int, int]]:
    """Sizes from small to the canvas; all but that in steps of 8 pixels, which Fourier transforms like.

    >>> octave_sizes((128, 100), 3, 1.4)
    [(64, 48), (88, 72), (128, 100)]
    """
    ratios = [scale**-i for i in reversed(range(1, octaves))]
    return [*((_eights(canvas[0] * ratio), _eights(canvas[1] * ratio)) for ratio in ratios), canvas]


def _eights(side: float) -> int:
    return max(8, 8 * round(side / 8))


def _check_picture(pixels: Tensor, canvas: tuple[int, int]) -> None:
    if pixels.ndim != 4 or not len(pixels):
        raise ValueError(f"Expected pixels (N, C, H, W) with N >= 1, received {tuple(pixels.shape)}.")
    if min(canvas) < 1:
        raise ValueError(f"Expected a canvas of at least 1 x 1 pixels, received {canvas}.")


def _check_options(**least: tuple[float, float]) -> None:
    for name, (value, minimum) in least.items():
        if value < minimum:
            raise ValueError(f"Expected {name} >= {minimum}, received {value}.")
