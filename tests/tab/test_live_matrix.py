"""The confusion matrix as the page draws it from the counts of the log."""

import re

import numpy as np
import pytest
from axe import violations
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

    def opened(tables, log=None, **state):
        counted(tmp_path / "run", tables, **(log or {}))
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
    epoch, (words, *_) = max(run.captions("confusions/val/1").items())
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
    figure.locator(".holders").scroll_into_view_if_needed()
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


PROBES = {"probe_00_a": {"label": 0, "labels": [0, 1]}, "probe_01_b": {"label": 1, "labels": [1]}}
"""Of two images the classes that are true."""


def lines(tab):
    """What stands in the rows of a table of classes."""
    read = "rows => rows.map(row => [...row.querySelectorAll('th, td.number')].map(cell => cell.textContent))"
    return tab.find(".tally tbody tr").evaluate_all(read)


def test_of_boxes_the_matrix_tells_what_is_missed_and_what_is_false(opened):
    table = np.array([[0, 0, 0, 0], [0, 6, 1, 3], [0, 0, 4, 1], [0, 2, 0, 0]])  # behind the background
    tab = opened({0: table}, {"of": "boxes", "first": 1, "probes": PROBES})
    expect(tab.find(".told")).to_have_text(re.compile("^10 of 15 boxes found, 67.%; 2 false$"))
    assert rows(tab) == ["class 1", "class 2", "nothing"]
    holds(tab, table[1:, 1:])
    board = tab.find(".board")
    board.focus()
    for keys, told in (
        (["Shift+ArrowRight", "Shift+ArrowRight"], r"class 1.?, missed: 3 of 10, 30.%"),
        (["ArrowDown", "ArrowDown", "Shift+ArrowLeft", "Shift+ArrowLeft"], r"class 1.? where there is none: 2 of 2"),
    ):
        for key in keys:
            board.press(key)
        expect(tab.find(".told")).to_have_text(re.compile(told))
    board.press("ArrowUp")
    board.press("ArrowUp")
    board.press("Enter")
    expect(tab.find(".mixed h2")).to_have_text("images with class 1")
    expect(tab.find(".mixed-row .cell")).to_have_count(2)
    expect(tab.find(".story-key .right")).to_have_count(0)  # some boxes are false, so there is no share that is right


def test_of_several_labels_a_table_tells_what_is_found_missed_and_false(opened):
    before, after = np.array([[2, 8, 5], [0, 0, 4.0]]), np.array([[9, 1, 3], [0, 0, 0.0]])
    tab = opened({0: before, 1: after}, {"of": "labels", "probes": PROBES}, at=0)
    expect(tab.find(".told")).to_have_text(re.compile("^2 of 10 labels found, 20.%; 9 false$"))
    none = "\N{EN DASH}"
    shown = [["class 0", "2", "8", "5", "20", "29"], ["class 1", "0", "0", "4", none, "0"]]
    tab.eventually(lambda: equal(lines(tab), shown))
    widths = """bars => bars.map(bar => [...bar.children].map(part =>
      Math.round(15 * part.getBoundingClientRect().width / bar.getBoundingClientRect().width)))"""
    assert tab.find(".tally .bar").evaluate_all(widths) == [[2, 8, 5], [0, 0, 4]]
    tab.find("main").press("ArrowRight")
    tab.eventually(lambda: equal(lines(tab)[0], ["class 0", "9", "1", "3", "90", "75"]))
    tab.find(".names").first.click()
    expect(tab.find(".mixed h2")).to_have_text("images with class 0")
    expect(tab.find(".mixed-row .cell")).to_have_count(1)
    assert violations(tab.find("body")) == []
    tab.find("#text").fill("class 1")
    tab.eventually(lambda: equal([name for name, *_ in lines(tab)], ["class 1", "1 others"]))


def test_tables_of_two_moments_differ_by_numbers_and_values_have_their_errors(opened):
    errors = {0: np.array([[4.5], [800.0]]), 1: np.array([[1.5], [1000.0]])}
    tab = opened(errors, {"of": "values"}, at=1, against="epoch", base=0)
    tab.eventually(lambda: equal(lines(tab), [["class 0", "4.5 → 1.5"], ["class 1", "800 → 1000"]]))
    tab.find("#how").select_option("difference")
    tab.eventually(lambda: equal(lines(tab), [["class 0", "\N{MINUS SIGN}3"], ["class 1", "+200"]]))
    expect(tab.find(".tally [title]").first).to_have_attribute("title", "mean absolute error: 4.5 → 1.5")
    expect(tab.find("figure")).to_have_count(0)  # the picture of the same counts


def test_of_a_thousand_labels_those_with_most_errors_have_rows(opened):
    table = np.zeros((1000, 3))
    table[:, 0], table[700, 1], table[5, 2] = 9, 30, 20
    tab = opened({0: table}, {"of": "labels"})
    tab.eventually(lambda: equal(len(lines(tab)), 41))
    assert [name for name, *_ in lines(tab)][:2] == ["class 700", "class 5"]
    assert lines(tab)[-1][:2] == ["960 others", "8640"]
