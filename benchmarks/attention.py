"""Maps of attention against the transformer alone, and the memory that they take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import get_args

import torch
from torch import Tensor, nn

from benchmarks.measure import Line, side_by_side
from benchmarks.memory import BOUND, CLEAR, peak
from benchmarks.network import Settings
from lightning_viz.explain.attention.maps import Method, attention_maps
from lightning_viz.explain.attention.reading import asking_tokens
from lightning_viz.explain.network.memory import bounded
from lightning_viz.food11.drawn import DrawnFood
from lightning_viz.food11.transformer import Block

COUNT, CLASSES, DEPTH, HEADS, PATCH = 4, 11, 12, 12, 16
SPECIFIC = ("relevance", "legrad")
"""Methods that need a gradient; the others are a forward."""


class Transformer(nn.Module):
    """A vision transformer of 12 layers with 12 heads each, by torch's fast attention; with 768 channels as ViT-B.

    Args:
        size: Pixels per side of the images, (N, 3, size, size).
        width: Channels of a token, a multiple of 12.
    """

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, width, PATCH, stride=PATCH)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(0.02 * torch.randn(1, 1 + (size // PATCH) ** 2, width))
        self.blocks = nn.Sequential(*(Block(width, HEADS) for _ in range(DEPTH)))
        self.head = nn.Linear(width, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, 11)."""
        patches = self.embed(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(images), -1, -1), patches], dim=1) + self.position
        logits: Tensor = self.head(self.blocks(tokens)[:, 0])
        return logits


def lines(settings: Settings) -> Iterator[Line]:
    """Two lines per method: what it takes and, where the system tells a high-water mark, how much memory."""
    size = settings.size * 7 // 4  # 224 px by default, of which such networks mostly are
    torch.manual_seed(0)
    net = Transformer(size, HEADS * settings.width).eval().requires_grad_(False)
    food = DrawnFood(COUNT, size=size)
    images, labels = torch.stack([food[i][0] for i in range(COUNT)]), torch.tensor(food.targets)
    known = {"tokens": asking_tokens(net, net, images[:1])}
    maps = {name: partial(attention_maps, net, net, images, labels, method=name, **known) for name in get_args(Method)}
    alone = {
        "a forward": partial(_forward, net, images),
        "a forward with input gradient": partial(_gradient, net, images),
    }
    yield from _durations({**alone, **maps}, settings, f"of {COUNT} images, {size} px")
    attention = COUNT * DEPTH * HEADS * net.position.shape[1] ** 2 * 4 / 2**20
    for name, call in maps.items() if CLEAR.exists() else ():
        for bound in (None, BOUND):
            how = "all defaults" if bound is None else f"memory={bound}"
            yield Line(
                f"peak memory: {name}, {how}", _peak(call, bound), "all attention at once", attention, unit="MiB"
            )


def _durations(calls: dict[str, Callable[[], object]], settings: Settings, of: str) -> Iterator[Line]:
    seconds = side_by_side(calls, settings.repetitions)
    for name in get_args(Method):
        floor = "a forward with input gradient" if name in SPECIFIC else "a forward"
        yield Line(f"attention {name} {of}", seconds[name], floor, seconds[floor])


def _peak(call: Callable[[], object], bound: int | None) -> float:
    def within() -> None:
        with bounded(bound):
            call()

    return peak(within)


def _forward(net: nn.Module, images: Tensor) -> None:
    with torch.no_grad():
        net(images)


def _gradient(net: nn.Module, images: Tensor) -> None:
    batch = images.clone().requires_grad_()
    torch.autograd.grad(net(batch).sum(), batch)
