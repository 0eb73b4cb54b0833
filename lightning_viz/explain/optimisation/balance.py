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
        bands = torch.stack([finer - coarser for finer, coarser in pairwise(smooth)]).flatten(1)
        count = torch.full((width // 2 + 1,), 2.0)  # half of a spectrum stands for the other half too
        count[0] = 1
        count[width // 2] = 1 + width % 2
        count = count.expand_as(squared).flatten() / (height * width) ** 2
        self._bands = bands.to(device)
        self._squares = (torch.cat([bands.square(), torch.ones_like(bands[:1])]) * count).to(device)
        self._colours = torch.tensor(_COLOURS, device=device)

    def __call__(self, gradient: Tensor) -> Tensor:
        """Steps (N, C, H, W) of a mean amount of 1, 0 where the gradient is; colours are mixed where C is 3."""
        spectrum = torch.fft.rfft2(gradient)
        power = torch.view_as_real(spectrum).square().sum(-1).mean(1)
        *parts, whole = (power.flatten(1) @ self._squares.T).sqrt().unbind(1)  # root mean squares
        weakest = _WEAKEST * whole[:, None] + torch.finfo(power.dtype).tiny
        response = torch.stack(parts, 1).maximum(weakest).reciprocal() @ self._bands
        step: Tensor = torch.fft.irfft2(spectrum * response.view_as(power)[:, None], s=self._size).flatten(2)
        if gradient.shape[1] == len(_COLOURS):
            step = self._colours @ step
        amount = step.abs().mean((1, 2), keepdim=True).clamp(min=_FAINTEST)
        return (step / amount).clamp(-_STRONGEST, _STRONGEST).view_as(gradient)
