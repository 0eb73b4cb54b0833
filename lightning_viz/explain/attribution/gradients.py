"""How a class score reacts to every pixel: signed gradients with respect to the input."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_viz.explain.network.chunks import Chunks, fastest
from lightning_viz.explain.network.layout import channels_last

Scores = Callable[[Tensor], Tensor]
"""Images (N, C, H, W) or volumes (N, C, D, H, W) -> class scores (N, K), differentiable with respect to the images."""


def input_gradient(scores: Scores, images: Tensor, targets: Tensor) -> Tensor:
    """Gradient of each image's target score with respect to that image (arXiv:1312.6034, 2013).

    Args:
        scores: The network in eval mode, its parameters frozen; an image's scores depend on it alone.
        images: (N, C, H, W) or (N, C, D, H, W), as the network takes them.
        targets: (N,) class indices.

    Returns:
        Of the shape of the images, signed, in score per unit of input. Values that are not finite are handed on.

    Raises:
        ValueError: If the scores are not (N, K), or do not depend on the images.

    >>> weight = torch.tensor([[1.0, -2.0, 3.0, 0.5]])
    >>> input_gradient(lambda x: x.flatten(1) @ weight.T, torch.zeros(1, 1, 2, 2), torch.tensor([0]))
    tensor([[[[ 1.0000, -2.0000],
              [ 3.0000,  0.5000]]]])
    """
    return gradient_chunks(images)(partial(_score_gradient, channels_last(scores)), images, targets)


def loss_gradient(scores: Scores, images: Tensor, labels: Tensor) -> Tensor:
    """Gradient of the cross-entropy, averaged over the batch, with respect to the images.

    Args:
        scores: The network in eval mode, its parameters frozen; logits.
        images: (N, C, H, W) or (N, C, D, H, W), as the network takes them.
        labels: (N,) true class indices.

    Returns:
        (N, C, H, W), signed. It fades where the network is sure and right, and shrinks with the batch: 1 / N.

    Raises:
        ValueError: If the scores are not (N, K), or do not depend on the images.
    """
    return gradient_chunks(images)(partial(_loss_gradient, channels_last(scores)), images, labels) / len(images)


def gradient_chunks(images: Tensor, batch_size: int | None = None) -> Chunks:
    """Chunks for gradients with respect to images like these: half as many as for a forward, whose tensors do not stay.

    Homework 3's network at 128 px, two cores: 27.9 ms per image by 4, 30.5 ms by 8; smaller networks hardly care.

    Args:
        images: (N, C, H, W) or (N, C, D, H, W), on the device of the network.
        batch_size: Most of them at a time; None is as many as go fastest.
    """
    return Chunks(batch_size or gradient_size(images))


def gradient_size(images: Tensor) -> int:
    """How many images like these go through a network fastest in one call with their gradient.

    Args:
        images: (N, C, H, W) or (N, C, D, H, W), on the device of the network.
    """
    return max(fastest(images) // 2, 1)


def gradients_of_copies(
    scores: Scores,
    copies: Callable[[Tensor, Tensor], Tensor],
    targets: Tensor,
    *,
    count: int,
    fold: Callable[[int, int, Tensor], object],
    chunks: Chunks,
) -> None:
    """Takes the input gradient at many altered copies of each image, of which few are in memory at a time.

    Args:
        scores: The network in eval mode, its parameters frozen.
        copies: Takes the numbers of images and of their copies, both long (B,); makes these copies, (B, C, ...).
        targets: (N,) class indices.
        count: Copies of each image.
        fold: Takes the number of an image, that of a copy and its gradient (C, ...); called in that order.
        chunks: How many copies go through the network at a time.

    Raises:
        ValueError: If the scores are not (N, K), or do not depend on the images.
    """
    call = channels_last(scores)

    def some(pairs: Tensor) -> None:
        image, copy = pairs // count, pairs % count
        found = _score_gradient(call, copies(image, copy), targets[image])
        for n, k, gradient in zip(image.tolist(), copy.tolist(), found, strict=True):
            fold(n, k, gradient)

    chunks.each(some, torch.arange(len(targets) * count))


def target_scores(
    scores: Scores, make: Callable[[Tensor], Tensor], items: Tensor, targets: Tensor, *, chunks: Chunks
) -> Tensor:
    """The scores of many images, of which few are in memory at a time; without gradients.

    Args:
        scores: The network in eval mode.
        make: Takes some of the items, long (B,); makes their images, (B, C, H, W).
        items: (M,), the number of each image.
        targets: (M,) class indices.
        chunks: How many images go through the network at a time.

    Returns:
        (M,).
    """
    call = channels_last(scores)

    def some(chosen: Tensor, classes: Tensor) -> Tensor:
        found = call(make(chosen))
        return found.gather(1, classes[:, None].to(found.device))[:, 0]

    with torch.no_grad():
        return chunks(some, items, targets)


def magnitude(gradient: Tensor) -> Tensor:
    """Saliency map of a gradient (N, C, ...): the largest absolute value over the channels, (N, ...), >= 0.

    >>> magnitude(torch.tensor([[[[-3.0]], [[2.0]]]]))
    tensor([[[3.]]])
    """
    return gradient.abs().amax(1)


def _score_gradient(scores: Scores, images: Tensor, targets: Tensor) -> Tensor:
    images = _leaf(images)
    out = checked(scores(images), images)
    return _gradient(out.gather(1, targets[:, None].to(out.device)).sum(), images)


def _loss_gradient(scores: Scores, images: Tensor, labels: Tensor) -> Tensor:
    images = _leaf(images)
    out = checked(scores(images), images)
    return _gradient(F.cross_entropy(out, labels.to(out.device), reduction="sum"), images)


def _leaf(images: Tensor) -> Tensor:
    # Cloned, since a batch seen in inference mode refuses gradients.
    laid = torch.channels_last if images.ndim == 4 else torch.contiguous_format
    return images.detach().clone(memory_format=laid).requires_grad_()


def checked(scores: Tensor, images: Tensor) -> Tensor:
    """The scores, if they are (N, K) and differentiable.

    Raises:
        ValueError: They are not.
    """
    if scores.ndim != 2 or len(scores) != len(images):
        raise ValueError(f"Expected scores (N, K) for {len(images)} images, received {tuple(scores.shape)}.")
    if not scores.requires_grad:
        raise ValueError(
            "The scores do not depend on the images: is the network detached, or run under torch.no_grad()?"
        )
    return scores


def _gradient(value: Tensor, images: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(value, images)
    return gradient.contiguous()
