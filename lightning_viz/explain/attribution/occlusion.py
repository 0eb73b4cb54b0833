"""Occlusion: how much of a score is lost where a part of the image is covered."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from lightning_viz.explain.attribution.gradients import Scores, target_scores
from lightning_viz.explain.network.chunks import Chunks, fastest


def occlusion(
    scores: Scores,
    images: Tensor,
    targets: Tensor,
    cover: Tensor,
    *,
    window: Sequence[int],
    stride: Sequence[int],
    batch_size: int | None = None,
) -> Tensor:
    """Slides a window over each image and measures what the score loses while it is covered (arXiv:1311.2901, 2013).

    Args:
        scores: The network in eval mode.
        images: (N, C, H, W), or volumes (N, C, D, H, W), as the network takes them.
        targets: (N,) class indices.
        cover: What the window shows instead of the image, of the shape of the images.
        window: Its height and width, or depth, height and width.
        stride: How far it goes at a time along each side. At the edges it may stick out.
        batch_size: Most images in one forward pass; None is as many as go fastest.

    Returns:
        (N, H, W) or (N, D, H, W), signed: for each pixel the mean loss over all windows that cover it.

    Raises:
        ValueError: If the window is larger than the image, or the stride below 1 or larger than the window.

    >>> total = lambda x: x.flatten(1).sum(1, keepdim=True)
    >>> image = torch.tensor([[[[1.0, 2.0, 3.0]]]])
    >>> occlusion(total, image, torch.tensor([0]), 0 * image, window=(1, 1), stride=(1, 1))
    tensor([[[1., 2., 3.]]])
    """
    check_window(window, stride, images.shape[2:])
    sides = [_covered(*each).to(images.device) for each in zip(images.shape[2:], window, stride, strict=True)]
    steps = [len(side) for side in sides]
    count = prod(steps)

    def covered(pairs: Tensor) -> Tensor:
        n, places = pairs // count, torch.unravel_index(pairs % count, steps)
        hidden = _crossed([side[place] for side, place in zip(sides, places, strict=True)])
        return torch.where(hidden[:, None], cover[n], images[n])

    chunks, pairs = Chunks(batch_size or fastest(images)), torch.arange(len(images) * count)
    left = target_scores(scores, covered, pairs, targets.repeat_interleave(count), chunks=chunks)
    whole = target_scores(scores, images.__getitem__, torch.arange(len(images)), targets, chunks=chunks)
    lost = (whole[:, None] - left.reshape(len(images), count)).reshape(-1, *steps)
    for side in sides:  # each has its places behind the others
        lost = torch.tensordot(lost, side.to(lost), dims=([1], [0]))
    return lost / _crossed([side.to(lost).sum(0)[None] for side in sides])


def _crossed(sides: Sequence[Tensor]) -> Tensor:
    """What is true, or the product, along all sides, (n, ...), of what is along each, (n, size)."""
    found = sides[0]
    for side in sides[1:]:
        found = found[..., None] * side.reshape(len(side), *[1] * (found.ndim - 1), -1)
    return found


def _covered(size: int, window: int, stride: int) -> Tensor:
    """Which pixels of a side each place of the window covers, bool (places, size)."""
    starts = torch.arange(-(-(size - window) // stride) + 1)[:, None] * stride
    pixels = torch.arange(size)
    return (pixels >= starts) & (pixels < starts + window)


def check_window(window: Sequence[int], stride: Sequence[int], size: Sequence[int]) -> None:
    """Raises unless the window fits into images of a size, and the stride into the window.

    Raises:
        ValueError: They do not.
    """
    sides = len(window) == len(stride) == len(size)
    if not sides or not all(1 <= step <= side <= whole for step, side, whole in zip(stride, window, size, strict=True)):
        raise ValueError(
            f"Expected a window no larger than the image and a stride from 1 to the window's size, got window "
            f"{tuple(window)} and stride {tuple(stride)} for images {tuple(size)}: mend window= or stride=."
        )
