"""The views besides the probes: filters, confusions, measures, and what else there is."""

import re

import pytest
from playwright.sync_api import expect
from projects import NAMES
from tab import Tab, holds, link
from trained import FULL, SHORT, Log, attending

from lightning_viz import findings
from lightning_viz.tensorboard.export import export


def figure(value):
    """A figure in three digits, a tiny one in two."""
    if value and abs(value) < 0.001:
        digits, power = f"{value:.1e}".split("e")
        return f"{digits}e{int(power)}"
    return f"{float(f'{value:.3g}'):g}"


def shows(tab, alt, picture):
    """Whether the tab shows a picture; fails with what differs."""
    image = tab.find(f'img[alt="{alt}"]')
    expect(image).to_be_visible()
    tab.eventually(lambda: holds(image, picture))
    return True


def test_measures_as_curves_with_their_values_at_the_moment(look, board, run):
    tab = look(link(board, at=1))
    tab.find("#view-measures").click()
    for measure, meaning in [("rank_untrained", "rank correlation with the untrained"), ("entropy", "how evenly")]:
        part = tab.find(f'.measure[title^="saliency: {meaning}"]')
        part.scroll_into_view_if_needed()  # what is out of view rests
        for epoch in (1, 2):
            tab.shows(f"epoch {epoch} of 4")
            expect(part.locator(".value")).to_have_text(figure(run.figures(f"explanations/saliency/{measure}")[epoch]))
            now, over = (part.locator(f".{name}").bounding_box() for name in ("now", "u-over"))
            place = (epoch + 1 + 0.05 * 5) / (5 * 1.1)  # a twentieth is left free at either side
            assert now["x"] - over["x"] == pytest.approx(place * over["width"], abs=1.5)
            tab.find("main").press("ArrowRight")
        tab.find("#moment").press("Home")
        tab.find("#moment").press("ArrowRight")
        tab.find("#moment").press("ArrowRight")
    tab.has_state(at="1", view="measures")


def test_values_under_the_pointer_in_all_charts_and_a_click_goes_there(look, board, run):
    tab = look(link(board, at=1, view="measures"))
    named = ("rank correlation with the last", "how evenly")
    charts = [tab.find(f'.measure[title^="saliency: {text}"]') for text in named]
    over = charts[0].locator(".u-over")
    place = (2 + 1 + 0.05 * 5) / (5 * 1.1)
    over.hover(position={"x": place * over.bounding_box()["width"], "y": 20})
    for chart, measure in zip(charts, ("rank_previous", "entropy"), strict=True):
        value = figure(run.figures(f"explanations/saliency/{measure}")[2])
        told = measure.replace("_", " ")
        expect(chart.locator(".tip")).to_have_text(re.compile(f"epoch 2{told} {value}$".replace(".", r"\.")))
    tab.page.mouse.down()
    tab.page.mouse.up()
    tab.shows("epoch 2 of 4")


def test_attention_as_a_curve_for_each_layer(context, tmp_path):
    attending(tmp_path)
    export(tmp_path / FULL, tmp_path / "run.html")
    log, page = Log(tmp_path / FULL), context.new_page()
    page.goto(f"{(tmp_path / 'run.html').as_uri()}#p.lightning_viz.view=measures&p.lightning_viz.at=0")
    tab = Tab(page, page)
    for measure, meaning in [
        ("entropy", "entropy of what"),
        ("distance", "how far"),
        ("strongest", "share of attention"),
    ]:
        part = tab.find(f'.recall[title^="{meaning}"]')
        tags = [f"attention/net_{k}_self_attn/{measure}" for k in (0, 1)]
        expect(part.locator(".u-over")).to_be_visible()
        expect(part.locator("li")).to_have_text(
            [f"net {k} self attn {figure(log.figures(tag)[0])}" for k, tag in enumerate(tags)]
        )
    expect(tab.find('.recall[title^="share of heads that attend to everything"] li')).to_have_text(
        [figure(log.figures("attention/uniform")[0])]
    )


