"""Volumes as flat pictures."""

import numpy as np
import pytest

from lightning_viz.render.maps.slices import Slices, blanked, middle, sheet_size, strongest


def test_a_sheet_holds_the_three_slices_and_nothing_else():
    volume = np.arange(2 * 3 * 4).reshape(2, 3, 4) + 1
    sheet = Slices((1, 2, 0)).sheet(volume, 0)
    assert sheet.shape == sheet_size(volume.shape) == (6, 7)
    assert np.array_equal(sheet[:3, :4], volume[1])
    assert np.array_equal(sheet[:3, 5:], volume[:, :, 0].T)
    assert np.array_equal(sheet[4:, :4], volume[:, 2, :])
    assert not sheet[3].any()
    assert not sheet[:, 4].any()
    assert not sheet[4:, 5:].any()
    both = Slices((1, 2, 0)).sheet(np.stack([volume, -volume]), 0)
    assert np.array_equal(both, np.stack([sheet, -sheet]))


def test_the_slices_are_those_with_most_of_the_map_whatever_its_sign():
    values = np.zeros((5, 6, 7))
    values[3, 1, 2], values[3, 4, 2], values[0, 1, 6] = -2, 1, 2.5
    found = strongest(values)
    assert found.at == (3, 1, 2)
    assert strongest(-7 * values) == found
    assert strongest(np.zeros((5, 6, 8))) == middle((5, 6, 8)) == Slices((2, 3, 4))
    assert strongest(values[0]) == Slices()
    assert middle((5, 6)) == Slices()


def test_a_flat_image_stays_as_it_is():
    image = np.random.default_rng(0).random((3, 4, 5))
    assert np.array_equal(Slices().sheet(image, 0), image)
    assert Slices().told((4, 5), time=False) == []


def test_what_is_between_slices_is_dark():
    sheet = np.array([[0.0, np.nan]])
    picture = np.full((1, 2, 3), 200, np.uint8)
    assert blanked(picture, sheet).tolist() == [[[200, 200, 200], [24, 24, 28]]]


@pytest.mark.parametrize(("size", "gap"), [((8, 16, 16), 1), ((128, 128, 128), 4)])
def test_larger_sheets_have_larger_gaps(size, gap):
    assert sheet_size(size) == (size[1] + gap + size[0], size[2] + gap + size[0])
