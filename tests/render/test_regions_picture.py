"""Outlines of regions and their legend."""

import numpy as np
import pytest
from test_colours_apart import EYES, least_apart

from lightning_viz.render.maps.regions import PALETTE, class_colours, legend, outlined


def square():
    mask = np.zeros((1, 10, 10), bool)
    mask[0, 2:6, 2:6] = True
    return mask


def test_an_outline_lies_within_its_region_in_full_colour_and_the_rest_is_the_image():
    picture = outlined(np.full((3, 10, 10), 0.5), square(), [(255, 0, 0)], width=100)
    red = (picture == (255, 0, 0)).all(2)
    area = np.zeros((100, 100), bool)
    area[20:60, 20:60] = True
    assert red[20:60, 20].all()
    assert red[59, 20:60].all()
    assert not red[~area].any()
    assert (picture[~area] == 128).all()
    inside = picture[40, 40].astype(int)
    assert inside[0] > 128 > inside[1]  # tinted
    assert inside[1] > 80  # and the image is still seen


def test_a_region_that_fills_the_image_has_no_rim_but_a_tint():
    picture = outlined(np.zeros((3, 8, 8)), np.ones((1, 8, 8), bool), [(0, 255, 0)], width=80)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 1
    assert picture[0, 0, 1] > 0


def test_masks_of_another_size_are_brought_to_that_of_the_picture():
    coarse = outlined(np.zeros((3, 40, 40)), square(), [(255, 0, 0)], width=100)
    fine = outlined(np.zeros((3, 40, 40)), square().repeat(4, 1).repeat(4, 2), [(255, 0, 0)], width=100)
    assert (coarse == fine).all()


def test_as_many_colours_as_masks():
    with pytest.raises(ValueError, match="P colours"):
        outlined(np.zeros((3, 8, 8)), square(), [], width=80)


def test_what_has_no_label_is_hatched():
    picture = outlined(np.ones((3, 10, 10)), square(), [(255, 0, 0)], unknown=square()[0], width=100)
    assert len(np.unique(picture[21:59, 21:59].reshape(-1, 3), axis=0)) > 1
    assert (picture[70:] == 255).all()


@pytest.mark.parametrize("eye", EYES)
def test_colours_of_eight_classes_are_told_apart_by_every_eye(eye):
    assert least_apart(class_colours(8), eye) > 20


@pytest.mark.parametrize("eye", EYES)
def test_colours_of_as_many_classes_as_there_are_differ_for_every_eye(eye):
    assert least_apart(PALETTE, eye) > 6


def test_more_classes_than_colours_begin_anew():
    colours = class_colours(len(PALETTE) + 3)
    assert colours[len(PALETTE) :] == colours[:3]


def test_a_legend_is_as_high_for_none_as_for_many_and_shows_the_colours():
    names, colours = [f"class {k}" for k in range(12)], class_colours(12)
    one, many, none = (legend(names[:n], colours[:n], rows=2) for n in (1, 12, 0))
    assert one.shape == many.shape == none.shape
    shown = [bool((many == colour).all(2).any()) for colour in colours]
    assert shown == sorted(shown, reverse=True)  # the first ones, as far as there is room
    assert 4 <= sum(shown) < 12
    assert (one == colours[0]).all(2).sum() >= 80


def test_a_long_name_is_cut():
    assert legend(["x" * 200, "y"], class_colours(2), rows=1).shape[1] == 350
