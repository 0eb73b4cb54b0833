"""The picture of deletion and insertion curves."""

import matplotlib
import numpy as np
import pytest

from lightning_viz.render.charts.curves import curves_picture

SHARES = np.linspace(0, 1, 7)


def curves(level, count=3):
    return np.full((count, 2, 7), level)


def test_its_size_is_fixed_and_it_is_drawn_within():
    for count in (1, 40):
        image = curves_picture(SHARES, curves(0.2, count), curves(0.7, count), title="a" * 90)
        assert image.shape == (480, 350, 3)
        assert image.dtype == np.uint8
    image = curves_picture(SHARES, curves(0.2), curves(0.7), title="saliency_against_rival, mean of 8 probes")
    assert (image[:, [0, -1]] == 255).all()
    assert (image[[0, -1]] == 255).all()


def coloured(image, channel):
    """Pixels in which one colour prevails."""
    others = [c for c in range(3) if c != channel]
    return image[..., channel].astype(int) - image[..., others].max(-1) > 60


def test_deletion_is_above_and_insertion_below_each_at_its_height():
    own = np.stack([np.full((1, 7), 0.2), np.full((1, 7), 0.8)], axis=1)
    image = curves_picture(SHARES, own, curves(0.5, 1))
    red, blue = (np.argwhere(coloured(image, channel)) for channel in (0, 2))
    assert red[:, 0].max() < 240 < blue[:, 0].min()
    heights = np.median(red[:, 0]), np.median(blue[:, 0])  # the axes are 161 px high
    assert heights == pytest.approx((216 - 0.2 * 161, 422 - 0.8 * 161), abs=3)


def test_it_does_not_depend_on_the_users_style():
    plain = curves_picture(SHARES, curves(0.2), curves(0.7))
    with matplotlib.rc_context({"axes.facecolor": "black", "font.size": 30}):
        assert np.array_equal(curves_picture(SHARES, curves(0.2), curves(0.7)), plain)
