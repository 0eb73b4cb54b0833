"""Every method on volumes, against slow loops, hand calculations and other libraries."""

import math
from itertools import product

import captum.attr
import numpy as np
import pytest
import torch
from balls import Balls, ByFrame, Deep
from scipy.ndimage import gaussian_filter, label
from skimage.metrics import structural_similarity as reference_ssim
from torch import nn

from lightning_viz.explain.attribution.baselines import baseline, blurred
from lightning_viz.explain.attribution.gradcam import grad_cam, upsampled
from lightning_viz.explain.attribution.gradients import input_gradient
from lightning_viz.explain.attribution.integrated import integrated_gradients
from lightning_viz.explain.attribution.occlusion import occlusion
from lightning_viz.explain.attribution.smooth import smooth_gradient
from lightning_viz.explain.lime.explain import explain
from lightning_viz.explain.lime.masks import draw_masks
from lightning_viz.explain.lime.superpixels import perturb, superpixels
from lightning_viz.explain.measures.faithfulness import faithful_curves, moved
from lightning_viz.explain.measures.imputation import imputed
from lightning_viz.explain.measures.similarity import entropy, structural_similarity
from lightning_viz.explain.network.defaults import default_layers
from lightning_viz.explain.optimisation.filters import channel_outputs

SIZE = (4, 5, 6)


