"""Integrated gradients: the difference to an image without anything in it, shared out among the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lightning_viz.explain.attribution.gradients import Scores, gradient_chunks, gradients_of_copies, target_scores


class Integrated(NamedTuple):
    """What integrated gradients give.

    Attributes:
        values: Of the shape of the images, signed, in units of the score.
        delta: (N,), their sum minus what they should sum to, S(image) - S(baseline): the error of the integration.
    """

    values: Tensor
    delta: Tensor


def integrated_gradients(
    scores: Scores,
    images: Tensor,
    targets: Tensor,
    baselines: Sequence[Tensor],
    *,
    steps: int = 20,
    batch_size: int | None = None,
) -> Integrated:
    """Integrated gradients (arXiv:1703.01365, 2017) by Gauss-Legendre quadrature, the mean over the baselines.

    Args:
        scores: The network in eval mode, its parameters frozen.
        images: (N, C, H, W) or (N, C, D, H, W), as the network takes them.
        targets: (N,) class indices.
        baselines: Where the straight paths to the images begin: each of the shape of the images.
        steps: Nodes on each path.
        batch_size: Most points on the paths in one forward pass; None is as many as go fastest.

    Returns:
        `Integrated`.

    Raises:
        ValueError: If `steps` is below 1, or there is no baseline.

    >>> square = lambda x: x.square().flatten(1)
    >>> image, black = torch.tensor([[[[3.0]]]]), torch.zeros(1, 1, 1, 1)
    >>> integrated_gradients(square, image, torch.tensor([0]), [black], steps=1)
    Integrated(values=tensor([[[[9.]]]]), delta=tensor([0.]))
    """
    if steps < 1 or not baselines:
        raise ValueError(f"Expected steps >= 1 and a baseline, received {steps} and {len(baselines)}.")
    starts = torch.stack(list(baselines))
    nodes, weights = (torch.from_numpy(x).to(images) / 2 for x in np.polynomial.legendre.leggauss(steps))
    values = torch.zeros_like(images)

    def points(n: Tensor, k: Tensor) -> Tensor:
        share = (0.5 + nodes)[k % steps].view(-1, *[1] * (images.ndim - 1))
        start = starts[k // steps, n]
        return start + share * (images[n] - start)

    def fold(n: int, k: int, gradient: Tensor) -> None:
        values[n] += weights[k % steps] / len(starts) * (images[n] - starts[k // steps, n]) * gradient

    chunks = gradient_chunks(images, batch_size)
    gradients_of_copies(scores, points, targets, count=steps * len(starts), fold=fold, chunks=chunks)
    ends, classes = torch.cat([images, *starts]), targets.repeat(1 + len(starts))
    predictions = target_scores(scores, ends.__getitem__, torch.arange(len(ends)), classes, chunks=chunks)
    gained = predictions[: len(images)] - predictions[len(images) :].reshape(len(starts), -1).mean(0)
    return Integrated(values, values.flatten(1).sum(1) - gained.to(values))
