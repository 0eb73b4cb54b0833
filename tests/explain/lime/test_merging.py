"""Superpixels merged by Ward's criterion, held against a loop over all pairs of neighbours."""

import numpy as np
import pytest
from photos import photo
from skimage.color import rgb2lab
from skimage.filters import gaussian
from skimage.measure import label
from skimage.segmentation import felzenszwalb

from lightning_viz.explain.lime.merging import PLACE, merged


def image(side, seed=0):
    return photo(side, seed=seed).permute(1, 2, 0).double().numpy()


def spread(labels, looks):
    """The sum of squares within the superpixels."""
    return sum(((looks[labels == k] - looks[labels == k].mean(axis=0)) ** 2).sum() for k in np.unique(labels))


def touching(labels):
    pairs = {*zip(labels[1:].flat, labels[:-1].flat, strict=True)}
    pairs |= {*zip(labels[:, 1:].flat, labels[:, :-1].flat, strict=True)}
    return {(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]}


def by_trying_all(pixels, segments, sigma):
    """Merges, each time, the two neighbours whose union adds least to the spread."""
    side = len(pixels)
    labels = felzenszwalb(pixels, scale=4, sigma=sigma, min_size=max(side * side // (8 * segments), 2), channel_axis=-1)
    places = np.stack(np.mgrid[:side, :side], axis=-1) * (PLACE / side)
    looks = np.concatenate([rgb2lab(gaussian(pixels, sigma, channel_axis=-1)), places], axis=-1)
    while len(np.unique(labels)) > segments:
        added = {pair: spread(np.where(labels == pair[1], pair[0], labels), looks) for pair in touching(labels)}
        one, other = min(added, key=added.get)
        labels = np.where(labels == other, one, labels)
    return labels


@pytest.mark.parametrize("seed", range(3))
def test_of_all_neighbours_those_are_merged_whose_union_adds_least_to_the_spread(seed):
    pixels = image(16, seed)
    found, expected = merged(pixels, 5, 0.5), by_trying_all(pixels, 5, 0.5)
    assert len({*zip(found.flat, expected.flat, strict=True)}) == len(np.unique(found)) == 5


@pytest.mark.parametrize("segments", [4, 12, 30])
def test_there_are_exactly_as_many_as_wanted_each_of_one_piece(segments):
    found = merged(image(48), segments, 1.0)
    assert len(np.unique(found)) == segments
    assert label(found, connectivity=2, background=-1).max() == segments


def test_a_disc_of_its_own_colour_is_a_superpixel_by_itself():
    y, x = np.mgrid[:64, :64]
    disc = (y - 30) ** 2 + (x - 36) ** 2 < 90
    noise = np.random.default_rng(0).normal(scale=0.02, size=(64, 64, 3))
    pixels = np.clip(np.where(disc[..., None], [0.9, 0.7, 0.1], [0.8, 0.8, 0.85]) + noise, 0, 1)
    found = merged(pixels, 12, 1.0)
    inside = np.bincount(found[disc]).argmax()
    both = (found == inside) & disc
    assert both.sum() / ((found == inside) | disc).sum() > 0.85
