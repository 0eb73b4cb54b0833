"""What has to stay as it is: while one scrolls, compares, plays or enlarges, and while a log is read anew."""

import json
import shutil

import pytest
from playwright.sync_api import expect
from records import long, only, wall, with_manifest
from tab import Tab, link
from trained import FULL, SHORT

from lightning_viz.tensorboard.export import export

BREAD = "probe_00_bread"
SALIENCY = f"{BREAD}/saliency"
LOW = {"width": 1280, "height": 420}
AHEAD = 200
"""Pixels beyond what is in view that are drawn already."""


@pytest.fixture
def opened(context, tmp_path):
    """Opens the exported page of a folder of runs."""

    def opened(folder, **state):
        export(folder, tmp_path / "run.html")
        page = context.new_page()
        page.goto(link(f"{(tmp_path / 'run.html').as_uri()}", **state).replace("#lightning_viz&", "#"))
        return Tab(page, page)

    return opened


def test_what_comes_into_view_next_is_drawn_before(look, board):
    tab = look(link(board))
    tab.page.set_viewport_size(LOW)
    tab.shows("epoch 4")
    beyond = f"""main => [...main.querySelectorAll('.cell .crop, .cell .heats')].filter(part => {{
      const far = part.closest('.cell').getBoundingClientRect().top - main.getBoundingClientRect().bottom;
      return far > 0 && far < {AHEAD} && part.checkVisibility();
    }}).map(part => [...part.querySelectorAll('.tile canvas, .crop > img')].length)"""

    def drawn():
        counts = tab.find("main").evaluate(beyond)
        assert counts
        assert all(counts)
        assert tab.find("main").evaluate("main => main.scrollTop") == 0

    tab.eventually(drawn)


def test_rows_out_of_view_have_the_room_that_they_will_need(look, board):
    tab = look(link(board, against="epoch"))
    tab.page.set_viewport_size(LOW)
    tab.shows("untrained", at="#base-label")
    sides = (
        "main => [...main.querySelectorAll('.cell')].map(cell => cell.querySelectorAll('.shot:not([hidden])').length)"
    )
    assert tab.eventually(lambda: all_are(tab.find("main").evaluate(sides), 2))
    tab.find("#against").select_option("compare")
    assert tab.eventually(lambda: all_are(tab.find("main").evaluate(sides), 1))


def all_are(found, expected):
    assert found
    assert set(found) == {expected}
    return True


def test_long_names_of_runs_leave_the_cells_as_they_are(opened, logs, tmp_path):
    names = [f"a_very_long_name_of_a_run_with_many_words_{n}/version_0" for n in ("resnet", "vgg")]
    for run, name in zip((FULL, SHORT), names, strict=True):
        shutil.copytree(logs / run, tmp_path / "runs" / name)
    tab = opened(tmp_path / "runs", run=names[0], against=f"run:{names[1]}")
    cell = tab.cell("saliency", BREAD)
    expect(cell.locator(".name").first).to_have_attribute("title", names[1])
    assert cell.bounding_box()["width"] < 2 * 136 + 10
    expect(tab.find("thead th", has_text="saliency").locator(".value")).to_contain_text(" vs ")


def test_a_name_from_right_to_left_turns_nothing_around(opened, logs, tmp_path):
    names = ["خبز", "بيضة", "حساء"]
    about = {probe: {"label": k} for k, probe in enumerate([BREAD, "probe_01_egg", "probe_02_soup"])}
    told = {"version": 1, "classes": names, "class_tags": ["bread", "egg", "soup"], "probes": about, "pictures": {}}
    with_manifest(logs / FULL, tmp_path / "runs" / "rtl", json.dumps(told))
    tab = opened(tmp_path / "runs")
    expect(tab.find("tbody tr").first.locator(".predicted:visible")).to_contain_text("خبز")
    lefts = """node => [...node.childNodes].map(part => {
      const range = document.createRange();
      range.selectNodeContents(part);
      return range.getBoundingClientRect().left;
    })"""
    places = tab.find("tbody tr").first.locator(".predicted:visible").evaluate(lefts)
    assert len(places) == 3  # the mark, the name, how surely
    assert places == sorted(places)


