"""One octave of a deep dream: gradient ascent by tiles."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise, product

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_viz.explain.chunks import Chunks, is_out_of_memory

Features = Callable[[Tensor], Tensor]
"""Images (N, C, H, W) -> a layer's output, differentiable with respect to the images."""

_TINY = 1e-20
_MARGIN = 8
_BLURS = (1.0, 2.0, 4.0)
"""Standard deviations in pixels."""
_STRONGEST = 4.0
"""A step moves no pixel by more than this many times the mean."""


@dataclass(frozen=True, kw_only=True)
class Climb:
    """Raises the norm of a layer's output on pictures of one size; `chunks` cuts batches, the rest is as in `dream`."""

    features: Features
    normalize: Callable[[Tensor], Tensor]
    iterations: int
    step: float
    jitter: int
    tile: int
    normalize_gradient: bool
    chunks: Chunks

    def refusal(self, image: Tensor) -> Exception | None:
        """Why the layer cannot take a tile of the image, if so: kernels larger than the map, a fixed size."""
        try:
            with torch.no_grad():
                self.chunks.each(self._output, image[:1, :, : self.tile, : self.tile])
        except (RuntimeError, ValueError, AssertionError) as error:
            if is_out_of_memory(error):
                raise
            return error
        return None

    def run(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """Takes all steps; returns the new image, in [0, 1]."""
        height, width = image.shape[-2:]
        margin = self._margin(image)
        image = F.pad(image, (margin,) * 4, mode="reflect")
        for _ in range(self.iterations):
            roll = [self._roll(side, generator) for side in image.shape[-2:]]
            gradient = self._gradient(image.roll(roll, (2, 3)))
            image = (image + self.step * gradient.roll([-amount for amount in roll], (2, 3))).clamp(0, 1)
        return image[..., margin : margin + height, margin : margin + width]

    def _margin(self, image: Tensor) -> int:
        # Rolling joins opposite borders, and what grows along that joint is cut off with the margin.
        margin = min(_MARGIN, min(image.shape[-2:]) - 1) if self.normalize_gradient else 0
        return margin if self.refusal(F.pad(image[:1], (margin,) * 4, mode="reflect")) is None else 0

    def _roll(self, side: int, generator: torch.Generator) -> int:
        # The borders of tiles must visit every place, or they would show.
        reach = side // 2 if side > self.tile else min(self.jitter, side // 2)
        return int(torch.randint(-reach, reach + 1, (), generator=generator))

    def _gradient(self, image: Tensor) -> Tensor:
        """Gradient of the norm, tile by tile; the squares add up over the tiles, the norm would not."""
        gradient, square = torch.zeros_like(image), image.new_zeros(len(image))
        for rows, columns in _tiles(image, self.tile):
            parts = self.chunks.each(self._of_tile, image[..., rows, columns])
            gradient[..., rows, columns], squares = map(torch.cat, zip(*parts, strict=True))
            square += squares
        if self.normalize_gradient:
            gradient = _smoothed(gradient)
            amount = gradient.abs().mean((1, 2, 3), keepdim=True).clamp(min=_TINY)
            return (gradient / amount).clamp(-_STRONGEST, _STRONGEST)
        return gradient / square.sqrt().clamp(min=_TINY)[:, None, None, None]

    def _output(self, image: Tensor) -> Tensor:
        return self.features(self.normalize(image))

    def _of_tile(self, tile: Tensor) -> tuple[Tensor, Tensor]:
        """Gradient of half the squared norm, and the squared norm."""
        tile = tile.clone().requires_grad_()
        square = self._output(tile).flatten(1).square().sum(1)
        (gradient,) = torch.autograd.grad(square.sum() / 2, tile)
        return gradient.nan_to_num(0.0, 0.0, 0.0), square.detach()


def _smoothed(gradient: Tensor) -> Tensor:
    """The gradient blurred to several widths and added up: without it, a dream is speckle of single pixels."""
    height, width = gradient.shape[-2:]
    down, right = (f(n, device=gradient.device) for f, n in ((torch.fft.fftfreq, height), (torch.fft.rfftfreq, width)))
    squared = down[:, None].square() + right.square()
    response = sum(torch.exp(-2 * (math.pi * blur) ** 2 * squared) for blur in _BLURS)
    smoothed: Tensor = torch.fft.irfft2(torch.fft.rfft2(gradient) * response, s=(height, width))
    return smoothed


def _tiles(image: Tensor, tile: int) -> Iterator[tuple[slice, slice]]:
    rows, columns = (_cuts(side, tile) for side in image.shape[-2:])
    return product(rows, columns)


def _cuts(side: int, tile: int) -> list[slice]:
    count = -(-side // tile)
    edges = [side * i // count for i in range(count + 1)]
    return [slice(*pair) for pair in pairwise(edges)]
