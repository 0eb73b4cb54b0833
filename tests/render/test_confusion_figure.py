import time

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, recall_score

from lightning_viz.render import WIDTH, confusion_picture, recall, worst_confusions
from lightning_viz.render.charts.confusion import Layout, _blocks, _shares
from lightning_viz.render.fonts import plain

RANDOM = np.random.default_rng(0)
FOOD = ["Bread", "Dairy product", "Dessert", "Egg", "Fried food", "Meat", "Noodles/Pasta", "Rice", "Seafood",
        "Soup", "Vegetable/Fruit"]  # fmt: skip


def pairs(classes=11, count=600):
    true = RANDOM.integers(0, classes, count)
    return true, np.where(RANDOM.random(count) < 0.6, true, RANDOM.integers(0, classes, count))


def names(count):
    return [f"class {k}" for k in range(count)]


def cells(picture, classes):
    """The colour of every cell near its upper left corner, clear of the text."""
    left, top, side, _ = Layout.of(picture.shape[1])
    at = (np.arange(classes) * side / classes).astype(int) + 1
    return picture[top + at][:, left + at].astype(int)


def hues(picture, classes):
    """How much more red than blue there is in every cell."""
    return cells(picture, classes)[..., 0] - cells(picture, classes)[..., 2]


def test_recall_and_shares_are_scikit_learns():
    true, predicted = pairs()
    counts = confusion_matrix(true, predicted)
    assert np.allclose(recall(counts), recall_score(true, predicted, average=None))
    assert np.allclose(_shares(counts), confusion_matrix(true, predicted, normalize="true"))


def test_absent_classes_have_no_recall():
    counts = [[2, 1, 0], [0, 0, 0], [0, 0, 5]]
    assert np.array_equal(recall(counts), [2 / 3, np.nan, 1], equal_nan=True)
    assert np.isnan(recall(np.zeros((4, 4), int))).all()


def test_worst_confusions_are_the_largest_counts_off_the_diagonal():
    counts = np.diag([100, 50, 70])
    counts[0, 1], counts[2, 0], counts[1, 2] = 9, 31, 4
    predicted = [*map(plain, worst_confusions(counts, ["Bread", "Egg", "Soup"], top=2))]
    assert predicted == ["Soup taken for Bread: 31 of 101", "Bread taken for Egg: 9 of 109"]
    assert len(worst_confusions(counts, names(3), top=99)) == 3
    assert worst_confusions(np.eye(3, dtype=int), names(3)) == []


def test_darker_means_a_larger_share_of_the_row():
    true, predicted = pairs()
    counts = confusion_matrix(true, predicted)
    counts[3] *= 50
    picture = confusion_picture(counts, FOOD, title="epoch 1")
    light, right = cells(picture, 11).sum(axis=2), np.eye(11, dtype=bool)
    for kind in (right, ~right):
        order = np.argsort(_shares(counts)[kind])
        assert (np.diff(light[kind][order]) <= 3).all()


def test_what_is_right_is_blue_and_what_is_wrong_is_orange():
    found = hues(confusion_picture(np.full((11, 11), 7) + 30 * np.eye(11, dtype=int), FOOD), 11)
    assert found.diagonal().max() < -20
    assert found[~np.eye(11, dtype=bool)].min() > 5


def test_a_share_has_the_same_colour_in_every_epoch():
    first = cells(confusion_picture([[5, 5], [0, 10]], names(2)), 2)
    later = cells(confusion_picture([[500, 500], [400, 600]], names(2)), 2)
    assert np.array_equal(first[0], later[0])


