from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.ndimage import fourier_gaussian
from torch import nn
from torch.nn import functional as F

from lightning_viz.explain.network.layers import layer_output
from lightning_viz.explain.optimisation.dream import dream
from lightning_viz.explain.optimisation.octave import resemblance, shifted, unshifted


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    parts = [nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 12, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear(12 * 16 * 16, 4)).eval().requires_grad_(False)


@pytest.fixture
def features(network):
    return lambda images: layer_output(network, network[4], images)


def photographs(count=2, height=32, width=32):
    coarse = torch.rand(count, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    return F.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)


def norms(features, pixels):
    return features(pixels).flatten(1).norm(dim=1)


def resized(pixels, size):
    return F.interpolate(pixels, size, mode="bilinear", antialias=True)


@pytest.mark.parametrize("canvas", [None, 96, (40, 61)])
def test_raises_the_norm_of_the_layer(features, canvas):
    pixels = photographs()
    found = dream(features, pixels, canvas=canvas)
    size = {None: (32, 32), 96: (96, 96)}.get(canvas, canvas)
    assert found.shape == (2, 3, *size)
    assert found.min() >= 0
    assert found.max() <= 1
    assert (norms(features, found) > 1.05 * norms(features, resized(pixels, size))).all()


def test_canvas_keeps_the_aspect_of_the_longer_side(features):
    assert dream(features, photographs(1, 20, 33), canvas=66, iterations=1).shape == (1, 3, 40, 66)
    assert dream(features, photographs(1, 33, 20), canvas=21, iterations=1).shape == (1, 3, 21, 13)


def test_without_iterations_it_resizes(features):
    pixels = photographs()
    assert torch.allclose(dream(features, pixels, iterations=0), pixels, atol=1e-6)
    assert torch.allclose(dream(features, pixels, canvas=50, iterations=0), resized(pixels, (50, 50)), atol=1e-6)


def test_one_plain_step_is_the_gradient_of_the_norm(features):
    pixels = photographs().mul(0.8).add(0.1)
    x = pixels.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(norms(features, x).sum(), x)
    options = {"octaves": 1, "iterations": 1, "jitter": 0, "step": 0.01}
    found = dream(features, pixels, normalize_gradient=False, **options)
    assert torch.allclose(found, pixels + 0.01 * gradient, atol=1e-6)


def balanced(gradient):
    """Bands of widths at equal strength, mixed by the square root of the colours' covariance, scaled to 1, clipped."""
    widths = (0.7, 1.4, 2.8, 5.6, 11.2)
    spectrum = np.fft.fft2(gradient.numpy())
    smooth = [np.fft.ifft2(fourier_gaussian(spectrum, (0, 0, s, s))).real for s in widths]
    bands = [torch.from_numpy(finer - coarser) for finer, coarser in pairwise(smooth)]
    mixed = sum(band / band.square().mean((1, 2, 3), keepdim=True).sqrt() for band in bands)
    colours = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0, -0.05], [0.27, -0.09, 0.03]], dtype=torch.float64)
    values, vectors = torch.linalg.eigh(colours @ colours.T)
    root = vectors @ (values / values.max()).sqrt().diag() @ vectors.T
    step = torch.einsum("ij,njhw->nihw", root, mixed)
    return (step / step.abs().mean((1, 2, 3), keepdim=True)).clamp(-4, 4)


@pytest.mark.parametrize("size", [(32, 32), (33, 20)])
def test_one_step_is_the_balanced_gradient(features, size):
    pixels = photographs(2, *size).mul(0.8).add(0.1)
    x = pixels.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(features(x).square().sum(), x)
    found = dream(features, pixels, octaves=1, iterations=1, jitter=0, step=0.01)
    assert torch.allclose(found, (pixels + 0.01 * balanced(gradient.double())).clamp(0, 1).float(), atol=1e-4)


def test_rounding_is_no_detail():
    pixels = photographs(1).mul(0.1).add(0.4)
    found = dream(lambda x: x.mean((2, 3)), pixels, octaves=1, iterations=1, jitter=0)
    assert torch.allclose(found, pixels, atol=1e-4)  # the same gradient everywhere: brighter or darker, no detail


