"""What the explanations of a trained network find is what was drawn: the evidence, and the planted confusion."""

import pytest
import torch
from torch.nn import functional as F

from lightning_viz.explain.attribution.gradients import magnitude
from lightning_viz.explain.attribution.smooth import smooth_gradient
from lightning_viz.explain.lime.explain import explain, perturb, superpixels, top_superpixels
from lightning_viz.explain.lime.masks import draw_masks
from lightning_viz.explain.optimisation.dream import dream
from lightning_viz.explain.optimisation.filters import maximise_channels
from lightning_viz.food11 import CLASS_NAMES

BREAD, EGG, SOUP = (CLASS_NAMES.index(name) for name in ("Bread", "Egg", "Soup"))
MIDDLE, TILE = "cnn.12", 32


def same(pixels):
    return pixels


@pytest.fixture(scope="module")
def hits(trained):
    """Whether SmoothGrad's strongest pixel lies in the evidence, for every image."""
    maps = magnitude(smooth_gradient(trained.net, trained.images, trained.labels, samples=4))
    peaks = maps.flatten(1).argmax(1, keepdim=True)
    return trained.masks.flatten(1).gather(1, peaks)[:, 0].float()


def lime(trained, i):
    """LIME of one image for its class: its superpixels and their weights."""
    pixels, label = trained.images[i], int(trained.labels[i])
    segments = superpixels(pixels)
    masks = draw_masks(int(segments.max()) + 1, 256, seed=0, design="hadamard")
    (found,) = explain(trained.net, pixels, [label], segments=segments, masks=masks, normalize=same)
    return segments, found.weights


def enlarged(pixels, side=128):
    return F.interpolate(pixels, (side, side), mode="bilinear", antialias=True)


def seams(change):
    """How much more a picture's change jumps across the borders of tiles than elsewhere: 1 where there are none."""
    ratios = []
    for axis in (2, 3):
        jumps = change.diff(dim=axis).abs().transpose(axis, 0).flatten(1).mean(1)
        ratios.append(jumps[TILE - 1 :: TILE].mean() / jumps.mean())
    return sum(ratios).item() / 2


def test_the_network_has_learned(trained):
    accuracy = len(trained.right()) / len(trained.labels)
    assert accuracy > 0.65, f"validation accuracy {accuracy:.1%}"


def test_the_strongest_pixel_lies_in_the_evidence_far_more_often_than_by_chance(trained, hits):
    share, chance = hits.mean(), trained.masks.float().mean()
    assert share > 2 * chance, f"in the evidence {share:.0%}, by chance {chance:.0%}"


def test_the_strongest_pixel_of_soup_lies_in_the_bowl(trained, hits):
    soup = trained.labels == SOUP
    share, chance = hits[soup].mean(), trained.masks[soup].float().mean()
    assert share > chance + 0.2, f"in the soup {share:.0%}, by chance {chance:.0%}"


def test_filter_ascent_beats_the_best_of_a_thousand_images(trained):
    channels, features = list(range(0, 64, 8)), trained.features(MIDDLE)
    with torch.no_grad():
        means = torch.cat([features(images).mean((2, 3)) for images in trained.seen[:1000].split(100)])
    best = means.amax(0)[channels]
    reached = maximise_channels(features, channels, size=(64, 64)).reached
    assert (reached > best).sum() >= 7, f"reached {reached.tolist()}, best image {best.tolist()}"


def test_deep_dream_raises_the_norm_of_the_layer(trained):
    pixels, features = trained.images[trained.right()[::40]], trained.features(MIDDLE)
    dreamt = dream(features, pixels, canvas=128)
    gain = features(dreamt).flatten(1).norm(dim=1) / features(enlarged(pixels)).flatten(1).norm(dim=1)
    assert gain.min() > 1.5, f"norms grew by {gain.tolist()}"


def test_deep_dream_shows_no_seams_between_tiles(trained):
    pixels, features = enlarged(trained.images[trained.right()[::60]]), trained.features("cnn.8")

    def change(**options):
        return dream(features, pixels, octaves=1, **options) - pixels

    tiled = sum(seams(change(tile=TILE, seed=seed)) for seed in range(3)) / 3
    whole = sum(seams(change(seed=seed)) for seed in range(3)) / 3
    rows = [torch.cat([dream(features, t, octaves=1) for t in row.split(TILE, 3)], 3) for row in pixels.split(TILE, 2)]
    apart = seams(torch.cat(rows, 2) - pixels)
    assert tiled < whole + (apart - whole) / 3, f"seams {tiled:.2f}, without tiles {whole:.2f}, tiles apart {apart:.2f}"


def test_deleting_what_lime_found_costs_more_than_deleting_at_random(trained):
    random = torch.Generator().manual_seed(0)
    found, chance = [], []
    for i in trained.right()[::20]:
        segments, weights = lime(trained, i)
        top = top_superpixels(weights, count=4, positive_only=True) > 0
        others = torch.stack([top[torch.randperm(len(top), generator=random)] for _ in range(30)])
        label = trained.labels[i]
        with torch.no_grad():
            score = trained.net(trained.images[i : i + 1])[0, label]
            found.append(score - trained.net(perturb(trained.images[i], segments, ~top[None]))[0, label])
            chance.append((score - trained.net(perturb(trained.images[i], segments, ~others))[:, label]).mean())
    wins, found, chance = sum(f > c for f, c in zip(found, chance, strict=True)), sum(found), sum(chance)
    assert wins >= 0.9 * len(trained.right()[::20])
    assert found > 2 * chance, f"score lost {found:.2f}, at random {chance:.2f}"


@pytest.mark.parametrize("label", [EGG, SOUP], ids=["egg", "soup"])
def test_what_lime_finds_lies_in_the_evidence(trained, label):
    shares, chances = [], []
    for i in trained.right(label)[:10]:
        segments, weights = lime(trained, i)
        speaks_for = (top_superpixels(weights, count=len(weights) // 3, positive_only=True) > 0)[segments]
        shares.append(trained.masks[i][speaks_for].float().mean().item())
        chances.append(trained.masks[i].float().mean().item())
    share, chance = sum(shares) / len(shares), sum(chances) / len(chances)
    assert share > chance + 0.05, f"in the evidence {share:.0%}, by chance {chance:.0%}"


def test_a_weak_network_takes_eggs_for_bread(trained):
    counts = torch.stack(trained.confusions[1:]).sum(0)  # after the first epoch it says one class for nearly all
    pairs = (counts + counts.T).tril(-1)
    rank = int((pairs > pairs[EGG, BREAD]).sum())
    assert rank < 6, f"{rank} of 55 pairs are confused more often"
