"""Drawn tables: several dishes, each with its mask, its box and what is left of it."""

import numpy as np
import pytest
import torch

from lightning_viz.food11 import FoodClassifier, FoodData
from lightning_viz.food11.drawn import CLASSES, DrawnTables, draw, draw_table

TABLES = [draw_table(5, i) for i in range(12)]


def test_same_seed_and_index_give_the_same_table():
    for i in range(3):
        again = draw_table(5, i)
        np.testing.assert_array_equal(again.image, TABLES[i].image)
        np.testing.assert_array_equal(again.masks, TABLES[i].masks)
        assert (again.labels, again.eaten) == (TABLES[i].labels, TABLES[i].eaten)


def test_drawing_tables_leaves_generators_and_single_dishes_alone():
    before = draw(2, 5).image
    torch.manual_seed(1)
    np.random.seed(1)
    expected = torch.rand(3), np.random.random(3)
    torch.manual_seed(1)
    np.random.seed(1)
    draw_table(2, 5)
    assert torch.equal(torch.rand(3), expected[0])
    np.testing.assert_array_equal(np.random.random(3), expected[1])
    np.testing.assert_array_equal(draw(2, 5).image, before)


def test_the_size_changes_nothing_but_the_size():
    for i in range(3):
        large = draw_table(5, i, 192)
        assert large.labels == TABLES[i].labels
        assert large.eaten == pytest.approx(TABLES[i].eaten, abs=0.03)
        halved = large.masks.reshape(len(large.labels), 96, 2, 96, 2).mean((2, 4))
        assert np.abs(halved - TABLES[i].masks).mean() < 0.01


def test_every_dish_is_another_food_that_can_be_seen():
    for table in TABLES:
        assert 2 <= len(table.labels) == len(set(table.labels)) <= 4
        assert table.masks.sum(0).max() == 1  # no food lies on another
        assert table.masks.sum((1, 2)).min() > 40
    assert {len(table.labels) for table in TABLES} == {2, 3, 4}
    assert len({label for table in TABLES for label in table.labels}) > 8


def test_boxes_hold_the_masks_and_nothing_more():
    for table in TABLES:
        for mask, box in zip(table.masks, table.boxes, strict=True):
            left, top, right, bottom = box.astype(int)
            inside = np.zeros_like(mask)
            inside[top:bottom, left:right] = True
            assert not (mask & ~inside).any()
            for edge in (mask[top], mask[bottom - 1], mask[:, left], mask[:, right - 1]):
                assert edge.any()


def test_what_is_eaten_is_the_share_of_what_was_served():
    shares = [table.eaten for table in TABLES]
    assert min(shares) >= 0
    assert max(shares) < 1
    assert len({round(share, 3) for share in shares}) > 6


def test_items_are_images_and_labels_of_zero_and_one():
    tables = DrawnTables(12, seed=5)
    for i in (0, 7):
        image, labels = tables[i]
        assert torch.equal((image * 255).round().byte().permute(1, 2, 0), torch.from_numpy(TABLES[i].image))
        assert labels.nonzero().flatten().tolist() == sorted(TABLES[i].labels)
        mask = tables.mask(i)
        assert mask.shape == (len(CLASSES), 96, 96)
        assert torch.equal(mask.flatten(1).any(1), labels > 0)
        boxes, classes = tables.boxes(i)
        assert classes.tolist() == list(TABLES[i].labels)
        assert boxes.tolist() == TABLES[i].boxes.tolist()
        assert tables.eaten(i) == TABLES[i].eaten
    with pytest.raises(IndexError, match="within 12"):
        tables.mask(12)


@pytest.mark.parametrize("wrong", [{"count": 0}, {"size": 31}, {"seed": -1}])
def test_wrong_arguments(wrong):
    with pytest.raises(ValueError, match=f"Expected {next(iter(wrong))}"):
        DrawnTables(**{"count": 2, **wrong})


def test_tables_have_several_labels_and_photographs_one():
    data = FoodData(tables=True, size=32, train_count=4, val_count=2, batch_size=2)
    data.setup("fit")
    images, labels = next(iter(data.val_dataloader()))
    assert labels.shape == (2, 11)
    assert data.val_dataloader().dataset.mask(1).shape == (11, 32, 32)
    net = FoodClassifier(size=32, width=4, several=True).eval()
    places = net.places(net.cnn(images))
    assert torch.allclose(net(images), places.flatten(2).exp().mean(2).log(), atol=1e-6)
    with pytest.raises(ValueError, match="tables are drawn"):
        FoodData("photographs", tables=True)
    with pytest.raises(ValueError, match="network='cnn' for several"):
        FoodClassifier(network="transformer", several=True)
