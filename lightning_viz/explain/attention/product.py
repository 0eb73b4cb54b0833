"""Attention as torch's fast functions compute it, with its probabilities."""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    *,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> tuple[Tensor, Tensor]:
    """What `F.scaled_dot_product_attention` computes, and the probabilities that it does not hand out.

    Args:
        query: (..., heads, T, E).
        key: (..., heads, S, E).
        value: (..., heads, S, V).
        attn_mask: What may be attended to, bool, or what is added to the logits, both of a shape that becomes
            (..., heads, T, S).
        dropout_p: Share of the probabilities that is dropped, at random.
        is_causal: A query attends to the keys up to its own place only.
        scale: Of the logits; None is 1 / sqrt(E).
        enable_gqa: Several heads of the queries share one of the keys and values.

    Returns:
        (..., heads, T, V), and the probabilities before dropout, (..., heads, T, S). A query that may attend to nothing
        has zeros in both.

    >>> output, weights = attend(torch.zeros(1, 1, 2), torch.zeros(1, 4, 2), torch.eye(4)[None])
    >>> weights.tolist()
    [[[0.25, 0.25, 0.25, 0.25]]]
    """
    if enable_gqa:
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
        value = value.repeat_interleave(query.shape[-3] // value.shape[-3], -3)
    logits = query @ key.transpose(-2, -1) * (1 / sqrt(query.shape[-1]) if scale is None else scale)
    allowed: Tensor | None = None
    if is_causal:
        allowed = torch.ones(logits.shape[-2:], dtype=torch.bool, device=logits.device).tril()
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        allowed = attn_mask if allowed is None else allowed & attn_mask
    elif attn_mask is not None:
        logits = logits + attn_mask
        allowed = attn_mask > -torch.inf if allowed is None else allowed & (attn_mask > -torch.inf)
    weights = _softmax(logits, allowed)
    kept = torch.dropout(weights, dropout_p, train=True) if dropout_p else weights
    output = kept.to(value.dtype) @ value
    if query.ndim > 3 and query.stride(-2) > query.stride(-3):  # laid out like the queries, for who takes a view of it
        output = output.transpose(-3, -2).contiguous().transpose(-3, -2)
    return output, weights


def _softmax(logits: Tensor, allowed: Tensor | None) -> Tensor:
    if allowed is None:
        return logits.softmax(-1)
    # A row without any key is 0, not NaN, and neither is its gradient.
    some = allowed.any(-1, keepdim=True)
    return logits.masked_fill(~allowed, -torch.inf).masked_fill(~some, 0.0).softmax(-1) * some
