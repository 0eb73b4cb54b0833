"""What attention is like, in figures per head."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_viz.explain.network.patches import Grid


def attention_entropy(attention: Tensor) -> Tensor:
    """Entropy of what a token attends to, in nats, in the mean over the tokens: 0 for one token, log T for all alike.

    Args:
        attention: Probabilities (N, heads, T, S).

    Returns:
        (N, heads).

    >>> attention_entropy(torch.tensor([[[[1.0, 0.0], [0.5, 0.5]]]]))
    tensor([[0.3466]])
    """
    entropy: Tensor = torch.special.entr(attention).sum(-1).mean(-1)
    return entropy


def attention_distance(attention: Tensor, grid: Grid) -> Tensor:
    """How far patches look (arXiv:2010.11929, 2021): the distance to the patches they attend to, in the weighted mean.

    Args:
        attention: Probabilities (N, heads, T, T).
        grid: Where the patches are among the tokens; other tokens do not count.

    Returns:
        (N, heads), in patches.

    >>> attention_distance(torch.tensor([[[[0.5, 0.5], [0.0, 1.0]]]]), Grid(1, 2))
    tensor([[0.2500]])
    """
    first, last = grid.before, grid.before + grid.patches
    among = attention[..., first:last, first:last]
    rows, columns = torch.meshgrid(torch.arange(grid.height), torch.arange(grid.width), indexing="ij")
    places = torch.stack([rows.flatten(), columns.flatten()], 1).to(attention)
    distances = torch.cdist(places, places)
    # All that goes to other tokens leaves nothing to weigh: no distance.
    total = among.sum(-1).clamp_min(torch.finfo(among.dtype).tiny)
    return ((among * distances).sum(-1) / total).mean(-1)


def strongest_share(attention: Tensor, grid: Grid, count: int = 3) -> Tensor:
    """The share of all attention that goes to the few patches which get most: sinks (arXiv:2309.16588, 2023).

    Args:
        attention: Probabilities (N, heads, T, T).
        grid: Where the patches are among the tokens.
        count: How many patches.

    Returns:
        (N, heads), in [0, 1].

    >>> strongest_share(torch.tensor([[[[0.9, 0.1], [0.5, 0.5]]]]), Grid(1, 2), count=1)
    tensor([[0.7000]])
    """
    got = grid.laid_out(attention.mean(-2)).flatten(-2)
    return got.topk(min(count, grid.patches)).values.sum(-1)
