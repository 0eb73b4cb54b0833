import pytest
import torch
from torch import nn

from lightning_viz.explain.network.layers import layer_output
from lightning_viz.explain.optimisation.filters import channel_outputs, coefficients_shape, maximise_channels
from lightning_viz.explain.optimisation.parametrise import magnitude_spectrum


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    parts = [nn.Conv2d(3, 8, 5, 2), nn.ReLU(), nn.Conv2d(8, 12, 3), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear(12, 4)).eval().requires_grad_(False)


def features(network, index):
    return lambda images: layer_output(network, network[index], images)


def natural(count, size, seed=0):
    """Pictures with the 1 / frequency spectrum of photographs, over the whole range of grey and colour."""
    noise = torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(seed))
    frequency = torch.hypot(torch.fft.fftfreq(size)[:, None], torch.fft.rfftfreq(size)[None]).clamp(min=1 / size)
    smooth = torch.fft.irfft2(torch.fft.rfft2(noise) / frequency, s=(size, size))
    return (0.5 + 0.25 * smooth / smooth.std((1, 2, 3), keepdim=True)).clamp(0, 1)


def normalize(pixels):
    return (pixels - 0.5) / 0.25


@pytest.mark.parametrize("parametrization", ["fourier", "pixels"])
def test_raises_its_objective(network, parametrization):
    call = features(network, 4)
    found = maximise_channels(
        call, range(12), size=(16, 20), steps=40, parametrization=parametrization, normalize=normalize
    )
    assert found.pixels.shape == (12, 3, 16, 20)
    assert (found.reached > found.start).all()
    maps = call(normalize(found.pixels))
    assert torch.allclose(found.reached, maps.mean((2, 3)).diagonal(), atol=1e-5)
    if parametrization == "fourier":
        assert found.pixels.min() >= 0
        assert found.pixels.max() <= 1


def of_phases(**options):
    spectrum = magnitude_spectrum(natural(16, 20))
    return {"size": (20, 20), "parametrization": "maco", "spectrum": spectrum, **options}


def test_phases_alone_raise_what_pictures_of_that_spectrum_say(network):
    call, options = features(network, 4), of_phases(steps=100, normalize=normalize)
    found = maximise_channels(call, range(12), **options)
    others = call(normalize(natural(200, 20, seed=1))).mean((2, 3))
    assert (found.reached > others.quantile(0.99, 0)).float().mean() > 0.9
    for one in found.pixels:
        assert torch.allclose(magnitude_spectrum(one[None]), options["spectrum"], atol=1e-3)
    assert found.coefficients.shape == (12, *coefficients_shape((3, 20, 20), "maco"))


def test_same_seed_same_phases_other_seed_other_picture(network):
    call, options = features(network, 4), of_phases(steps=4, normalize=normalize)
    found, again = (maximise_channels(call, [0, 1, 2], **options) for _ in range(2))
    assert torch.equal(again.pixels, found.pixels)
    assert not torch.equal(maximise_channels(call, [0, 1, 2], **options, seed=1).pixels, found.pixels)


def test_going_on_with_phases_keeps_the_picture(network):
    """A few more steps, however long the first ones were, do not begin anew."""
    call, options = features(network, 4), of_phases(normalize=normalize)
    first = maximise_channels(call, [0, 1, 2], steps=100, **options)
    more = maximise_channels(call, [0, 1, 2], steps=8, last=first.coefficients, **options)
    for a, b in zip(first.pixels, more.pixels, strict=True):
        assert torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1] > 0.9
    assert (more.reached > 0.9 * first.reached).all()


def test_phases_need_a_spectrum(network):
    with pytest.raises(ValueError, match="Expected spectrum= with parametrization 'maco'"):
        maximise_channels(features(network, 4), [0], size=(16, 16), parametrization="maco")


def test_beats_the_best_of_a_thousand_pictures(network):
    call = features(network, 4)
    best = call(normalize(natural(1000, 20))).mean((2, 3)).amax(0)
    found = maximise_channels(call, range(12), size=(20, 20), normalize=normalize)
    assert (found.reached > best).all()


def test_optimum_of_one_convolution_looks_like_its_weight():
    """For a linear filter that fits once, the direction of steepest ascent is the filter itself."""
    torch.manual_seed(0)
    layer = nn.Conv2d(3, 4, 9).requires_grad_(False)
    layer.weight.copy_(natural(4, 9, seed=3) - 0.5)
    found = maximise_channels(layer, range(4), size=(9, 9), steps=60, transforms=False)
    for pixels, weight in zip(found.pixels, layer.weight, strict=True):
        assert torch.corrcoef(torch.stack([pixels.flatten(), weight.flatten()]))[0, 1] > 0.6


