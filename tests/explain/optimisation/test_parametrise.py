import numpy as np
import pytest
import torch

from lightning_viz.explain.optimisation.parametrise import FourierImage, MacoImage, PixelImage, magnitude_spectrum


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


def coloured(count, height, width, channels=3):
    """Pictures with large forms and fine ones, each of its own colour."""
    generator = torch.Generator().manual_seed(5)
    coarse = torch.rand(count, channels, 3, 3, generator=generator)
    fine = torch.rand(count, channels, height, width, generator=generator)
    return 0.7 * torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear") + 0.3 * fine


SIZES = [(8, 8), (9, 7), (6, 11), (7, 10)]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES)
def test_the_spectrum_is_the_mean_magnitude_of_decorrelated_colours(channels, size):
    pixels = coloured(4, *size, channels).double().numpy()
    if channels == 3:
        colours = np.array([[0.26, 0.09, 0.02], [0.27, 0.0, -0.05], [0.27, -0.09, 0.03]])
        colours /= np.linalg.norm(colours, axis=0).max()
        pixels = np.einsum("ij,njhw->nihw", np.linalg.inv(colours), pixels)
    expected = np.abs(np.fft.rfft2(pixels, norm="ortho"))
    found = magnitude_spectrum(coloured(4, *size, channels))
    assert np.allclose(found.abs()[:, 1:], expected.mean(0)[:, 1:], atol=1e-4)
    mean = pixels.mean((0, 2, 3)) * np.sqrt(size[0] * size[1])
    assert np.allclose(found[:, 0, 0], mean, atol=1e-4)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES)
def test_every_picture_has_the_spectrum_that_was_given(channels, size):
    spectrum = magnitude_spectrum(coloured(5, *size, channels))
    start = coloured(1, *size, channels)
    for picture in (
        MacoImage.from_noise((channels, *size), [3, 4], spectrum=spectrum),
        MacoImage.from_pixels(start, spectrum=spectrum),
    ):
        with torch.no_grad():
            picture.coefficients.add_(torch.randn(picture.coefficients.shape))
        for one in picture.pixels().detach():
            assert torch.allclose(magnitude_spectrum(one[None]), spectrum, atol=2e-4 * float(spectrum.max()))


@pytest.mark.parametrize("size", [(9, 7), (11, 15)])  # of even sides the finest stripes have no phase
def test_phases_of_a_picture_under_its_own_spectrum_are_the_picture(size):
    start = coloured(1, *size)
    found = MacoImage.from_pixels(start, spectrum=magnitude_spectrum(start)).pixels()
    assert torch.allclose(found, start, atol=1e-4)


def test_gradients_reach_phases_alone():
    spectrum = magnitude_spectrum(coloured(3, 8, 10)).requires_grad_()
    before = spectrum.detach().clone()
    picture = MacoImage.from_noise((3, 8, 10), spectrum=spectrum.detach())
    loss = (picture.pixels() * torch.randn(1, 3, 8, 10)).sum()
    (gradient,) = torch.autograd.grad(loss, picture.coefficients)
    assert gradient.shape == (1, 3, 8, 6)
    assert gradient[..., 1:-1].abs().min() > 0
    assert gradient[..., 0, 0].abs().max() == 0  # the mean colour
    torch.optim.Adam([picture.coefficients]).step()
    assert torch.equal(spectrum.detach(), before)


def test_phases_by_chance_are_fixed_by_their_seed():
    spectrum = magnitude_spectrum(coloured(3, 8, 8))
    first = MacoImage.from_noise((3, 8, 8), [4, 5, 4], spectrum=spectrum).pixels().detach()
    torch.manual_seed(99)
    assert torch.equal(MacoImage.from_noise((3, 8, 8), [4], spectrum=spectrum).pixels(), first[:1])
    assert torch.equal(first[0], first[2])
    assert not torch.equal(first[0], first[1])


def test_a_spectrum_of_pictures_of_another_size_is_refused():
    spectrum = magnitude_spectrum(coloured(1, 8, 8))
    with pytest.raises(ValueError, match=r"Expected spectrum \(3, 8, 6\).*received \(3, 8, 5\)"):
        MacoImage.from_noise((3, 8, 10), spectrum=spectrum)
