"""Which of a layer's output are places of the image, whatever its shape, as maps (N, D, h, w) and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lightning_viz.explain.network.layers import layer_output
from lightning_viz.explain.network.patches import Grid, PatchesSeen

EXTRA = (0, 1, 2, 5)
"""Tokens that stand before the patches where no grid was seen: none, a class token, one for distillation too, or four
registers."""
CHANNELS_SECOND = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True)
class Places:
    """Where the places of the image are in an output that is not (N, D, h, w).

    Attributes:
        grid: Of the patches among the tokens of (N, T, D); None of (N, h, w, D).
    """

    grid: Grid | None

    def laid_out(self, output: Tensor) -> Tensor:
        """The output as (N, D, h, w), without class token and registers.

        >>> Places(Grid(1, 2, before=1)).laid_out(torch.tensor([[[9.0], [1.0], [2.0]]]))
        tensor([[[[1., 2.]]]])
        """
        if self.grid is None:
            return output.permute(0, 3, 1, 2)
        return self.grid.laid_out(output.transpose(1, 2))

    def put_back(self, maps: Tensor, output: Tensor) -> Tensor:
        """The output with other values, (N, D, h, w), in these places."""
        if self.grid is None:
            return maps.permute(0, 2, 3, 1)
        first, last = self.grid.before, self.grid.before + self.grid.patches
        return torch.cat([output[:, :first], maps.flatten(2).transpose(1, 2), output[:, last:]], dim=1)


def places_in(output: Tensor, layer: nn.Module, seen: PatchesSeen) -> Places | None:
    """Where the places of the image are in a layer's output, see `channels_second`.

    Args:
        output: What the layer put out, or a tensor like it.
        layer: The layer.
        seen: What was seen of patches in the forward.

    Returns:
        None where the channels are second already, or nothing tells of places.
    """
    if isinstance(layer, CHANNELS_SECOND):
        return None
    if output.ndim == 3:
        grid = seen.grid(output.shape[1]) or _guessed(output.shape[1], seen)
        return None if grid is None else Places(grid)
    grids, shape = _grids(*seen.size), output.shape
    last = output.ndim == 4 and (shape[1], shape[2]) in grids and (shape[2], shape[3]) not in grids
    return Places(None) if last else None


def find_places(call: Callable[[Tensor], object], layer: nn.Module, images: Tensor) -> Places | None:
    """Runs `call(images)` up to a layer, and tells where the places of the image are in what it puts out.

    Raises:
        ValueError: The layer did not run or put out no tensor, or is scripted or traced.
    """
    with PatchesSeen(images) as seen:
        output = layer_output(call, layer, images)
    return places_in(output, layer, seen)


@contextmanager
def laid_out_behind(layer: nn.Module, places: Places) -> Iterator[nn.Module]:
    """While open, a layer's output goes through a module of its own on its way, laid out as (N, D, h, w).

    For methods that take for granted that a layer puts out its channels second: whoever hooks that module sees maps,
    and may set others in their place. What the network puts out stays the same.

    Yields:
        That module.
    """
    maps = nn.Identity()

    def through(module: nn.Module, inputs: object, output: Any) -> Any:
        if isinstance(output, tuple):
            return (through(module, inputs, output[0]), *output[1:])
        return places.put_back(maps(places.laid_out(output)), output)

    handle = layer.register_forward_hook(through)
    try:
        yield maps
    finally:
        handle.remove()


def _guessed(tokens: int, seen: PatchesSeen) -> Grid | None:
    sizes = {h * w: (h, w) for h, w in _grids(*seen.size)}
    found = [(extra, sizes[tokens - extra]) for extra in EXTRA if tokens - extra in sizes]
    return Grid(*found[0][1], before=found[0][0]) if found else None


def _grids(height: int, width: int) -> list[tuple[int, int]]:
    """Rows and columns of patches of every size, those at the edges left out or filled up."""
    sides = range(1, min(height, width) // 2 + 1)
    return [(height // s, width // s) for s in sides] + [(-(-height // s), -(-width // s)) for s in sides]
