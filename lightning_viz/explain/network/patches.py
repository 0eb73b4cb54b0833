"""Where the patches of an image stand among a network's tokens: seen in the forward that makes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


@dataclass(frozen=True)
class Grid:
    """Tokens of which some, in a row, are the patches of an image, line by line.

    Attributes:
        height: Rows of patches.
        width: Columns of patches.
        before: Tokens in front of them: class, distillation, registers.
        after: Tokens behind them.
    """

    height: int
    width: int
    before: int = 0
    after: int = 0

    @property
    def patches(self) -> int:
        """How many patches there are."""
        return self.height * self.width

    @property
    def tokens(self) -> int:
        """How many tokens there are."""
        return self.before + self.patches + self.after

    def laid_out(self, values: Tensor) -> Tensor:
        """Values per token, (..., T), as values per place of the image, (..., h, w).

        >>> Grid(1, 2, before=1).laid_out(torch.tensor([9.0, 1.0, 2.0]))
        tensor([[1., 2.]])
        """
        patches = values[..., self.before : self.before + self.patches]
        return patches.reshape(*values.shape[:-1], self.height, self.width)


class PatchesSeen(TorchFunctionMode):
    """While open, notes in which grids a network lays out places of its images, and what it sets beside them.

    A grid is what a convolution puts out, what `unfold` cuts, or what is flattened into tokens; class tokens and
    registers are what `torch.cat` puts in front of them or behind. Other modes that are open see all of it too.

    Args:
        images: (N, C, H, W), which the network gets; or (N, C, D, H, W), of which it may take every slice, or frame,
            for an image of its own.

    Attributes:
        count: N.
        size: H and W.

    >>> images = torch.zeros(2, 3, 8, 16)
    >>> with PatchesSeen(images) as seen:
    ...     patches = F.conv2d(images, torch.zeros(5, 3, 4, 4), stride=4).flatten(2).transpose(1, 2)
    ...     tokens = torch.cat([torch.zeros(2, 3, 5), patches], dim=1)
    >>> seen.grid(tokens.shape[1])
    Grid(height=2, width=4, before=3, after=0)
    """

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.count, self.size = len(images), (images.shape[-2], images.shape[-1])
        self._frames = images.shape[2] if images.ndim == 5 else 1
        self._found: list[Grid] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Calls the function, and notes the grid that it shows."""
        result = func(*args, **(kwargs or {}))
        look = _LOOKS.get(func)
        if look is not None:
            found = look(self, args, kwargs or {}, result)
            if found is not None and found not in self._found:
                self._found.append(found)
        return result

    def grid(self, tokens: int) -> Grid | None:
        """Where the patches are among so many tokens; None where no grid that was seen has so many.

        Of several grids with as many tokens, that counts whose shape is most like the image's. Tokens that came beside
        the patches without `torch.cat` count as standing in front, while they are fewer than the patches.
        """
        exact = [grid for grid in self._found if grid.tokens == tokens]
        if exact:
            return min(exact, key=self._unlike)
        fewer = [g for g in self._found if not g.before + g.after and g.patches < tokens < 2 * g.patches]
        most = max(fewer, key=lambda grid: grid.patches, default=None)
        return None if most is None else replace(most, before=tokens - most.patches)

    def apart(self, output: Tensor) -> Tensor:
        """What was put out for every slice by itself, (N D, K, h, w), as places of the volumes, (N, K, D, h, w).

        Anything else stays. Of several volumes the slices of each stand together.
        """
        if self._frames == 1 or output.ndim != 4 or len(output) != self.count * self._frames:
            return output
        return output.reshape(self.count, self._frames, *output.shape[1:]).transpose(1, 2)

    def _is_whole(self, result: Tensor) -> bool:
        """Whether something has as many rows as there are images, or slices of them."""
        return len(result) in (self.count, self.count * self._frames)

    def _unlike(self, grid: Grid) -> float:
        return abs(log(grid.height / grid.width * self.size[1] / self.size[0]))

    def _plausible(self, height: int, width: int) -> Grid | None:
        if height * width < 2 or height > self.size[0] or width > self.size[1]:
            return None
        grid = Grid(height, width)
        # Heads and their channels are flattened too, (N, T, heads, D): no image has such a shape.
        return grid if self._unlike(grid) <= log(2) else None

    def convolved(self, args: Sequence[Any], kwargs: dict[str, Any], result: Tensor) -> Grid | None:
        """The places that a convolution put out, (N, D, h, w)."""
        if result.ndim != 4 or not self._is_whole(result):
            return None
        return self._plausible(result.shape[2], result.shape[3])

    def unfolded(self, args: Sequence[Any], kwargs: dict[str, Any], result: Tensor) -> Grid | None:
        """The patches that `F.unfold` cut, (N, C p p, h w)."""
        asked = {**dict(zip(("input", "kernel_size", "dilation", "padding", "stride"), args, strict=False)), **kwargs}
        size, dilation, padding, stride = (
            value if isinstance(value := asked.get(name, default), (tuple, list)) else (value, value)
            for name, default in (("kernel_size", 1), ("dilation", 1), ("padding", 0), ("stride", 1))
        )
        height, width = (
            (length + 2 * padding[i] - dilation[i] * (size[i] - 1) - 1) // stride[i] + 1
            for i, length in enumerate(asked["input"].shape[-2:])
        )
        return self._plausible(height, width) if self._is_whole(result) else None

    def cut(self, args: Sequence[Any], kwargs: dict[str, Any], result: Tensor) -> Grid | None:
        """The patches of an image that `Tensor.unfold` has cut along both sides, (N, C, h, w, p, p)."""
        if result.ndim != 6 or not self._is_whole(result):
            return None
        return self._plausible(result.shape[2], result.shape[3])

    def flattened(self, args: Sequence[Any], kwargs: dict[str, Any], result: Tensor) -> Grid | None:
        """The places that became tokens: of (N, D, h, w), or of (N, h, w, ...)."""
        before = args[0].shape
        if result.ndim != 3 or len(before) < 4 or len(result) != before[0] or not self._is_whole(result):
            return None
        if len(before) == 4 and result.shape[1:] == (before[1], before[2] * before[3]):
            return self._plausible(before[2], before[3])
        return self._plausible(before[1], before[2]) if result.shape[1] == before[1] * before[2] else None

    def joined(self, args: Sequence[Any], kwargs: dict[str, Any], result: Tensor) -> Grid | None:
        """The grid among the tokens of several tensors, (N, T, D) or (T, N, D)."""
        parts = args[0] if args else kwargs["tensors"]
        dim = (args[1] if len(args) > 1 else kwargs.get("dim", 0)) % max(result.ndim, 1)
        if result.ndim != 3 or dim == 2:
            return None
        sizes = [part.shape[dim] for part in parts]
        for grid in reversed(self._found):
            if sizes.count(grid.tokens) == 1:
                k = sizes.index(grid.tokens)
                return replace(grid, before=grid.before + sum(sizes[:k]), after=grid.after + sum(sizes[k + 1 :]))
        return None


_LOOKS: dict[Any, Callable[..., Grid | None]] = {
    **dict.fromkeys((torch.conv2d, F.conv2d), PatchesSeen.convolved),
    F.unfold: PatchesSeen.unfolded,
    torch.Tensor.unfold: PatchesSeen.cut,
    **dict.fromkeys(
        (torch.flatten, torch.reshape, torch.Tensor.flatten, torch.Tensor.reshape, torch.Tensor.view),
        PatchesSeen.flattened,
    ),
    **dict.fromkeys((torch.cat, torch.concat, torch.concatenate), PatchesSeen.joined),
}
"""What shows grids, and how."""
