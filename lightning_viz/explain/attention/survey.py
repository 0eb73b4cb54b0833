"""All heads of all layers at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import log

import torch
from torch import Tensor, nn

from lightning_viz.explain.attention.maps import readers
from lightning_viz.explain.attention.measures import attention_distance, attention_entropy, strongest_share
from lightning_viz.explain.attention.methods import asked
from lightning_viz.explain.attention.reading import Layers, read_layers
from lightning_viz.explain.attribution.gradients import Scores
from lightning_viz.explain.network.chunks import Chunks

UNIFORM = 0.99
"""Share of the largest possible entropy from which on a head attends to everything alike."""

BLIND = 0.01
"""Share of the attention that differs between images below which a head attends to the same whatever it is shown."""


_Part = tuple[str, int, tuple[Tensor, ...]]
"""Of one layer and a part of the images: its name, how many tokens, and the figures of each image."""


@dataclass(frozen=True)
class Survey:
    """What the heads of one layer attend to, in the mean of several images.

    Attributes:
        name: Of the layer.
        maps: (heads, h, w): shares of the attention of what the scores are read from.
        entropy: (heads,), in nats.
        distance: (heads,), in patches.
        strongest: (heads,): the share of all attention that the three strongest patches get.
        uniform: bool (heads,): attends to everything alike.
        blind: bool (heads,): what it attends to hardly differs between images, and is not everything alike.
    """

    name: str
    maps: Tensor
    entropy: Tensor
    distance: Tensor
    strongest: Tensor
    uniform: Tensor
    blind: Tensor


def survey(
    groups: Sequence[tuple[Scores, Tensor]], net: nn.Module, *, layers: Layers = None, tokens: Tensor | None = None
) -> list[Survey]:
    """What every head of a network attends to.

    Args:
        groups: The network in eval mode, which runs `net`, and images (N, C, H, W), as it takes them; several where
            it is called otherwise for some images than for others.
        net: The network.
        layers: Which layers; None are all.
        tokens: See `attention_maps`.

    Returns:
        One per layer, in the order in which they ran.

    Raises:
        NoMapError: The network's attention makes no map of the image; the text says why.
        ValueError: There is no such layer.
    """

    def some(scores: Scores, batch: Tensor) -> list[_Part]:
        found: list[_Part] = []
        for layer in read_layers(scores, net, batch, layers=layers)[1]:
            attention, grid = layer.probabilities.float(), layer.grid
            maps = grid.laid_out(asked(attention, readers(layer, tokens)))
            figures = (
                attention_entropy(attention),
                attention_distance(attention, grid),
                strongest_share(attention, grid),
            )
            found.append((layer.name, grid.tokens, (maps, attention.mean(-2), *figures)))
        return found

    chunks = [part for scores, images in groups for part in Chunks().each(partial(some, scores), images)]
    return [_summary(parts) for parts in zip(*chunks, strict=True)]


def _summary(parts: Sequence[_Part]) -> Survey:
    name, count, _ = parts[0]
    maps, got, entropy, distance, strongest = (torch.cat(found) for found in zip(*(p[2] for p in parts), strict=True))
    uniform = entropy.mean(0) >= UNIFORM * log(count)
    apart = (got - got.mean(0)).abs().sum(-1).mean(0) / 2
    blind = (apart < BLIND) & ~uniform if len(got) > 1 else torch.zeros_like(uniform)
    return Survey(name, maps.mean(0), entropy.mean(0), distance.mean(0), strongest.mean(0), uniform, blind)
