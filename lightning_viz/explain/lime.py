"""LIME for images (arXiv:1602.04938, 2016): which superpixels speak for a class, and which against it.

The regression is the lime package's own. Masks and network calls are ours: drawn once, run in batches on the device.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from lime.lime_base import LimeBase
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from torch import Tensor

from lightning_viz.explain.masks import draw_masks, masked_scores
from lightning_viz.explain.superpixels import mean_fill, perturb, superpixels, top_superpixels

__all__ = [
    "LimeWeights", "draw_masks", "explain", "fit", "masked_scores", "mean_fill", "perturb", "superpixels",
    "top_superpixels",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class LimeWeights:
    """The linear model that LIME fits around one image, for one class.

    Attributes:
        weights: Float32 (n,) on the CPU: how much the class score gains from showing each superpixel. All zero where
            the score moves by no more than its own rounding.
        intercept: The model's score with every superpixel blanked.
        fidelity: Weighted R^2 on masks that the fit has not seen: 1 is a faithful model, 0 no better than the mean
            score. NaN without such masks, or where the score does not move.
    """

    weights: Tensor
    intercept: float
    fidelity: float


def fit(
    masks: Tensor,
    outputs: Tensor,
    *,
    held_out: tuple[Tensor, Tensor] | None = None,
    kernel_width: float = 0.25,
    alpha: float = 1.0,
) -> LimeWeights:
    """LIME's regression: ridge on the masks, weighted by how much of the image each mask leaves.

    A mask with k of n superpixels is at the cosine distance d = 1 - sqrt(k / n) and weighs sqrt(exp(-d^2 / width^2)).

    Args:
        masks: Bool (S, n).
        outputs: (S,) one class's score under each mask.
        held_out: More masks (T, n) and outputs (T,), to measure the fidelity. Measured on the masks of the fit it
            would be the better, the fewer samples there are.
        kernel_width: Distance scale. With lime's .25 a half-blanked image still weighs .5: barely local.
        alpha: Ridge penalty. It pulls small sample sizes towards 0: shrink it with them.

    Returns:
        Weights, intercept and fidelity, in units of the outputs.

    Raises:
        ValueError: If masks and outputs do not match, or `kernel_width` is not above 0.
    """
    _check_fit(masks, outputs, kernel_width)
    data, target = _array(masks), _array(outputs)
    if _still(target):
        return LimeWeights(torch.zeros(data.shape[1]), float(target.mean()), math.nan)
    base = LimeBase(lambda distance: _kernel(distance, kernel_width), random_state=0)
    model = Ridge(alpha=alpha)
    # "none" keeps every superpixel; "auto" would, for few of them, search step by step and drop the rest.
    intercept, pairs, _, _ = base.explain_instance_with_data(
        data, target[:, None], _distance(data), 0, data.shape[1], feature_selection="none", model_regressor=model
    )
    weights = torch.zeros(data.shape[1])
    for superpixel, weight in pairs:
        weights[superpixel] = float(weight)
    fidelity = math.nan if held_out is None else _fidelity(model, *held_out, kernel_width)
    return LimeWeights(weights, float(intercept), fidelity)


def explain(
    scores: Callable[[Tensor], Tensor],
    pixels: Tensor,
    labels: Sequence[int],
    *,
    segments: Tensor,
    masks: Tensor,
    normalize: Callable[[Tensor], Tensor],
    held_out_masks: Tensor | None = None,
    fill: float | Tensor | None = None,
    kernel_width: float = 0.25,
    alpha: float = 1.0,
    batch_size: int = 64,
    probabilities: Callable[[Tensor], Tensor] | None = None,
) -> list[LimeWeights]:
    """LIME of one image for several classes, from one set of network calls.

    Args:
        scores: The network: images (N, C, H, W) -> (N, K).
        pixels: (C, H, W) in [0, 1].
        labels: The classes to explain.
        segments: (H, W), from `superpixels`.
        masks: Bool (S, n), from `draw_masks`.
        normalize: Pixels (N, C, H, W) in [0, 1] -> images as the network takes them.
        held_out_masks: Bool (T, n), drawn with another seed, to measure the fidelity.
        fill: What blanked pixels show, see `perturb`.
        kernel_width: See `fit`.
        alpha: See `fit`.
        batch_size: How many masked images go through the network at once.
        probabilities: See `masked_scores`.

    Returns:
        One `LimeWeights` per entry of `labels`.

    Raises:
        ValueError: If a label is not among the network's classes, or the parts do not fit each other.
    """
    drawn = masks if held_out_masks is None else torch.cat([masks, held_out_masks.to(masks.device)])
    outputs = masked_scores(
        scores, pixels, segments, drawn,
        normalize=normalize, fill=fill, batch_size=batch_size, probabilities=probabilities,
    ).cpu()  # fmt: skip
    if wrong := [label for label in labels if not 0 <= label < outputs.shape[1]]:
        raise ValueError(f"labels must be classes from 0 to {outputs.shape[1] - 1}, got {wrong[0]}.")
    seen, fresh = outputs[: len(masks)], outputs[len(masks) :]
    return [
        fit(
            masks,
            seen[:, label],
            held_out=None if held_out_masks is None else (held_out_masks, fresh[:, label]),
            kernel_width=kernel_width,
            alpha=alpha,
        )
        for label in labels
    ]


def _array(values: Tensor) -> NDArray[np.float64]:
    array: NDArray[np.float64] = values.detach().cpu().double().numpy()
    return array


def _distance(data: NDArray[np.float64]) -> NDArray[np.float64]:
    distance: NDArray[np.float64] = 1 - np.sqrt(data.mean(axis=1))
    return distance


def _kernel(distance: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    weights: NDArray[np.float64] = np.exp(-0.5 * (distance / width) ** 2)
    return weights


def _fidelity(model: Ridge, masks: Tensor, outputs: Tensor, width: float) -> float:
    _check_fit(masks, outputs, width)
    data, target = _array(masks), _array(outputs)
    if _still(target):
        return math.nan
    share = _kernel(_distance(data), width)
    share /= share.sum()
    return float(1 - share @ (target - model.predict(data)) ** 2 / (share @ (target - share @ target) ** 2))


def _still(target: NDArray[np.float64]) -> bool:
    # Below single precision's rounding there is nothing left to explain.
    return bool(target.std() <= 1e-6 * np.abs(target).max())


def _check_fit(masks: Tensor, outputs: Tensor, kernel_width: float) -> None:
    if masks.ndim != 2 or outputs.shape != masks.shape[:1]:
        raise ValueError(f"expected masks (S, n) and outputs (S,), got {tuple(masks.shape)}, {tuple(outputs.shape)}.")
    if kernel_width <= 0:
        raise ValueError(f"kernel_width must be above 0, got {kernel_width}.")
