import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from lightning_viz import food11
from lightning_viz.food11 import drawn
from lightning_viz.food11.drawn import CLASSES, DrawnFood, contact_sheet, draw
from lightning_viz.food11.drawn.__main__ import main
from lightning_viz.food11.drawn.canvas import Canvas, Look, Pose
from lightning_viz.food11.drawn.noise import sample
from lightning_viz.food11.drawn.shapes import arc, blob, box, circle, convex, cut, ellipse, joined, leaf, moved, ring

BREAD, EGG, SOUP = CLASSES.index("Bread"), CLASSES.index("Egg"), CLASSES.index("Soup")


def pictures(label, count, *, seed=0, size=64):
    return [draw(seed, label + len(CLASSES) * i, size) for i in range(count)]


def halved(image):
    side = image.shape[0] // 2
    return image.astype(np.float64).reshape(side, 2, side, 2, -1).mean((1, 3))


class TestDraw:
    def test_same_seed_and_index_give_the_same_picture(self):
        for index in range(11):
            first, second = draw(4, index), draw(4, index)
            np.testing.assert_array_equal(first.image, second.image)
            np.testing.assert_array_equal(first.mask, second.mask)
            assert first.props == second.props

    def test_order_of_drawing_and_global_generators_do_not_matter(self):
        expected = draw(2, 5).image
        np.random.seed(9)
        torch.manual_seed(9)
        draw(2, 6)
        np.testing.assert_array_equal(draw(2, 5).image, expected)

    def test_leaves_global_generators_alone(self):
        torch.manual_seed(1)
        np.random.seed(1)
        expected = torch.rand(3), np.random.random(3)
        torch.manual_seed(1)
        np.random.seed(1)
        DrawnFood(11)[3]
        assert torch.equal(torch.rand(3), expected[0])
        np.testing.assert_array_equal(np.random.random(3), expected[1])

    def test_another_process_draws_the_same(self):
        rooms = {room.__name__: [*room.__path__] for room in (food11, drawn)}  # which need no torch to draw
        code = (
            f"import sys, types; rooms = {rooms};"
            "sys.modules.update({name: types.ModuleType(name) for name in rooms});"
            "[setattr(sys.modules[name], '__path__', path) for name, path in rooms.items()];"
            "import hashlib; from lightning_viz.food11.drawn.scene import draw;"
            "print(hashlib.sha256(b''.join(draw(3, i).image.tobytes() for i in range(11))).hexdigest())"
        )
        runs = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout}
        here = hashlib.sha256(b"".join(draw(3, i).image.tobytes() for i in range(11))).hexdigest()
        assert runs == {here + "\n"}

    @pytest.mark.parametrize("index", range(11))
    def test_size_changes_no_content(self, index):
        small, large = draw(6, index, 64), draw(6, index, 128)
        assert small.props == large.props
        error = np.abs(halved(large.image) - small.image)
        other = np.abs(halved(large.image) - draw(6, index + 11, 64).image)
        assert error.mean() < 10
        assert error.mean() < 0.35 * other.mean()
        both, either = small.mask & (halved(large.mask)[..., 0] > 0.5), small.mask | (halved(large.mask)[..., 0] > 0.5)
        assert both.sum() > 0.85 * either.sum()

    def test_seeds_and_indices_differ(self):
        images = [draw(seed, index).image for seed in (0, 1) for index in (3, 14, 25)]
        for i, first in enumerate(images):
            for second in images[:i]:
                assert np.abs(first.astype(int) - second).mean() > 8

    @pytest.mark.parametrize("label", range(11))
    def test_mask_is_a_part_of_the_picture(self, label):
        for drawing in pictures(label, 12):
            assert drawing.mask.shape == (64, 64)
            assert drawing.mask.dtype == bool
            assert 0.015 < drawing.mask.mean() < 0.95
            assert drawing.label == label

    def test_egg_evidence_holds_the_yolk(self):
        inside, outside = 0, 0
        for drawing in pictures(EGG, 40):
            red, green, blue = drawing.image.astype(int).transpose(2, 0, 1)
            yolk = (red > 170) & (red - blue > 110) & (green - blue > 50)
            inside, outside = inside + yolk[drawing.mask].mean(), outside + yolk[~drawing.mask].mean()
        assert inside > 4 * outside

    def test_evidence_of_plants_is_more_colourful_than_the_rest(self):
        inside, outside = 0, 0
        for drawing in pictures(10, 30):
            spread = np.ptp(drawing.image.astype(int), axis=2)
            inside, outside = inside + spread[drawing.mask].mean(), outside + spread[~drawing.mask].mean()
        assert inside > 1.8 * outside

    def test_soup_is_always_in_a_round_bowl(self):
        for drawing in pictures(SOUP, 30):
            assert "bowl" in drawing.props
            rows, cols = np.flatnonzero(drawing.mask.any(1)), np.flatnonzero(drawing.mask.any(0))
            if rows[0] > 0 and rows[-1] < 63 and cols[0] > 0 and cols[-1] < 63:
                assert 0.65 < np.ptp(cols) / np.ptp(rows) < 1.35

    def test_bowls_also_hold_other_food(self):
        bowls = [d.label for i in range(220) if "bowl" in (d := draw(0, i, 32)).props and d.label != SOUP]
        assert len(bowls) > 10
        assert len(set(bowls)) >= 3

    def test_eggs_often_come_with_bread_and_bread_with_a_yellow_round(self):
        eggs = np.mean(["bread" in d.props for d in pictures(EGG, 60, size=32)])
        breads = np.mean(["butter" in d.props for d in pictures(BREAD, 60, size=32)])
        assert 0.4 < eggs < 0.85
        assert 0.3 < breads < 0.8

    @pytest.mark.parametrize(("arguments", "word"), [((0, 0, 31), "32"), ((-1, 0), "seed"), ((0, -1), "index")])
    def test_bad_arguments(self, arguments, word):
        with pytest.raises(ValueError, match=word):
            draw(*arguments)


