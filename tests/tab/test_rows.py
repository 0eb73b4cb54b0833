"""Rows and columns of the first view: what the network says of a probe, and which rows and methods are shown."""

import math
from functools import partial
from itertools import pairwise

import pytest
from playwright.sync_api import expect
from projects import NAMES, Project
from tab import Tab, link, placed
from trained import Log, train

from lightning_viz import Probes, SaliencyMaps
from lightning_viz.tensorboard.export import export

PROBES = dict(zip(["probe_00_bread", "probe_01_egg", "probe_02_soup"], NAMES, strict=True))
WIDTH, HEIGHT, EDGE, FIRST, LAST = 164, 64, 3, -1, 4
"""Of the small chart, and of its axis."""


def flips(run, probe):
    """What is told of each epoch whose prediction is another than the one before, but for the untrained network's."""
    predicted = [(epoch, told) for epoch, told in run.predictions(probe).items() if epoch >= 0]
    return [
        f"epoch {epoch}: now {name}" for (_, (before, _)), (epoch, (name, _)) in pairwise(predicted) if name != before
    ]


def across(epoch):
    return EDGE + (epoch - FIRST) / (LAST - FIRST) * (WIDTH - 2 * EDGE)


def visible(tab, *labels):
    expect(tab.find("tbody tr:visible .label")).to_have_text(labels)


@pytest.fixture
def probes(run):
    """The probes' predictions; of these three, one flips and some are wrong for a while."""
    predicted = {name: run.predictions(probe) for probe, name in PROBES.items()}
    assert len({bool(flips(run, probe)) for probe in PROBES}) == 2
    return predicted


def test_a_row_tells_class_prediction_and_probability_of_the_epoch(look, board, run):
    tab = look(link(board, at=-1))
    for epoch in (-1, 0, 1, 2, 3, 4):
        tab.shows(placed(epoch))
        for i, (probe, name) in enumerate(PROBES.items()):
            row = tab.find("tbody tr").nth(i)
            predicted, probability = run.predictions(probe)[epoch]
            mark = "✓" if predicted == name else "✗"
            expect(row.locator(".label")).to_have_text(name)
            share = math.floor(100 * probability + 0.5)
            expect(row.locator(".predicted:visible")).to_have_text(f"{mark} {predicted} {share} %")
            x = float(row.locator(".cursor").get_attribute("x1"))
            assert x == pytest.approx(across(epoch))
        tab.find("main").press("ArrowRight")


def test_a_row_draws_the_probabilities_and_marks_where_the_prediction_flipped(look, board, run, probes):
    tab = look(link(board))
    for i, (probe, name) in enumerate(PROBES.items()):
        row = tab.find("tbody tr").nth(i)
        line = row.locator("polyline.strong")
        expect(line).to_have_count(1)
        logged = run.figures(f"probability/{probe}/{name.lower()}")
        drawn = [tuple(map(float, point.split(","))) for point in line.get_attribute("points").split()]
        expected = [(across(e), HEIGHT - EDGE - p * (HEIGHT - 2 * EDGE)) for e, p in logged.items()]
        assert drawn == [pytest.approx(point, abs=0.06) for point in expected]
        assert row.locator(".flip title").all_text_contents() == flips(run, probe)
    flipped = next(i for i, probe in enumerate(PROBES) if flips(run, probe))
    tab.find("tbody tr").nth(flipped).locator(".opens").click()
    expect(tab.find(".enlarged .u-over .flip-mark")).to_have_count(len(flips(run, [*PROBES][flipped])))
    large = tab.find(".enlarged")
    for mark, text in zip(large.locator(".u-over .flip-mark").all(), flips(run, [*PROBES][flipped]), strict=True):
        assert mark.get_attribute("title") == text
    large.locator(".u-over").hover(position=middle(large.locator(".u-over .flip-mark").first))
    expect(large.locator(".tip")).to_contain_text(flips(run, [*PROBES][flipped])[0])


