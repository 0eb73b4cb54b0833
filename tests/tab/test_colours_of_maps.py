"""What full colour of a map stands for: the largest value of the whole run, or of the map itself."""

import numpy as np
import pytest
from playwright.sync_api import expect
from projects import Stripes
from tab import link, paints, pixels

BREAD = "probe_00_bread"
SALIENCY, LIME = f"{BREAD}/saliency", f"{BREAD}/lime"


def note(tab, column):
    """What stands below the cell of a column: its full colour, and how much there is of it where that is little."""
    return tab.find("tbody tr").first.locator(".cell").nth(column).locator(".note").inner_text().split(" · ")


def scale(tab, column):
    """Its full colour."""
    return float(note(tab, column)[0].removeprefix("full "))


def test_by_default_it_is_that_of_the_run_in_every_epoch(look, board, run):
    tab = look(link(board, at=-1))
    expect(tab.find("#scale")).to_have_value("run")
    for epoch in (-1, 0, 1):
        own = tab.map("saliency", BREAD, epoch)
        tab.eventually(lambda own=own, epoch=epoch: paints(own, run.maps(SALIENCY)[epoch], run.bound(SALIENCY)))
        assert scale(tab, 1) == pytest.approx(run.bound(SALIENCY), rel=0.01)
        little = run.own_scale(SALIENCY, epoch)
        assert (little < 0.1 * run.bound(SALIENCY)) == (len(note(tab, 1)) > 1)
        if len(note(tab, 1)) > 1:  # of the untrained network, whose map looks black
            assert float(note(tab, 1)[1].removeprefix("here up to ")) == pytest.approx(little, rel=0.01)
        tab.find("main").press("ArrowRight")


def test_the_own_scale_shows_faint_maps_and_the_address_keeps_it(look, board, run):
    tab = look(link(board, at=-1))
    tab.find("#scale").select_option("own scale")
    tab.has_state(at="-1", scale="own")
    own = tab.map("saliency", BREAD, -1)
    full = run.own_scale(SALIENCY, -1)
    tab.eventually(lambda: paints(own, run.maps(SALIENCY)[-1], full))
    assert scale(tab, 1) == pytest.approx(full, rel=0.01)
    again = look(tab.page.url)
    tab.eventually(lambda: paints(again.map("saliency", BREAD, -1), run.maps(SALIENCY)[-1], full))


def test_of_lime_both_classes_are_on_one_scale_and_named(look, board, run):
    tab = look(link(board, at=2, scale="own"))
    maps = tab.map("lime", BREAD, 2)
    expect(maps).to_have_count(2)
    tab.eventually(lambda: paints(maps.first, run.maps(LIME)[2], run.own_scale(LIME, 2), lime=True))
    titles = tab.find("tbody tr").first.locator(".cell .title:visible")
    expect(titles.first).to_have_text("Bread")
    assert note(tab, 3)[0].startswith("full ±")


def test_the_head_of_a_column_tells_colours_and_unit(look, board):
    tab = look(link(board))
    for method, texts in [
        ("saliency", ("0", "full", "first-order log-odds")),
        ("lime", ("against", "for", "log-odds")),
    ]:
        bar = tab.find("thead th", has_text=method).locator(".colours")
        for text in texts:
            expect(bar).to_contain_text(text)
    expect(tab.find("thead th", has_text="input").locator(".colours")).to_have_count(0)


def test_captions_are_text_below_the_pictures(look, board, run):
    tab = look(link(board, at=1))
    words = tab.cell("saliency", BREAD).locator(".words:visible span")
    expect(words).to_have_count(0)
    tab.find("#captions").check()
    for epoch in (1, 2):
        first, second = run.captions(SALIENCY)[epoch]
        assert f"epoch {epoch}" in first
        assert "saliency" in second
        expect(words).to_have_text([first, second])
        tab.find("main").press("ArrowRight")
    tab.find("#captions").uncheck()
    expect(words).to_have_count(0)
    tab.cell("saliency", BREAD).click()
    expect(tab.find("#zoom .stage .words span")).to_have_text(run.captions(SALIENCY)[3])
    tab.has_state(at="3", zoom=SALIENCY)


def test_a_probe_is_shown_to_the_pixel_at_any_size(look, board):
    (image, _) = Stripes(24, seed=2)[0]
    expected = (image.clamp(0, 1) * 255).round().permute(1, 2, 0).numpy()
    tab = look(link(board, at=2, zoom=f"{BREAD}/input"))
    large = tab.find("#zoom .stage .crop img").first
    tab.eventually(lambda: close(pixels(large), expected))
    expect(large).to_have_css("image-rendering", "pixelated")
    tab.page.keyboard.press("Escape")
    tab.eventually(lambda: close(pixels(tab.cell("saliency", BREAD).locator(".ground img").first), expected))


def close(shown, expected):
    assert shown.shape == expected.shape
    assert np.abs(shown - expected).max() <= 1
