"""One octave of a deep dream: gradient ascent by tiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from lightning_viz.explain.network.chunks import Chunks, is_out_of_memory
from lightning_viz.explain.optimisation.balance import Balance

Features = Callable[[Tensor], Tensor]
"""Images (N, C, H, W) -> a layer's output, (N, D, ...), differentiable with respect to the images."""

_TINY = 1e-20


class RefusedError(ValueError):
    """The layer cannot take pictures of this size: kernels larger than the map, or a fixed size."""


@dataclass(frozen=True, kw_only=True)
class Climb:
    """Raises what a layer says of pictures of one size.

    Attributes:
        features: See `dream`, as for `normalize`, `step`, `jitter`, `tile` and `normalize_gradient`.
        normalize: From pixels to what the network takes.
        guide: (D, M), what the layer's output is to resemble; None raises its norm.
        step: Size of a step.
        jitter: Largest shift.
        tile: Longest side that goes through the network at once.
        only: The one size of tiles that the layer takes, if so; they overlap.
        normalize_gradient: Whether steps are balanced.
        chunks: Cuts batches.
    """

    features: Features
    normalize: Callable[[Tensor], Tensor]
    guide: Tensor | None
    step: float
    jitter: int
    tile: int
    only: tuple[int, int] | None
    normalize_gradient: bool
    chunks: Chunks

    def run(self, image: Tensor, steps: int, generator: torch.Generator) -> Tensor:
        """Takes steps; returns the new image, in [0, 1].

        Raises:
            RefusedError: The layer cannot take the image.
        """
        height, width = image.shape[-2:]
        tiles = [(rows, columns) for rows, columns in product(self._cuts(height, 0), self._cuts(width, 1))]
        balance = Balance((height, width), image.device) if self.normalize_gradient else None
        for k in range(steps):
            down, right = (self._shift(side, generator) for side in (height, width))
            moved = shifted(shifted(image, down, 2), right, 3)
            gradient, square = self._gradient(moved, tiles) if k else self._first(moved, tiles)
            gradient = unshifted(unshifted(gradient, right, 3), down, 2)
            image = (image + self.step * (balance(gradient) if balance else self._plain(gradient, square))).clamp(0, 1)
        return image

    def _shift(self, side: int, generator: torch.Generator) -> int:
        # The borders of tiles must visit every place, or they would show.
        reach = min(self.tile if side > self.tile else 2 * self.jitter, side) // 2
        return int(torch.randint(-reach, reach + 1, (), generator=generator))

    def _cuts(self, side: int, axis: int) -> list[slice]:
        if self.only is None:
            count = -(-side // self.tile)
            edges = [side * i // count for i in range(count + 1)]
            return [slice(edges[i], edges[i + 1]) for i in range(count)]
        length = self.only[axis]
        count = -(-side // length)
        starts = [(side - length) * i // max(count - 1, 1) for i in range(count)]
        return [slice(max(start, 0), start + length) for start in starts]

    def _first(self, image: Tensor, tiles: list[tuple[slice, slice]]) -> tuple[Tensor, Tensor]:
        try:
            return self._gradient(image, tiles)
        except (RuntimeError, ValueError, AssertionError) as error:
            if is_out_of_memory(error):
                raise
            raise RefusedError(str(error)) from error

    def _gradient(self, image: Tensor, tiles: list[tuple[slice, slice]]) -> tuple[Tensor, Tensor]:
        gradient, square = torch.zeros_like(image), image.new_zeros(len(image))
        for rows, columns in tiles:
            parts = self.chunks.each(self._of_tile, image[..., rows, columns])
            gradient[..., rows, columns], squares = map(torch.cat, zip(*parts, strict=True))
            square += squares
        return gradient, square

    def _of_tile(self, tile: Tensor) -> tuple[Tensor, Tensor]:
        """The gradient, and the squared norm of the layer's output: of tiles the squares add up, the norms do not."""
        tile = tile.clone().requires_grad_()
        output = self.features(self.normalize(tile))
        square = output.flatten(1).square().sum(1)
        value = square / 2 if self.guide is None else resemblance(output, self.guide)
        (gradient,) = torch.autograd.grad(value.sum(), tile)
        return gradient.nan_to_num(0.0, 0.0, 0.0), square.detach()

    def _plain(self, gradient: Tensor, square: Tensor) -> Tensor:
        if self.guide is not None:
            return gradient
        return gradient / square.sqrt().clamp(min=_TINY)[:, None, None, None]


def resemblance(output: Tensor, guide: Tensor) -> Tensor:
    """How much a layer's output is like a guide: each place counts with the guide's place that is most like it.

    Args:
        output: (N, D, ...).
        guide: (D, M).

    Returns:
        (N,), the sum over the places of the largest inner product.
    """
    places = output.flatten(2) if output.ndim > 2 else output[..., None]
    return torch.einsum("ndp,dm->npm", places, guide).amax(2).sum(1)


def shifted(image: Tensor, amount: int, dim: int) -> Tensor:
    """Moves a picture along one dimension; what comes in behind it is its own mirror image.

    >>> shifted(torch.arange(5), 2, 0), shifted(torch.arange(5), -1, 0)
    (tensor([2, 1, 0, 1, 2]), tensor([1, 2, 3, 4, 3]))
    """
    if amount < 0:
        return shifted(image.flip(dim), -amount, dim).flip(dim)
    behind = image.narrow(dim, min(amount, 1), amount).flip(dim)
    return torch.cat([behind, image.narrow(dim, 0, image.shape[dim] - amount)], dim)


def unshifted(gradient: Tensor, amount: int, dim: int) -> Tensor:
    """The gradient of a picture, from that of the picture that `shifted` has made of it.

    >>> unshifted(torch.ones(5), 2, 0)
    tensor([1., 2., 2., 0., 0.])
    """
    if amount < 0:
        return unshifted(gradient.flip(dim), -amount, dim).flip(dim)
    result = torch.zeros_like(gradient)
    kept = gradient.shape[dim] - amount
    result.narrow(dim, 0, kept).copy_(gradient.narrow(dim, amount, kept))
    result.narrow(dim, min(amount, 1), amount).add_(gradient.narrow(dim, 0, amount).flip(dim))
    return result
