"""One picture large with its film, and what can be saved: pictures, series, films, the whole run."""

import zipfile
from functools import partial

import numpy as np
from PIL import Image
from playwright.sync_api import expect
from tab import Tab, as_seen, link, paints, pixels, told
from trained import FULL, SHORT, decoded

from lightning_viz.render.color import sequential

BREAD = "probe_00_bread"
SALIENCY = f"{BREAD}/saliency"


def zoomed(tab, run, epoch):
    """Asserts that the dialog shows an epoch, and a film of all."""
    expect(tab.find("#zoom h2")).to_have_text(f"Bread: saliency · {told(epoch)}")
    maps, bound = run.maps(SALIENCY), run.bound(SALIENCY)
    beside, large = (tab.find("#zoom .stage .tile canvas").nth(i) for i in range(2))
    tab.eventually(lambda: paints(large, maps[epoch], bound))
    alone = sequential((maps[epoch] / bound).clip(0, 1)).astype(int)
    assert np.abs(pixels(beside) - alone).max() <= 2
    frames = tab.find("#zoom .film button")
    expect(frames).to_have_text(["untrained", "0", "1", "2", "3", "4"])
    for i, values in enumerate(maps.values()):
        tab.eventually(lambda i=i, values=values: paints(frames.nth(i).locator("canvas"), values, bound))
    expect(tab.find("#zoom [aria-current]")).to_have_text(told(epoch).removeprefix("epoch "))


def unpacked(tab, folder):
    """The name of the ZIP archive of the series, and its files."""
    download = saved(tab, "#zoom-zip")
    download.save_as(folder / "series.zip")
    with zipfile.ZipFile(folder / "series.zip") as archive:
        assert archive.testzip() is None
        return download.suggested_filename, {info.filename: archive.read(info) for info in archive.infolist()}


def suffix(picture):
    return "png" if picture.startswith(b"\x89PNG") else "jpg"


def test_a_picture_is_enlarged_with_its_film(look, board, run):
    tab = look(link(board))
    tab.cell("saliency", BREAD).click()
    zoomed(tab, run, 4)
    tab.find("#zoom .film button").nth(2).click()
    zoomed(tab, run, 1)
    tab.page.keyboard.press("ArrowRight")
    zoomed(tab, run, 2)
    tab.has_state(at="2", zoom=SALIENCY)
    zoomed(look(tab.page.url), run, 2)
    tab.page.keyboard.press("Escape")
    expect(tab.find("#zoom")).to_be_hidden()
    tab.has_state(at="2")


def test_a_series_is_saved_as_it_was_logged(look, board, run, tmp_path):
    name, files = unpacked(look(link(board, at=1, zoom=SALIENCY)), tmp_path)
    assert name == "probe_00_bread_saliency.zip"
    steps = {epoch: step for step, epoch in reversed(run.epochs.items())}
    assert files == {
        f"probe_00_bread_saliency_epoch_{epoch}_step_{steps[epoch]}.{suffix(picture)}": picture
        for epoch, picture in run.pictures(SALIENCY).items()
    }


def test_a_picture_is_saved_as_it_is_seen(look, board):
    tab = look(link(board, at=1, zoom=SALIENCY))
    lime = f"{BREAD}/lime"
    states = {
        "saliency_epoch_1": {"zoom": SALIENCY, "at": 1},
        "saliency_epoch_0": {"scale": "own", "zoom": SALIENCY, "at": 0},  # pale on the scale of the run
        "lime_epoch_0_epoch_3": {"zoom": lime, "at": 3, "against": "epoch", "base": 0, "how": "difference"},
        "lime_version_0_version_1_epoch_2": {"zoom": lime, "at": 2, "against": f"run:{SHORT}"},  # which has none
        "changes_epoch_1": {"zoom": "confusions/val/changes", "view": "confusion", "at": 1},  # wider than there is room
    }

    def alike(name):
        called, apart = from_the_screen(tab)
        assert called.removesuffix(".png").endswith(name)
        assert apart.mean() < 6
        assert (apart > 80).mean() < 0.01  # where letters and edges are smoothed in another way

    for name, state in states.items():
        tab.page.goto(f"{tab.page.url.partition('#')[0]}#{link('', **state).partition('#')[2]}")
        tab.eventually(partial(alike, name))
        if name == "saliency_epoch_1":
            tab.page.evaluate("document.documentElement.classList.add('dark')")
            tab.page.set_viewport_size({"width": 700, "height": 1200})


def from_the_screen(tab):
    """The name under which "Save picture" saves, and how far each smoothed pixel is from what is on the screen."""
    shown = tab.find("#zoom .stage .cell")
    expect(shown.locator(":is(.tile, .crop img, .shots > canvas:not(.edges)):visible").first).to_be_visible()
    called, picture = as_seen(tab)
    screen = decoded(shown.screenshot())
    smoothed = [np.asarray(Image.fromarray(one.astype(np.uint8)).reduce(2), int) for one in (picture, screen)]
    return called, np.abs(np.subtract(*smoothed)).max(2)


def saved(tab, button):
    """The file that a button downloads."""
    with tab.page.expect_download() as download:
        tab.find(button).click()
    return download.value


def test_the_exported_file_needs_no_network(look, context, board, run, other, tmp_path):
    served = look(link(board))
    download = saved(served, "#export")
    assert download.suggested_filename == "explanations_demo_version_1.html"
    file = tmp_path / "run.html"
    download.save_as(file)
    served.page.close()
    context.set_offline(True)
    page = context.new_page()
    page.goto(file.as_uri())
    tab = Tab(page, page)
    tab.shows("epoch 4")
    for epoch in (4, 3, 2):
        for method in ("saliency", "smoothgrad", "lime"):
            image, tag, lime = tab.map(method, BREAD, epoch).first, f"{BREAD}/{method}", method == "lime"
            expect(image).to_be_visible()
            known = run.maps(tag)[epoch], run.bound(tag)
            tab.eventually(lambda image=image, known=known, lime=lime: paints(image, *known, lime=lime))
        tab.find("main").press("ArrowLeft")
    expect(tab.find("tbody tr").first.locator(".predicted:visible")).to_contain_text(run.predictions(BREAD)[1][0])
    tab.cell("saliency", BREAD).click()
    zoomed(tab, run, 1)
    expect(tab.find("#zoom-zip")).to_be_disabled()  # the page paints the maps itself, and has no pictures of them
    page.keyboard.press("Escape")
    tab.has_state(at="1")
    expect(tab.find("#run")).to_be_hidden()  # this one alone
    assert FULL in page.title()


def test_what_is_shown_is_exported_alone(look, context, board, run, tmp_path):
    served = look(link(board, columns="saliency", text="bread"))
    expect(served.find("tbody tr:visible")).to_have_count(1)
    served.find("#export-part").click()
    expect(served.find("#part-epochs")).to_have_value("-1 0 1 2 3 4")
    served.find("#part-epochs").fill("0, 3")
    saved(served, "#part-save").save_as(tmp_path / "part.html")
    page = context.new_page()
    page.goto((tmp_path / "part.html").as_uri())
    tab = Tab(page, page)
    tab.shows("epoch 3")
    expect(tab.find("tbody tr .label")).to_have_text(["Bread"])
    expect(tab.find("thead .method")).to_have_text(["saliency"])
    for epoch in (3, 0):
        own = tab.map("saliency", BREAD, epoch)
        tab.eventually(lambda own=own, epoch=epoch: paints(own, run.maps(SALIENCY)[epoch], run.bound(SALIENCY)))
        tab.find("main").press("ArrowLeft")
    tab.shows("epoch 0 of 3")
