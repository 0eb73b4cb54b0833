"""How well the network does, as a chart among the measures; and how these fit into narrow pages."""

import pytest
from playwright.sync_api import expect
from tab import link, placed


def test_the_accuracy_is_a_chart_with_its_best_epoch_and_the_strip_leads_there(look, board, run):
    shares = {epoch: table.trace() / table.sum() for epoch, table in run.counts("val").items()}
    best = max(shares, key=shares.get)  # of equal ones the first
    told = f"best: epoch {best}, {100 * shares[best]:.1f}\u00a0%"
    tab = look(link(board, at=1))
    tab.find(".story-key").get_by_role("button", name="right").click()
    tab.has_state(at="1", view="measures", chart="rights/val")
    large, small = tab.find(".enlarged .metric"), tab.find(".metrics .metric").first
    for chart in (large, small):
        expect(chart.locator(".value")).to_have_text(f"{100 * shares[1]:.1f}\u00a0%")
        expect(chart.locator(".best")).to_have_text(told)
    mark, over = (large.locator(name).bounding_box() for name in (".best-mark", ".u-over"))
    place = (best + 1 + 0.05 * 5) / (5 * 1.1)  # the untrained network has a place too
    assert mark["x"] + mark["width"] / 2 - over["x"] == pytest.approx(place * over["width"], abs=2)
    large.locator(".best").click()
    tab.shows(placed(best))


def test_measures_fit_into_the_page(look, board):
    tab = look(link(board))
    for width in (420, 900, 1280):
        tab.page.set_viewport_size({"width": width, "height": 800})
        tab.find("#view-probes").click()
        tab.find("#view-measures").click()
        expect(tab.find("tbody .u-over").first).to_be_visible()
        room, needed = tab.find("main").evaluate("node => [node.clientWidth, node.scrollWidth]")
        assert needed <= room, width
