"""Gradients in bfloat16, against those in full precision."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from lightning_viz.explain.network.bfloat16 import bfloat16_pays, in_bfloat16
from lightning_viz.explain.network.fusing import fuse
from lightning_viz.explain.optimisation.filters import maximise_channels

IMAGES = torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(0))


def network():
    torch.manual_seed(0)
    parts = [nn.Conv2d(3, 16, 5, 2), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 12, 3)]
    return nn.Sequential(*parts).eval().requires_grad_(False)


def slopes(call):
    leaf = IMAGES.clone().requires_grad_()
    return torch.autograd.grad(call(leaf).sum(), leaf)[0]


class Picky(nn.Module):
    """Its own numbers are of the images' kind alone."""

    def forward(self, x):
        if F.conv2d(x, torch.ones(1, x.shape[1], 3, 3)).dtype != x.dtype:
            raise KeyError("of another kind")
        return x


def test_what_comes_out_and_its_slopes_are_full_numbers_that_point_the_same_way():
    net = network()
    found = in_bfloat16(net)(IMAGES)
    assert found.dtype == slopes(in_bfloat16(net)).dtype == torch.float32
    assert not torch.equal(found, net(IMAGES))
    assert torch.allclose(found, net(IMAGES), atol=0.02)
    assert torch.cosine_similarity(slopes(in_bfloat16(net)).flatten(), slopes(net).flatten(), 0) > 0.98
    assert not torch.is_autocast_enabled("cpu")


def test_a_checkpoint_that_runs_again_finds_the_same_slopes():
    net = network()
    fuse(net)
    again = lambda x: checkpoint(net, x, use_reentrant=False)
    assert torch.equal(slopes(in_bfloat16(again)), slopes(in_bfloat16(net)))


def test_ascent_on_rough_slopes_comes_as_high_and_tells_it_exactly():
    net = network()
    options = {"size": (24, 24), "steps": 40}
    rough = maximise_channels(net, range(12), bfloat16=True, **options)
    exact = maximise_channels(net, range(12), **options)
    assert torch.equal(rough.start, exact.start)
    assert torch.allclose(rough.reached, net(rough.pixels).mean((2, 3)).diagonal(), atol=1e-5)
    assert not torch.equal(rough.pixels, exact.pixels)
    gained = (rough.reached - rough.start) / (exact.reached - exact.start)
    assert gained.mean() > 0.98
    assert gained.min() > 0.9


def blocks(groups=1, heads=1):
    convolutions = [nn.Conv2d(3 if k == 0 else 6, 6, 3, groups=groups if k else 1) for k in range(3)]
    return nn.Sequential(*convolutions, nn.Flatten(), *(nn.LazyLinear(4) for _ in range(heads)))


def made(net):
    net(IMAGES)
    return net.requires_grad_(False)


@pytest.mark.skipif(not getattr(torch.cpu, "_is_avx512_bf16_supported", bool)(), reason="needs a processor for it")
@pytest.mark.parametrize("net", [network(), made(blocks())])
def test_it_pays_where_the_processor_has_it_and_the_network_is_of_convolutions(net):
    assert bfloat16_pays(net, net, IMAGES)


@pytest.mark.parametrize("net", [made(blocks(groups=6)), made(blocks(heads=4)), made(nn.Linear(24, 3))])
def test_it_does_not_pay_where_there_are_few_convolutions_or_some_in_groups(net):
    assert not bfloat16_pays(net, net, IMAGES)


@pytest.mark.parametrize("call", [Picky(), lambda x: 1e39 * F.conv2d(x, x[:1]), lambda x: x.detach()])
def test_it_does_not_pay_where_the_network_will_not_have_it(call):
    assert not bfloat16_pays(network(), call, IMAGES)


def test_full_precision_is_asked_for_by_images_of_it():
    net = network().double()
    assert not bfloat16_pays(net, net, IMAGES.double())