def test_the_measure_above_a_method_is_the_chosen_one(look, board, run):
    tab = look(link(board))
    value = tab.find("thead th", has_text="saliency").locator(".value")
    expect(value).to_have_text(figure(run.figures("explanations/saliency/rank_previous")[4]))
    tab.find("#measure").select_option("entropy")
    expect(value).to_have_text(figure(run.figures("explanations/saliency/entropy")[4]))


def test_small_charts_tell_their_range_and_a_click_shows_them_large(look, board, run):
    tab = look(link(board, at=1))
    head = tab.find("thead th", has_text="saliency")
    measure = run.figures("explanations/saliency/rank_previous")
    first, *_, last = measure.values()
    expect(head.locator(".least-most span")).to_have_text(
        [figure(max(measure.values())), figure(min(measure.values()))]
    )
    ends = f"first {figure(first)}, last {figure(last)}, "
    expect(head.locator(".chart > title")).to_have_text(re.compile(f"; {re.escape(ends)}lowest .*, highest "))
    head.locator(".opens").click()
    tab.has_state(at="1", view="measures", chart="explanations/saliency/rank_previous")
    large = tab.find(".enlarged .u-over")
    expect(large).to_be_visible()
    assert large.bounding_box()["width"] > 800
    tab.find("#view-probes").click()
    tab.find("tbody tr").first.locator(".opens").click()
    tab.has_state(at="1", view="measures", chart="probe_00_bread")
    expect(tab.find(".enlarged .u-over")).to_be_visible()
    expect(tab.find(".enlarged .predicted")).to_contain_text(run.predictions("probe_00_bread")[1][0])
    tab.find(".enlarged").get_by_role("button", name="Close").click()
    tab.has_state(at="1", view="measures")


def test_charts_of_all_methods_on_one_range(look, board, run):
    tab = look(link(board, view="measures"))
    chart = tab.find('.measure[title^="saliency: rank correlation with the untrained"] .u-over')
    over = {"x": 0.95 * chart.bounding_box()["width"]}
    height = chart.bounding_box()["height"]
    values = [
        v for m in ("saliency", "smoothgrad", "lime") for v in run.figures(f"explanations/{m}/rank_untrained").values()
    ]
    low = min(0, *values)
    tab.find("#range").select_option("common range")
    tab.has_state(view="measures", range="common")
    value = run.figures("explanations/saliency/rank_untrained")[4]
    place = height * (1 - (value - low) / (1 - low))  # a point is drawn where the pointer's moment has its value
    chart.hover(position={"x": over["x"], "y": height / 2})
    point = tab.find('.measure[title^="saliency: rank correlation with the untrained"] .u-cursor-pt').first

    def lies():
        box, whole = point.bounding_box(), chart.bounding_box()
        assert box["y"] + box["height"] / 2 - whole["y"] == pytest.approx(place, abs=1.5)

    tab.eventually(lies)


def test_measures_and_findings_are_sought_by_text(look, board, logs):
    tab = look(link(board, view="measures"))
    tab.find("#text").fill("lime untrained")
    expect(tab.find("thead .method:visible")).to_have_text(["lime"])
    expect(tab.find("tbody .label:visible")).to_have_text(["rank untrained", "ssim untrained"])
    tab.find("#text").fill("nowhere")
    expect(tab.find(".empty:visible")).to_have_text("No measure fits: clear the text.")
    tab.find("#view-findings").click()
    tab.find("#run").select_option(SHORT)
    texts = [finding.text for finding in findings(logs / SHORT)]
    expect(tab.find(".findings li:visible")).to_have_count(len(texts))
    tab.find("#text").fill("Bread")
    expect(tab.find(".findings li:visible p")).to_have_text([text for text in texts if "bread" in text.lower()])


