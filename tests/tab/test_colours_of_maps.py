"""What full colour of a map stands for: the largest value of the whole run, or of the map itself."""

import pytest
from playwright.sync_api import expect
from tab import holds, link, paints

BREAD = "probe_00_bread"
SALIENCY, LIME = f"{BREAD}/saliency", f"{BREAD}/lime"


def scale(tab, column):
    """What stands below the cell of a column: its full colour."""
    return tab.find("tbody tr").first.locator(".cell").nth(column).locator(".note")


def test_by_default_it_is_that_of_the_run_in_every_epoch(visit, board, run):
    tab = visit(link(board, at=-1))
    expect(tab.find("#scale")).to_have_value("run")
    for epoch in (-1, 0, 1):
        own = tab.map("saliency", BREAD, epoch)
        tab.eventually(lambda own=own, epoch=epoch: paints(own, run.maps(SALIENCY)[epoch], run.bound(SALIENCY)))
        assert float(scale(tab, 1).inner_text()) == pytest.approx(run.bound(SALIENCY), rel=0.01)
        tab.find("main").press("ArrowRight")


def test_the_own_scale_shows_faint_maps_and_the_address_keeps_it(visit, board, run):
    tab = visit(link(board, at=-1))
    tab.find("#scale").select_option("own scale")
    tab.has_state(at="-1", scale="own")
    own = tab.map("saliency", BREAD, -1)
    full = run.own_scale(SALIENCY, -1)
    tab.eventually(lambda: paints(own, run.maps(SALIENCY)[-1], full))
    assert float(scale(tab, 1).inner_text()) == pytest.approx(full, rel=0.01)
    again = visit(tab.page.url)
    tab.eventually(lambda: paints(again.map("saliency", BREAD, -1), run.maps(SALIENCY)[-1], full))


def test_of_lime_both_classes_are_on_one_scale_and_named(visit, board, run):
    tab = visit(link(board, at=2, scale="own"))
    maps = tab.map("lime", BREAD, 2)
    expect(maps).to_have_count(2)
    tab.eventually(lambda: paints(maps.first, run.maps(LIME)[2], run.own_scale(LIME, 2), signed=True))
    titles = tab.find("tbody tr").first.locator(".cell .title:visible")
    expect(titles.first).to_have_text("Bread")
    assert scale(tab, 3).inner_text().startswith("±")


def test_the_head_of_a_column_tells_colours_and_unit(visit, board):
    tab = visit(link(board))
    for method, texts in [
        ("saliency", ("0", "full", "first-order log-odds")),
        ("lime", ("against", "for", "log-odds")),
    ]:
        bar = tab.find("thead th", has_text=method).locator(".colours")
        for text in texts:
            expect(bar).to_contain_text(text)
    expect(tab.find("thead th", has_text="input").locator(".colours")).to_have_count(0)


def test_with_captions_pictures_are_as_they_were_logged(visit, board, run):
    tab = visit(link(board, at=1))
    tab.find("#captions").check()
    tab.eventually(lambda: holds(tab.image("saliency", BREAD, 1), run.pictures(SALIENCY)[1]))
    expect(tab.find("#scale")).to_be_hidden()
    expect(tab.find(".colours")).to_have_count(0)
