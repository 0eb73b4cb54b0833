import pytest
import torch
from captum.attr import IntegratedGradients
from torch import nn
from torch.nn import functional as F

from lightning_viz.explain.attribution.baselines import baseline
from lightning_viz.explain.attribution.integrated import integrated_gradients

TARGETS = torch.tensor([0, 3, 4])


@pytest.fixture
def network():
    torch.manual_seed(0)
    body = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Softplus(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3), nn.Tanh()]
    return nn.Sequential(*body, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 5)).eval()


@pytest.fixture
def images():
    return torch.randn(3, 3, 16, 14, generator=torch.Generator().manual_seed(1))


def start(images, seed):
    return torch.randn(images.shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("steps", [1, 5, 16])
@pytest.mark.parametrize("batch_size", [2, 100])
def test_it_is_captums_at_the_same_nodes(network, images, steps, batch_size):
    begin = start(images, 2)
    expected, delta = IntegratedGradients(network).attribute(
        images, begin, TARGETS, n_steps=steps, method="gausslegendre", return_convergence_delta=True
    )
    found = integrated_gradients(network, images, TARGETS, [begin], steps=steps, batch_size=batch_size)
    assert torch.allclose(found.values, expected, atol=1e-6)
    assert torch.allclose(found.delta, delta.float(), atol=1e-5)


def test_of_several_baselines_it_is_the_mean(network, images):
    starts = [start(images, 2), start(images, 3)]
    alone = [integrated_gradients(network, images, TARGETS, [each], steps=4) for each in starts]
    values, delta = integrated_gradients(network, images, TARGETS, starts, steps=4)
    assert torch.allclose(values, (alone[0].values + alone[1].values) / 2, atol=1e-6)
    assert torch.allclose(delta, (alone[0].delta + alone[1].delta) / 2, atol=1e-5)


def test_they_sum_to_the_difference_of_the_scores(network, images):
    begin = torch.zeros_like(images)
    values, delta = integrated_gradients(network, images, TARGETS, [begin], steps=64)
    gained = (network(images) - network(begin)).gather(1, TARGETS[:, None])[:, 0]
    assert torch.allclose(values.sum((1, 2, 3)), gained, atol=1e-3)
    assert delta.abs().max() < 1e-3
    assert torch.allclose(delta, values.sum((1, 2, 3)) - gained, atol=1e-5)


def test_gauss_legendre_is_exact_for_polynomials():
    images = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    seventh = lambda x: x.pow(7).sum((1, 2, 3))[:, None]
    values, delta = integrated_gradients(seventh, images, torch.zeros(2).long(), [torch.zeros_like(images)], steps=4)
    assert torch.allclose(values, images.pow(7), atol=1e-6)
    assert delta.abs().max() < 1e-5


def test_bad_arguments(network, images):
    with pytest.raises(ValueError, match="Expected steps >= 1"):
        integrated_gradients(network, images, TARGETS, [images], steps=0)
    with pytest.raises(ValueError, match="a baseline"):
        integrated_gradients(network, images, TARGETS, [])


BLACK, WHITE = torch.tensor([-2.0, -1.0, 0.0])[:, None, None], torch.tensor([2.0, 3.0, 1.0])[:, None, None]


def made(kind, images, **options):
    return baseline(kind, images, black=BLACK, white=WHITE, **options)


def test_black_and_white_are_those_of_the_pixels(images):
    assert torch.equal(made("black", images), BLACK.expand_as(images))
    assert torch.equal(made("white", images), WHITE.expand_as(images))
    assert torch.allclose(made("mean", images)[1, 2], images[1, 2].mean())


def test_noise_is_uniform_between_them_and_the_same_every_time(images):
    large = torch.zeros(2, 3, 64, 64)
    found = made("noise", large, seed=3)
    assert torch.equal(found, made("noise", large, seed=3))
    assert not torch.equal(found, made("noise", large, seed=4))
    share = (found - BLACK) / (WHITE - BLACK)
    assert torch.equal(share[0], share[1])
    assert 0 <= share.min() < 0.01 < 0.99 < share.max() <= 1
    assert share.mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("size", [(64, 96), (16, 14), (1, 1), (1, 9)])
def test_blurred_is_a_slow_gaussian(size):
    image = torch.rand(1, 2, *size, generator=torch.Generator().manual_seed(0))
    sigma = max(min(size) / 16, 0.5)
    radius = round(3 * sigma)
    padded = F.pad(image, (radius,) * 4, mode="replicate")
    expected, total = torch.zeros_like(image), 0.0
    for dy in range(2 * radius + 1):
        for dx in range(2 * radius + 1):
            weight = torch.tensor(-((dy - radius) ** 2 + (dx - radius) ** 2) / (2 * sigma**2)).exp()
            expected += weight * padded[..., dy : dy + size[0], dx : dx + size[1]]
            total += weight
    found = baseline("blurred", image, black=torch.zeros(2, 1, 1), white=torch.ones(2, 1, 1))
    assert torch.allclose(found, expected / total, atol=1e-6)


def test_an_unknown_baseline(images):
    with pytest.raises(ValueError, match="'blurred', 'noise', received 'grey'"):
        made("grey", images)
