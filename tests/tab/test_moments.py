"""The slider, and what is shown where it stands."""

import pytest
from playwright.sync_api import expect
from tab import link, paints, placed

BREAD, EGG, SOUP = "probe_00_bread", "probe_01_egg", "probe_02_soup"


def shows(tab, run, epoch):
    """Whether the tab shows the pictures of an epoch; fails with what it shows instead."""
    tab.shows(placed(epoch))
    for method in ("saliency", "lime"):
        for probe in (BREAD, EGG):
            maps = tab.map(method, probe, epoch)
            expect(maps).to_have_count(2 if method == "lime" else 1)  # the label and its rival
            tag, lime = f"{probe}/{method}", method == "lime"
            expected = run.maps(tag)[epoch], run.bound(tag)
            tab.eventually(lambda own=maps.first, args=expected, lime=lime: paints(own, *args, lime=lime))
    return True


def test_plain_tensorboard_has_the_tab_and_it_opens_with_the_last_epoch(visit, board, run):
    tab = visit(board)
    tab.page.get_by_role("tab", name="Explanations").click()
    assert shows(tab, run, 4)
    with pytest.raises(AssertionError):
        paints(tab.map("saliency", BREAD, 4), run.maps(f"{BREAD}/saliency")[3], run.bound(f"{BREAD}/saliency"))


def test_the_slider_by_mouse_and_by_keyboard(look, board, run):
    tab = look(link(board, at=-1))
    assert shows(tab, run, -1)
    slider = tab.find("#moment")
    slider.click(position={"x": 0.6 * slider.bounding_box()["width"], "y": 4})
    assert shows(tab, run, 2)
    for focused, key, epoch in [
        ("#moment", "ArrowRight", 3),
        ("main", "ArrowLeft", 2),
        ("main", "Home", -1),
        ("#moment", "ArrowLeft", -1),
        ("#moment", "End", 4),
        ("main", "ArrowRight", 4),
    ]:
        tab.find(focused).press(key)
        assert shows(tab, run, epoch)


def test_a_link_leads_to_an_epoch(look, board, run):
    tab = look(link(board, at=1))
    assert shows(tab, run, 1)
    tab.find("main").press("ArrowRight")
    tab.has_state(at="2")
    assert shows(look(tab.page.url), run, 2)
    tab.page.goto(tab.page.url.replace("at=2", "at=0"))  # the same page with another address
    assert shows(tab, run, 0)


def test_it_plays_and_pauses(look, context, board):
    context.clock.install()
    tab = look(link(board))
    tab.shows("epoch 4")
    context.clock.pause_at(tab.page.evaluate("Date.now()") + 1000)
    tab.find("#play").click()

    def comes(text):
        def at_the_next():
            context.clock.run_for(100)  # it waits for pictures, so nobody knows how many
            assert tab.find("#label").inner_text() == text

        tab.eventually(at_the_next)

    comes("untrained, before epoch 0 of 4")  # from the beginning
    comes("epoch 0 of 4")
    tab.find("main").press(" ")
    expect(tab.find("#play")).to_have_attribute("title", "Play")
    stopped = tab.find("#label").inner_text()
    context.clock.fast_forward(10_000)
    tab.shows(stopped)
    tab.has_state(at=stopped.split()[1])
