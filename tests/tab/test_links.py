"""Links that lead to the same thing for ever, and what is told where they cannot."""

from playwright.sync_api import expect
from tab import link
from trained import FULL, SHORT

SALIENCY = "probe_00_bread/saliency"


def test_a_copied_link_names_run_and_epoch(visit, look, context, board):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab = visit(link(board))  # which by itself shows the last epoch of the latest run, whatever that will be
    tab.shows("epoch 4")
    tab.has_state()
    tab.find("#link").click()
    expect(tab.find("#link")).to_have_text("Copied")
    copied = tab.page.evaluate("navigator.clipboard.readText()")
    again = look(copied)
    again.shows("epoch 4")
    again.has_state(run=FULL, at="4", axis="epoch")
    assert copied.startswith(f"{board}#lightning_viz&")


def test_what_is_no_longer_there_is_told(look, board):
    tab = look(link(board, run="demo/gone", at=99, against="run:demo/other", zoom="probe_77_cake/lime"))
    expect(tab.find(".notice")).to_have_text(
        [
            f"There is no run demo/gone here any more: shown is {FULL}.",
            "There is no run demo/other here any more to compare with.",
            "There is no epoch 99 here: shown is epoch 4.",
            "There is no picture probe_77_cake/lime in this run.",
        ]
    )
    tab.find("#run").select_option(SHORT)
    tab.find("#against").select_option("compare")
    tab.find("main").press("Home")
    expect(tab.find(".notice")).to_have_text(["There is no picture probe_77_cake/lime in this run."])


def test_back_leads_to_the_view_before_and_moves_of_the_slider_are_no_places(visit, board):
    tab = visit(link(board))
    tab.shows("epoch 4")
    tab.find("main").press("Home")
    tab.has_state(at="-1")
    tab.find("#view-measures").click()
    tab.has_state(at="-1", view="measures")
    tab.page.go_back()
    tab.has_state(at="-1")
    expect(tab.map("saliency", "probe_00_bread", -1)).to_be_visible()
    tab.page.go_forward()
    tab.has_state(at="-1", view="measures")
    expect(tab.find(".measure").first).to_be_visible()
