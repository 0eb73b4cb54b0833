"""Two moments side by side or as a difference, of one run or of two."""

import re
import shutil

import numpy as np
import pytest
from playwright.sync_api import expect
from tab import Tab, link, paints, pixels
from trained import FULL, SHORT, Log, decoded

from lightning_viz.render.color import diverging
from lightning_viz.tensorboard.export import export

BREAD = "probe_00_bread"
SALIENCY = f"{BREAD}/saliency"


def coloured(before, after, bound):
    """The picture of a difference: white is none, orange or blue is all of the bound."""
    return diverging(((after - before) / bound).clip(-1, 1))


def side_by_side(tab, bound, *maps):
    """Asserts that the cell of a saliency map shows two maps of a log on one scale."""
    tiles = tab.find("tbody tr").first.locator(".cell").nth(1).locator(".tile canvas")
    for tile, values in zip((tiles.nth(0), tiles.nth(1)), maps, strict=True):
        expect(tile).to_be_visible()
        tab.eventually(lambda tile=tile, values=values: paints(tile, values, bound))


def differs(tab, before, after, bound):
    """Asserts that the saliency map's difference is drawn, on a scale that it states; gives what is told of it."""
    canvas = tab.find('.shots > canvas[aria-label^="saliency"]').first

    def check():  # at once, since what is told may be a moment behind what is drawn
        assert np.abs(pixels(canvas) - coloured(before, after, bound).astype(int)).max() <= 2  # a tie of a colour
        note = tab.find("tbody tr").first.locator(".cell").nth(1).locator(".note")
        scale = note.inner_text().removeprefix("full ")
        assert float(scale.removeprefix("±")) == pytest.approx(bound, rel=0.01)
        described = canvas.get_attribute("aria-label")
        assert described.endswith(f"full colour at {scale} first-order log-odds")
        return described

    return tab.eventually(check)


def test_two_epochs_side_by_side(look, board, run):
    tab = look(link(board, at=3))
    tab.find("#against").select_option("with another epoch")
    tab.shows("untrained", at="#base-label")
    maps, bound = run.maps(SALIENCY), run.bound(SALIENCY)
    side_by_side(tab, bound, maps[-1], maps[3])
    tab.find("#base").press("ArrowRight")
    tab.find("#base").press("ArrowRight")
    tab.shows("epoch 1", at="#base-label")
    side_by_side(tab, bound, maps[1], maps[3])
    names = [
        f"epoch {e}: {'✓' if predicted == 'Bread' else '✗'} {predicted}"
        for e in (1, 3)
        for predicted in [run.predictions(BREAD)[e][0]]
    ]
    predicted = tab.find("tbody tr").first.locator(".predicted:visible")
    expect(predicted).to_have_text([re.compile(f"^{name} ") for name in names])
    tab.has_state(at="3", against="epoch", base="1")
    side_by_side(look(tab.page.url), bound, maps[1], maps[3])


def test_the_difference_of_two_maps_on_one_scale_for_all_epochs(look, board, run):
    tab = look(link(board, at=3, against="epoch"))
    tab.find("#how").select_option("difference")
    maps, bound = run.maps(SALIENCY), run.bound(SALIENCY)
    told = differs(tab, maps[-1], maps[3], bound)
    assert "orange where epoch 3 has more than untrained, blue where it has less" in told
    tab.find("main").press("ArrowLeft")
    tab.shows("epoch 2 of 4")
    differs(tab, maps[-1], maps[2], bound)
    canvas = tab.find('.shots > canvas[aria-label^="saliency"]').first
    edges = tab.find(".shots > canvas.edges").nth(1)  # the image's outline lies over it
    expect(edges).to_be_visible()
    assert pixels(edges).shape == (256, 256, 3)
    edges.evaluate("node => { node.style.visibility = 'hidden'; }")
    on_screen = decoded(canvas.screenshot())
    height, width = maps[2].shape
    sides = zip((height, width), on_screen.shape[:2], strict=True)
    y, x = (((np.arange(n) + 0.5) * side / n).astype(int) for n, side in sides)
    assert np.abs(on_screen[np.ix_(y, x)] - coloured(maps[-1], maps[2], bound)).max() <= 1


