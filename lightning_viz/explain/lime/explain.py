"""LIME for images (arXiv:1602.04938, 2016): which superpixels speak for a class, and which against it.

The regression is the lime package's own. Masks, network calls and the errors of the weights are ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from lime.lime_base import LimeBase
from sklearn.linear_model import Ridge
from torch import Tensor

from lightning_viz.explain.lime.masks import block_size, draw_masks, finite, masked_scores, together
from lightning_viz.explain.lime.regression import FittedRidge, LimeWeights
from lightning_viz.explain.lime.superpixels import mean_fill, perturb, superpixels, top_superpixels
from lightning_viz.explain.network.chunks import Chunks

__all__ = [
    "LimeWeights", "draw_masks", "explain", "fit", "masked_scores", "mean_fill", "perturb", "superpixels",
    "top_superpixels",
]  # fmt: skip


def fit(masks: Tensor, outputs: Tensor, *, kernel_width: float = 0.25, alpha: float | None = None) -> LimeWeights:
    """LIME's regression: ridge on the masks, weighted by how much of the image each mask leaves.

    A mask with k of n superpixels is at the cosine distance d = 1 - sqrt(k / n) and weighs sqrt(exp(-d^2 / width^2)).
    Weights and intercept are the lime package's. Errors and fidelity come from the residuals, corrected for
    what the fit has adapted to; see `FittedRidge`.

    Args:
        masks: Bool (S, n). Pairs of complements are recognised as such.
        outputs: (S,) one class's score under each mask.
        kernel_width: Distance scale. With lime's .25 a half-blanked image still weighs .5: barely local.
        alpha: Ridge penalty. By default S / 1000, which shrinks the weights, by 1 %, as much as lime's 1 does with its
            1000 samples: the sum over samples that it stands against grows with them.

    Returns:
        Weights, errors and intercept in units of the outputs; fidelity and reliability.

    Raises:
        ValueError: If masks and outputs do not match, or `kernel_width` or `alpha` is not above 0.
    """
    alpha = len(masks) / 1000 if alpha is None else alpha
    _check_fit(masks, outputs, kernel_width, alpha)
    target, count = outputs.detach().cpu().double(), masks.shape[1]
    if _still(target):
        return LimeWeights(torch.zeros(count), torch.zeros(count), float(target.mean()), math.nan, 1.0, len(masks))
    stays = masks.detach().cpu().bool()
    distance = 1 - stays.double().mean(dim=1).sqrt()
    shares = torch.exp(-0.5 * (distance / kernel_width) ** 2)
    coefficients = _ridge(stays, target, shares, alpha)
    model = FittedRidge(stays, target, shares, coefficients, alpha)
    weights, intercept = coefficients[1:].float(), float(coefficients[0])
    if not model.informative:
        return LimeWeights(weights, torch.full_like(weights, math.inf), intercept, math.nan, 0.0, len(masks))
    errors = model.covariance.diagonal()[1:].sqrt().float()
    return LimeWeights(weights, errors, intercept, model.fidelity(), model.reliability(), len(masks))


def explain(
    scores: Callable[[Tensor], Tensor],
    pixels: Tensor,
    labels: Sequence[int],
    *,
    segments: Tensor,
    masks: Tensor,
    normalize: Callable[[Tensor], Tensor],
    enough: float | None = None,
    fill: float | Tensor | None = None,
    kernel_width: float = 0.25,
    alpha: float | None = None,
    batch_size: int | None = None,
    probabilities: Callable[[Tensor], Tensor] | None = None,
) -> list[LimeWeights]:
    """LIME of one image for several classes, from one set of network calls.

    Args:
        scores: The network: images (N, C, H, W) -> (N, K).
        pixels: (C, H, W) or (C, D, H, W) in [0, 1].
        labels: The classes to explain.
        segments: (H, W) or (D, H, W), from `superpixels`.
        masks: Bool (S, n), from `draw_masks`.
        normalize: Pixels (N, C, H, W) in [0, 1] -> images as the network takes them.
        enough: Stop at the end of the first `block_size` masks with which the weights of all labels are this reliable
            (see `LimeWeights`). All masks are used if None. It depends on nothing but the network's scores.
        fill: What blanked pixels show, see `perturb`.
        kernel_width: See `fit`.
        alpha: See `fit`.
        batch_size: How many masked images go through the network at once. By default as many as go fastest.
        probabilities: See `masked_scores`.

    Returns:
        One `LimeWeights` per entry of `labels`.

    Raises:
        ValueError: If a label is not among the network's classes, or the parts do not fit each other.
    """
    chunks, raw, found = Chunks(batch_size or together(pixels)), [], []
    for some in torch.split(masks, len(masks) if enough is None else block_size(masks.shape[1])):
        raw.append(masked_scores(scores, pixels, segments, some, normalize=normalize, fill=fill, chunks=chunks))
        outputs = finite(torch.cat(raw), probabilities).cpu()
        _check_labels(labels, outputs.shape[1])
        seen = masks[: len(outputs)]
        found = [fit(seen, outputs[:, label], kernel_width=kernel_width, alpha=alpha) for label in labels]
        if enough is not None and all(weights.reliability >= enough for weights in found):
            break
    return found


def _ridge(masks: Tensor, outputs: Tensor, shares: Tensor, alpha: float) -> Tensor:
    """Intercept and weights of lime's regression, float64 (n + 1,)."""
    # Distances are of no more interest to lime than what its kernel makes of them. "none" keeps every superpixel;
    # "auto" would, for few of them, search step by step and drop the rest.
    intercept, pairs, _, _ = LimeBase(lambda given: given, random_state=0).explain_instance_with_data(
        masks.double().numpy(), outputs[:, None].numpy(), shares.numpy(), 0, masks.shape[1],
        feature_selection="none", model_regressor=Ridge(alpha=alpha),
    )  # fmt: skip
    found = torch.tensor([float(intercept), *[0.0] * masks.shape[1]], dtype=torch.float64)
    for superpixel, weight in pairs:
        found[1 + superpixel] = float(weight)
    return found


def _still(target: Tensor) -> bool:
    # Below single precision's rounding there is nothing left to explain.
    return float(target.std(correction=0)) <= 1e-6 * float(target.abs().max())


def _check_fit(masks: Tensor, outputs: Tensor, kernel_width: float, alpha: float) -> None:
    if masks.ndim != 2 or outputs.shape != masks.shape[:1]:
        raise ValueError(
            f"Expected masks (S, n) and outputs (S,), received {tuple(masks.shape)}, {tuple(outputs.shape)}."
        )
    if kernel_width <= 0 or alpha <= 0:
        raise ValueError(f"Expected kernel_width and alpha above 0, received {kernel_width} and {alpha}.")


def _check_labels(labels: Sequence[int], classes: int) -> None:
    if wrong := [label for label in labels if not 0 <= label < classes]:
        raise ValueError(f"Expected labels to be classes from 0 to {classes - 1}, received {wrong[0]}.")
