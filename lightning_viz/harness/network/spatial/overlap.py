"""How boxes overlap."""

from __future__ import annotations

import torch
from torch import Tensor


def iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of boxes (Jaccard index), differentiable.

    Args:
        boxes: (M, 4): left, top, right and bottom.
        others: (B, 4).

    Returns:
        (M, B) in [0, 1]; 0 where one has no area.

    >>> iou(torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[1.0, 0, 3, 2], [5, 5, 6, 6]])).tolist()
    [[0.3333333432674408, 0.0]]
    """
    low = torch.maximum(boxes[:, None, :2], others[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], others[None, :, 2:])
    both = area(torch.cat([low, high], dim=2))
    return both / (area(boxes)[:, None] + area(others)[None] - both).clamp_min(1e-12)


def area(boxes: Tensor) -> Tensor:
    """The area of boxes (..., 4), 0 of those that end before they begin."""
    return (boxes[..., 2:] - boxes[..., :2]).clamp_min(0).prod(-1)
