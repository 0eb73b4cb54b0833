"""Logs that are empty, grow, lack what the tab needs, or hold names that a page could take for markup."""

import math
import re

import pytest
from playwright.sync_api import expect
from records import Growing, with_manifest
from tab import holds, link, paints
from trained import FULL, HOSTILE, HOSTILE_CLASSES, HOSTILE_TAG, Log, hostile, once

from gallery.browser import loaded, runs, tensorboard

BREAD = "probe_00_bread"
SALIENCY = f"{BREAD}/saliency"


@pytest.fixture(scope="module")
def odd(site, shared, logs):
    """The address of a TensorBoard over logs that lack a manifest, or with hostile names."""

    def make(folder):
        hostile(folder)
        with_manifest(logs / FULL, folder / "bare", None)
        with_manifest(logs / FULL, folder / "broken", '{"version": 1, "classes": [')

    folder = once(shared / "odd", make)
    # By the Python loader: the Rust server cannot read its own keys of names with quotation marks, and the tab says so.
    with tensorboard(site, folder, "--load_fast=false") as address:
        yield loaded(address), Log(folder / HOSTILE)


def shows(tab, run, epoch):
    own = run.own_scale(SALIENCY, epoch)
    tab.eventually(lambda: paints(tab.map("saliency", BREAD, epoch), run.maps(SALIENCY)[epoch], own))


def test_an_empty_folder_says_what_to_do_and_then_a_run_is_followed(visit, context, site, logs, run, tmp_path):
    context.clock.install()
    with tensorboard(site, tmp_path, "--reload_interval=1") as address:
        tab = visit(link(address, scale="own"))
        expect(tab.find(".empty:visible")).to_contain_text("No explanations yet")
        expect(tab.find(".empty pre")).to_contain_text("callbacks=[SaliencyMaps()")
        growing = Growing(logs / FULL, tmp_path / "live")

        def read(step):
            growing.until(step)
            tab.eventually(lambda: reads(address, step))

        def reads(address, step):
            assert runs(address).get("live", {}).get("images", {}).get(SALIENCY) == step

        read(-1)
        context.clock.fast_forward(5000)  # the tab looks every 5 seconds
        tab.shows("untrained")
        expect(tab.find(".empty:visible")).to_have_count(0)
        read(5)
        context.clock.fast_forward(5000)
        tab.shows("epoch 0")
        shows(tab, run, 0)
        tab.find("#moment").press("Home")
        read(11)
        tab.page.get_by_title(re.compile("^Last Updated")).click()  # TensorBoard's own button
        tab.shows("untrained, before epoch 0 of 1")  # it stays where it was put
        tab.find("#moment").press("End")
        shows(tab, run, 1)
        tab.cell("saliency", BREAD).click()
        tab.find("#zoom-picture").focus()
        read(17)
        context.clock.fast_forward(5000)
        expect(tab.find("#zoom .film button")).to_have_count(4)
        expect(tab.find("#zoom-picture")).to_be_focused()  # a new epoch takes nothing away
        tab.page.close()  # it would go on to ask


@pytest.mark.parametrize(("name", "reason"), [("bare", "has no manifest"), ("broken", "is not JSON")])
def test_without_a_manifest_it_shows_what_there_is_and_says_what_is_missing(look, odd, run, name, reason):
    tab = look(link(odd[0], run=name))
    expect(tab.find(".notice")).to_contain_text(re.compile(f"^{name}: .*{reason}"))
    tab.shows("epoch 4")
    tab.find("main").press("ArrowLeft")
    tab.shows("epoch 3 of 4")
    tab.eventually(lambda: holds(tab.image("saliency", BREAD, 3), run.pictures(SALIENCY)[3]))
    expect(tab.find("tbody tr:visible .label")).to_have_text(["bread", "egg", "soup"])
    probability = math.floor(100 * run.figures(f"probability/{BREAD}/bread")[3] + 0.5)
    expect(tab.find("tbody tr").first.locator(".predicted:visible")).to_have_text(f"✓ bread {probability} %")


def test_names_are_shown_as_text_whatever_they_hold(look, odd):
    address, log = odd
    tab = look(link(address, run=HOSTILE))
    tab.shows("epoch 0")
    expect(tab.find("tbody tr:visible .label").first).to_have_text(HOSTILE_CLASSES[0])
    expect(tab.find("#run")).to_have_value(HOSTILE)
    tab.find("#text").fill(HOSTILE_CLASSES[1])
    expect(tab.find("tbody tr:visible .label").first).to_be_visible()
    tab.find("#view-confusion").click()
    tab.root.get_by_role("heading", name="recall of every class").scroll_into_view_if_needed()
    expect(tab.find(".recalls li")).to_have_count(3)
    recalls = tab.find(".recalls li").all_inner_texts()
    assert {text.rpartition(" ")[0].rpartition(" ")[0] for text in recalls} == set(HOSTILE_CLASSES)
    tab.find("#view-other").click()
    picture = tab.find("figure", has_text="🍜")
    expect(picture.locator("figcaption")).to_have_text(HOSTILE_TAG.rpartition("/")[2])
    picture.locator(".cell").click()
    expect(tab.find("#zoom h2")).to_contain_text(HOSTILE_TAG.partition("/")[0])
    tab.eventually(lambda: holds(tab.find("#zoom .stage img").first, log.pictures(HOSTILE_TAG)[0]))
    tab.has_state(run=HOSTILE, view="other", zoom=HOSTILE_TAG)  # what was sought was sought among probes
    expect(tab.find("img[src=x], figcaption i, b, script:not([src]):not([type=module])")).to_have_count(0)
