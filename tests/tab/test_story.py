"""The run at a glance: the strip above the slider, ways to the flips, and rows in an order that tells something."""

import math
import re
from itertools import pairwise

import pytest
from playwright.sync_api import expect
from projects import NAMES
from tab import link, placed

PROBES = ("probe_00_bread", "probe_01_egg", "probe_02_soup")


@pytest.fixture
def flips(run):
    """How many probes flip in each epoch in which some do; what the untrained network said does not count."""
    found = {}
    for probe in PROBES:
        said = [(epoch, name) for epoch, (name, _) in run.predictions(probe).items() if epoch >= 0]
        for (_, before), (epoch, name) in pairwise(said):
            found[epoch] = found.get(epoch, 0) + (name != before)
    found = {epoch: n for epoch, n in sorted(found.items()) if n}
    assert found
    return found


def test_the_strip_tells_accuracy_flips_and_change_of_every_epoch(look, board, run, flips):
    tab = look(link(board, at=1))
    expect(tab.find(".story .bar")).to_have_count(len(flips))
    told = tab.find(".story .bar title").all_text_contents()
    assert [text.partition(":")[0] for text in told] == [f"epoch {epoch}" for epoch in flips]
    for epoch in (1, 2):
        table = run.counts("val")[epoch]
        ranks = [run.figures(f"explanations/{m}/rank_previous")[epoch] for m in ("saliency", "smoothgrad", "lime")]
        changed = sum(max(1 - rank, 0) for rank in ranks) / len(ranks)
        n = flips.get(epoch, 0)
        key = [rf"right {100 * table.trace() / table.sum():.0f}.%", f"{n} flips?", f"maps changed {changed:.2f}"]
        expect(tab.find(".story-key span")).to_have_text([re.compile(f"^{text}$") for text in key])
        tab.find("main").press("ArrowRight")


def test_a_peak_and_the_keys_lead_to_the_flips(look, board, flips):
    tab = look(link(board, at=-1))
    expect(tab.find(".story .bar")).to_have_count(len(flips))  # they come after the pictures
    shown = tab.find("#label")
    for epoch in flips:
        tab.find("main").press("n")
        expect(shown).to_have_text(placed(epoch))
    tab.find("main").press("n")  # there is none after it
    expect(shown).to_have_text(placed(epoch))
    for epoch in [*flips][-2::-1]:
        tab.find("main").press("p")
        expect(shown).to_have_text(placed(epoch))
    tab.find("main").press("Home")
    expect(shown).to_have_text(placed(-1))
    first = tab.find(".story .bar").first.bounding_box()
    tab.page.mouse.click(first["x"] + first["width"] / 2 + 5, first["y"] + 1)
    expect(shown).to_have_text(placed(next(iter(flips))))


def test_rows_in_the_order_of_loss_doubt_change_and_flips(look, board, run):
    def truth(probe, epoch):
        return run.figures(f"probability/{probe}/{probe.split('_')[2]}")[epoch]

    def flipped(probe):
        trained = [name for epoch, (name, _) in run.predictions(probe).items() if epoch >= 0]
        return sum(a != b for a, b in pairwise(trained))

    by = {
        "loss": lambda probe: -math.log(truth(probe, 1)),
        "unsure": lambda probe: 1 - run.predictions(probe)[1][1],
        "change": lambda probe: abs(truth(probe, 1) - truth(probe, 0)),
        "flips": flipped,
    }
    tab = look(link(board, at=1))
    rows = tab.find("tbody tr:visible .label")
    expect(rows).to_have_text(NAMES)
    for order, weight in by.items():
        tab.find("#sort").select_option(order)
        expected = sorted(range(len(PROBES)), key=lambda i: -weight(PROBES[i]))
        expect(rows).to_have_text([NAMES[i] for i in expected])
    tab.find("#sort").select_option("")
    expect(rows).to_have_text(NAMES)


def test_the_input_stays_in_view_while_the_methods_scroll(look, board):
    tab = look(link(board, size="l"))
    tab.page.set_viewport_size({"width": 900, "height": 700})
    tab.shows("epoch 4")
    image = tab.find("tbody td.pinned").first
    before = image.bounding_box()["x"]

    def scrolled():  # as soon as the table is wider than its place
        tab.find("main").evaluate("main => main.scrollTo({ left: 300 })")
        assert tab.find("main").evaluate("main => main.scrollLeft") > 100

    tab.eventually(scrolled)
    assert image.bounding_box()["x"] == pytest.approx(before, abs=10)
