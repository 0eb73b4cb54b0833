"""From attention to maps: formulas on tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Stack = Sequence[Tensor]
"""Per layer, of the same tokens: probabilities or gradients, (N, heads, T, T); row i is what token i attends to."""


def rollout(attention: Stack) -> Tensor:
    """Attention rollout (arXiv:2005.00928, 2020): where information flows from, through all layers.

    It follows attention and shortcuts, half of each, and knows nothing of classes.

    Args:
        attention: Probabilities.

    Returns:
        (N, T, T), not below 0; each row sums to 1: which tokens of the first layer one of the last is made of.

    Raises:
        ValueError: If the layers have different numbers of tokens.

    >>> uniform = torch.full((1, 1, 2, 2), 0.5)
    >>> rollout([uniform, uniform])
    tensor([[[0.6250, 0.3750],
             [0.3750, 0.6250]]])
    """
    result = _identity(attention)
    for layer in attention:
        step = layer.mean(1) + torch.eye(layer.shape[-1]).to(layer)
        result = step / step.sum(-1, keepdim=True) @ result
    return result


def relevance(attention: Stack, gradients: Stack) -> Tensor:
    """Gradient-weighted relevance (arXiv:2103.15679, 2021): which tokens matter to the score, through all layers.

    Args:
        attention: Probabilities.
        gradients: Of the score, with respect to them.

    Returns:
        (N, T, T), not below 0: how much a token of the last layer owes to one of the first, itself left out.

    Raises:
        ValueError: If the layers have different numbers of tokens.

    >>> weights, gradient = torch.full((1, 1, 2, 2), 0.5), torch.tensor([[[[2.0, -1.0], [0.0, 4.0]]]])
    >>> relevance([weights], [gradient])
    tensor([[[1., 0.],
             [0., 2.]]])
    """
    result = _identity(attention)
    for layer, gradient in zip(attention, gradients, strict=True):
        result = result + (gradient * layer).relu().mean(1) @ result
    return result - _identity(attention)


def legrad(gradients: Stack) -> Tensor:
    """LeGrad (arXiv:2404.03214, 2024): how the score rises if a token gets more attention, in the mean of the layers.

    The paper hands the tokens of each layer to the classifier at once; here the score is the network's own, behind all
    layers, since what stands behind a layer differs from network to network. For the last layer that is the same.

    Args:
        gradients: Of the score, with respect to the probabilities.

    Returns:
        (N, T), not below 0.

    Raises:
        ValueError: If the layers have different numbers of tokens.

    >>> legrad([torch.tensor([[[[2.0, -1.0], [0.0, 4.0]]]])])
    tensor([[1., 2.]])
    """
    _identity(gradients)
    return torch.stack([gradient.relu().mean((1, 2)) for gradient in gradients]).mean(0)


def asked(values: Tensor, tokens: Tensor) -> Tensor:
    """The mean over some of the rows.

    Args:
        values: (..., T, S).
        tokens: bool (T,), which rows.

    Returns:
        (..., S).
    """
    return values[..., tokens.to(values.device), :].mean(-2)


def _identity(stack: Stack) -> Tensor:
    counts = [layer.shape[-1] for layer in stack]
    if len(set(counts)) > 1:
        raise ValueError(
            f"Expected layers of the same tokens, received {counts} tokens: pass layers= with those of one stage."
        )
    return torch.eye(counts[0], device=stack[0].device, dtype=stack[0].dtype).expand(len(stack[0]), -1, -1)
