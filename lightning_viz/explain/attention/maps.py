"""Maps of what a transformer attends to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from lightning_viz.explain.attention.measures import attention_distance, attention_entropy
from lightning_viz.explain.attention.methods import asked, legrad, relevance, rollout
from lightning_viz.explain.attention.reading import Layer, Layers, read_gradients, read_layers
from lightning_viz.explain.attribution.gradients import Scores, gradient_chunks
from lightning_viz.explain.network.chunks import Chunks

Method = Literal["rollout", "heads", "relevance", "legrad"]


class Heads(NamedTuple):
    """What the heads of one layer attend to.

    Attributes:
        maps: (N, heads, h, w), not below 0.
        entropy: (N, heads), in nats.
        distance: (N, heads), in patches.
    """

    maps: Tensor
    entropy: Tensor
    distance: Tensor


def attention_maps(
    scores: Scores,
    net: nn.Module,
    images: Tensor,
    targets: Tensor,
    *,
    method: Method = "rollout",
    layers: Layers = None,
    heads: Sequence[int] | None = None,
    tokens: Tensor | None = None,
    batch_size: int | None = None,
) -> Tensor:
    """Which patches matter to a transformer, from its attention; see `methods` for the formulas.

    Args:
        scores: The network in eval mode, its parameters frozen; runs `net`.
        net: The network.
        images: (N, C, H, W), as the network takes them.
        targets: (N,) class indices; `"rollout"` does not depend on them, nor does `"heads"`.
        method: `"rollout"`, `"relevance"`, `"legrad"`, or `"heads"`, the attention of the last layer in the mean of its
            heads.
        layers: Which layers; None are all, of `"heads"` the last one.
        heads: Which heads of each layer; None are all.
        tokens: bool (T,), from `asking_tokens`: which tokens the scores are read from. None is the first one where
            tokens stand in front of the patches, else all patches.
        batch_size: Most images in one forward pass; None is as many as go fastest.

    Returns:
        (N, h, w), not below 0.

    Raises:
        NoMapError: The network's attention makes no map; the text says why.
        ValueError: If the method, a layer or a head is unknown, or the scores are not (N, K).
    """
    if method not in get_args(Method):
        raise ValueError(f"Expected a method of {list(get_args(Method))}, received {method!r}.")
    if method == "heads":
        return head_maps(
            scores, net, images, layers=layers, heads=heads, tokens=tokens, batch_size=batch_size
        ).maps.mean(1)

    def flow(batch: Tensor) -> Tensor:
        found = read_layers(scores, net, batch, layers=layers)[1]
        return _laid_out(rollout(_of(heads, [layer.probabilities for layer in found])), found, tokens)

    def specific(batch: Tensor, classes: Tensor) -> Tensor:
        found, gradients = read_gradients(scores, net, batch, lambda s: _summed(s, classes), layers=layers)
        gradients = _of(heads, [gradient.float() for gradient in gradients])
        if method == "legrad":
            return found[-1].grid.laid_out(legrad(gradients))
        attention = _of(heads, [layer.probabilities.detach().float() for layer in found])
        return _laid_out(relevance(attention, gradients), found, tokens)

    if method == "rollout":
        with torch.no_grad():
            return Chunks(batch_size)(flow, images)
    return gradient_chunks(images, batch_size)(specific, images, targets)


def head_maps(
    scores: Scores,
    net: nn.Module,
    images: Tensor,
    *,
    layers: Layers = None,
    heads: Sequence[int] | None = None,
    tokens: Tensor | None = None,
    batch_size: int | None = None,
) -> Heads:
    """What each head of one layer attends to, as the class token does (arXiv:2104.14294, 2021).

    Args:
        scores: The network in eval mode; runs `net`.
        net: The network.
        images: (N, C, H, W), as the network takes them.
        layers: Which layer, of several the last one; None is the last one of all.
        heads: Which of its heads; None are all.
        tokens: See `attention_maps`.
        batch_size: Most images in one forward pass; None is as many as go fastest.

    Returns:
        Maps and figures of each head; entropy and distance are those of all tokens, not of the class token's row alone.

    Raises:
        NoMapError: The network's attention makes no map; the text says why.
        ValueError: If a layer or a head is unknown.
    """

    def some(batch: Tensor) -> Heads:
        layer = read_layers(scores, net, batch, layers=layers or [-1])[1][-1]
        (attention,) = _of(heads, [layer.probabilities.float()])
        maps = layer.grid.laid_out(asked(attention, readers(layer, tokens)))
        return Heads(maps, attention_entropy(attention), attention_distance(attention, layer.grid))

    parts = Chunks(batch_size).each(some, images)
    return Heads(*(torch.cat(found) for found in zip(*parts, strict=True)))


def readers(layer: Layer, tokens: Tensor | None) -> Tensor:
    """Which tokens of a layer the scores are read from, bool (T,); see `attention_maps`."""
    if tokens is not None and len(tokens) == layer.grid.tokens:  # another stage may have others
        return tokens
    grid, chosen = layer.grid, torch.zeros(layer.grid.tokens, dtype=torch.bool)
    chosen[: 1 if grid.before else None] = True
    return chosen


def _laid_out(between: Tensor, found: Sequence[Layer], tokens: Tensor | None) -> Tensor:
    return found[-1].grid.laid_out(asked(between, readers(found[-1], tokens)))


def _of(heads: Sequence[int] | None, stack: Sequence[Tensor]) -> list[Tensor]:
    if heads is None:
        return list(stack)
    count = min(layer.shape[1] for layer in stack)
    wrong = [head for head in heads if not 0 <= head < count]
    if wrong:
        raise ValueError(f"Expected heads= from 0 to {count - 1}, received {wrong}.")
    return [layer[:, list(heads)] for layer in stack]


def _summed(scores: Tensor, targets: Tensor) -> Tensor:
    return scores.gather(1, targets[:, None].to(scores.device)).sum()