@pytest.fixture
def volumes():
    return torch.rand(2, 2, *SIZE, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def network():
    torch.manual_seed(5)
    return Deep(channels=2).eval().requires_grad_(False)


@pytest.fixture
def linear():
    weight = torch.randn(3, 2 * math.prod(SIZE), generator=torch.Generator().manual_seed(1))
    return lambda x: x.flatten(1) @ weight.T, weight.view(3, 2, *SIZE)


TARGETS = torch.tensor([2, 0])


def test_gradients_of_a_linear_network_are_its_weights(volumes, linear):
    scores, weight = linear
    assert torch.equal(input_gradient(scores, volumes, TARGETS), weight[TARGETS])
    smooth = smooth_gradient(scores, volumes, TARGETS, samples=3)
    assert torch.allclose(smooth, weight[TARGETS], atol=1e-6)
    found, delta = integrated_gradients(scores, volumes, TARGETS, [0 * volumes], steps=2)
    assert torch.allclose(found, weight[TARGETS] * volumes, atol=1e-5)
    assert delta.abs().max() < 1e-4


def test_occlusion_is_what_a_plain_loop_finds(volumes, network):
    window, stride = (2, 3, 2), (1, 2, 2)
    cover = baseline("mean", volumes, black=torch.zeros(2, 1, 1, 1), white=torch.ones(2, 1, 1, 1))
    assert torch.allclose(cover[1, 0], volumes[1, 0].mean().expand(SIZE))
    starts = [range(0, -(-(n - w) // s) * s + 1, s) for n, w, s in zip(SIZE, window, stride, strict=True)]
    for i, k in enumerate(TARGETS.tolist()):
        lost, times, whole = torch.zeros(SIZE), torch.zeros(SIZE), network(volumes[i : i + 1])[0, k]
        for corner in product(*starts):
            where = tuple(slice(at, at + w) for at, w in zip(corner, window, strict=True))
            one = volumes[i : i + 1].clone()
            one[(slice(None), slice(None), *where)] = cover[i : i + 1][(slice(None), slice(None), *where)]
            lost[where] += whole - network(one)[0, k]
            times[where] += 1
        found = occlusion(network, volumes, TARGETS, cover, window=window, stride=stride)
        assert torch.allclose(found[i], lost / times, atol=1e-5)


def test_captum_says_the_same(volumes, network):
    x = volumes.clone().requires_grad_()
    saliency = captum.attr.Saliency(network).attribute(x, target=TARGETS, abs=False)
    assert torch.allclose(input_gradient(network, volumes, TARGETS), saliency, atol=1e-6)
    covered = captum.attr.Occlusion(network).attribute(volumes, (2, 2, 2, 2), strides=(2, 2, 2, 2), target=TARGETS)
    own = occlusion(network, volumes, TARGETS, 0 * volumes, window=(2, 2, 2), stride=(2, 2, 2))
    inner = (slice(None), slice(0, 4), slice(0, 4), slice(0, 6))  # captum's last window is smaller there
    assert torch.allclose(own[inner], covered.mean(1)[inner], atol=1e-5)
    integrated = captum.attr.IntegratedGradients(network).attribute(
        volumes, target=TARGETS, n_steps=12, method="gausslegendre"
    )
    assert torch.allclose(
        integrated_gradients(network, volumes, TARGETS, [0 * volumes], steps=12).values, integrated, atol=1e-5
    )
    cam = captum.attr.LayerGradCam(network, network[4]).attribute(volumes, target=TARGETS, relu_attributions=True)
    assert torch.allclose(grad_cam(network, network[4], volumes, TARGETS), cam[:, 0], atol=1e-6)


def test_grad_cam_of_frames_that_went_one_by_one(volumes):
    torch.manual_seed(0)
    net = ByFrame(channels=2).eval().requires_grad_(False)
    scores = lambda x: net(x.transpose(1, 2))
    layer, first, rest = net.frames[4], nn.Sequential(*list(net.frames)[:5]), nn.Sequential(*list(net.frames)[5:])
    found = grad_cam(scores, layer, volumes, TARGETS)
    for i, k in enumerate(TARGETS.tolist()):
        outputs = first(volumes[i].transpose(0, 1)).requires_grad_()
        (gradient,) = torch.autograd.grad(rest(outputs).mean(0)[k], outputs)
        expected = torch.einsum("d,tdhw->thw", gradient.mean((0, 2, 3)), outputs).relu()
        assert torch.allclose(found[i], expected, atol=1e-6)
    # A network that folds time before the images finds the same: one goes after the other.
    swapped = lambda x: net.frames(x.permute(2, 0, 1, 3, 4).flatten(0, 1)).view(SIZE[0], len(x), -1).mean(0)
    assert torch.allclose(grad_cam(swapped, layer, volumes, TARGETS), found, atol=1e-6)


def test_the_default_layer_is_the_last_that_tells_of_places(network):
    assert default_layers(network, network, torch.rand(1, 2, *SIZE)).spatial == "4"
    net = ByFrame().eval().requires_grad_(False)
    assert default_layers(lambda x: net(x.transpose(1, 2)), net, torch.rand(1, 3, 4, 8, 8)).spatial == "frames.4"


def test_maps_are_enlarged_along_all_sides():
    ramp = torch.arange(4.0).view(1, 4, 1, 1).expand(1, 4, 2, 2)
    fine = upsampled(ramp, (8, 4, 4))[0]
    assert fine.shape == (8, 4, 4)
    assert torch.allclose(fine[:, 0, 0], torch.tensor([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.0]))


def test_the_blur_is_gaussian_along_all_sides(volumes):
    found = blurred(volumes, 1.0)
    expected = gaussian_filter(volumes.numpy(), (0, 0, 1, 1, 1), mode="nearest", radius=(0, 0, 3, 3, 3))
    assert np.allclose(found.numpy(), expected, atol=1e-5)


def test_the_chunks_of_a_layer_do_not_change_its_outputs(volumes, network):
    first = nn.Sequential(*list(network)[:5])
    assert torch.allclose(channel_outputs(first, volumes, [1, 4]), first(volumes)[:, [1, 4]], atol=1e-6)


def test_imputation_solves_for_all_neighbours_at_once(volumes):
    gone = torch.rand(1, *SIZE, generator=torch.Generator().manual_seed(2)) < 0.3
    found = imputed(volumes[0], gone)[0, 0]
    weight = {1: 4 / 56, 2: 2 / 56, 3: 1 / 56}
    low, high = volumes[0].min(), volumes[0].max()
    for place in gone[0].nonzero().tolist():
        total, seen = 0.0, 0.0
        for step in product((-1, 0, 1), repeat=3):
            near = tuple(p + s for p, s in zip(place, step, strict=True))
            if any(step) and all(0 <= n < size for n, size in zip(near, SIZE, strict=True)):
                total += weight[sum(map(abs, step))] * float(found[near])
                seen += weight[sum(map(abs, step))]
        assert float(found[tuple(place)]) == pytest.approx(total / seen, abs=0.08 * float(high - low))
    assert torch.equal(found[~gone[0]], volumes[0, 0][~gone[0]])


def test_similarity_and_entropy_are_those_of_volumes():
    a, b = torch.rand(2, 9, 10, 11, generator=torch.Generator().manual_seed(0))
    found = structural_similarity(a, b)
    x, y = (m.double().numpy() / float(m.max()) for m in (a, b))
    full = reference_ssim(x, y, data_range=1.0, full=True)[1]
    assert found == pytest.approx(full[3:-3, 3:-3, 3:-3].mean(), abs=1e-6)
    assert entropy(torch.ones(SIZE)) == pytest.approx(math.log(math.prod(SIZE)))


def test_deletion_takes_the_strongest_places_and_chance_the_same_texture_elsewhere(volumes):
    seen = []
    image, values = volumes[0], volumes[0].sum(0)

    def probability(images):
        seen.append(images.clone())
        return images.flatten(1).mean(1)

    shares = torch.tensor([0.0, 0.25, 1.0])
    faithful_curves(probability, image, values, colour=torch.zeros(2, 1, 1, 1), ends=(1.0, 0.0), shares=shares)
    deleted, inserted = torch.cat(seen)
    strongest = values >= values.flatten().topk(math.prod(SIZE) // 4).values.min()
    assert torch.equal(deleted[0] == 0, strongest)
    assert torch.equal(inserted, torch.where(strongest, image, 0))
    elsewhere = moved(values, seed=0, count=2)
    assert elsewhere.shape == (2, *SIZE)
    assert all(torch.equal(one.flatten().sort().values, values.flatten().sort().values) for one in elsewhere)


@pytest.mark.parametrize("method", ["merged", "slic", "grid", lambda image: (image[..., 0] > 0.5).astype(int)])
def test_superpixels_of_volumes_are_connected_and_follow_the_ball(method):
    data = Balls(1, size=(12, 14, 16))
    found = superpixels(data.images[0], segments=20, method=method)
    assert found.shape == (12, 14, 16)
    names = found.unique().tolist()
    assert names == list(range(len(names)))
    if isinstance(method, str):
        assert 12 <= len(names) <= 40
        sizes = [label((found == k).numpy())[1] for k in names]
        assert sizes == [1] * len(names) or method == "slic"
    if method == "merged":
        inside = data.masks[0]
        main = [k for k in names if float(inside[found == k].float().mean()) > 0.5]
        union = torch.isin(found, torch.tensor(main))
        assert float((union & inside).sum()) / float((union | inside).sum()) > 0.7


@pytest.mark.parametrize("method", ["quickshift", "felzenszwalb"])
def test_ways_that_cut_flat_images_alone_say_so(method):
    with pytest.raises(ValueError, match=r"'merged', 'slic', 'grid' or a function for volumes, received '"):
        superpixels(torch.rand(1, 6, 6, 6), method=method)


@pytest.mark.parametrize("size", [(1, 1, 2), (2, 2, 2), (1, 5, 5), (3, 1, 7)])
def test_volumes_too_small_for_superpixels_are_cut_into_their_places(size):
    found = superpixels(torch.zeros(1, *size))
    assert len(found.unique()) >= min(4, math.prod(size))


def test_lime_finds_the_weights_of_a_sum_over_superpixels():
    image = torch.rand(1, 6, 6, 6, generator=torch.Generator().manual_seed(0))
    segments = superpixels(image, segments=8, method="grid")
    assert len(segments.unique()) == 8
    values = torch.arange(8.0) - 3
    scores = lambda x: torch.stack([(x * values[segments]).flatten(1).sum(1), x.flatten(1).sum(1)], 1)
    masks = draw_masks(8, 256, seed=0)
    none = perturb(image, segments, torch.zeros(1, 8, dtype=torch.bool), fill=0.0)
    assert not none.any()
    (found,) = explain(scores, image, [0], segments=segments, masks=masks, normalize=lambda p: p, fill=0.0, alpha=1e-6)
    expected = torch.stack([(image[0] * (segments == k)).sum() * values[k] for k in range(8)])
    assert torch.allclose(found.weights, expected, atol=1e-2)


def test_windows_that_do_not_fit_are_refused(volumes, network):
    with pytest.raises(ValueError, match=r"got window \(5, 2, 2\) and stride \(1, 1, 1\) for images \(4, 5, 6\)"):
        occlusion(network, volumes, TARGETS, volumes, window=(5, 2, 2), stride=(1, 1, 1))
    with pytest.raises(ValueError, match="Expected a window no larger than the image"):
        occlusion(network, volumes, TARGETS, volumes, window=(2, 2), stride=(1, 1))


def test_a_layer_without_places_is_refused(volumes, network):
    with pytest.raises(ValueError, match=r"\(N, channels, depth, height, width\)"):
        grad_cam(network, network[8], volumes, TARGETS)


def test_a_linear_layer_on_volumes_is_explained_by_its_gradient():
    net = nn.Sequential(nn.Flatten(), nn.Linear(8, 2)).requires_grad_(False)
    found = input_gradient(net, torch.rand(1, 1, 2, 2, 2), torch.tensor([1]))
    assert torch.equal(found.flatten(), net[1].weight[1])
