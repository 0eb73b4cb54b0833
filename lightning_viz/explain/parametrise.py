"""Ways to write down a picture so that gradient ascent on it finds something to look at."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

_COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
_CONTRAST = 4.0  # the published images divide by it before the sigmoid
_EDGE = 1e-3  # black and white lie at infinity under the inverse sigmoid


class Picture(Protocol):
    """A batch of pictures made from tensors that an optimiser may change."""

    @property
    def parameters(self) -> list[Tensor]:
        """Leaf tensors that require gradients."""

    def pixels(self) -> Tensor:
        """(N, C, H, W), differentiable with respect to the parameters."""


class PixelImage:
    """Every pixel for itself, without bounds: ascent may leave [0, 1], so scale or clamp the result to see it.

    Args:
        start: (N, C, H, W) pixels to start from; not changed.
    """

    def __init__(self, start: Tensor) -> None:
        self._pixels = start.detach().clone().float().requires_grad_()

    @property
    def parameters(self) -> list[Tensor]:
        """The pixels."""
        return [self._pixels]

    def pixels(self) -> Tensor:
        """(N, C, H, W), unbounded."""
        return self._pixels


class FourierImage:
    """Colour-decorrelated Fourier coefficients: all frequencies rise alike, so noise does not drown the form.

    The picture is sigmoid(colour matrix x inverse FFT(spectrum x scale)) with scale 1 / frequency ** decay, after
    "Feature Visualization" (Olah et al., Distill, 2017). Pictures with other than three channels need no colours.

    Args:
        spectrum: (N, C, H, W // 2 + 1, 2) real and imaginary parts; not changed.
        size: (H, W) of the picture.
        decay: How much weaker high frequencies start.
    """

    def __init__(self, spectrum: Tensor, size: tuple[int, int], *, decay: float = 1.0) -> None:
        self._spectrum = spectrum.detach().clone().float().requires_grad_()
        self._size = size
        self._scale = _scale(size, decay).to(spectrum.device)
        self._colours = _colours(spectrum.shape[1]).to(spectrum.device)

    @classmethod
    def from_noise(
        cls, shape: tuple[int, int, int, int], *, seed: int = 0, device: torch.device | str | None = None
    ) -> FourierImage:
        """Starts every one of the N pictures (N, C, H, W) from the same faint noise around grey.

        >>> FourierImage.from_noise((2, 3, 8, 8)).pixels().shape
        torch.Size([2, 3, 8, 8])
        """
        count, channels, height, width = shape
        generator = torch.Generator().manual_seed(seed)
        one = torch.randn(channels, height, width // 2 + 1, 2, generator=generator, dtype=torch.float32)
        return cls((0.01 * one).expand(count, *one.shape).to(device or "cpu"), (height, width))

    @classmethod
    def from_pixels(cls, pixels: Tensor, *, decay: float = 1.0) -> FourierImage:
        """Starts from pictures (N, C, H, W) in [0, 1], black and white being softened by a thousandth."""
        size = (pixels.shape[-2], pixels.shape[-1])
        flat = torch.logit(pixels.detach().float().clamp(_EDGE, 1 - _EDGE)) * _CONTRAST
        mixed = _mix(torch.linalg.inv(_colours(pixels.shape[1])).to(pixels.device), flat)
        scale = _scale(size, decay).to(pixels.device)
        return cls(torch.view_as_real(torch.fft.rfft2(mixed, norm="ortho") / scale), size, decay=decay)

    @property
    def parameters(self) -> list[Tensor]:
        """The spectrum."""
        return [self._spectrum]

    def pixels(self) -> Tensor:
        """(N, C, H, W) in [0, 1]."""
        spectrum = torch.view_as_complex(self._spectrum) * self._scale
        image = torch.fft.irfft2(spectrum, s=self._size, norm="ortho") / _CONTRAST
        return _mix(self._colours, image).sigmoid()


def _scale(size: tuple[int, int], decay: float) -> Tensor:
    height, width = size
    vertical = torch.fft.fftfreq(height, dtype=torch.float32)[:, None]
    frequency = torch.hypot(vertical, torch.fft.rfftfreq(width, dtype=torch.float32)[None])
    return 1.0 / frequency.clamp(min=1.0 / max(size)) ** decay


def _mix(matrix: Tensor, image: Tensor) -> Tensor:
    return torch.einsum("ij,njhw->nihw", matrix, image)


def _colours(channels: int) -> Tensor:
    if channels != 3:
        return torch.eye(channels, dtype=torch.float32)
    colours = torch.tensor(_COLOURS, dtype=torch.float32)
    largest: Tensor = torch.linalg.vector_norm(colours, dim=0).max()
    return colours / largest