def test_of_a_difference_heads_and_captions_tell_what_is_shown(look, board, run):
    tab = look(link(board, at=3, against="epoch", base=0, how="difference", captions="true"))
    heads = tab.find("thead .colours")
    expect(heads).to_have_text(["lessmorefirst-order log-odds", "lessmorefirst-order log-odds", "lessmorelog-odds"])
    bar = pixels(heads.first.locator("canvas"))
    assert np.array_equal(bar[0, [0, -1]], diverging(np.array([[-1.0, 1.0]]))[0])
    cell = tab.find("tbody tr").first.locator(".cell").nth(3)
    of_colours = re.compile("orange.*blue")
    lime = run.captions(f"{BREAD}/lime")
    kept = [[line for line in lime[epoch] if not of_colours.search(line)] for epoch in (0, 3)]
    assert all(len(lines) == len(lime[0]) - 1 for lines in kept)
    expect(cell.locator(".words:visible span")).to_have_text([plain(line) for lines in kept for line in lines])
    top, below = (words.bounding_box() for words in cell.locator(".words:visible").all())
    drawn = cell.locator("canvas:visible").first.bounding_box()
    assert top["y"] >= drawn["y"] + drawn["height"]
    assert below["y"] >= top["y"] + top["height"]
    expect(cell.locator(".note")).to_have_text(re.compile("^Bread: full ±"))
    tab.root.get_by_label("about saliency").click()
    expect(tab.find(".help:visible")).to_contain_text("Orange where there is more than in what is compared with")
    tab.page.keyboard.press("Escape")
    maps = run.maps(SALIENCY)
    tab.find("#scale").select_option("own scale")
    differs(tab, maps[0], maps[3], np.abs(maps[3] - maps[0]).max())
    cell.click()
    expect(tab.find("#zoom .colours")).to_have_text("lessmore")


def plain(text):
    """As the page shows it."""
    return re.sub(r"\s+", " ", text)


def test_where_differences_are_asked_for_what_has_no_map_stands_side_by_side(look, board):
    tab = look(link(board, at=3, base=1))
    alone = tab.image("input", BREAD)
    expect(alone).to_be_visible()
    before = pixels(alone)
    tab.find("#against").select_option("with another epoch")
    tab.find("#how").select_option("difference")
    shown = tab.find("tbody tr").first.locator(".cell").first
    expect(shown.locator(".shot:visible")).to_have_count(1)
    tab.eventually(lambda: np.testing.assert_array_equal(pixels(shown.locator(".shot:visible img")), before))
    expect(shown.locator(".note")).to_have_text("")
    for undrawn in tab.find("tr[data-probe] .shots > canvas:not(.edges):visible").all():  # below what is in view, too
        box = undrawn.bounding_box()
        assert box["width"] == pytest.approx(box["height"], abs=1)
    tab.find("#view-filters").click()
    first = tab.find("figure").first
    expect(first.locator(".shot:visible .name")).to_have_text(["epoch 1", "epoch 3"])
    left, right = (image.bounding_box() for image in first.locator(".shot:visible img").all())
    assert left["x"] + left["width"] <= right["x"]
    expect(tab.root.get_by_text("Only maps are subtracted")).to_be_visible()
    first.locator(".cell").click()
    expect(tab.find("#zoom .note")).to_have_text(
        "side by side, since the log has no maps of it that could be subtracted"
    )