def test_a_run_without_probes_opens_with_what_it_has(opened, logs, tmp_path):
    only(
        logs / FULL,
        tmp_path / "runs" / "matrix",
        lambda tag: tag.startswith(("confusion/", "recall/", "lightning_viz/")),
    )
    tab = opened(tmp_path / "runs")
    expect(tab.find("#view-confusion")).to_have_attribute("aria-pressed", "true")
    expect(tab.find(".board svg")).to_be_visible()
    tab.find("#view-probes").click()
    expect(tab.find(".empty:visible")).to_contain_text("No probes in this run")


def test_played_to_its_end_it_stops_there_and_follows_what_comes(look, board):
    tab = look(link(board, at=2))
    tab.shows("epoch 2 of 4")
    tab.find("#play").click()
    tab.shows("epoch 4")
    expect(tab.find("#play")).to_have_attribute("title", "Play")
    tab.has_state()


def test_of_many_epochs_the_nearest_frame_is_marked_and_in_view(opened, tmp_path):
    long(tmp_path / "runs" / "long", 150)
    tab = opened(tmp_path / "runs", at=101, zoom="filters/net/0")
    frames = tab.find("#zoom .film button")
    expect(frames).to_have_count(60)
    shown = [int(text) for text in frames.all_inner_texts()]
    marked = tab.find("#zoom [aria-current]")
    expect(marked).to_have_text([str(max(at for at in shown if at <= 101))])
    expect(marked).to_be_in_viewport()


def test_channels_of_a_wall_have_their_numbers_under_the_pointer_and_enlarged(opened, tmp_path):
    channels, columns = [3, 5, 9, 17, 20], 3
    wall(tmp_path / "runs" / "walled", channels, columns)
    tab = opened(tmp_path / "runs", view="filters")
    picture = tab.find(".wall .crop")
    expect(picture.locator("img")).to_be_visible()
    box = picture.bounding_box()
    assert box["width"] / box["height"] == pytest.approx(3 / 2, abs=0.02)  # without the caption
    for i, channel in enumerate(channels):
        middle = {"x": (i % columns + 0.5) * box["width"] / columns, "y": (i // columns + 0.5) * box["height"] / 2}
        picture.hover(position=middle)
        expect(picture.locator(".channel")).to_have_text(f"channel {channel}")
    picture.click()
    large = tab.find("#zoom .stage .crop")
    expect(large.locator(".numbers > *")).to_have_text([str(channel) for channel in channels])
    whole = large.locator("img").bounding_box()
    for i, number in enumerate(large.locator(".numbers > *").all()):
        box = number.bounding_box()
        assert box["x"] - whole["x"] == pytest.approx(i % columns * whole["width"] / columns, abs=2)
        assert box["y"] - whole["y"] == pytest.approx(i // columns * whole["height"] * 16 / 20 / 2, abs=2)


def test_the_list_of_methods_closes_by_escape_and_by_a_click_beside_it(look, board):
    tab = look(link(board))
    listed = tab.find("details:has(#columns) ul")
    tab.find("#columns").click()
    expect(listed).to_be_visible()
    tab.page.keyboard.press("Escape")
    expect(listed).to_be_hidden()
    expect(tab.find("#columns")).to_be_focused()
    tab.find("#columns").click()
    tab.find("#label").click()
    expect(listed).to_be_hidden()


def test_pictures_without_probes_are_sought_by_text(look, board, run):
    epoch, (words, *_) = max(run.captions("confusions/val/1").items())
    tab = look(link(board, view="confusion", at=epoch))
    tab.find("#text").fill("val/changes")
    expect(tab.find("figure:visible figcaption")).to_have_text(["changes"])
    tab.find("#text").fill(words.partition("·")[2].partition(":")[0].strip())
    expect(tab.find("figure:visible figcaption .called")).to_have_text(["rank 1"])
    tab.find("#text").fill("nowhere")
    expect(tab.find(".empty:visible")).to_have_text("No picture fits: clear the text.")


def test_what_is_shown_stays_while_tensorboard_reads_anew(look, context, board):
    context.clock.install()
    tab = look(link(board))
    tab.shows("epoch 4")
    nothing = json.dumps({"version": 1, "note": None, "runs": {}})
    context.route("**/runs", lambda route: route.fulfill(body=nothing, content_type="application/json"))
    context.clock.fast_forward(5000)
    expect(tab.find(".notice")).to_contain_text("reads the log anew")
    expect(tab.cell("saliency", BREAD)).to_be_visible()
    context.unroute("**/runs")
    context.clock.fast_forward(5000)
    expect(tab.find(".notice")).to_have_count(0)
