"""SmoothGrad and its kin: what the input gradient does where noise is added to the image."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from lightning_viz.explain.attribution.gradients import Scores, gradient_chunks, gradients_of_copies

Statistic = Literal["mean", "square", "variance"]


def smooth_gradient(
    scores: Scores,
    images: Tensor,
    targets: Tensor,
    *,
    samples: int = 25,
    level: float = 0.15,
    statistic: Statistic = "mean",
    seed: int = 0,
    batch_size: int | None = None,
) -> Tensor:
    """A statistic of the input gradient over noisy copies of each image: SmoothGrad (arXiv:1706.03825, 2017) and kin.

    Sample k adds the same noise to every image, in every epoch: only `seed`, k and the image's shape matter.

    Args:
        scores: The network in eval mode, its parameters frozen.
        images: (N, C, H, W) or (N, C, D, H, W), as the network takes them.
        targets: (N,) class indices.
        samples: Noisy copies per image.
        level: Standard deviation of the noise as a share of max - min of the image; 0 gives `input_gradient`.
        statistic: `"mean"`, which is SmoothGrad; the mean `"square"`, SmoothGrad squared (arXiv:1806.10758, 2018); or
            the `"variance"`, VarGrad (arXiv:1810.03292, 2018), divided by the number of samples.
        seed: Of the noise.
        batch_size: Most copies in one forward pass; None is as many as go fastest.

    Returns:
        Of the shape of the images, signed; squares and variances are not below 0.

    Raises:
        ValueError: If `samples` is below 1, `level` below 0, or the statistic unknown.
    """
    if samples < 1 or level < 0:
        raise ValueError(f"Expected samples >= 1 and level >= 0, received {samples} and {level}.")
    if statistic not in get_args(Statistic):
        raise ValueError(f"Expected statistic 'mean', 'square' or 'variance', received {statistic!r}.")
    noise = level * _noise(images, samples, seed)
    low, high = images.flatten(1).aminmax(dim=1)
    spread = (high - low).view(-1, *[1] * (images.ndim - 1))
    mean, squares = torch.zeros_like(images), torch.zeros_like(images)

    def fold(n: int, k: int, gradient: Tensor) -> None:
        # Welford's way: squares minus the squared mean would cancel where the gradient hardly varies.
        away = gradient - mean[n]
        mean[n] += away / (k + 1)
        squares[n] += away * (gradient - mean[n])

    def copies(n: Tensor, k: Tensor) -> Tensor:
        return images[n] + spread[n] * noise[k]

    gradients_of_copies(scores, copies, targets, count=samples, fold=fold, chunks=gradient_chunks(images, batch_size))
    if statistic == "mean":
        return mean
    variance = squares / samples
    return variance if statistic == "variance" else variance + mean.square()


def _noise(images: Tensor, samples: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    # One draw per sample: sample k stays the same whatever the number of samples.
    draws = [torch.randn(images.shape[1:], generator=generator, dtype=torch.float32) for _ in range(samples)]
    return torch.stack(draws).to(images.device, images.dtype)
