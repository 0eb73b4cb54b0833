"""Colour bars say which value has which colour."""

import numpy as np
import pytest

from lightning_viz.render import colorbar, diverging, panel, sequential


def bar(picture):
    """One row of the colours: clear of frame, numbers and title."""
    row = picture[2].astype(int)
    inside = np.flatnonzero((row != [24, 24, 28]).any(axis=1))
    return row[inside[0] : inside[-1] + 1]


@pytest.mark.parametrize("width", [173, 350])
@pytest.mark.parametrize("colours", ["signed", "sequential", "superpixels"])
@pytest.mark.parametrize("full", [0.0, 8e-5, 0.123, 3.5, 12345.6])
def test_a_bar_is_narrow_and_has_numbers_left_and_right(full, colours, width):
    picture = colorbar(full, colours=colours, width=width)
    assert picture.shape == (16, width, 3)
    assert picture.dtype == np.uint8
    text = (picture > 150).all(axis=2).any(axis=0)
    assert text[: width // 4].any()
    assert text[-40:].any()
    assert not text[[0, -1]].any()


def test_its_ends_and_middle_are_the_colours_of_maps():
    signed, magnitudes = bar(colorbar(1.0)), bar(colorbar(1.0, colours="sequential"))
    assert np.array_equal(signed[[0, -1]], diverging([[-1.0, 1.0]])[0])
    assert np.array_equal(magnitudes[-1], sequential([[1.0]])[0, 0])
    lightest = signed.sum(axis=1).argmax()
    assert lightest == pytest.approx(len(signed) / 2, abs=len(signed) / 100 + 1)


def test_of_superpixels_the_left_is_blue_and_striped_and_the_right_orange():
    colours = bar(colorbar(1.0, colours="superpixels"))
    half = len(colours) // 2
    left, right = colours[: half - 12], colours[half + 12 :]
    assert (left[:, 2] > left[:, 0]).all()
    assert (right[:, 0] > right[:, 2]).all()
    assert np.abs(np.diff(left.sum(axis=1))).max() > 60 > np.abs(np.diff(right.sum(axis=1))).max()


def test_another_number_or_unit_is_another_bar_of_the_same_size():
    bars = [colorbar(1.0), colorbar(2.0), colorbar(1.0, "first-order log-odds"), colorbar(1.0, "a unit " * 30)]
    assert len({picture.shape for picture in bars}) == 1
    assert len({picture.tobytes() for picture in bars}) == 4


def test_a_panel_sets_bars_between_pictures_and_caption():
    image, one = np.full((32, 32, 3), 90, np.uint8), colorbar(1.0)
    picture = panel(image, ["caption"], bars=[one, one])
    plain = panel(image, ["caption"])
    assert np.array_equal(picture[:350], plain[:350])
    assert np.array_equal(picture[350:382], np.concatenate([one, one]))
    assert np.array_equal(picture[382:], plain[350:])
    with pytest.raises(ValueError, match="as wide as the panel, 350, received 200"):
        panel(image, bars=[colorbar(1.0, width=200)])


@pytest.mark.parametrize(
    ("full", "colours", "message"), [(-1.0, "signed", "finite number from 0"), (1.0, "rainbow", "'rainbow'")]
)
def test_what_is_no_bar_is_named(full, colours, message):
    with pytest.raises(ValueError, match=message):
        colorbar(full, colours=colours)
