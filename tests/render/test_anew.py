"""Maps that are painted anew are those that would have been painted on that scale at once."""

import numpy as np
import pytest

from lightning_viz.render.color import diverging, overlay, sequential, symmetric
from lightning_viz.render.maps.anew import SIDE, kept_of_map, kept_of_superpixels, painted_anew
from lightning_viz.render.maps.colorbar import colorbar
from lightning_viz.render.maps.lime import superpixel_picture
from lightning_viz.render.panel import panel

CAPTION = np.full((30, 350, 3), 77, np.uint8)


def image(height, width):
    return np.random.default_rng(0).uniform(size=(3, height, width))


def apart(one, other):
    """How far two pictures are apart, in levels of 255."""
    assert one.shape == other.shape
    return np.abs(one.astype(int) - other.astype(int))


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("size", [(16, 16), (24, 40), (60, 20)])
def test_a_map_on_a_larger_scale(signed, size):
    pixels, values = image(*size), np.random.default_rng(1).normal(size=size)
    values = values if signed else np.abs(values)
    kept = {**kept_of_map(pixels, values, 1.5, signed=signed, unit="log-odds"), "caption": CAPTION}
    heat, _ = symmetric(values, scale=4.0)
    tiles = [diverging(heat) if signed else sequential(heat), overlay(pixels, heat, signed=signed)]
    bar = colorbar(4.0, "log-odds", colours="signed" if signed else "sequential")
    expected = np.concatenate([panel(tiles, bars=[bar]), CAPTION])
    assert apart(painted_anew(kept, 4.0), expected).max() <= 3


def superpixels(side):
    """Squares, and a last superpixel of a single pixel."""
    rows = columns = np.arange(side) * 3 // side
    segments = rows[:, None] * 3 + columns
    segments[1, 1] = 9
    weights = np.array([2.0, -1.0, 0.0, 0.5, -3.0, 1.0, 0.2, -0.2, 3.0, 9.0])
    return segments, (weights, np.sign(weights).astype(int), np.abs(weights) > 0.3)


@pytest.mark.parametrize("side", [32, 300])
def test_superpixels_on_a_larger_scale(side):
    pixels = image(side, side)
    segments, (weights, chosen, sure) = superpixels(side)
    two = [(weights, chosen, sure), (-weights, -chosen, sure)]
    kept = {**kept_of_superpixels(pixels, segments, two, 3.0, titles=["Egg", "Soup"], unit="log-odds")}
    assert max(kept["segments"].shape) <= SIDE
    shown = painted_anew({**kept, "caption": CAPTION}, 5.0)
    tiles = [superpixel_picture(pixels, segments, w, c, certain=s, scale=5.0) for w, c, s in two]
    bar = colorbar(5.0, "log-odds", colours="superpixels")
    expected = np.concatenate([panel(tiles, titles=["Egg", "Soup"], bars=[bar]), CAPTION])
    assert np.median(apart(shown, expected)) <= (1 if side < SIDE else 12)  # noise is smoothed where it is reduced


def test_what_is_kept_are_arrays_without_objects():
    kept = kept_of_map(image(8, 8), np.ones((8, 8)), 1.0, signed=False, unit="log-odds")
    assert not [name for name, array in kept.items() if array.dtype.hasobject]