def test_filters_with_what_they_reach(look, board, run):
    tab = look(link(board, view="filters", at=2))
    for channel in (0, 8):
        assert shows(tab, f"net 4/{channel} of filters, epoch 2", run.pictures(f"filters/net_4/{channel}")[2])
        reached = figure(run.figures(f"filters/net_4/{channel}_activation")[2])
        expect(tab.find("figure", has_text=re.compile(f"^{channel}"))).to_contain_text(f"activation {reached}")


def test_confusions_with_the_recall_of_every_class(look, board, run):
    tab = look(link(board, view="confusion", at=2))
    assert shows(tab, "val/1 of confusions, epoch 2", run.pictures("confusions/val/1")[2])
    recall = {name: run.figures(f"recall/val/{name.lower()}")[2] for name in NAMES}
    best_first = sorted(NAMES, key=lambda name: -recall[name])
    tab.root.get_by_role("heading", name="recall of every class").scroll_into_view_if_needed()
    expect(tab.find(".recalls li")).to_have_text([f"{name} {int(100 * recall[name] + 0.5)} %" for name in best_first])


def test_the_curves_of_deletion_and_insertion_are_among_the_measures(look, board, run):
    tab = look(link(board, view="measures"))
    tab.root.get_by_role("heading", name="deletion and insertion").scroll_into_view_if_needed()
    (picture,) = run.pictures("explanations/saliency/curves").values()
    assert shows(tab, "saliency/curves of explanations, epoch 4", picture)
    tab.find("#text").fill("entropy")
    expect(tab.find("figure:visible")).to_have_count(0)


def test_findings_tell_what_the_run_taught_and_open_the_pictures_that_show_it(look, board, logs):
    tab = look(link(board, run=SHORT))
    tab.find("#view-findings").click()
    found = {finding.kind: finding for finding in findings(logs / SHORT)}
    assert list(found)[:2] == ["worst_class", "confusion"]
    expect(tab.find(".findings li p")).to_have_text([finding.text for finding in found.values()])
    (shown, *_) = found["worst_class"].pictures
    tab.find(".findings li button", has_text="confusion val").first.click()
    expect(tab.find("#zoom")).to_be_visible()
    tab.has_state(run=SHORT, view="findings", zoom=shown)


def test_pictures_of_a_finding_that_have_moments_of_their_own_open_there(context, look, board, run):
    steps = {epoch: step for step, epoch in reversed(run.epochs.items())}
    told = {"kind": "next", "text": "Look next at: a; b.", "numbers": {}, "step": None}
    told |= {"pictures": ["probe_00_bread/saliency", "confusion/val"], "steps": [steps[1], steps[4]]}
    context.route("**/findings?*", lambda route: route.fulfill(json=[told]))
    tab = look(link(board))
    tab.find("#view-findings").click()
    links = tab.find(".findings li button")
    expect(links).to_have_text(["saliency of Bread (0) · epoch 1", "confusion val"])
    links.first.click()
    tab.has_state(view="findings", zoom="probe_00_bread/saliency", at="1")


def test_findings_are_asked_for_once_for_the_line_above_the_probes_and_their_view(context, board):
    page, asked = context.new_page(), []
    page.on("request", lambda request: "/findings?" in request.url and asked.append(request.url))
    page.goto(link(board).replace("#lightning_viz", "data/plugin_entry.html?name=lightning_viz#"))
    page.locator(".headline button").click()
    expect(page.locator(".findings li").first).to_be_visible()
    page.locator("#view-probes").click()
    expect(page.locator(".headline span").first).to_be_visible()
    assert len(asked) == 1


def test_an_exported_page_has_the_findings_too(context, logs, tmp_path):
    export(logs / SHORT, tmp_path / "run.html")
    page = context.new_page()
    told = [finding.text for finding in findings(logs / SHORT)]
    page.goto((tmp_path / "run.html").as_uri())
    expect(page.locator(".headline span")).to_have_text(told[:2])  # above the probes
    page.locator(".headline button").click()
    expect(page.locator(".findings li p")).to_have_text(told)