def test_of_many_classes_what_is_predicted_is_drawn_beside_the_true_one(context, tmp_path):
    names = [*NAMES, *(f"Dish {k}" for k in range(3, 24))]
    maps = SaliencyMaps(probes=Probes(count=1), on_error="raise")
    train(tmp_path / "run", [maps], classes=names, module=partial(Project, classes=24), max_epochs=2)
    export(tmp_path / "run", tmp_path / "run.html")
    page = context.new_page()
    page.goto((tmp_path / "run.html").as_uri())
    lines = Tab(page, page).find("tbody tr .chart polyline")
    expect(lines).to_have_count(2)
    expect(lines.first.locator("title")).to_have_text("predicted, whichever class")
    predicted = Log(tmp_path / "run").shares("probe_00_bread")
    heights = [float(point.split(",")[1]) for point in lines.first.get_attribute("points").split()]
    assert heights == pytest.approx([HEIGHT - EDGE - p * (HEIGHT - 2 * EDGE) for p in predicted], abs=0.06)
    expect(Tab(page, page).find("tbody tr .key")).to_have_text("predicted, whichever class")


def middle(mark):
    """Where a mark stands in its chart."""
    box, around = mark.bounding_box(), mark.locator("..").bounding_box()
    return {"x": box["x"] + box["width"] / 2 - around["x"], "y": 60}


def test_rows_are_filtered_by_text_by_mistakes_and_by_flips(look, board, run, probes):
    tab = look(link(board, at=0))
    visible(tab, *NAMES)
    tab.find("#text").fill("Egg")
    visible(tab, *[name for name, predicted in probes.items() if "Egg" in (name, predicted[0][0])])
    tab.find("#text").fill("no such class")
    expect(tab.find("tbody tr:visible")).to_have_count(0)
    expect(tab.find(".empty")).to_contain_text("No probe fits")
    tab.find("#text").fill("")
    tab.find("#rows").select_option("mistaken now")
    for epoch in (0, 1, 2, 3):
        tab.shows(f"epoch {epoch} of 4")
        visible(tab, *[name for name, predicted in probes.items() if predicted[epoch][0] != name])
        tab.find("main").press("ArrowRight")
    tab.find("#rows").select_option("ever flipped")
    visible(tab, *[name for probe, name in PROBES.items() if flips(run, probe)])
    tab.has_state(rows="flipped")


def test_methods_are_hidden_and_put_in_order_and_the_address_keeps_it(look, board):
    def columns(tab, *methods):
        expect(tab.find("thead .method")).to_have_text(methods)
        expect(tab.find("tbody tr").first.locator("td")).to_have_count(len(methods))

    tab = look(link(board))
    columns(tab, "input", "saliency", "smoothgrad", "lime")
    tab.find("#columns").click()
    tab.root.get_by_label("smoothgrad", exact=True).uncheck()
    columns(tab, "input", "saliency", "lime")
    tab.root.get_by_label("lime: earlier").click()
    tab.root.get_by_label("input: later").click()
    columns(tab, "lime", "input", "saliency")
    tab.has_state(columns="lime,input,saliency")
    again = look(tab.page.url)
    columns(again, "lime", "input", "saliency")
    expect(again.find("#columns")).to_have_text("methods: 3 of 4")
    again.find("#columns").click()
    again.find("#columns-all").click()
    columns(again, "input", "saliency", "smoothgrad", "lime")
    again.has_state()


def test_on_a_phone_what_is_told_of_a_row_stands_above_its_pictures_and_stays_there(look, board):
    tab = look(link(board))
    tab.page.set_viewport_size({"width": 420, "height": 800})
    row = tab.find("tbody tr").first
    told, cells = row.locator(".prediction"), row.locator(".cell")
    expect(cells.nth(1).locator(".tile canvas").first).to_be_visible()

    def seen():
        above, boxes = told.bounding_box(), [cell.bounding_box() for cell in cells.all()]
        whole = [box for box in boxes if box["x"] >= 0 and box["x"] + box["width"] <= 420]
        assert len(whole) >= 2
        assert 0 <= above["x"] <= 16
        assert above["x"] + above["width"] <= 420
        assert above["y"] + above["height"] <= min(box["y"] for box in boxes)
        for part in (".label", ".predicted", ".opens"):
            box = told.locator(part).bounding_box()
            assert box["y"] + box["height"] <= above["y"] + above["height"]

    tab.eventually(seen)
    tab.find("main").evaluate("main => main.scrollTo(120, 0)")
    tab.eventually(seen)
    told.locator(".opens").click()
    expect(tab.find("#view-measures")).to_have_attribute("aria-pressed", "true")
