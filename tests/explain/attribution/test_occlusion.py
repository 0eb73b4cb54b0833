import pytest
import torch
from captum.attr import Occlusion
from torch import nn

from lightning_viz.explain.attribution.occlusion import occlusion

TARGETS = torch.tensor([0, 3])


@pytest.fixture
def network():
    torch.manual_seed(0)
    body = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(2)]
    return nn.Sequential(*body, nn.Flatten(), nn.Linear(32, 5)).eval()


@pytest.fixture
def images():
    return torch.randn(2, 3, 16, 14, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("window", "stride"), [((4, 4), (2, 2)), ((5, 3), (3, 2)), ((16, 14), (1, 1)), ((1, 14), (1, 9))]
)
@pytest.mark.parametrize("batch_size", [1, 3, 1000])
def test_it_is_captums(network, images, window, stride, batch_size):
    cover = images.mean((2, 3), keepdim=True).expand_as(images)
    expected = Occlusion(network).attribute(
        images, (3, *window), (3, *stride), cover, TARGETS, perturbations_per_eval=4
    )
    found = occlusion(network, images, TARGETS, cover, window=window, stride=stride, batch_size=batch_size)
    assert torch.allclose(found, expected[:, 0], atol=1e-6)


def test_of_a_linear_network_single_pixels_lose_their_share(images):
    weight = torch.randn(5, 3, 16, 14)
    linear = lambda x: torch.einsum("nchw,kchw->nk", x, weight)
    found = occlusion(linear, images, TARGETS, torch.ones_like(images), window=(1, 1), stride=(1, 1))
    assert torch.allclose(found, ((images - 1) * weight[TARGETS]).sum(1), atol=1e-4)


def test_it_needs_no_gradient_and_leaves_the_images_alone(network, images):
    before = images.clone()
    grads = []

    def watched(x):
        grads.append(torch.is_grad_enabled())
        return network(x)

    occlusion(watched, images, TARGETS, 0 * images, window=(4, 4), stride=(4, 4))
    assert not any(grads)
    assert torch.equal(images, before)


@pytest.mark.parametrize("wrong", [{"window": (17, 4)}, {"window": (4, 15)}, {"stride": (5, 1)}, {"stride": (0, 1)}])
def test_bad_arguments(network, images, wrong):
    with pytest.raises(ValueError, match=r"window no larger than the image.*\(16, 14\)"):
        occlusion(network, images, TARGETS, 0 * images, **{"window": (4, 4), "stride": (2, 2), **wrong})