def test_two_runs_by_epoch_and_by_step(look, board, run, other):
    tab = look(link(board, at=2))
    expect(tab.find("#run")).to_have_value(FULL)
    tab.find("#against").select_option(f"with {SHORT}")
    ours, theirs = run.maps(SALIENCY), other.maps(SALIENCY)
    bound = max(run.bound(SALIENCY), other.bound(SALIENCY))
    side_by_side(tab, bound, theirs[2], ours[2])
    row = tab.find("tbody tr").first
    expect(row.locator(".cell").nth(1).locator(".name")).to_have_text(["version_0", "version_1"])
    expect(row.locator(".cell").nth(2)).to_contain_text("not in this run")  # SmoothGrad
    tab.find("#axis").select_option("by step")
    tab.find("#moment").press("Home")
    steps = sorted({*run.epochs, *other.epochs})
    for _ in range(steps.index(11)):
        tab.find("#moment").press("ArrowRight")
    tab.shows(re.compile("^step 11 of "))
    assert (run.epochs[11], other.epochs[11]) == (1, 2)
    side_by_side(tab, bound, theirs[2], ours[1])
    tab.has_state(at="11", against=f"run:{SHORT}", axis="step")
    tab.find("#how").select_option("difference")
    told = differs(tab, other.maps(SALIENCY)[2], run.maps(SALIENCY)[1], bound)
    assert told.startswith("saliency: orange where version_1 has more than version_0")


def test_three_runs_with_badges_and_their_own_parts_of_long_names(context, logs, tmp_path):
    names = [f"sweep/resnet50_pretrained_lr_{rate}_seed_1" for rate in ("0.1", "0.01", "0.001")]
    for name, source in zip(names, (FULL, SHORT, FULL), strict=True):
        shutil.copytree(logs / source, tmp_path / "logs" / name)
    export(tmp_path / "logs", tmp_path / "page.html")
    page = context.new_page()
    state = {"run": names[0], "against": f"run:{names[1]}", "at": 2}
    page.goto(link((tmp_path / "page.html").as_uri(), **state).replace("#lightning_viz&", "#"))
    tab = Tab(page, page)
    cell = tab.find("tbody tr").first.locator(".cell").nth(1)
    shown = cell.locator(".name:visible")
    expect(shown).to_have_text(["…0.01…", "…0.1…"])
    tab.find("#more").click()
    tab.find("#more-0").check()
    expect(shown).to_have_text(["B …0.01…", "C …0.001…", "A …0.1…"])
    assert [node.get_attribute("title") for node in shown.all()] == [names[1], names[2], names[0]]
    ours, theirs = Log(logs / FULL), Log(logs / SHORT)
    bound = max(ours.bound(SALIENCY), theirs.bound(SALIENCY))
    for i, log in enumerate((theirs, ours, ours)):
        tab.eventually(lambda i=i, log=log: paints(cell.locator(".tile canvas").nth(i), log.maps(SALIENCY)[2], bound))
    expect(tab.find("tbody tr").first.locator(".predicted")).to_have_count(3)
    tab.has_state(**{**state, "at": "2", "more": names[2]})


def test_while_a_key_is_held_the_moment_compared_with_is_shown(look, board, run):
    tab = look(link(board, at=3, against="epoch", base=1))
    maps, bound = run.maps(SALIENCY), run.bound(SALIENCY)
    side_by_side(tab, bound, maps[1], maps[3])
    asked = tab.state()
    tab.find("main").focus()
    tab.page.keyboard.down("b")
    side_by_side(tab, bound, maps[1], maps[1])
    tab.page.keyboard.up("b")
    side_by_side(tab, bound, maps[1], maps[3])
    assert tab.state() == asked  # a link leads to what was compared, not to a glance
    tab.find("#how").select_option("difference")
    differs(tab, maps[1], maps[3], bound)
    tab.find("main").focus()
    tab.page.keyboard.down("b")
    alone = tab.find("tbody tr").first.locator(".cell").nth(1).locator(".tile:visible canvas")
    expect(alone).to_have_count(1)
    tab.eventually(lambda: paints(alone, maps[1], bound))
    tab.page.keyboard.up("b")
    differs(tab, maps[1], maps[3], bound)
