"""What helps: words on every method, the list of the keys, few stops of the Tab key, and what one has missed."""

import json
import re
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import expect
from tab import link
from trained import FULL

from gallery.browser import ROOT

PAGES = {
    "GRADIENTS": "saliency",
    "gradcam": "gradcam",
    "integrated_gradients": "integrated_gradients",
    "occlusion": "occlusion",
    "attention": "attention",
    "lime": "lime",
    "deep_dream": "deep_dream",
    "activations": "filter_activations",
}


def plain(text):
    """Without the marks of Markdown, on one line."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)
    return " ".join(re.sub(r"[*`]", "", text).split())


def test_what_is_told_of_a_method_stands_in_its_documentation():
    told = (ROOT / "lightning_viz/tensorboard/static/help.js").read_text()
    found = dict(re.findall(r"(\w+)(?:: | = )\{\s+read: '.*?',\s+trust: '(.*?)'", told))
    reads = dict(re.findall(r"(\w+)(?:: | = )\{\s+read: '(.*?)'", told))
    assert set(found) == set(reads) == set(PAGES)
    for name, page in PAGES.items():
        documented = plain(Path(ROOT, "docs/callbacks", f"{page}.md").read_text())
        for sentence in (found[name], reads[name]):
            assert sentence.rstrip(".") in documented


def test_every_column_tells_what_it_shows_and_when_not_to_trust_it(look, board):
    tab = look(link(board))
    expect(tab.find("thead .ask")).to_have_count(4)
    tab.root.get_by_label("about lime").click()
    box = tab.find(".help:visible")
    expect(box).to_contain_text("Left the true class, right its strongest rival")
    expect(box).to_contain_text("Orange speaks for, blue against")
    expect(box).to_contain_text("When not to trust it: The caption tells R²")
    tab.page.keyboard.press("Escape")
    expect(tab.find(".help:visible")).to_have_count(0)


def test_the_list_of_the_keys(look, board):
    tab = look(link(board))
    tab.find("main").press("?")
    expect(tab.find("#keys")).to_contain_text("the next flip of a prediction")
    tab.find("main").press("?")
    expect(tab.find("#keys")).to_be_hidden()
    tab.find("#keys-button").click()
    expect(tab.find("#keys")).to_be_visible()


def test_all_pictures_are_one_stop_of_the_tab_key(look, board):
    tab = look(link(board, at=1))
    stops = tab.find("main table button:visible:not([tabindex='-1'])")
    expect(stops).to_have_count(1)
    stops.focus()
    focused = "document.activeElement.title"
    for key, name in [
        ("ArrowDown", "input of probe 00 bread: enlarge"),
        ("Shift+ArrowRight", "saliency of probe 00 bread: enlarge"),
        ("ArrowDown", "saliency of probe 01 egg: enlarge"),
        ("ArrowUp", "saliency of probe 00 bread: enlarge"),
    ]:
        tab.find("main button:focus").press(key)
        assert tab.find("body").evaluate(focused) == name
    tab.shows("epoch 1 of 4")  # the slider stays
    tab.find("#rows").select_option("flipped")  # the row may have gone, but there is still a stop
    expect(stops).to_have_count(1)
    expect(stops).to_be_visible()
    tab.find("#view-filters").click()
    expect(tab.find("main .gallery").first.locator("button:not([tabindex='-1'])")).to_have_count(1)


def flipped_after(run, epoch):
    """How many predictions became another after an epoch."""
    flips = 0
    for probe in ("probe_00_bread", "probe_01_egg", "probe_02_soup"):
        said = [(e, name) for e, (name, _) in run.predictions(probe).items() if e >= 0]
        flips += sum(a != b and e > epoch for (_, a), (e, b) in pairwise(said))
    return flips


def test_what_happened_since_the_last_visit_is_told_once(look, context, board, run):
    step = next(step for step, epoch in run.epochs.items() if epoch == 0)
    seen = json.dumps({FULL: step})
    keep = f"try {{ localStorage['lightning_viz/seen'] ??= {json.dumps(seen)} }} catch {{}}"  # not all frames have one
    context.add_init_script(keep)
    tab = look(link(board))
    away = tab.find(".away")
    expect(away).to_contain_text("While you were away (epoch 0 → epoch 4)")
    flips = flipped_after(run, 0)
    expect(away).to_contain_text(f"{flips} flip" if flips else "no prediction flipped")
    expect(away.locator("button[title^=epoch]")).to_have_count(min(flips, 5))
    away.get_by_role("button", name="Close").click()
    expect(away).to_be_hidden()
    again = look(link(board))
    again.shows("epoch 4")
    expect(again.find(".away")).to_be_hidden()


def test_a_hidden_page_counts_new_epochs_in_its_title_and_tells_them_then(visit, context, board):
    def earlier(route):
        answer = route.fetch().json()
        for told in answer["runs"].values():
            told["epochs"] = [point for point in told["epochs"] if point[1] < 3]
        route.fulfill(json=answer)

    context.route("**/lightning_viz/runs", earlier)
    context.clock.install()
    tab = visit(link(board))
    tab.shows("epoch 2")
    hide = "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true }); }"
    turn = "document.dispatchEvent(new Event('visibilitychange'))"
    frame = tab.page.frame(url=re.compile("plugin_entry"))
    frame.evaluate(hide, True)
    frame.evaluate(turn)
    context.unroute("**/lightning_viz/runs")
    context.clock.fast_forward(21_000)
    tab.eventually(lambda: startswith(tab.page.title(), "(2) "))
    frame.evaluate(hide, False)
    frame.evaluate(turn)
    expect(tab.find(".away")).to_contain_text("While you were away (epoch 2 → epoch 4)")
    assert not tab.page.title().startswith("(")


def startswith(text, start):
    assert text.startswith(start)
