"""Ways to write down a picture so that gradient ascent on it finds something to look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

_COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
_CONTRAST = 2.0  # divides before the sigmoid; with the published 4 pictures stay pale
_DECAY = 1.5  # published: 1
_EDGE = 1e-3  # black and white lie at infinity under the inverse sigmoid
_RADIANS = 20.0  # per unit of a phase's coefficient, so that the step that suits the others, .05, is one radian


class Picture(Protocol):
    """A batch of pictures made from coefficients that an optimiser may change."""

    @property
    def coefficients(self) -> Tensor:
        """(N, ...), a leaf tensor that requires gradients."""

    def pixels(self) -> Tensor:
        """(N, C, H, W), differentiable with respect to the coefficients."""


class PixelImage:
    """Every pixel for itself, without bounds: ascent may leave [0, 1], so scale or clamp the result to see it.

    Args:
        start: (N, C, H, W) pixels to start from; not changed.
    """

    def __init__(self, start: Tensor) -> None:
        self._pixels = start.detach().clone().float().requires_grad_()

    @classmethod
    def from_noise(
        cls, shape: tuple[int, int, int], seeds: Sequence[int] = (0,), *, device: torch.device | str | None = None
    ) -> PixelImage:
        """Starts from independent pixels in [0, 1), one picture (C, H, W) per seed."""
        return cls(_noise(lambda g: torch.rand(shape, generator=g, dtype=torch.float32), seeds).to(device or "cpu"))

    @classmethod
    def from_pixels(cls, pixels: Tensor) -> PixelImage:
        """Starts from pictures (N, C, H, W)."""
        return cls(pixels)

    @property
    def coefficients(self) -> Tensor:
        """The pixels."""
        return self._pixels

    def pixels(self) -> Tensor:
        """(N, C, H, W), unbounded."""
        return self._pixels


class FourierImage:
    """Colour-decorrelated Fourier coefficients: all frequencies rise alike, so noise does not drown the form.

    The picture is sigmoid(colour matrix x inverse FFT(spectrum x scale)), after "Feature Visualization" (Olah et al.,
    Distill, 2017), with scale 1 / frequency ** 1.5, as strong in all as the published 1 / frequency: on networks of
    today that gives large forms in colour where the published one gives fine texture on grey, and objectives that are
    as high or higher. Pictures with other than three channels need no colours.

    Args:
        spectrum: (N, C, H, W // 2 + 1, 2) real and imaginary parts; not changed.
        size: (H, W) of the picture.
    """

    def __init__(self, spectrum: Tensor, size: tuple[int, int]) -> None:
        self._spectrum = spectrum.detach().clone().float().requires_grad_()
        self._size = size
        self._scale = _scale(size).to(spectrum.device)
        self._colours = _colours(spectrum.shape[1]).to(spectrum.device)

    @classmethod
    def from_noise(
        cls, shape: tuple[int, int, int], seeds: Sequence[int] = (0,), *, device: torch.device | str | None = None
    ) -> FourierImage:
        """Starts from faint noise around grey, one picture (C, H, W) per seed.

        >>> FourierImage.from_noise((3, 8, 8), [0, 1]).pixels().shape
        torch.Size([2, 3, 8, 8])
        """
        channels, height, width = shape
        half = (channels, height, width // 2 + 1, 2)
        noise = _noise(lambda g: torch.randn(half, generator=g, dtype=torch.float32), seeds)
        return cls((0.01 * noise).to(device or "cpu"), (height, width))

    @classmethod
    def from_pixels(cls, pixels: Tensor) -> FourierImage:
        """Starts from pictures (N, C, H, W) in [0, 1], black and white being softened by a thousandth."""
        size = (pixels.shape[-2], pixels.shape[-1])
        flat = torch.logit(pixels.detach().float().clamp(_EDGE, 1 - _EDGE)) * _CONTRAST
        mixed = _decorrelated(flat)
        scale = _scale(size).to(pixels.device)
        return cls(torch.view_as_real(torch.fft.rfft2(mixed, norm="ortho") / scale), size)

    @property
    def coefficients(self) -> Tensor:
        """The spectrum."""
        return self._spectrum

    def pixels(self) -> Tensor:
        """(N, C, H, W) in [0, 1]."""
        spectrum = torch.view_as_complex(self._spectrum) * self._scale
        image = torch.fft.irfft2(spectrum, s=self._size, norm="ortho") / _CONTRAST
        return _mix(self._colours, image).sigmoid()


class MacoImage:
    """Phases under a fixed magnitude spectrum: what can be drawn with the contrasts that photographs have.

    After MACO (arXiv:2306.06805, 2023): ascent that can only move forms about, and not raise any frequency, has no
    noise to hide in, and draws what people recognise. The picture is colour matrix x inverse FFT(spectrum x
    exp(i phase)), with the mean colour of the spectrum. Long steps are part of it, as in annealing: about a radian at
    first.

    Args:
        phases: (N, C, H, W // 2 + 1), in twentieths of a radian; not changed.
        spectrum: (C, H, W // 2 + 1), see `magnitude_spectrum`.
        size: (H, W) of the picture.
    """

    def __init__(self, phases: Tensor, spectrum: Tensor, size: tuple[int, int]) -> None:
        expected = (phases.shape[1], size[0], size[1] // 2 + 1)
        if spectrum.shape != expected:
            raise ValueError(f"Expected spectrum {expected}, as of pictures {size}, received {tuple(spectrum.shape)}.")
        self._phases = phases.detach().clone().float().requires_grad_()
        self._spectrum = spectrum.to(phases.device)
        self._size = size
        self._colours = _colours(phases.shape[1]).to(phases.device)

    @classmethod
    def from_noise(
        cls,
        shape: tuple[int, int, int],
        seeds: Sequence[int] = (0,),
        *,
        spectrum: Tensor,
        device: torch.device | str | None = None,
    ) -> MacoImage:
        """Starts from phases by chance, one picture (C, H, W) per seed."""
        channels, height, width = shape
        half = (channels, height, width // 2 + 1)
        noise = _noise(lambda g: torch.rand(half, generator=g, dtype=torch.float32), seeds)
        return cls((2 * noise - 1).to(device or "cpu") * torch.pi / _RADIANS, spectrum, (height, width))

    @classmethod
    def from_pixels(cls, pixels: Tensor, *, spectrum: Tensor) -> MacoImage:
        """Starts from the phases of pictures (N, C, H, W) in [0, 1]; their contrasts become those of the spectrum."""
        found = torch.fft.rfft2(_decorrelated(pixels))
        return cls(found.angle() / _RADIANS, spectrum, (pixels.shape[-2], pixels.shape[-1]))

    @property
    def coefficients(self) -> Tensor:
        """The phases."""
        return self._phases

    def pixels(self) -> Tensor:
        """(N, C, H, W), unbounded, though few of them lie far outside [0, 1]."""
        phases = _odd(self._phases * _RADIANS, self._size[1])
        turned = self._spectrum * torch.polar(torch.ones_like(phases), phases)
        return _mix(self._colours, torch.fft.irfft2(turned, s=self._size, norm="ortho"))


def magnitude_spectrum(pixels: Tensor) -> Tensor:
    """The mean magnitude of every frequency in pictures, their colours decorrelated: what `MacoImage` keeps to.

    Args:
        pixels: (N, C, H, W) in [0, 1], for example photographs of the training.

    Returns:
        Float32 (C, H, W // 2 + 1), at least 0, but for the frequency 0, which is the mean colour with its sign.

    >>> magnitude_spectrum(torch.full((1, 1, 2, 2), 0.5))
    tensor([[[1., 0.],
             [0., 0.]]])
    """
    found = torch.fft.rfft2(_decorrelated(pixels), norm="ortho")
    spectrum: Tensor = found.abs().mean(0)
    spectrum[:, 0, 0] = found[:, :, 0, 0].real.mean(0)
    return spectrum


def _decorrelated(pixels: Tensor) -> Tensor:
    return _mix(torch.linalg.inv(_colours(pixels.shape[1])).to(pixels.device), pixels.detach().float())


def _odd(phases: Tensor, width: int) -> Tensor:
    """Phases as those of a real picture: opposite at opposite frequencies, where half a spectrum has both of them.

    A frequency that is its own opposite, 0 and the finest stripes of even sides, has none.
    """
    opposite = phases.flip(-2).roll(1, -2)
    both = torch.zeros(phases.shape[-1], dtype=torch.bool, device=phases.device)
    both[0] = True
    if width % 2 == 0:
        both[-1] = True
    return torch.where(both, (phases - opposite) / 2, phases)


def _noise(draw: Callable[[torch.Generator], Tensor], seeds: Sequence[int]) -> Tensor:
    """(N, ...), float32: what is drawn from each seed."""
    drawn = {seed: draw(torch.Generator().manual_seed(seed)) for seed in set(seeds)}
    return torch.stack([drawn[seed] for seed in seeds])


def _scale(size: tuple[int, int]) -> Tensor:
    height, width = size
    vertical = torch.fft.fftfreq(height, dtype=torch.float32)[:, None]
    frequency = torch.hypot(vertical, torch.fft.rfftfreq(width, dtype=torch.float32)[None]).clamp(min=1.0 / max(size))
    published, ours = 1.0 / frequency, 1.0 / frequency**_DECAY
    scale: Tensor = ours * torch.linalg.vector_norm(published) / torch.linalg.vector_norm(ours)
    return scale


def _mix(matrix: Tensor, image: Tensor) -> Tensor:
    return torch.einsum("ij,njhw->nihw", matrix, image)


def _colours(channels: int) -> Tensor:
    if channels != 3:
        return torch.eye(channels, dtype=torch.float32)
    colours = torch.tensor(_COLOURS, dtype=torch.float32)
    largest: Tensor = torch.linalg.vector_norm(colours, dim=0).max()
    return colours / largest
