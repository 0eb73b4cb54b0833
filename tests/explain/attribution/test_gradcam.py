import pytest
import torch
from captum.attr import LayerGradCam
from torch import nn
from torch.nn import functional as F

from lightning_viz.explain.attribution.gradcam import grad_cam, upsampled
from lightning_viz.explain.network.layers import layer_gradient

TARGETS = torch.tensor([0, 3, 4])


@pytest.fixture
def network():
    torch.manual_seed(0)
    body = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 6, 3), nn.ReLU()]
    net = nn.Sequential(*body, nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(54, 16), nn.Tanh(), nn.Linear(16, 5))
    return net.eval().requires_grad_(False)


@pytest.fixture
def images():
    return torch.randn(3, 3, 16, 14, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("layer", [0, 2, 4, 5])
@pytest.mark.parametrize("batch_size", [None, 1, 2])
def test_it_is_captums(network, images, layer, batch_size):
    expected = LayerGradCam(network, network[layer]).attribute(
        images.clone().requires_grad_(), TARGETS, relu_attributions=True
    )
    found = grad_cam(network, network[layer], images, TARGETS, batch_size=batch_size)
    assert expected.max() > 0
    assert torch.allclose(found, expected[:, 0], atol=1e-6)


def test_plus_plus_is_the_papers_formula_with_its_exponential(network, images):
    """Derivatives of exp(S) by autograd: alpha = Y'' / (2 Y'' + sum(A) Y'''), weights sum(alpha relu(Y'))."""
    head = nn.Sequential(*network[6:8], nn.Linear(54, 5)).requires_grad_(False)  # S is linear in A, as the paper asks
    linear = nn.Sequential(*network[:6], *head)
    expected = []
    for image, target in zip(images, TARGETS, strict=True):
        features = network[:6](image[None]).double()
        (gradient,) = torch.autograd.grad(head.double()(features.requires_grad_())[0, target], features)
        cam = torch.zeros(features.shape[2:], dtype=torch.float64)
        for k in range(features.shape[1]):
            weight = 0.0
            for g in gradient[0, k].flatten().tolist():
                second, third = g**2, g**3 * features[0, k].sum().item()
                weight += (second / (2 * second + third) if 2 * second + third else 0) * max(g, 0)
            cam += weight * features[0, k].detach()
        expected.append(cam.relu())
    found = grad_cam(linear.float(), linear[5], images, TARGETS, method="gradcam++")
    assert found.max() > 0
    assert torch.allclose(found, torch.stack(expected).float(), atol=1e-6)


def test_nothing_below_the_layer_is_differentiated(network, images):
    class NoWayBack(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            raise AssertionError("differentiated")

    scores = lambda x: network[4:](NoWayBack.apply(network[:4](x)))
    assert grad_cam(scores, network[4], images, TARGETS).max() > 0
    asks = lambda x: scores(x) if x.requires_grad else scores(x).detach()  # a forward that opens to who asks only
    expected = grad_cam(network, network[4], images, TARGETS)
    assert torch.allclose(grad_cam(asks, network[4], images, TARGETS), expected, atol=1e-6)


class Twice(nn.Module):
    """One layer that runs twice, with in-place operations behind it; or one whose output is a tuple."""

    def __init__(self, *, pair=False):
        super().__init__()
        torch.manual_seed(1)
        self.first, self.again, self.head = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, padding=1), nn.Linear(4, 5)
        self.pair = Pair() if pair else None
        self.requires_grad_(False)

    def forward(self, x):
        x = self.first(x)
        if self.pair is not None:
            x, _ = self.pair(x)
        else:
            x = F.relu(self.again(F.relu(self.again(x), inplace=True)), inplace=True)
        return self.head(x.mean((2, 3)))


class Pair(nn.Module):
    def forward(self, x):
        return x.square(), None


def test_a_layer_that_runs_twice_counts_with_its_first_run(images):
    net = Twice()
    first = net.again(net.first(images)).requires_grad_()
    score = net.head(net.again(first.relu()).relu().mean((2, 3))).gather(1, TARGETS[:, None]).sum()
    output, gradient = layer_gradient(net, net.again, images, TARGETS)
    assert torch.equal(output, first)
    assert torch.allclose(gradient, torch.autograd.grad(score, first)[0], atol=1e-7)


def test_a_layer_with_a_tuple(images):
    net = Twice(pair=True)
    output, gradient = layer_gradient(net, net.pair, images, TARGETS)
    assert torch.equal(output, net.first(images).square())
    expected = net.head.weight[TARGETS][:, :, None, None].expand_as(gradient) / gradient[0, 0].numel()
    assert torch.allclose(gradient, expected, atol=1e-7)


def test_tokens_are_laid_out_as_patches():
    torch.manual_seed(0)
    images = torch.rand(2, 3, 12, 20)
    patches = nn.Conv2d(3, 5, 4, stride=4)

    class Tokens(nn.Module):
        def forward(self, x):
            return torch.cat([torch.ones(len(x), 1, 5), patches(x).flatten(2).transpose(1, 2)], dim=1)

    tokens, weight = Tokens(), torch.randn(5, 3)
    scores = lambda x: tokens(x)[:, 1:].mean(1) @ weight
    found = grad_cam(scores, tokens, images, torch.tensor([1, 2]))
    expected = torch.einsum("nd,ndhw->nhw", weight.T[[1, 2]] / 15, patches(images)).relu()
    assert torch.allclose(found, expected, atol=1e-6)


def test_a_layer_that_says_nothing_for_the_class_gives_zeros(network, images):
    network[4].weight.zero_()
    network[4].bias.fill_(-1.0)
    assert torch.equal(grad_cam(network, network[4], images, TARGETS), torch.zeros(3, 5, 4))


def test_hooks_are_gone_also_after_an_error(network, images):
    def fails(x):
        network(x)
        raise RuntimeError("in the midst of it")

    grad_cam(network, network[4], images, TARGETS)
    with pytest.raises(RuntimeError, match="in the midst"):
        grad_cam(fails, network[4], images, TARGETS)
    assert not network[4]._forward_hooks
    assert all(p.grad is None for p in network.parameters())


def test_bad_arguments(network, images):
    with pytest.raises(ValueError, match=r"'gradcam\+\+', received 'cam'"):
        grad_cam(network, network[4], images, TARGETS, method="cam")
    with pytest.raises(ValueError, match=r"spatial output.*'N', 54"):
        grad_cam(network, network[7], images, TARGETS)
    with pytest.raises(ValueError, match="did not run"):
        grad_cam(network, nn.Conv2d(1, 1, 1), images, TARGETS)
    with pytest.raises(ValueError, match="scores do not depend on the layer Conv2d"):
        grad_cam(lambda x: network(x).detach(), network[4], images, TARGETS)


def test_enlarged_it_keeps_its_place():
    maps = torch.zeros(1, 4, 6)
    maps[0, 1, 4] = 1
    large = upsampled(maps, (16, 24))[0]
    assert large.shape == (16, 24)
    assert (large == large.max()).nonzero().float().mean(0).tolist() == [5.5, 17.5]
