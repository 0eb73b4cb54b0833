"""The confusion matrix as the page draws it from the counts of the log."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect
from projects import NAMES
from records import counted
from tab import Tab, link
from trained import SHORT

from lightning_viz.tensorboard.export import export


def numbers(tab, board=0):
    """What stands in the cells, by rows; nothing is 0."""
    read = """board => {
      const place = rect => [Number(rect.getAttribute('y')), Number(rect.getAttribute('x'))];
      const text = ({ nextElementSibling: next }) => next?.matches('.figure') ? next.textContent : '0';
      const cells = [...board.querySelectorAll('rect:not(.mark)')];
      return cells.map(cell => [...place(cell), text(cell)]);
    }"""
    cells = sorted(tab.find(".board").nth(board).evaluate(read))
    side = round(len(cells) ** 0.5)
    return [[text for *_, text in cells[side * row : side * (row + 1)]] for row in range(side)]


def holds(tab, table, board=0):
    tab.eventually(lambda: equal(numbers(tab, board), [[str(n) for n in row] for row in table]))


def equal(found, expected):
    assert found == expected


def centre(tab, row, column):
    """Where a cell of the first matrix lies in its drawing."""
    cell = tab.find(".board").first.locator("rect:not(.mark)").nth(row * len(NAMES) + column)
    x, y, side = (float(cell.get_attribute(name)) for name in ("x", "y", "width"))
    return {"x": x + side / 2, "y": y + side / 2}


@pytest.fixture
def opened(context, tmp_path):
    """Opens the exported page of a log of counts."""

    def opened(tables, **state):
        counted(tmp_path / "run", tables)
        export(tmp_path / "run", tmp_path / "run.html")
        page = context.new_page()
        page.goto(
            link(f"{(tmp_path / 'run.html').as_uri()}", view="confusion", **state).replace("#lightning_viz&", "#")
        )
        return Tab(page, page)

    return opened


def test_it_moves_with_the_slider_and_tells_what_a_cell_holds(look, board, run):
    tables = run.counts("val")
    tab = look(link(board, view="confusion", at=1))
    for epoch in (1, 2):
        table = tables[epoch]
        holds(tab, table)
        right, total = np.trace(table), table.sum()
        expect(tab.find(".told")).to_have_text(re.compile(f"^{right} of {total} right, {100 * right / total:.0f}.%$"))
        tab.find("main").press("ArrowRight")
    epoch, cells = next((e, found) for e, table in tables.items() if e > 0 and len(found := errors(table)))
    row, column = cells[0]
    tab = look(link(board, view="confusion", at=epoch))
    tab.find(".board svg").hover(position=centre(tab, row, column))
    taken, of = tables[epoch][row, column], tables[epoch][row].sum()
    told = f"{NAMES[row]}.? taken for .?{NAMES[column]}.?: {taken} of {of}, {100 * taken / of:.0f}"
    expect(tab.find(".told")).to_have_text(re.compile(told))


def errors(table):
    """Rows and columns of the cells that count mistakes."""
    return np.argwhere(table * (1 - np.eye(len(table), dtype=int)))


def test_by_keyboard_and_as_shares(look, board, run):
    table = run.counts("val")[4]
    tab = look(link(board, view="confusion"))
    tab.find("#numbers, [aria-label=numbers]").select_option("shares")
    shares = 100 * table / table.sum(1, keepdims=True)
    expected = [[str(int(share + 0.5)) for share in row] for row in shares]
    tab.eventually(lambda: equal(numbers(tab), expected))
    tab.has_state(view="confusion", numbers="shares")
    expect(tab.find(".board .axis-name")).to_have_text(["predicted class", "true class"])
    assert rows(tab) == [*NAMES]
    tab.find(".board").press("ArrowDown")
    tab.find(".board").press("Shift+ArrowRight")
    expect(tab.find(".told")).to_contain_text(f"{NAMES[1]}\u2069, right: {table[1, 1]} of {table[1].sum()}")
    tab.shows("epoch 4")  # the slider has not moved
    tab.find(".board").press("ArrowLeft")
    tab.shows("epoch 3 of 4")


def test_two_moments_and_two_runs_differ_by_numbers(look, board, run, other):
    tab = look(link(board, view="confusion", at=3, against="epoch", base=0))
    holds(tab, run.counts("val")[0], 0)
    holds(tab, run.counts("val")[3], 1)
    tab.find("#how").select_option("difference")

    def differs(before, after):
        signs = [[f"{d:+d}".replace("-", "\N{MINUS SIGN}") if d else "0" for d in row] for row in after - before]
        tab.eventually(lambda: equal(numbers(tab), signs))

    differs(run.counts("val")[0], run.counts("val")[3])
    expect(tab.find(".board")).to_have_count(1)
    tab.find("#against").select_option(f"with {SHORT}")
    differs(other.counts("val")[3], run.counts("val")[3])


def test_a_cell_opens_its_images_and_what_explains_them(look, board, run):
    tab = look(link(board, view="confusion", at=0))
    probe, (said, _) = next((p, told[0]) for p in ("probe_00_bread", "probe_01_egg") for told in [run.predictions(p)])
    true = NAMES[0] if "bread" in probe else NAMES[1]
    tab.find(".board svg").click(position=centre(tab, NAMES.index(true), NAMES.index(said)))
    expect(tab.find(".mixed-row", has_text="probe").first.locator(".cell")).to_have_count(4)  # of each method
    enlarge = tab.find(".mixed .cell[title^=saliency]").first
    expect(enlarge).to_have_attribute("title", re.compile(f"{probe.replace('_', ' ')}"))
    tab.has_state(view="confusion", at="0", pair=f"val/{NAMES.index(true)}/{NAMES.index(said)}")
    epoch, (words,) = max(run.captions("confusions/val/1").items())
    mixed = re.findall("\u2068(.*?)\u2069", words)
    tab = look(link(board, view="confusion", at=epoch, pair="/".join(["val", *(str(NAMES.index(n)) for n in mixed)])))
    expect(tab.find(".mixed h2")).to_have_text(f"{mixed[0]} taken for {mixed[1]}")
    why = tab.find(".mixed-row", has_text="why").locator(".cell")
    expect(why).to_have_count(1)
    why.click()
    expect(tab.find("#zoom")).to_be_visible()


def test_of_a_thousand_classes_the_worst_have_rows_and_a_text_finds_the_others(opened):
    table = np.diag(np.full(1000, 9))
    table[700, 800], table[5, 6] = 7, 3
    tab = opened({0: np.diag(np.full(1000, 9)), 1: table})
    expect(tab.find(".told")).to_contain_text("9000 of 9010 right")
    expect(tab.find(".board .row-name")).to_have_count(41)
    names = ["class 700", "class 800", "class 5", "class 6"]
    assert [name[: len(n)] for name, n in zip(rows(tab), names, strict=False)] == names
    found = numbers(tab)
    assert (found[0][1], found[2][3]) == ("7", "3")
    tab.find("#text").fill("class 999")
    tab.eventually(lambda: equal(rows(tab)[0], "class 999"))
    tab.find("main").press("ArrowLeft")
    expect(tab.find(".told")).to_contain_text("9000 of 9000 right")


def test_a_confusion_panel_tells_its_rank_and_which_pair_has_it_in_every_epoch(look, board, run):
    pairs = {epoch: lines[0] for epoch, lines in run.captions("confusions/val/1").items()}
    tab = look(link(board, view="confusion", at=min(pairs)))
    expect(tab.root.get_by_text("Ranked anew at every moment")).to_be_visible()
    figure = tab.find("figure", has_text="rank 1")
    for epoch in sorted(pairs)[:2]:
        tab.find(f"#moment[aria-valuetext^='epoch {epoch}']").wait_for()
        expect(figure.locator(".holders")).to_have_text(pairs[epoch].split(" · ")[1])
        tab.find("main").press("ArrowRight")
    tab.find("main").press("Home")
    expect(figure.locator(".holders")).to_have_text("none here")
    figure.locator(".cell").click()
    for epoch, line in pairs.items():
        names = re.findall("\u2068(.*?)\u2069", line)
        expect(tab.find(f"#frame-{epoch} .holder")).to_have_text(" → ".join(names))
    tab.find(f"#frame-{max(pairs)}").click()
    holder = pairs[max(pairs)].split(" · ")[1]
    expect(tab.find("#zoom h2")).to_have_text(f"confusions · val · rank 1: {holder} · epoch {max(pairs)}")


def rows(tab):
    return tab.find(".board .row-name").evaluate_all("names => names.map(n => n.querySelector('title').textContent)")


def test_of_two_classes_it_is_not_larger_than_it_has_to_be(opened):
    tab = opened({0: np.array([[3, 1], [0, 4]])})
    holds(tab, [[3, 1], [0, 4]])
    assert tab.find(".board svg").bounding_box()["width"] < 300
