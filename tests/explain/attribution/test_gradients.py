import pytest
import torch
from captum.attr import NoiseTunnel, Saliency
from torch import nn
from torch.nn import functional as F

from lightning_viz.explain.attribution.gradients import input_gradient, loss_gradient, magnitude
from lightning_viz.explain.attribution.smooth import smooth_gradient
from lightning_viz.explain.network.layout import channels_last


@pytest.fixture
def network():
    torch.manual_seed(0)
    body = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3), nn.ReLU()]
    return nn.Sequential(*body, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 5)).eval()


@pytest.fixture
def images():
    return torch.randn(4, 3, 16, 14, generator=torch.Generator().manual_seed(1))


TARGETS = torch.tensor([0, 3, 4, 1])


def test_gradient_of_a_linear_network_is_its_weight(images):
    weight = torch.randn(5, 3 * 16 * 14)
    found = input_gradient(lambda x: x.flatten(1) @ weight.T, images, TARGETS)
    assert torch.equal(found, weight[TARGETS].view_as(images))


def test_gradient_agrees_with_captum(network, images):
    expected = Saliency(network).attribute(images.clone().requires_grad_(), TARGETS, abs=False)
    assert torch.allclose(input_gradient(network, images, TARGETS), expected, atol=1e-7)


STATISTICS = {
    "mean": lambda gradients: gradients.mean(0),
    "square": lambda gradients: gradients.square().mean(0),
    "variance": lambda gradients: gradients.var(0, unbiased=False),
}


@pytest.mark.parametrize("statistic", STATISTICS)
def test_smooth_gradient_is_captums_statistic_over_the_noisy_copies(network, images, statistic):
    generator = torch.Generator().manual_seed(7)
    gradients = []
    for _ in range(6):
        noise = torch.randn(3, 16, 14, generator=generator)
        noisy = [image + 0.2 * (image.max() - image.min()) * noise for image in images]
        gradients += [Saliency(network).attribute(torch.stack(noisy).requires_grad_(), TARGETS, abs=False)]
    found = smooth_gradient(network, images, TARGETS, samples=6, level=0.2, statistic=statistic, seed=7)
    assert torch.allclose(found, STATISTICS[statistic](torch.stack(gradients)), atol=1e-6)


def test_vargrad_of_captums_noise_tunnel(network, images):
    """Another noise, so only their means over many samples agree."""
    torch.manual_seed(0)
    spread = (images[0].max() - images[0].min()).item()
    options = {"nt_samples": 400, "stdevs": 0.15 * spread, "target": TARGETS[:1], "abs": False, "nt_type": "vargrad"}
    expected = NoiseTunnel(Saliency(network)).attribute(images[:1].clone().requires_grad_(), **options)
    found = smooth_gradient(network, images[:1], TARGETS[:1], samples=400, statistic="variance", seed=7)
    assert found.mean() == pytest.approx(expected.mean().item(), rel=0.05)
    assert torch.corrcoef(torch.stack([found.flatten(), expected.flatten()]))[0, 1] > 0.95


def test_without_noise_it_is_the_gradient(network, images):
    found = smooth_gradient(network, images, TARGETS, samples=3, level=0.0)
    assert torch.allclose(found, input_gradient(network, images, TARGETS), atol=1e-7)


def test_gradient_of_a_parabola_shows_the_size_of_the_noise():
    # d/dx x^2 = 2x, so the noise itself is left over: its deviation is level x (max - min) of each image.
    images = torch.stack([torch.linspace(0, 1, 4096), torch.linspace(-3, 7, 4096)]).view(2, 1, 64, 64)
    found = smooth_gradient(
        lambda x: x.square().sum((1, 2, 3))[:, None], images, torch.zeros(2).long(), samples=1, level=0.1
    )
    noise = found / 2 - images
    assert noise.std((1, 2, 3)).tolist() == pytest.approx([0.1, 1.0], rel=0.05)


@pytest.mark.parametrize("batch_size", [1, 3, 5, 1000])
def test_batches_change_nothing(network, images, batch_size):
    sizes = []

    def counted(x):
        sizes.append(len(x))
        return network(x)

    expected = smooth_gradient(network, images, TARGETS, samples=5)
    found = smooth_gradient(counted, images, TARGETS, samples=5, batch_size=batch_size)
    assert torch.allclose(found, expected, atol=1e-6)
    assert max(sizes) <= batch_size
    assert sum(sizes) == 20