def test_same_seed_same_bytes_other_seed_other_picture(network):
    def run(seed):
        return maximise_channels(features(network, 4), [1, 5], size=(20, 20), steps=10, seed=seed).pixels

    first = run(0)
    torch.manual_seed(123)
    state = torch.get_rng_state()
    assert torch.equal(run(0), first)
    assert not torch.equal(run(1), first)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("start", [None, torch.rand(5, 3, 20, 20), torch.rand(3, 20, 20)])
def test_batches_and_company_change_nothing(network, start):
    call, options = features(network, 4), {"size": (20, 20), "steps": 8}
    whole = maximise_channels(call, [3, 0, 7, 7, 2], start=start, **options)
    parts = maximise_channels(call, [3, 0, 7, 7, 2], start=start, batch_size=2, **options)
    assert torch.allclose(whole.pixels, parts.pixels, atol=1e-3)
    assert torch.allclose(whole.reached, parts.reached, atol=1e-3)
    alone = maximise_channels(call, [7], start=start if start is None or start.ndim == 3 else start[2], **options)
    assert torch.allclose(alone.pixels, whole.pixels[2:3], atol=1e-3)


def test_going_on_from_the_last_picture_goes_on_rising(network):
    call = features(network, 4)
    first = maximise_channels(call, [0, 1], size=(20, 20), steps=30)
    more = maximise_channels(call, [0, 1], size=(20, 20), steps=30, start=first.pixels)
    assert torch.allclose(more.start, first.reached, rtol=0.05)
    assert (more.reached > first.reached).all()


def test_sum_is_the_mean_times_the_places(network):
    mean = maximise_channels(features(network, 0), [2], size=(21, 17), steps=0)
    total = maximise_channels(features(network, 0), [2], size=(21, 17), steps=0, reduce="sum")
    assert torch.allclose(total.start, mean.start * 9 * 7, rtol=1e-4)


def test_grey_pictures_and_units_of_a_dense_layer(network):
    torch.manual_seed(0)
    grey = nn.Conv2d(1, 2, 3).requires_grad_(False)
    assert maximise_channels(grey, [1], size=(8, 8), image_channels=1, steps=2).pixels.shape == (1, 1, 8, 8)
    found = maximise_channels(network, [3], size=(11, 11), steps=20)
    assert found.reached.item() == pytest.approx(network(found.pixels)[0, 3].item(), abs=1e-5)
    assert found.reached > found.start


def test_a_channel_dead_at_the_start_comes_alive():
    layer = nn.Conv2d(3, 1, 3).requires_grad_(False)
    layer.weight.fill_(0.05)
    layer.bias.fill_(-0.8)  # mid-grey gives -0.125, below the threshold everywhere
    found = maximise_channels(lambda x: torch.relu(layer(x)), [0], size=(16, 16), steps=60)
    assert found.start == 0
    assert found.reached > 0.1


def test_channel_outputs_are_the_layers(network):
    images = torch.rand(2, 3, 16, 16)
    found = channel_outputs(features(network, 4), images, [5, 0])
    assert torch.equal(found, network[:5](images)[:, [5, 0]])
    assert not found.requires_grad


def test_wrong_channels_layers_and_options(network):
    call = features(network, 4)
    with pytest.raises(ValueError, match=r"Expected channels from 0 to 11, received \[12, -1\]: the layer has 12"):
        maximise_channels(call, [0, 12, -1], size=(16, 16))
    with pytest.raises(ValueError, match=r"received \[99\]"):
        channel_outputs(call, torch.rand(1, 3, 16, 16), [99])
    with pytest.raises(ValueError, match="spatial extent"):
        channel_outputs(nn.Flatten(), torch.rand(1, 3, 16, 16), [0])
    with pytest.raises(ValueError, match=r"\(N, D, h, w\) or \(N, D\)"):
        maximise_channels(lambda x: x.flatten(2), [0], size=(16, 16))
    wrongs = [{"parametrization": "x"}, {"reduce": "x"}, {"batch_size": 0}, {"start": torch.rand(1, 3, 4, 4)}]
    for wrong in wrongs:
        with pytest.raises(ValueError, match=f"Expected {next(iter(wrong))}"):
            maximise_channels(call, [0], size=(16, 16), **wrong)
    with pytest.raises(ValueError, match="at least one channel"):
        maximise_channels(call, [], size=(16, 16))
