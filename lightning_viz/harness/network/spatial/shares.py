"""Probabilities and log-odds of class scores."""

from __future__ import annotations

import torch
from torch import Tensor


def log_odds(scores: Tensor) -> Tensor:
    """The log-odds of each class against all others: log p - log(1 - p).

    What raises all scores alike leaves them as they are, and unlike probabilities they still move where p is nearly 1.

    Args:
        scores: (N, K), logits, log-probabilities or probabilities.

    Returns:
        (N, K), finite unless a probability is exactly 0 or 1.

    Example:
        >>> log_odds(torch.tensor([[2.0, 0.0], [80.0, 0.0]])).tolist()
        [[2.0, -2.0], [80.0, -80.0]]
    """
    own = scores if not are_probabilities(scores) else scores.clamp(1e-12, 1).log()
    top = own.argmax(dim=1, keepdim=True)
    # log(1 - p) from p would round to log(0) for the class that is nearly sure; the others together are exact.
    others = own.scatter(1, top, -torch.inf).logsumexp(dim=1, keepdim=True)
    logp = own.log_softmax(dim=1)
    rest = torch.log1p(-logp.exp().scatter(1, top, 0.0)).scatter(1, top, others - own.logsumexp(dim=1, keepdim=True))
    return logp - rest


def probabilities(scores: Tensor) -> Tensor:
    """Class probabilities from scores that may be logits, log-probabilities or probabilities already.

    Args:
        scores: (N, K).

    Returns:
        (N, K) in [0, 1], rows sum to 1. Rows with a non-finite score stay non-finite.

    Example:
        >>> probabilities(torch.tensor([[0.0, 0.0]])).tolist(), probabilities(torch.tensor([[0.25, 0.75]])).tolist()
        ([[0.5, 0.5]], [[0.25, 0.75]])
    """
    return scores if are_probabilities(scores) else scores.softmax(dim=1)


def are_probabilities(scores: Tensor) -> bool:
    """Whether scores (N, K, ...) are not below 0 and those of each image, or place, sum to 1."""
    sums = scores.sum(dim=1)
    return bool((scores >= 0).all()) and torch.allclose(sums, torch.ones_like(sums), atol=1e-3)
