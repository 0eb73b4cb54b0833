"""How a class score reacts to every pixel: signed gradients with respect to the input."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_viz.explain.chunks import Chunks

Scores = Callable[[Tensor], Tensor]
"""Images (N, C, H, W) -> class scores (N, K), differentiable with respect to the images."""


def input_gradient(scores: Scores, images: Tensor, targets: Tensor) -> Tensor:
    """Gradient of each image's target score with respect to that image (arXiv:1312.6034, 2013).

    Args:
        scores: The network in eval mode, its parameters frozen; an image's scores depend on it alone.
        images: (N, C, H, W), as the network takes them.
        targets: (N,) class indices.

    Returns:
        (N, C, H, W), signed, in score per unit of input. Values that are not finite are handed on.

    Raises:
        ValueError: If the scores are not (N, K), or do not depend on the images.

    >>> weight = torch.tensor([[1.0, -2.0, 3.0, 0.5]])
    >>> input_gradient(lambda x: x.flatten(1) @ weight.T, torch.zeros(1, 1, 2, 2), torch.tensor([0]))
    tensor([[[[ 1.0000, -2.0000],
              [ 3.0000,  0.5000]]]])
    """
    return Chunks()(partial(_score_gradient, scores), images, targets)


def loss_gradient(scores: Scores, images: Tensor, labels: Tensor) -> Tensor:
    """Gradient of the cross-entropy, averaged over the batch, with respect to the images.

    Args:
        scores: The network in eval mode, its parameters frozen; logits.
        images: (N, C, H, W), as the network takes them.
        labels: (N,) true class indices.

    Returns:
        (N, C, H, W), signed. It fades where the network is sure and right, and shrinks with the batch: 1 / N.

    Raises:
        ValueError: If the scores are not (N, K), or do not depend on the images.
    """
    return Chunks()(partial(_loss_gradient, scores), images, labels) / len(images)


def smooth_gradient(
    scores: Scores,
    images: Tensor,
    targets: Tensor,
    *,
    samples: int = 25,
    level: float = 0.15,
    seed: int = 0,
    batch_size: int = 64,
) -> Tensor:
    """SmoothGrad: the mean of the input gradient over noisy copies of each image (arXiv:1706.03825, 2017).

    Sample k adds the same noise to every image, in every epoch: only `seed`, k and the image's shape matter.

    Args:
        scores: The network in eval mode, its parameters frozen.
        images: (N, C, H, W), as the network takes them.
        targets: (N,) class indices.
        samples: Noisy copies per image.
        level: Standard deviation of the noise as a share of max - min of the image; 0 gives `input_gradient`.
        seed: Of the noise.
        batch_size: Most copies in one forward pass.

    Returns:
        (N, C, H, W), signed.

    Raises:
        ValueError: If `samples` or `batch_size` is below 1, or `level` below 0.
    """
    if samples < 1 or batch_size < 1 or level < 0:
        raise ValueError(
            f"expected samples >= 1, batch_size >= 1 and level >= 0, got {samples}, {batch_size} and {level}."
        )
    noise = level * _noise(images, samples, seed)
    gradient = partial(Chunks(batch_size), partial(_score_gradient, scores))
    parts = zip(torch.split(images, batch_size), torch.split(targets, batch_size), strict=True)
    return torch.cat([_smooth(gradient, x, y, noise, batch_size) for x, y in parts])


def magnitude(gradient: Tensor) -> Tensor:
    """Saliency map of a gradient (N, C, H, W): the largest absolute value over the channels, (N, H, W), >= 0.

    >>> magnitude(torch.tensor([[[[-3.0]], [[2.0]]]]))
    tensor([[[3.]]])
    """
    return gradient.abs().amax(1)


def _score_gradient(scores: Scores, images: Tensor, targets: Tensor) -> Tensor:
    images = _leaf(images)
    out = _checked(scores(images), images)
    return _gradient(out.gather(1, targets[:, None].to(out.device)).sum(), images)


def _loss_gradient(scores: Scores, images: Tensor, labels: Tensor) -> Tensor:
    images = _leaf(images)
    out = _checked(scores(images), images)
    return _gradient(F.cross_entropy(out, labels.to(out.device), reduction="sum"), images)


def _smooth(
    gradient: Callable[[Tensor, Tensor], Tensor], images: Tensor, targets: Tensor, noise: Tensor, batch_size: int
) -> Tensor:
    spread = images.amax((1, 2, 3), keepdim=True) - images.amin((1, 2, 3), keepdim=True)
    total = torch.zeros_like(images)
    for part in torch.split(noise, max(1, batch_size // len(images))):
        noisy = (images + spread * part[:, None]).flatten(0, 1)
        total += gradient(noisy, targets.repeat(len(part))).reshape(len(part), *images.shape).sum(0)
    return total / len(noise)


def _noise(images: Tensor, samples: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    # One draw per sample: sample k stays the same whatever the number of samples.
    draws = [torch.randn(images.shape[1:], generator=generator, dtype=torch.float32) for _ in range(samples)]
    return torch.stack(draws).to(images.device, images.dtype)


def _leaf(images: Tensor) -> Tensor:
    # Cloned, since a batch seen in inference mode refuses gradients.
    return images.detach().clone().requires_grad_()


def _checked(scores: Tensor, images: Tensor) -> Tensor:
    if scores.ndim != 2 or len(scores) != len(images):
        raise ValueError(f"expected scores (N, K) for {len(images)} images, got {tuple(scores.shape)}.")
    if not scores.requires_grad:
        raise ValueError(
            "the scores do not depend on the images: is the network detached, or run under torch.no_grad()?"
        )
    return scores


def _gradient(value: Tensor, images: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(value, images)
    return gradient