@pytest.mark.parametrize("amount", [-7, -1, 0, 3, 8])
def test_a_shift_mirrors_and_its_gradient_comes_back(amount):
    image = torch.rand(2, 3, 9, 5, requires_grad=True)
    moved = shifted(image, amount, 2)
    padded = F.pad(image, (0, 0, 8, 8), mode="reflect")
    assert torch.equal(moved, padded[:, :, 8 - amount : 17 - amount])
    weights = torch.rand_like(moved)
    (expected,) = torch.autograd.grad((moved * weights).sum(), image)
    assert torch.allclose(unshifted(weights, amount, 2), expected)


@pytest.mark.parametrize("only", [None, (16, 16)])
def test_one_plain_step_in_tiles_is_the_gradient_of_all_tiles(features, only):
    # A picture of one colour stays the same when moved, so only the gradient's place depends on the shift.
    pixels = torch.tensor([[0.3, 0.5, 0.7], [0.6, 0.2, 0.4]])[..., None, None].expand(2, 3, 32, 48)
    x = pixels.clone().requires_grad_()
    tiles = [features(x[..., i : i + 16, j : j + 16]).flatten(1) for i in (0, 16) for j in (0, 16, 32)]
    (gradient,) = torch.autograd.grad(torch.cat(tiles, 1).norm(dim=1).sum(), x)
    options = {"octaves": 1, "iterations": 1, "step": 0.1, "tile": 16, "only": only, "normalize_gradient": False}
    change = (dream(features, pixels, **options) - pixels) / 0.1
    shifts = [(i, j) for i in range(-8, 9) for j in range(-8, 9)]
    back = [unshifted(unshifted(gradient, j, 3), i, 2) for i, j in shifts]
    assert any(torch.allclose(change, expected, atol=1e-5) for expected in back)


def test_a_layer_of_one_input_size_dreams_on_a_larger_canvas_in_tiles_of_that_size(network):
    pixels = photographs()
    with pytest.raises(ValueError, match="no dream on a canvas of 50 x 40"):
        dream(network, pixels, canvas=(50, 40))
    found = dream(network, pixels, canvas=(50, 40), only=(32, 32))
    assert ((found - resized(pixels, (50, 40))).abs().amax(1) > 0).float().mean() > 0.99
    with pytest.raises(ValueError, match="no dream on a canvas of 20 x 40"):
        dream(network, pixels, canvas=(20, 40), only=(32, 32))


def test_a_guided_step_raises_the_best_matches(features):
    pixels, guide = photographs(2).mul(0.8).add(0.1), photographs(3)[2:]
    x = pixels.clone().requires_grad_()
    matches = torch.stack([(f.flatten(1).T @ features(guide)[0].flatten(1)).amax(1).sum() for f in features(x)])
    (gradient,) = torch.autograd.grad(matches.sum(), x)
    options = {"octaves": 1, "iterations": 1, "jitter": 0, "step": 1e-4, "normalize_gradient": False}
    found = dream(features, pixels, guide=guide, **options)
    assert torch.allclose(found, (pixels + 1e-4 * gradient).clamp(0, 1), atol=1e-6)


def test_a_guided_dream_is_more_like_its_guide_than_a_free_one(features):
    pixels, guides = photographs(1), photographs(3)[1:]
    places = [features(guide[None])[0].flatten(1) for guide in guides]
    alike = lambda image, guide: resemblance(features(image), guide) / norms(features, image)
    free, *guided = [dream(features, pixels, guide=g) for g in (None, guides[:1], guides[1:])]
    for k in (0, 1):
        assert alike(guided[k], places[k]) > alike(free, places[k])


def test_a_guide_must_have_places(features):
    with pytest.raises(ValueError, match="one guide"):
        dream(features, photographs(), guide=photographs())


