"""Insertion, deletion and pointing, against a loop over single pixels and closed forms."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from lightning_viz.explain.measures.faithfulness import (
    SHARES,
    Curves,
    area,
    chance_curves,
    faithful_curves,
    moved,
    placed,
    points_into,
    share_inside,
    worse_than_chance,
)
from lightning_viz.explain.measures.imputation import imputed


@pytest.fixture
def case():
    """A network, an image, and what stands where nothing is."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 4 * 6, 3)).requires_grad_(False)
    image = torch.rand(3, 6, 8)
    return lambda x: net(x).softmax(1)[:, 1], image, image.mean((1, 2), keepdim=True)


def options_of(case, **options):
    probability, image, colour = case
    ends = [float(probability(x.expand_as(image)[None])) for x in (image, colour)]
    return {"colour": colour, "ends": tuple(ends), **options}


def curves_of(case, values, **options):
    return faithful_curves(case[0], case[1], values, **options_of(case, **options))


def pixel_by_pixel(case, values):
    """Takes and gives one pixel after the other; returns both curves with every step."""
    probability, image, colour = case
    gone, come = image.clone(), colour.expand_as(image).clone()
    curves = [[float(probability(gone[None]))], [float(probability(come[None]))]]
    places = [(y, x) for y in range(6) for x in range(8)]
    for y, x in sorted(places, key=lambda place: -float(values[place])):
        gone[:, y, x] = colour[:, 0, 0]
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
    for curve, expected in zip(curves_of(case, values, shares=every), slow, strict=True):
        assert curve.tolist() == pytest.approx(expected, abs=1e-6)
        trapezoids = sum((a + b) / 2 / 48 for a, b in pairwise(expected))
        assert area(curve, every) == pytest.approx(trapezoids, abs=1e-6)
    counts = [round(48 * float(share)) for share in SHARES]
    for curve, expected in zip(curves_of(case, values), slow, strict=True):
        assert curve.tolist() == pytest.approx([expected[n] for n in counts], abs=1e-6)


def additive(weight):
    """A network that adds up what it weighs, with an image of ones."""
    weight, image = torch.as_tensor(weight)[None], torch.ones(1, 8, 8)
    return lambda x: (x * weight).sum((1, 2, 3)).sigmoid(), image, torch.zeros(1, 1, 1)


def test_the_true_order_of_an_additive_network_is_beaten_by_none():
    torch.manual_seed(1)
    weight = torch.randn(8, 8)
    case = additive(weight)
    true, worst = curves_of(case, weight), curves_of(case, -weight)
    others = [curves_of(case, torch.randn(8, 8)) for _ in range(20)]
    assert all(area(true.deletion) < area(c.deletion) < area(worst.deletion) for c in others)
    assert all(area(true.insertion) > area(c.insertion) > area(worst.insertion) for c in others)


def test_with_road_the_images_are_filled_by_their_neighbours(case):
    probability, image, _ = case
    values = torch.randn(6, 8)
    places = placed(values)
    found = curves_of(case, values, fill="road", seed=3)
    for k, share in list(enumerate(SHARES))[1:-1]:
        strongest = places < round(48 * float(share))
        without, alone = imputed(image, torch.stack([strongest, ~strongest]), seed=3)
        assert found.deletion[k] == pytest.approx(float(probability(without[None])), abs=1e-4)
        assert found.insertion[k] == pytest.approx(float(probability(alone[None])), abs=1e-4)
    with pytest.raises(ValueError, match="Expected fill 'mean' or 'road', received 'blur'"):
        curves_of(case, values, fill="blur")


def test_areas_are_between_none_and_one():
    assert SHARES[0] == 0
    assert SHARES[-1] == 1
    assert area(torch.ones(len(SHARES))) == pytest.approx(1)
    assert area(torch.zeros(len(SHARES))) == 0


def test_the_strongest_pixel_goes_first():
    values = torch.tensor([[0.0, 5.0, -9.0], [5.0, 1.0, 2.0]])
    assert placed(values).tolist() == [[4, 0, 5], [1, 3, 2]]


def test_chance_is_the_map_moved_far_and_the_same_for_the_same_seed():
    values = torch.zeros(12, 20)
    values[0, 0] = 1.0
    found = moved(values, seed=3, count=50)
    ys, xs = (found.flatten(1).argmax(1) // 20), (found.flatten(1).argmax(1) % 20)
    assert 3 <= ys.min() < ys.max() <= 9
    assert 5 <= xs.min() < xs.max() <= 15
    assert (found.flatten(1).sort().values == values.flatten().sort().values).all()
    torch.manual_seed(9)
    assert torch.equal(moved(values, seed=3, count=50), found)
    assert not torch.equal(moved(values, seed=4, count=50), found)


def test_each_share_of_chance_is_that_of_the_map_in_another_place(case):
    values = torch.randn(6, 8)
    found = chance_curves(case[0], case[1], values, seed=2, **options_of(case))
    places = moved(values, seed=2, count=len(SHARES) - 2)
    for k, one in enumerate(places, start=1):
        there = curves_of(case, one)
        assert found.deletion[k] == pytest.approx(float(there.deletion[k]), abs=1e-6)
        assert found.insertion[k] == pytest.approx(float(there.insertion[k]), abs=1e-6)
    assert found.deletion[0] == found.insertion[-1]
    assert found.deletion[-1] == found.insertion[0]


def test_a_map_of_the_evidence_beats_chance_and_one_that_avoids_it_does_not():
    weight = torch.zeros(8, 8)
    weight[1:4, 1:4] = 1.0
    case = additive(weight)
    for values, worse in ((weight, ()), (-weight, ("deletion", "insertion"))):
        chance = chance_curves(case[0], case[1], values, seed=0, **options_of(case))
        assert worse_than_chance(curves_of(case, values), chance) == worse


def test_a_map_no_better_than_chance_is_worse_and_one_that_ranks_nothing_is_neither():
    flat, nan = torch.full((7,), 0.5), torch.full((7,), math.nan)
    assert worse_than_chance(Curves(flat, flat), Curves(flat, flat)) == ("deletion", "insertion")
    assert worse_than_chance(Curves(nan, nan), Curves(flat, flat)) == ()


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
