"""Occlusion: how much of a score is lost where a part of the image is covered."""

from __future__ import annotations

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
    window: tuple[int, int],
    stride: tuple[int, int],
    batch_size: int | None = None,
) -> Tensor:
    """Slides a window over each image and measures what the score loses while it is covered (arXiv:1311.2901, 2013).

    Args:
        scores: The network in eval mode.
        images: (N, C, H, W), as the network takes them.
        targets: (N,) class indices.
        cover: (N, C, H, W), what the window shows instead of the image.
        window: Its height and width.
        stride: How far it goes at a time, down and to the right. At the edges it may stick out.
        batch_size: Most images in one forward pass; None is as many as go fastest.

    Returns:
        (N, H, W), signed: for each pixel the mean loss over all windows that cover it.

    Raises:
        ValueError: If the window is larger than the image, or the stride below 1 or larger than the window.

    >>> total = lambda x: x.flatten(1).sum(1, keepdim=True)
    >>> image = torch.tensor([[[[1.0, 2.0, 3.0]]]])
    >>> occlusion(total, image, torch.tensor([0]), 0 * image, window=(1, 1), stride=(1, 1))
    tensor([[[1., 2., 3.]]])
    """
    check_window(window, stride, (images.shape[2], images.shape[3]))
    rows, columns = (_covered(*each).to(images.device) for each in zip(images.shape[2:], window, stride, strict=True))
    count = len(rows) * len(columns)

    def covered(pairs: Tensor) -> Tensor:
        n, place = pairs // count, pairs % count
        hidden = rows[place // len(columns)][:, None, :, None] & columns[place % len(columns)][:, None, None, :]
        return torch.where(hidden, cover[n], images[n])

    chunks, pairs = Chunks(batch_size or fastest(images)), torch.arange(len(images) * count)
    left = target_scores(scores, covered, pairs, targets.repeat_interleave(count), chunks=chunks)
    whole = target_scores(scores, images.__getitem__, torch.arange(len(images)), targets, chunks=chunks)
    lost = (whole[:, None] - left.reshape(len(images), count)).reshape(-1, len(rows), len(columns))
    down, across = rows.to(lost), columns.to(lost)
    return torch.einsum("nrc,rh,cw->nhw", lost, down, across) / (down.sum(0)[:, None] * across.sum(0))


def _covered(size: int, window: int, stride: int) -> Tensor:
    """Which pixels of a side each place of the window covers, bool (places, size)."""
    starts = torch.arange(-(-(size - window) // stride) + 1)[:, None] * stride
    pixels = torch.arange(size)
    return (pixels >= starts) & (pixels < starts + window)


def check_window(window: tuple[int, int], stride: tuple[int, int], size: tuple[int, int]) -> None:
    """Raises unless the window fits into images of a size, and the stride into the window.

    Raises:
        ValueError: They do not.
    """
    fits = all(1 <= step <= side <= whole for step, side, whole in zip(stride, window, size, strict=True))
    if not fits:
        raise ValueError(
            f"Expected a window no larger than the image and a stride from 1 to the window's size, got window {window} "
            f"and stride {stride} for images {size}: mend window= or stride=."
        )