class TestDrawnFood:
    def test_targets_are_the_labels_and_balanced(self):
        food = DrawnFood(33, size=32, seed=5)
        assert food.targets == [food[i][1] for i in range(len(food))]
        assert np.bincount(food.targets).tolist() == [3] * 11
        assert food.classes == CLASSES

    def test_item_is_the_drawing(self):
        food = DrawnFood(20, size=48, seed=5)
        image, label = food[17]
        expected = draw(5, 17, 48)
        assert image.dtype == torch.float32
        assert image.shape == (3, 48, 48)
        assert torch.equal((image * 255).round().to(torch.uint8).permute(1, 2, 0), torch.from_numpy(expected.image))
        assert torch.equal(food.mask(17), torch.from_numpy(expected.mask))
        assert label == 6
        assert torch.equal(food[-3][0], image)

    def test_iterating_ends(self):
        assert [label for _, label in DrawnFood(5, size=32)] == [0, 1, 2, 3, 4]

    def test_prefix_does_not_depend_on_count(self):
        assert torch.equal(DrawnFood(12, size=32)[4][0], DrawnFood(100, size=32)[4][0])

    @pytest.mark.parametrize("index", [4, -5])
    def test_index_out_of_range(self, index):
        food = DrawnFood(4, size=32)
        with pytest.raises(IndexError, match="Expected an index within"):
            food[index]
        with pytest.raises(IndexError, match="Expected an index within"):
            food.mask(index)

    @pytest.mark.parametrize(
        ("arguments", "word"),
        [({"count": 0}, "count"), ({"count": 2, "size": 16}, "32"), ({"count": 2, "seed": -1}, "seed")],
    )
    def test_bad_arguments(self, arguments, word):
        with pytest.raises(ValueError, match=word):
            DrawnFood(**arguments)


@pytest.mark.parametrize(
    "shape",
    [
        circle(0.5),
        ellipse(0.7, 0.4),
        box(0.6, 0.3, 0.1),
        convex([(-0.5, -0.5), (0.5, -0.5), (0.3, 0.6)], 0.05),
        arc(0.5, 1.0, 0.15, 0.4),
        arc(0.4, 1.8, 0.1),
        leaf(0.6, 0.2),
        blob(0.6, 1.0, 0.1, 0.7),
        ring(circle(0.5), 0.1),
        joined(circle(0.2), moved(box(0.1, 0.3), 0.4, 0.1, 0.5)),
        cut(circle(0.5), moved(box(0.3, 0.3), 0.2, 0)),
    ],
)
def test_shape_lies_within_its_reach(shape):
    v, u = np.mgrid[-2:2:161j, -2:2:161j]
    inside = shape.distance(u, v) < 0
    assert inside.any()
    assert np.hypot(u, v)[inside].max() <= shape.reach + 0.03


def test_painting_covers_a_discs_area_and_later_things_hide_it():
    canvas = Canvas(64, np.random.default_rng(0))
    grey = Look(np.full(3, 0.5, np.float32))
    canvas.evidence = True
    canvas.paint(circle(1.0), Pose(0, 0, 0.5), grey)
    assert canvas.mask.mean() == pytest.approx(np.pi / 16, rel=0.03)
    assert canvas.pixels.mean() == pytest.approx(0.5 * np.pi / 16, rel=0.01)
    canvas.evidence = False
    canvas.paint(circle(1.0), Pose(0, 0, 0.6), grey)
    assert not canvas.mask.any()


@pytest.mark.parametrize("name", ["wood", "weave", "rice", "noodle", "lumps", "mottle", "ripple", "crumb"])
def test_tiles_are_periodic_heights(name):
    u, v = np.meshgrid(np.linspace(0, 0.99, 40), np.linspace(0, 0.99, 40))
    heights = sample(name, u, v, 1 / 256)
    assert heights.min() >= 0
    assert heights.max() <= 1
    assert heights.std() > 0.05
    np.testing.assert_array_equal(heights, sample(name, u + 3, v - 2, 1 / 256))


def test_sheet_has_the_documented_size():
    assert contact_sheet(size=32, per_class=3, labels=False).shape == (11 * 34 + 2, 3 * 34 + 2, 3)
    assert contact_sheet(size=32, per_class=1).shape == (11 * 34 + 2, 34 + 2 + 112, 3)
    with pytest.raises(ValueError, match="per_class"):
        contact_sheet(per_class=0)


def test_command_line_writes_a_sheet(tmp_path, capsys):
    target = tmp_path / "sheet.png"
    main(["--sheet", str(target), "--size", "32", "--per-class", "2", "--no-labels", "--seed", "3"])
    with Image.open(target) as image:
        np.testing.assert_array_equal(np.asarray(image), contact_sheet(size=32, per_class=2, seed=3, labels=False))
    with pytest.raises(SystemExit):
        main(["--sheet", str(target), "--size", "8"])
    assert "at least 32" in capsys.readouterr().err
