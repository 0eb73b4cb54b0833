import numpy as np
import pytest
import torch

from lightning_viz.explain.optimisation.parametrise import FourierImage, PixelImage


def reference(spectrum, height, width):
    """The formula in numpy, pixel by pixel colours and all."""
    frequencies = np.sqrt(np.fft.fftfreq(height)[:, None] ** 2 + np.fft.rfftfreq(width)[None] ** 2)
    published = 1 / np.maximum(frequencies, 1 / max(width, height))
    scale = published**1.5 * np.sqrt((published**2).sum() / (published**3).sum())
    image = np.fft.irfft2(scale * (spectrum[..., 0] + 1j * spectrum[..., 1]), s=(height, width), norm="ortho") / 2
    if image.shape[1] == 3:
        colours = np.array([[0.26, 0.09, 0.02], [0.27, 0.0, -0.05], [0.27, -0.09, 0.03]])
        colours /= np.linalg.norm(colours, axis=0).max()
        image = np.moveaxis(np.moveaxis(image, 1, -1) @ colours.T, -1, 1)
    return 1 / (1 + np.exp(-image))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(8, 8), (9, 7), (6, 11)])
def test_fourier_image_follows_the_formula(channels, size):
    spectrum = torch.randn(2, channels, size[0], size[1] // 2 + 1, 2, generator=torch.Generator().manual_seed(0))
    found = FourierImage(spectrum, size).pixels().detach()
    assert found.shape == (2, channels, *size)
    assert np.allclose(found, reference(spectrum.double().numpy(), *size), atol=1e-5)


@pytest.mark.parametrize(("channels", "size"), [(3, (16, 16)), (1, (9, 7)), (3, (6, 11))])
def test_fourier_image_starts_from_given_pixels(channels, size):
    pixels = torch.rand(2, channels, *size, generator=torch.Generator().manual_seed(0))
    found = FourierImage.from_pixels(pixels).pixels()
    assert torch.allclose(found, pixels.clamp(1e-3, 1 - 1e-3), atol=1e-3)


def test_noise_is_faint_and_fixed_by_its_seed():
    first = FourierImage.from_noise((3, 32, 32), [4, 5, 4]).pixels().detach()
    torch.manual_seed(99)
    assert torch.equal(FourierImage.from_noise((3, 32, 32), [4]).pixels(), first[:1])
    assert torch.equal(first[0], first[2])
    assert not torch.equal(first[0], first[1])
    assert first.mean().item() == pytest.approx(0.5, abs=0.05)
    assert 0 < first.std() < 0.1


def test_coefficients_are_leaves_apart_from_what_they_started_from():
    start = torch.rand(1, 3, 8, 8)
    for picture in (PixelImage(start), FourierImage.from_pixels(start), FourierImage.from_noise((3, 8, 8))):
        assert picture.coefficients.is_leaf
        assert picture.coefficients.requires_grad
        picture.coefficients.data.zero_()
    assert start.min() >= 0
    assert start.max() > 0


def test_pixel_image_is_its_start():
    start = torch.rand(1, 3, 8, 8)
    assert torch.equal(PixelImage(start).pixels(), start)
