import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lightning_viz.explain.optimisation.filters import maximise_channels
from lightning_viz.explain.optimisation.objectives import class_indices, dissimilar

TARGETS = (0.2, 0.8)
PIXELS = {"size": (4, 5), "image_channels": 1, "parametrization": "pixels", "transforms": False}


def hills(images):
    """Two channels, each highest where the picture has one grey value."""
    return torch.cat([-(images - target).square() for target in TARGETS], 1)


def climbed(channels, **options):
    return maximise_channels(hills, channels, steps=300, lr=0.02, **{**PIXELS, **options}).pixels


@pytest.mark.parametrize("reduce", ["mean", "sum"])
def test_a_channel_finds_its_optimum(reduce):
    for pixels, target in zip(climbed([0, 1], reduce=reduce), TARGETS, strict=True):
        assert torch.allclose(pixels, torch.tensor(target), atol=1e-3)


@pytest.mark.parametrize("weights", [{0: 1.0, 1: 1.0}, {0: 3.0, 1: 1.0}, {1: 0.5}])
def test_a_direction_finds_the_optimum_of_its_mixture(weights):
    best = sum(w * TARGETS[c] for c, w in weights.items()) / sum(weights.values())
    assert torch.allclose(climbed([weights]), torch.tensor(best), atol=1e-3)


def test_a_direction_of_one_channel_is_the_channel():
    assert torch.allclose(climbed([{1: 1.0}, 0]), climbed([1, {0: 1.0}]), atol=1e-6)


@pytest.mark.parametrize(("reduce", "place"), [("neuron", (2, 2)), ((3, 1), (3, 1)), ((0, 4), (0, 4))])
def test_a_neuron_asks_for_its_place_alone(reduce, place):
    start = torch.full((1, 4, 5), 0.5)
    (found,) = climbed([1], reduce=reduce, start=start)[:, 0]
    expected = start[0].clone()
    expected[place] = TARGETS[1]
    assert torch.allclose(found, expected, atol=1e-3)


def test_a_class_score_finds_the_image_of_its_class():
    """Of a linear classifier, the best image is white where the weight is above 0, else black."""
    torch.manual_seed(0)
    weight = torch.randn(3, 16)
    classifier = lambda images: images.flatten(1) @ weight.T
    found = maximise_channels(classifier, [2, 0], size=(4, 4), image_channels=1, steps=600, lr=0.2, transforms=False)
    for pixels, best in zip(found.pixels, weight[[2, 0]], strict=True):
        assert ((pixels.flatten() > 0.5) == (best > 0)).float().mean() > 0.9
    bound = weight[[2, 0]].clamp(min=0).sum(1)
    assert (found.reached > 0.9 * bound).all()


def cosine(a, b):
    """Of the Gram matrices of two maps (D, h, w), written out."""
    grams = [torch.stack([torch.stack([(p * q).sum() for q in maps]) for p in maps]) for maps in (a, b)]
    return F.cosine_similarity(grams[0].flatten(), grams[1].flatten(), dim=0)


def test_dissimilarity_is_the_mean_cosine_of_the_gram_matrices():
    maps, value = torch.randn(6, 4, 3, 3), torch.tensor([1.0, -2.0, 3.0, 4.0, 5.0, 6.0])
    found = dissimilar(value, maps, variants=3, weight=0.7)
    for i in range(6):
        group = range(i // 3 * 3, i // 3 * 3 + 3)
        common = sum(cosine(maps[i], maps[j]) for j in group if j != i) / 2
        assert found[i] == pytest.approx((value[i] - 0.7 * value[i].abs() * common).item(), rel=1e-4)


def either(images):
    """Three channels: how bright it is, how dark, and their sum, to which both are as good."""
    bright = images[:, :1]
    return torch.cat([bright, 1 - bright, torch.ones_like(bright)], 1)


def test_diversity_makes_variants_differ():
    options = {"size": (8, 8), "image_channels": 1, "steps": 60, "variants": 2}
    found = {weight: maximise_channels(either, [2], diversity=weight, **options) for weight in (0.0, 1.0)}
    common = {weight: cosine(*either(one.pixels)) for weight, one in found.items()}
    assert common[0.0] > 0.99
    assert common[1.0] < 0.5


def test_variants_are_no_others_for_what_else_is_asked():
    net = nn.Conv2d(3, 8, 5).requires_grad_(False)
    options = {"size": (12, 12), "steps": 5, "variants": 2}
    both = maximise_channels(net, [3, 6], **options)
    assert torch.allclose(maximise_channels(net, [6], **options).pixels, both.pixels[2:], atol=1e-4)
    assert torch.allclose(maximise_channels(net, [3, 6], **options, batch_size=1).pixels, both.pixels, atol=1e-4)


def test_going_on_with_nothing_kept_is_beginning_anew():
    net = nn.Conv2d(3, 8, 5).requires_grad_(False)
    options = {"size": (12, 12), "steps": 5}
    first = maximise_channels(net, [3, 6], **options)
    still = maximise_channels(net, [3, 6], size=(12, 12), steps=0, last=first.coefficients)
    assert torch.equal(still.pixels, first.pixels)
    assert torch.equal(still.reached, first.reached)
    assert torch.equal(
        maximise_channels(net, [3, 6], **options, last=first.coefficients, keep=0.0).pixels, first.pixels
    )
    more = maximise_channels(net, [3, 6], **options, last=first.coefficients)
    assert (more.reached > first.reached).all()


def test_bad_objectives():
    for options, words in (
        ({"channels": [{0: 1.0, 5: 1.0}]}, r"received \[5\]"),
        ({"channels": [0], "reduce": (4, 0)}, r"within 4 x 5, what the layer puts out, received \(4, 0\)"),
        ({"channels": [0], "reduce": (1, 2, 3)}, "Expected reduce"),
        ({"channels": [0], "variants": 0}, "Expected variants"),
        ({"channels": [0], "last": torch.zeros(2, 1, 4, 5)}, "Expected last"),
    ):
        with pytest.raises(ValueError, match=words):
            maximise_channels(hills, **options, **PIXELS)
    for wrong in (["label"], [7], ["tea"]):
        with pytest.raises(ValueError, match="class"):
            class_indices(wrong, ["bread", "soup"])
