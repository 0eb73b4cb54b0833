"""The step of a deep dream: its gradient, with coarse and fine detail and colours in balance."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

_WIDTHS = (0.7, 1.4, 2.8, 5.6, 11.2)
"""Standard deviations in pixels; each two neighbours bound a band."""
_WEAKEST = 0.01
"""A band with less than this share of the gradient is rounding, and not brought up to the others."""
_COLOURS = ((0.4770, 0.2888, 0.2136), (0.2888, 0.4290, 0.2930), (0.2136, 0.2930, 0.5023))
_FAINTEST = 0.1
_STRONGEST = 4.0
"""A step moves no pixel by more than this many times the mean."""


class Balance:
    """Makes a step of a gradient: the same amount of detail of every width, in the colours of photographs.

    The gradient is cut into bands of widths, each brought to the same strength: after the Laplacian pyramid of
    Mordvintsev's notebooks (2016), by Fourier transforms. Without it a dream is speckle of single pixels, or patches
    of one colour. Then colours are mixed by the square root of their covariance in photographs, so that brightness
    changes most ("Feature Visualization", Olah et al., Distill, 2017, whose matrix this is the square root of).

    Args:
        size: Height and width of the gradients.
        device: Where they are.

    >>> Balance((8, 8), torch.device("cpu"))(torch.randn(2, 3, 8, 8)).shape
    torch.Size([2, 3, 8, 8])
    """

    def __init__(self, size: tuple[int, int], device: torch.device) -> None:
        self._size = size
        height, width = size
        squared = torch.fft.fftfreq(height)[:, None].square() + torch.fft.rfftfreq(width).square()
        smooth = [torch.exp(-2 * (math.pi * blur) ** 2 * squared) for blur in _WIDTHS]
        self._bands = [(finer - coarser).to(device) for finer, coarser in pairwise(smooth)]
        count = torch.full((width // 2 + 1,), 2.0)  # half of a spectrum stands for the other half too
        count[0] = 1
        count[width // 2] = 1 + width % 2
        self._count = count.to(device) / (height * width) ** 2
        self._colours = torch.tensor(_COLOURS, device=device)

    def __call__(self, gradient: Tensor) -> Tensor:
        """Steps (N, C, H, W) of a mean amount of 1, 0 where the gradient is; colours are mixed where C is 3."""
        spectrum = torch.fft.rfft2(gradient)
        weakest = _WEAKEST * self._strength(spectrum)
        spectrum = sum(part / self._strength(part).clamp(min=weakest) for part in self._parts(spectrum))
        step: Tensor = torch.fft.irfft2(spectrum, s=self._size)
        if gradient.shape[1] == len(_COLOURS):
            step = torch.einsum("ij,njhw->nihw", self._colours, step)
        amount = step.abs().mean((1, 2, 3), keepdim=True).clamp(min=_FAINTEST)
        return (step / amount).clamp(-_STRONGEST, _STRONGEST)

    def _parts(self, spectrum: Tensor) -> list[Tensor]:
        return [spectrum * band for band in self._bands]

    def _strength(self, spectrum: Tensor) -> Tensor:
        """Root of the mean square that the picture of a spectrum has."""
        square = torch.view_as_real(spectrum).square().sum(-1)
        mean = (square * self._count).sum((1, 2, 3), keepdim=True) / spectrum.shape[1]
        return mean.sqrt().clamp(min=torch.finfo(mean.dtype).tiny)
