"""Calls are counted byte by byte, and chunks stay below a bound."""

import pytest
import torch
from torch import nn

from lightning_viz.explain.attribution.gradients import input_gradient
from lightning_viz.explain.network.chunks import Chunks
from lightning_viz.explain.network.memory import Peak, bounded

FLOAT, MIB = 4, 2**20
IMAGES = torch.rand(9, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def wide(channels=64):
    """One convolution whose output is by far the largest tensor: `channels` x 32 x 32."""
    torch.manual_seed(0)
    head = [nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 4)]
    return nn.Sequential(nn.Conv2d(3, channels, 3, padding=1), *head).eval().requires_grad_(False)


def test_what_is_alive_at_once_counts_and_not_what_was_let_go():
    with Peak() as peak:
        kept = torch.zeros(1000)
        for _ in range(5):
            torch.ones(3000)
        also = kept + 1
    assert peak.bytes == FLOAT * (1000 + 3000)
    del also


def test_views_and_changes_in_place_and_what_was_there_before_take_nothing():
    before = torch.zeros(1000)
    with Peak() as peak:
        before.view(10, 100).t().add_(1)
        before[:10].mul_(2)
    assert peak.bytes == 0


@pytest.mark.parametrize("gradient", [False, True])
def test_a_network_takes_twice_as_much_for_twice_as_many_images(gradient):
    net, taken = wide(), []
    for count in (2, 4):
        with Peak() as peak, torch.set_grad_enabled(gradient):
            images = IMAGES[:count].clone().requires_grad_(gradient)
            scores = net(images)
            if gradient:
                torch.autograd.grad(scores.sum(), images)
            del images, scores
        taken.append(peak.bytes)
    map_bytes = FLOAT * 64 * 32 * 32
    assert taken[1] == pytest.approx(2 * taken[0], rel=0.01)
    assert 2 * map_bytes * 2 <= taken[0] <= 4 * map_bytes * 2  # convolution and ReLU; their gradients at most once each


class Sizes:
    def __init__(self, call):
        self.call, self.sizes, self.bytes = call, [], []

    def __call__(self, images):
        self.sizes.append(len(images))
        return self.call(images)


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_chunks_stay_below_the_bound_and_find_the_same(limit):
    net, labels = Sizes(wide()), torch.arange(9) % 4
    free = input_gradient(net, IMAGES, labels)
    assert net.sizes == [9]
    net.sizes.clear()
    with bounded(limit) as bound, Peak() as peak:
        found = input_gradient(net, IMAGES, labels)
    assert torch.allclose(found, free, atol=1e-6)
    assert net.sizes[0] == 1  # which tells how much one takes
    assert sum(net.sizes) == 9
    assert bound.exceeded == 0
    assert peak.bytes <= limit * MIB + 2 * IMAGES.nbytes
    if limit < 100:
        assert max(net.sizes) == net.sizes[1] == limit  # 768 KiB each and a little
    else:
        assert net.sizes == [1, 8]


def test_one_image_that_takes_more_goes_alone_and_it_is_told():
    net = Sizes(wide(channels=400))
    with bounded(1) as bound:
        Chunks()(net, IMAGES)
    assert net.sizes == [1] * 9
    assert bound.exceeded > MIB
    assert "one image alone takes" in bound.excess
    assert "more than memory=1" in bound.excess


def test_larger_images_are_counted_anew():
    chunks, net = Chunks(), Sizes(wide())
    large = nn.functional.interpolate(IMAGES, (64, 64))
    with bounded(6):
        chunks(net, IMAGES)
        chunks(net, large)
        chunks(net, IMAGES)
    # Half a MiB each, then four times as much, of which three fit.
    assert net.sizes == [1, 8, 1, 3, 3, 2, 9]


def test_a_bound_ends_with_its_context():
    net = Sizes(wide())
    with bounded(1):
        pass
    Chunks()(net, IMAGES)
    assert net.sizes == [9]
    with pytest.raises(ValueError, match="at least 1 MiB, received 0"), bounded(0):
        pass
