"""Insertion, deletion and pointing, against a loop over single pixels and closed forms."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from lightning_viz.explain.measures.faithfulness import (
    SHARES,
    area,
    at_random,
    faithful_curves,
    placed,
    points_into,
    share_inside,
)


@pytest.fixture
def case():
    """A network, an image, and what stands where nothing is."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 4 * 6, 3)).requires_grad_(False)
    image = torch.rand(3, 6, 8)
    return lambda x: net(x).softmax(1)[:, 1], image, image.mean((1, 2), keepdim=True), image.flip(2) / 2


def curves_of(case, values, shares=SHARES):
    probability, image, fill, start = case
    ends = [float(probability(x.expand_as(image)[None])) for x in (image, fill, start)]
    return faithful_curves(probability, image, values, fill=fill, start=start, ends=tuple(ends), shares=shares)


def pixel_by_pixel(case, values):
    """Takes and gives one pixel after the other; returns both curves with every step."""
    probability, image, fill, start = case
    gone, come = image.clone(), start.clone()
    curves = [[float(probability(gone[None]))], [float(probability(come[None]))]]
    places = [(y, x) for y in range(6) for x in range(8)]
    for y, x in sorted(places, key=lambda place: -float(values[place])):
        gone[:, y, x] = fill[:, 0, 0]
        come[:, y, x] = image[:, y, x]
        curves[0].append(float(probability(gone[None])))
        curves[1].append(float(probability(come[None])))
    return curves


@pytest.mark.parametrize("ties", [False, True])
def test_curves_are_those_of_a_loop_over_single_pixels(case, ties):
    values = torch.randn(6, 8).mul(2 if ties else 1)
    values = values.round() if ties else values
    slow = pixel_by_pixel(case, values)
    every = torch.arange(49) / 48
    for curve, expected in zip(curves_of(case, values, every), slow, strict=True):
        assert curve.tolist() == pytest.approx(expected, abs=1e-6)
        trapezoids = sum((a + b) / 2 / 48 for a, b in pairwise(expected))
        assert area(curve, every) == pytest.approx(trapezoids, abs=1e-6)
    counts = [round(48 * float(share)) for share in SHARES]
    for curve, expected in zip(curves_of(case, values), slow, strict=True):
        assert curve.tolist() == pytest.approx([expected[n] for n in counts], abs=1e-6)


def test_the_true_order_of_an_additive_network_is_beaten_by_none():
    torch.manual_seed(1)
    weight = torch.randn(1, 1, 8, 8)
    image = torch.ones(1, 8, 8)
    probability = lambda x: (x * weight).sum((1, 2, 3)).sigmoid()
    case = (probability, image, torch.zeros(1, 1, 1), torch.zeros_like(image))
    true, worst = curves_of(case, weight[0, 0]), curves_of(case, -weight[0, 0])
    chance = [curves_of(case, at_random(8, 8, seed=seed)) for seed in range(20)]
    assert all(area(true.deletion) < area(c.deletion) < area(worst.deletion) for c in chance)
    assert all(area(true.insertion) > area(c.insertion) > area(worst.insertion) for c in chance)


def test_areas_are_between_none_and_one():
    assert SHARES[0] == 0
    assert SHARES[-1] == 1
    assert area(torch.ones(len(SHARES))) == pytest.approx(1)
    assert area(torch.zeros(len(SHARES))) == 0


def test_the_strongest_pixel_goes_first():
    values = torch.tensor([[0.0, 5.0, -9.0], [5.0, 1.0, 2.0]])
    assert placed(values).tolist() == [[4, 0, 5], [1, 3, 2]]


def test_chance_is_the_same_for_the_same_seed():
    assert torch.equal(at_random(5, 7, seed=3), at_random(5, 7, seed=3))
    assert not torch.equal(at_random(5, 7, seed=3), at_random(5, 7, seed=4))
    assert sorted(at_random(5, 7, seed=3).flatten().tolist()) == list(range(35))


BROKEN = torch.ones(6, 8).index_fill(0, torch.tensor([2]), math.nan)


@pytest.mark.parametrize("values", [torch.zeros(6, 8), torch.ones(6, 8), BROKEN], ids=["zero", "constant", "broken"])
def test_a_map_that_ranks_nothing_has_no_curves(values, case):
    found = curves_of(case, values)
    assert all(math.isnan(area(curve)) for curve in found)
    assert math.isnan(points_into(values, torch.ones(6, 8, dtype=torch.bool)))


def test_the_maximum_lies_in_the_mask_or_beside_it():
    mask = torch.zeros(4, 4, dtype=torch.bool)
    values = torch.zeros(4, 4)
    values[1, 2], values[3, 3] = 2.0, -5.0
    assert math.isnan(points_into(values, mask))
    assert math.isnan(share_inside(values, mask))
    mask[3, 3] = True
    assert points_into(values, mask) == 0
    assert share_inside(values, mask) == pytest.approx(5 / 7)
    mask[1, 2] = True
    assert points_into(values, mask) == 1
    assert share_inside(values, mask) == 1
    assert math.isnan(share_inside(torch.zeros(4, 4), mask))
    assert math.isnan(share_inside(BROKEN[:4, :4], mask))