def test_tiles_leave_no_seam(features):
    """Differences between neighbouring pixels are no larger on the borders of tiles than without tiles."""
    pixels = photographs(4, 128, 128)
    options = {"iterations": 24, "octaves": 1}
    steps = {}
    for name, tile in (("tiled", 32), ("whole", 128)):
        change = dream(features, pixels, tile=tile, **options) - pixels
        steps[name] = change.diff(dim=3).square().mean((0, 1, 2)), change.diff(dim=2).square().mean((0, 1, 3))
    for tiled, whole in zip(steps["tiled"], steps["whole"], strict=True):
        ratio = tiled / whole
        seams = torch.tensor([31, 63, 95])
        elsewhere = torch.ones(127, dtype=torch.bool)
        elsewhere[seams] = False
        assert ratio[seams].mean() < 1.2 * ratio[elsewhere].mean()


def test_every_pixel_is_reached_whatever_the_tile(features):
    for tile in (7, 16, 31, 33):
        found = dream(features, photographs(1, 45, 38), tile=tile, octaves=1, iterations=8)
        assert ((found - photographs(1, 45, 38)).abs().amax(1) > 0).float().mean() > 0.99


def test_batches_and_company_change_nothing(features):
    pixels = photographs(3)
    whole = dream(features, pixels)
    assert torch.allclose(dream(features, pixels, batch_size=1), whole, atol=1e-3)
    assert torch.allclose(dream(features, pixels[1:2]), whole[1:2], atol=1e-3)


def test_same_seed_same_bytes(features):
    first = dream(features, photographs())
    torch.manual_seed(5)
    state = torch.get_rng_state()
    assert torch.equal(dream(features, photographs()), first)
    assert not torch.equal(dream(features, photographs(), seed=1), first)
    assert torch.equal(torch.get_rng_state(), state)


def test_octaves_too_small_for_the_layer_are_left_out():
    seen = []

    def picky(images):
        seen.append(min(images.shape[-2:]))
        return F.conv2d(images, torch.ones(1, 3, 30, 30))

    found = dream(picky, photographs(1, 40, 40), octaves=8, octave_scale=1.5)
    assert found.shape == (1, 3, 40, 40)
    with pytest.raises(ValueError, match="no dream on a canvas of 20 x 20 pixels"):
        dream(picky, photographs(1, 40, 40), canvas=20)


def test_a_layer_of_fixed_input_size_dreams_at_that_size(network):
    found = dream(network, photographs(), jitter=0)
    assert (norms(network, found) > norms(network, photographs())).all()


def test_no_hook_stays(network, features):
    def broken(images):
        out = features(images)
        if len(calls) > 3:
            raise KeyboardInterrupt
        calls.append(out)
        return out

    calls = []
    dream(features, photographs(1), iterations=1)
    with pytest.raises(KeyboardInterrupt):
        dream(broken, photographs(1))
    assert not any(module._forward_hooks for module in network.modules())


def test_weights_and_pixels_are_left_alone():
    layer, pixels = nn.Conv2d(3, 2, 3), photographs()
    dream(layer, pixels, iterations=2)
    assert torch.equal(pixels, photographs())
    assert layer.weight.grad is None


def test_a_dead_layer_changes_nothing():
    pixels = photographs()
    assert torch.equal(dream(lambda x: torch.relu(x - 2), pixels, octaves=1), pixels)


@pytest.mark.parametrize(
    "wrong", [{"octaves": 0}, {"octave_scale": 0.5}, {"iterations": -1}, {"jitter": -1}, {"tile": 0}, {"batch_size": 0}]
)
def test_options_out_of_range(features, wrong):
    with pytest.raises(ValueError, match=f"Expected {next(iter(wrong))} >= "):
        dream(features, photographs(), **wrong)


def test_smaller_octaves_take_as_many_steps_as_the_first():
    calls = []

    def counting(images):
        calls.append(images.shape[-1])
        return images

    dream(counting, photographs(1, 64, 64), octaves=4, octave_scale=1.5, iterations=(3, 2, 1))
    assert [calls.count(side) for side in (16, 32, 40, 64)] == [3, 3, 2, 1]
    with pytest.raises(ValueError, match="iterations"):
        dream(counting, photographs(), iterations=())


def test_wrong_pixels_or_canvas(features):
    with pytest.raises(ValueError, match=r"pixels \(N, C, H, W\)"):
        dream(features, photographs()[0])
    with pytest.raises(ValueError, match="at least 1 x 1"):
        dream(features, photographs(), canvas=(0, 8))