def test_the_row_of_an_absent_class_is_blank():
    counts = np.full((11, 11), 3)
    counts[4] = 0
    picture = confusion_picture(counts, FOOD)
    left, top, side, _ = Layout.of(350)
    row = picture[top + 4 * side // 11 + 1 : top + 5 * side // 11 - 1, left : left + side]
    assert len(np.unique(row.reshape(-1, 3), axis=0)) == 1
    assert not np.array_equal(row[0, 0], cells(picture, 11)[3, 3])


@pytest.mark.parametrize("classes", [1, 25, 26])
def test_size_is_the_same_whatever_the_counts_and_names(classes):
    full = confusion_picture(RANDOM.integers(0, 9, (classes, classes)), ["long name " * 9] * classes, title="t")
    empty = confusion_picture(np.zeros((classes, classes), int), names(classes))
    assert full.shape == empty.shape
    assert full.dtype == np.uint8
    assert full.shape[1] == WIDTH
    # Nothing is cut off at the edges.
    for edge in (full[0], full[-1], full[:, 0], full[:, -1]):
        assert (edge == 255).all()


def test_captions_add_height_and_dollars_are_no_formula():
    counts = np.eye(2, dtype=int)
    plain = confusion_picture(counts, ["a", "b"], title="$x", caption=["$\\frac{", "x" * 900])
    assert plain.shape[0] > confusion_picture(counts, ["$a_b$", "\\alpha$"]).shape[0]
    assert (plain[:, -1] == 255).all()


def test_a_thousand_classes_take_less_than_two_seconds_and_keep_their_diagonal():
    counts = RANDOM.poisson(0.05, (1000, 1000)) + np.diag(np.full(1000, 50))
    begin = time.process_time()
    picture = confusion_picture(counts, names(1000))
    assert time.process_time() - begin < 2
    left, top, side, _ = Layout.of(WIDTH)
    inside = picture[top : top + side, left : left + side].astype(int).sum(axis=2)
    assert np.diagonal(inside)[5:-5].max() < np.median(inside) - 100


def test_blocks_of_many_classes_keep_the_largest_share():
    shares = RANDOM.random((700, 700))
    shares[:3] = np.nan
    blocks = _blocks(shares, 330)
    assert blocks.shape == (234, 234)
    assert np.isnan(blocks[0]).all()
    assert blocks[5, 7] == shares[15:18, 21:24].max()
    assert blocks[-1, -1] == shares[699:, 699:].max()


def test_that_cells_are_blocks_is_told():
    pictures = [confusion_picture(np.eye(count, dtype=int), names(count)) for count in (667, 200)]
    below = slice(Layout.of(WIDTH).bars, Layout.of(WIDTH).bars + 13)
    told, plain_words = ((picture[below] < 128).sum() for picture in pictures)
    assert told > 1.5 * plain_words


def test_the_letters_in_the_cells_of_eleven_classes_are_nine_pixels_or_more():
    counts = np.full((11, 11), 8)
    left, top, side, _ = Layout.of(WIDTH)
    cell = confusion_picture(counts, FOOD)[top + 1 : top + side // 11 - 1, left + 26 : left + 49]
    rows = np.flatnonzero((cell < 120).all(axis=2).any(axis=1))
    runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    assert len(runs) == 2  # share and count
    assert all(6 <= len(run) <= 8 for run in runs)  # digits of 9 px letters are 7 high


def test_the_users_style_and_figures_are_left_alone():
    counts = confusion_matrix(*pairs())
    expected = confusion_picture(counts, FOOD)
    with matplotlib.rc_context():
        plt.style.use("dark_background")
        before = dict(matplotlib.rcParams)
        assert np.array_equal(confusion_picture(counts, FOOD), expected)
        assert dict(matplotlib.rcParams) == before
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (np.zeros((2, 3)), "square"),
        (np.zeros((0, 0)), "square"),
        ([[0.5, 0.5], [0, 1]], "before normalisation"),
        ([[1, -1], [0, 1]], "whole numbers from 0"),
        ([[np.nan, 1], [0, 1]], "whole numbers"),
        (np.eye(3), "Expected 3 class names, one per row, received 2"),
    ],
)
def test_what_is_no_matrix_of_counts_is_named(counts, message):
    with pytest.raises(ValueError, match=message):
        confusion_picture(counts, ["a", "b"])
