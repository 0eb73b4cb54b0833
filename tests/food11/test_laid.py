"""Drawn tables: several dishes, each with its mask, its box and what is left of it."""

import numpy as np
import pytest
import torch
from torch import nn

from lightning_viz.food11 import FoodClassifier, FoodData
from lightning_viz.food11.detector import Detector, found_share
from lightning_viz.food11.drawn import CLASSES, DrawnTables, LaidTable, draw, draw_table

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
    data = FoodData(task="labels", size=32, train_count=4, val_count=2, batch_size=2)
    data.setup("fit")
    images, labels = next(iter(data.val_dataloader()))
    assert labels.shape == (2, 11)
    assert data.val_dataloader().dataset.mask(1).shape == (11, 32, 32)
    net = FoodClassifier(size=32, width=4, task="labels").eval()
    places = net.places(net.cnn(images))
    assert torch.allclose(net(images), places.flatten(2).exp().mean(2).log(), atol=1e-6)
    with pytest.raises(ValueError, match="tables are drawn"):
        FoodData("photographs", task="boxes")
    with pytest.raises(ValueError, match="network='cnn' for task='labels'"):
        FoodClassifier(network="transformer", task="labels")
    for wrong in (FoodData, FoodClassifier):
        with pytest.raises(ValueError, match="Expected task to be one of"):
            wrong(task="tables")


def batch_of(task):
    data = FoodData(task=task, size=32, train_count=2, val_count=4, batch_size=4)
    data.setup("fit")
    return data, *next(iter(data.val_dataloader()))


def test_tables_tell_regions():
    data, images, regions = batch_of("regions")
    assert regions.dtype == torch.long
    assert data.class_names == ["background", *CLASSES]
    masks = torch.stack([data.val_dataloader().dataset.mask(i) for i in range(4)])
    assert torch.equal(regions > 0, masks.any(1))
    for k in range(len(CLASSES)):
        assert torch.equal(regions == k + 1, masks[:, k])
    assert FoodClassifier(size=32, width=4, task="regions").eval()(images).shape == (4, 12, 32, 32)


def test_tables_tell_the_share_that_food_covers():
    data, images, shares = batch_of("values")
    masks = torch.stack([data.val_dataloader().dataset.mask(i) for i in range(4)])
    assert masks.shape == (4, 32, 32)
    assert torch.allclose(shares, masks.float().mean((1, 2)))
    net = FoodClassifier(size=32, width=4, task="values").eval()
    assert torch.allclose(net(images), net.places(net.cnn(images)).sigmoid().mean((1, 2, 3)))


def test_tables_tell_boxes_and_hidden_dishes_have_none():
    data, images, targets = batch_of("boxes")
    for i, target in enumerate(targets):
        masks = data.val_dataloader().dataset.mask(i)
        assert sorted(target["labels"].tolist()) == masks.flatten(1).any(1).nonzero().flatten().tolist()
        for (left, top, right, bottom), k in zip(target["boxes"].long().tolist(), target["labels"], strict=True):
            inside = torch.zeros(32, 32, dtype=torch.bool)
            inside[top:bottom, left:right] = True
            assert not (masks[k] & ~inside).any()
            for edge in (masks[k][top], masks[k][bottom - 1], masks[k][:, left], masks[k][:, right - 1]):
                assert edge.any()
    found = FoodClassifier(size=32, width=4, task="boxes").eval()(images)
    assert len(found) == 4
    hidden = LaidTable(TABLES[0].image, (3, 5), np.stack([TABLES[0].masks[0], TABLES[0].masks[0] & False]), 0.0)
    assert hidden.boxes[1].tolist() == [0, 0, 0, 0]


def test_a_detector_learns_where_two_things_are():
    torch.manual_seed(0)
    images, targets = torch.zeros(4, 3, 32, 32), []
    for i, (left, top) in enumerate([(0, 0), (8, 16), (16, 4), (12, 12)]):
        images[i, i % 2, top : top + 14, left : left + 14] = 1.0
        targets.append({"boxes": torch.tensor([[left, top, left + 14.0, top + 14.0]]), "labels": torch.tensor([i % 2])})
    net = Detector(2, 8)
    adam = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(60):
        adam.zero_grad()
        net.loss(net.places(images), targets, 32).backward()
        adam.step()
    with torch.no_grad():
        assert found_share(net.eval()(images), targets).tolist() == [1.0] * 4


def test_of_boxes_that_overlap_the_surest_of_a_class_is_left():
    net = Detector(2, 4).eval()
    with torch.no_grad():
        nn.init.constant_(net.score.bias, 0.0)
        nn.init.constant_(net.edges.bias, 2.0)  # boxes of 34 pixels, of which most overlap
        (found,) = net(torch.rand(1, 3, 32, 32))
        logits, boxes = (rows[0] for rows in net.places(torch.rand(1, 3, 32, 32)))
    assert found["scores"].tolist() == sorted(found["scores"].tolist(), reverse=True)
    left = list(zip(found["boxes"].tolist(), found["labels"].tolist(), strict=True))
    assert 0 < len(left) < len(boxes) == len(logits) == 16
    assert float(found["boxes"].min()) >= 0
    assert float(found["boxes"].max()) <= 32