def test_noise_depends_on_seed_and_sample_only(network, images):
    torch.manual_seed(1)
    first = smooth_gradient(network, images, TARGETS, samples=2)
    torch.manual_seed(2)
    assert torch.equal(smooth_gradient(network, images, TARGETS, samples=2), first)
    alone = smooth_gradient(network, images[2:3], TARGETS[2:3], samples=2)
    assert torch.allclose(alone, first[2:3], atol=1e-6)
    assert not torch.allclose(smooth_gradient(network, images, TARGETS, samples=2, seed=1), first, atol=1e-4)


def test_global_generator_is_not_touched(network, images):
    before = torch.get_rng_state()
    smooth_gradient(network, images, TARGETS, samples=2)
    assert torch.equal(torch.get_rng_state(), before)


def test_loss_gradient_is_softmax_minus_one_hot_over_n(images):
    weight = torch.randn(5, 3 * 16 * 14) / 30
    logits = images.flatten(1) @ weight.T
    expected = (logits.softmax(1) - F.one_hot(TARGETS, 5)) @ weight / 4
    found = loss_gradient(lambda x: x.flatten(1) @ weight.T, images, TARGETS)
    assert torch.allclose(found, expected.view_as(images), atol=1e-6)


def test_weights_and_images_are_left_alone(network, images):
    before = images.clone()
    input_gradient(network, images, TARGETS)
    smooth_gradient(network, images, TARGETS, samples=2)
    loss_gradient(network, images, TARGETS)
    assert torch.equal(images, before)
    assert not images.requires_grad
    assert all(p.grad is None for p in network.parameters())


def test_works_on_images_seen_in_inference_mode(network):
    with torch.inference_mode():
        images = torch.rand(4, 3, 16, 14)
    assert input_gradient(network, images, TARGETS).abs().sum() > 0


def test_non_finite_gradients_are_handed_on(images):
    found = input_gradient(lambda x: x.sqrt().sum((2, 3)), -images.abs(), torch.zeros(4).long())
    assert found[:, 0].isnan().all()


def test_magnitude_is_the_largest_over_channels():
    gradient = torch.randn(2, 3, 4, 5)
    expected = [[[max(abs(gradient[n, c, i, j].item()) for c in range(3)) for j in range(5)] for i in range(4)]
                for n in range(2)]  # fmt: skip
    assert torch.equal(magnitude(gradient), torch.tensor(expected))


def test_bad_scores_and_options(network, images):
    with pytest.raises(ValueError, match=r"\(N, K\) for 4 images, received \(4,\)"):
        input_gradient(lambda x: x.sum((1, 2, 3)), images, TARGETS)
    with pytest.raises(ValueError, match="do not depend on the images"):
        loss_gradient(lambda x: network(x).detach(), images, TARGETS)
    for wrong in ({"samples": 0}, {"level": -1.0}):
        with pytest.raises(ValueError, match="Expected samples"):
            smooth_gradient(network, images, TARGETS, **wrong)
    with pytest.raises(ValueError, match=r"Expected statistic 'mean'.*received 'median'"):
        smooth_gradient(network, images, TARGETS, statistic="median")


class Flattens(nn.Module):
    """As many networks do: the layout of x decides whether `.view` works."""

    def __init__(self):
        super().__init__()
        self.convolution, self.layouts = nn.Conv2d(3, 4, 3), []

    def forward(self, x):
        self.layouts.append(x.is_contiguous(memory_format=torch.channels_last))
        return self.convolution(x).view(len(x), -1)


def test_channels_last_gives_the_same_and_gets_out_of_the_way(network, images):
    expected = input_gradient(network, images, TARGETS)
    assert torch.allclose(input_gradient(channels_last(network), images, TARGETS), expected, atol=1e-6)
    stubborn = Flattens()
    call = channels_last(stubborn)
    assert torch.equal(call(images), call(images))
    assert stubborn.layouts == [True, False, False]


def test_channels_last_hands_other_errors_on(images):
    with pytest.raises(RuntimeError, match="shapes"):
        channels_last(nn.Linear(3, 3))(images)
