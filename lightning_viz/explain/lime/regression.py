"""How sure LIME's regression is: the errors of its weights, and what it is worth on other masks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

SURE = 2.0
"""Standard errors away from 0 from which on a weight's sign counts as certain."""

_SPARE = 1.25
"""How many times as many masks as weights it takes to see how far off the weights are."""


@dataclass(frozen=True, eq=False)
class LimeWeights:
    """The linear model that LIME fits around one image, for one class.

    Attributes:
        weights: Float32 (n,) on the CPU: how much the class score gains from showing each superpixel. All zero where
            the score moves by no more than its own rounding.
        errors: Float32 (n,) on the CPU: the standard error of each weight, infinite where there are too few masks to
            tell.
        intercept: The model's score with every superpixel blanked.
        fidelity: Weighted R^2 to expect on masks that the fit has not seen: 1 is a faithful model, 0 no better than
            the mean score. NaN where there are too few masks to tell, or where the score does not move.
        reliability: Correlation to expect between these weights and those of infinitely many masks, from 0 to 1.
        samples: How many masks were fitted.
    """

    weights: Tensor
    errors: Tensor
    intercept: float
    fidelity: float
    reliability: float
    samples: int

    @property
    def certain(self) -> Tensor:
        """Bool (n,): where the sign of the weight is certain, at two standard errors."""
        return self.weights.abs() > SURE * self.errors


class FittedRidge:
    """A fitted ridge regression with an intercept: how far off its weights are, from residuals of masks left out.

    Masks that come with their complements are one observation each pair: effects of pairs of superpixels are the same
    in both, and cancel out of the weights. The covariance is the cluster-robust one with the correction "CR2" of Bell
    and McCaffrey (2002): without bias where all masks are equally noisy, and robust where they are not.

    Args:
        masks: Bool (S, n).
        outputs: (S,).
        sample_weights: (S,), above 0.
        coefficients: Intercept and weights of the fit, (n + 1,).
        alpha: Its penalty.
    """

    def __init__(
        self, masks: Tensor, outputs: Tensor, sample_weights: Tensor, coefficients: Tensor, alpha: float
    ) -> None:
        root = sample_weights.sqrt()
        self._samples, self._n = masks.shape
        self._rows = torch.cat([root[:, None], root[:, None] * masks], dim=1)
        self._total = float(sample_weights.sum())
        centred = outputs - float(sample_weights @ outputs) / self._total
        self._variance = float(sample_weights @ centred**2) / self._total
        penalty = torch.full((self._n + 1,), alpha, dtype=root.dtype)
        penalty[0] = 0
        self._inverse = torch.linalg.inv(self._rows.T @ self._rows + penalty.diag())
        self._weights = coefficients[1:]
        self._residuals = root * outputs - self._rows @ coefficients
        self._group = 2 if folded(masks) else 1
        self._all = self._samples == 2**self._n and len(torch.unique(masks, dim=0)) == self._samples
        if not self._all:
            self._variance *= self._samples / max(self._samples - 1, 1)

    @property
    def informative(self) -> bool:
        """Whether there are enough masks for errors and fidelity."""
        return self._all or self._samples >= fewest_samples(self._n, paired=self._group == 2)

    @cached_property
    def covariance(self) -> Tensor:
        """Of intercept and weights, (n + 1, n + 1); zero where there is no further mask."""
        if self._all:
            return torch.zeros_like(self._inverse)
        moved = self._inverse @ (self._grouped(self._rows).mT @ self._fair[..., None])[..., 0].T
        covariance: Tensor = moved @ moved.T
        return covariance

    def fidelity(self) -> float:
        """Weighted R^2 to expect on fresh masks: what the fit leaves, and what its errors add."""
        left = self._residuals if self._all else self._fair
        moments = self._rows.T @ self._rows / self._total
        return 1 - (float((left**2).sum()) / self._total + float((self.covariance * moments).sum())) / self._variance

    def reliability(self) -> float:
        """Correlation to expect with the weights of infinitely many masks."""
        weights, covariance = self._weights, self.covariance[1:, 1:]
        noise = float(covariance.trace() - covariance.mean() * self._n)  # what all have in common turns no ranking
        spread = float(((weights - weights.mean()) ** 2).sum())
        return math.sqrt(max(1 - noise / spread, 0.0)) if spread else 0.0

    @cached_property
    def _fair(self) -> Tensor:
        # The fit bends towards its own masks; this undoes it: the residuals are as large as those of fresh masks.
        rows = self._grouped(self._rows)
        eye = torch.eye(self._group, dtype=rows.dtype)
        values, vectors = torch.linalg.eigh(eye - rows @ self._inverse @ rows.mT)
        scale = values.clamp(min=1e-9).rsqrt()[..., None]
        fair: Tensor = vectors @ (scale * (vectors.mT @ self._grouped(self._residuals)[..., None]))
        return fair[..., 0]

    def _grouped(self, values: Tensor) -> Tensor:
        return values.reshape(-1, self._group, *values.shape[1:])


def fewest_samples(n: int, *, paired: bool) -> int:
    """The fewest masks that show how far off the weights of n superpixels are.

    Args:
        n: How many superpixels.
        paired: Whether the masks are pairs of complements, of which each counts once.

    >>> fewest_samples(3, paired=False), fewest_samples(3, paired=True), fewest_samples(19, paired=True)
    (5, 8, 50)
    """
    return min(math.ceil(_SPARE * (n + 1)) * (2 if paired else 1), 1 << n)


def folded(masks: Tensor) -> bool:
    """Whether the masks are pairs of complements.

    >>> folded(torch.tensor([[True, False], [False, True]])), folded(torch.tensor([[True, False]]))
    (True, False)
    """
    return len(masks) % 2 == 0 and bool((masks[::2] != masks[1::2]).all())
