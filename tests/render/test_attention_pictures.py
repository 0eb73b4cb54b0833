"""Heads side by side, and walls of them."""

import numpy as np
import pytest

from lightning_viz.render.color import sequential
from lightning_viz.render.maps.attention import ABOVE, head_tiles, wall

PIXELS = np.full((3, 24, 36), 0.5)


def test_heads_share_one_scale():
    heads = np.zeros((2, 24, 36))
    heads[0, :, :18], heads[1, :, :18] = 1.0, 0.5
    picture = head_tiles(PIXELS, heads, [1.23, 2.0], [0.5, 3.14], full=1.0)
    assert picture.shape[1] == 350
    bright = [int(picture[picture.shape[0] * 3 // 4, x].max()) for x in (150, 270)]
    assert bright[0] > bright[1] > 60


def test_without_figures_heads_are_drawn_all_the_same():
    with_figures = head_tiles(PIXELS, np.ones((3, 24, 36)), [1.0] * 3, [1.0] * 3, full=1.0)
    without = head_tiles(PIXELS, np.ones((3, 24, 36)), [], [], full=1.0)
    assert with_figures.shape == without.shape
    assert (with_figures != without).any()


def rows(layers, heads, height=4, width=4):
    return [np.full((heads, height, width), 1 / (height * width)) for _ in range(layers)]


def marks(layers, heads, *marked):
    return [[(i, k) in marked for k in range(heads)] for i in range(layers)]


def cell(picture, i, k, layers, heads):
    """The colour in the middle of a tile, and at its edge."""
    high, wide = picture.shape[0] / layers, picture.shape[1] / heads
    middle = picture[round((i + 0.5) * high), round((k + 0.5) * wide)]
    return middle, picture[round((i + 0.5) * high), round(k * wide + 6)]


def test_a_wall_has_a_row_per_layer_and_marks_the_heads_that_do_nothing():
    picture = wall(rows(3, 3), marks(3, 3, (0, 1)), marks(3, 3, (2, 0)))
    plain, _ = cell(picture, 1, 1, 3, 3)
    assert plain.tolist() == sequential(np.full((1, 1), 1 / ABOVE))[0, 0].tolist()
    hatched, _ = cell(picture, 0, 1, 3, 3)
    assert hatched[0] == hatched[1] == hatched[2] >= 100
    inside, frame = cell(picture, 2, 0, 3, 3)
    assert inside.tolist() == plain.tolist()
    assert frame.tolist() == [255, 140, 0]


def test_colours_mean_the_same_in_every_wall():
    strong = rows(1, 2)
    strong[0][1] *= 3
    one, other = wall(rows(1, 2), marks(1, 2), marks(1, 2)), wall(strong, marks(1, 2), marks(1, 2))
    assert (cell(one, 0, 0, 1, 2)[0] == cell(other, 0, 0, 1, 2)[0]).all()
    assert (cell(one, 0, 1, 1, 2)[0] != cell(other, 0, 1, 1, 2)[0]).any()


@pytest.mark.parametrize(("layers", "heads"), [(1, 1), (2, 16), (12, 12), (24, 16), (32, 3), (4, 25)])
def test_a_wall_is_no_tower(layers, heads):
    picture = wall(rows(layers, heads), marks(layers, heads), marks(layers, heads))
    assert picture.shape[0] <= 2.2 * picture.shape[1]


def test_layers_may_have_different_heads_and_grids():
    mixed = [*rows(1, 2), *rows(1, 4, 2, 2)]
    none = [[False] * len(row) for row in mixed]
    assert wall(mixed, none, none).shape[1] == 350
