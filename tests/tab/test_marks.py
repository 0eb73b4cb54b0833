"""Volumes slice by slice, outlines of regions and masks, and boxes that tell of themselves, in an exported page."""

import json
import re

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from balls import Balls, OfVolumes, volumes
from playwright.sync_api import expect
from projects import Finds, Places, Project, Segments, Stripes, Things, events, places, things, trainer
from tab import Tab, as_seen, paints
from tensorboard.util.tensor_util import make_ndarray
from torch.utils.data import DataLoader
from trained import decoded, heat, once

from lightning_viz import ConfusionMatrixPanel, Probes, SaliencyMaps, findings
from lightning_viz.tensorboard.export import export


class Masked(Stripes):
    """Knows where the evidence lies: in a corner, and in a row below it."""

    def mask(self, index):
        found = np.zeros((16, 16), dtype=bool)
        found[2:7, 3:8] = found[10, index:] = True
        return found


def masked():
    return {"train_dataloaders": DataLoader(Masked(24, seed=1), batch_size=8), "val_dataloaders": DataLoader(Masked(6))}


RUNS = {
    "volumes": (OfVolumes, volumes),
    "regions": (Segments, places),
    "boxes": (Finds, things),
    "masks": (Project, masked),
}
INSIDE = """(path, [height, width]) => Array.from({length: height * width}, (_, i) =>
  path.isPointInFill(new DOMPoint(i % width + 0.5, Math.floor(i / width) + 0.5)))"""
SAID = 0.5
"""The score from which on a box counts."""


def make(folder):
    """Runs, what their networks say in the end of the first images of the validation, and all in one page."""
    for name, (module, data) in RUNS.items():
        pl.seed_everything(7, verbose=False)
        made = module()
        callbacks = [
            SaliencyMaps(probes=Probes(indices=[0, 1]), on_error="raise"),
            ConfusionMatrixPanel(on_error="raise"),
        ]
        trainer(folder / "logs" / name, callbacks, max_epochs=12 if name == "boxes" else 1).fit(made, **data())
        torch.save(made.eval().state_dict(), folder / f"{name}.pt")
    export(folder / "logs", folder / "page.html")


@pytest.fixture(scope="module")
def made(shared):
    folder = shared / "of_places"
    folder.mkdir(exist_ok=True)
    return once(folder, make)


@pytest.fixture
def opened(context, made):
    """Opens the page where it shows a run."""

    def opened(run, **state):
        page = context.new_page()
        [name] = [str(path.parent.relative_to(made / "logs")) for path in (made / "logs" / run).rglob("events*")]
        said = "&".join(f"p.lightning_viz.{key}={value}" for key, value in {"run": name, **state}.items())
        page.goto(f"{(made / 'page.html').as_uri()}#{said}")
        return Tab(page, page)

    return opened


def logged(made, run, tag):
    """The last of what a log holds under a name."""
    [file] = (made / "logs" / run).rglob("events*")
    return make_ndarray(events(file.parent).Tensors(f"lightning_viz/{tag}")[-1].tensor_proto)


def trained(made, run):
    module = RUNS[run][0]()
    module.load_state_dict(torch.load(made / f"{run}.pt"))
    return module.eval()


def cells(tab, column):
    return tab.find("tbody tr").first.locator(".cell").nth(column)


def test_volumes_are_shown_by_slices(opened, made):
    tag = "probe_00_ball/saliency"
    volume = heat(logged(made, "volumes", f"map/{tag}")[0]).reshape(8, 10, 12)
    bound = float(logged(made, "volumes", f"bound/{tag}"))
    tab = opened("volumes", at=0)
    strongest = int(np.abs(volume).sum((1, 2)).argmax())
    cell = cells(tab, 1)
    expect(cell.locator(".note")).to_contain_text(f"slice {strongest + 1}/8")
    expect(tab.find("#slice-label")).to_have_text("strongest of each")
    for key, k in (("Home", 0), ("ArrowRight", 1), ("End", 7)):
        tab.find("#slice").press(key)
        expect(tab.find("#slice-label")).to_have_text(f"slice {k + 1}/8")
        expect(cell.locator(".note")).to_contain_text(f"slice {k + 1}/8")
        tab.eventually(lambda k=k: paints(cell.locator(".tile canvas").first, volume[k], bound))
        image, tile = (cell.locator(part).first.bounding_box() for part in (".ground img", ".tile"))
        assert image["height"] == pytest.approx(8 * tile["height"], rel=0.01)
        assert tile["y"] - image["y"] == pytest.approx(k * tile["height"], abs=1)
        expect(cells(tab, 0).locator(".note")).to_contain_text(f"slice {k + 1}/8")
    tab.has_state(run=tab.state()["run"], at="0", slice="7")
    tab.find("#slice-own").click()
    expect(cell.locator(".note")).to_contain_text(f"slice {strongest + 1}/8")


def test_the_slices_of_a_map_are_those_of_the_gradient(made):
    data, net = Balls(6, seed=2), trained(made, "volumes")
    image = data.images[:1].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(net(image)[0, data.targets[0]], image)
    expected = gradient.abs()[0, 0].numpy() * np.ptp(data.images[0].numpy())
    found = heat(logged(made, "volumes", "map/probe_00_ball/saliency")[0]).reshape(8, 10, 12)
    assert np.abs(found - expected).max() <= 0.51 * expected.max() / 127  # a byte for each value


def test_outlines_of_regions_can_be_switched(opened, made):
    data, net = Places(12, seed=2), trained(made, "regions")
    with torch.no_grad():
        predicted = net(data.images[:1]).argmax(1)[0].numpy()
    sides = {"true": data.places[0].numpy(), "predicted": predicted}
    tab = opened("regions", at=0)
    content = json.loads(logged(made, "regions", "places/probe_00_disc")[0])
    classes = [area["class"] for area in reversed(content["areas"])]  # the last one is on top
    assert {*np.unique(sides["true"])} - {0} <= {*classes}
    for column in (0, 1):  # over the image, and over a map
        for side, truth in sides.items():
            paths = cells(tab, column).locator(f".marks g.{side} path:not(.seam)")
            expect(paths).to_have_count(len(classes))
            for i, k in enumerate(classes):
                inside = np.reshape(paths.nth(i).evaluate(INSIDE, [16, 16]), (16, 16))
                assert np.array_equal(inside, truth == k)
    tab.find("#marks").select_option("true alone")
    for column in (0, 1):
        expect(cells(tab, column).locator(".marks g.true")).to_have_count(len(classes))
        expect(cells(tab, column).locator(".marks g.predicted")).to_have_count(0)
    tab.find("#marks").select_option("no outlines")
    expect(tab.find(".marks g")).to_have_count(0)
    tab.has_state(run=tab.state()["run"], at="0", marks="none")


def test_pixels_are_counted_in_a_table_of_shares(opened, made):
    data, net = Places(12, seed=2), trained(made, "regions")
    table = np.zeros((len(Places.classes),) * 2, int)
    with torch.no_grad():
        predicted = net(data.images).argmax(1)
    np.add.at(table, (data.places.flatten().numpy(), predicted.flatten().numpy()), 1)
    assert np.array_equal(
        logged(made, "regions", "counts/val"), [[*at, table[at]] for at in zip(*table.nonzero(), strict=True)]
    )
    tab = opened("regions", at=0, view="confusion")
    right, total = np.trace(table), table.sum()
    told = f"^{right} of {total} pixels right, {100 * right / total:.0f}.%$"
    expect(tab.find(".told")).to_have_text(re.compile(told))
    shares = 100 * table / table.sum(1, keepdims=True)
    shown = [f"{int(share + 0.5)}" if share >= 0.5 else "<1" for share in shares.flatten() if share]
    expect(tab.find(".board .figure")).to_have_text(shown)
    expect(tab.find("[aria-label=numbers]")).to_be_hidden()
    [folder] = (made / "logs" / "regions").rglob("events*")
    assert not {finding.kind for finding in findings(folder.parent)} & {
        "worst_class",
        "confusion",
        "guessing",
        "collapsed",
    }


def test_outlines_are_saved_with_the_picture(opened):
    tab = opened("regions", at=0, against="epoch", base=-1)
    cells(tab, 1).click()
    tiles = tab.find("#zoom .stage .tile")
    expect(tiles).to_have_count(4)  # of either moment the map by itself and over the image
    for marks in tab.find("#zoom .stage .marks").all():
        expect(marks.locator("path").first).to_be_visible()
    tab.find("#zoom .over .tip").evaluate_all("all => all.forEach(one => one.remove())")
    saved = [as_seen(tab)[1]]
    seen = [decoded(tile.screenshot()) for tile in tiles.all()]
    tab.find("#zoom .stage .marks").evaluate_all("all => all.forEach(one => one.replaceChildren())")
    saved.append(as_seen(tab)[1])
    drawn = np.abs(saved[0] - saved[1]).max(2) > 60
    [left, *_, right] = [tile.bounding_box() for tile in tiles.all()]
    corner = tab.find("#zoom .stage .cell").bounding_box()
    for tile, box in ((seen[0], left), (seen[-1], right)):
        y, x = round(box["y"] - corner["y"]), round(box["x"] - corner["x"])
        part = np.s_[y : y + tile.shape[0] - 1, x : x + tile.shape[1] - 1]
        assert drawn[part].mean() > 0.005
        with_them, without = (np.abs(one[part] - tile[:-1, :-1])[drawn[part]].mean() for one in saved)
        assert with_them < without / 2  # but for how lines are smoothed


def test_masks_lie_over_input_and_maps_and_can_be_switched_off(opened):
    tab = opened("masks", at=0)
    for row, item in ((0, 0), (1, 1)):
        for column in (0, 1):  # over the image, and over a map
            path = tab.find("tbody tr").nth(row).locator(".cell").nth(column).locator(".marks path:not(.seam)")
            expect(path).to_have_count(1)
            assert np.array_equal(np.reshape(path.evaluate(INSIDE, [16, 16]), (16, 16)), Masked().mask(item))
    expect(cells(tab, 0).locator(".classes")).to_have_text("mask")
    tab.root.get_by_label("about saliency").click()
    expect(tab.find(".help:visible")).to_contain_text("Outline: The mask of the data set")
    tab.page.keyboard.press("Escape")
    expect(tab.find("#marks option")).to_have_text(["masks", "no outlines"])
    tab.find("#marks").select_option("no outlines")
    expect(tab.find(".marks path")).to_have_count(0)
    expect(cells(tab, 0).locator(".ground img")).to_be_visible()
    tab.has_state(run=tab.state()["run"], at="0", marks="none")


def test_an_input_with_its_mask_stands_once_beside_what_changes(opened):
    tab = opened("masks", against="epoch", how="difference")
    expect(cells(tab, 0).locator(".shot:visible")).to_have_count(1)
    expect(cells(tab, 0).locator(".marks path")).to_have_count(2)  # with its seam


def test_of_volumes_the_mask_of_the_slice_is_shown(opened):
    masks = Balls(6, seed=2).masks[0].numpy()
    tab = opened("volumes", at=0, slice=0)
    for k in np.flatnonzero(masks.any((1, 2))):
        tab.find("#slice").fill(str(k))
        expect(tab.find("#slice-label")).to_have_text(f"slice {k + 1}/8")
        path = cells(tab, 1).locator(".marks path:not(.seam)")

        def check(k=k, path=path):
            assert np.array_equal(np.reshape(path.evaluate(INSIDE, [10, 12]), (10, 12)), masks[k])

        tab.eventually(check)


def test_boxes_tell_of_themselves(opened, made):
    data, net = Things(12, seed=2), trained(made, "boxes")
    with torch.no_grad():
        found = net.net([data.images[0]])[0]
    rows = zip(found["boxes"].tolist(), found["labels"].tolist(), found["scores"].tolist(), strict=True)
    said = [row for row in rows if row[2] >= SAID]
    true = [*zip(data.targets[0]["boxes"].tolist(), data.targets[0]["labels"].tolist(), strict=True)]
    assert said
    tab = opened("boxes")
    tab.find("tbody tr").first.locator(".cell").first.click()
    stage = tab.find("#zoom .stage .marks")
    expect(stage.locator(".box.true")).to_have_count(len(true))
    expect(stage.locator(".box.predicted")).to_have_count(len(said))
    tip = tab.find("#zoom .stage .tip")
    told = []
    for box in stage.locator(".box.predicted").all():
        box.focus()
        told.append(re.sub("[\u2068\u2069]", "", tip.inner_text()).replace("\u00a0", " "))
    expected = [
        f"predicted: {Things.classes[k]} {100 * score:.0f} %, {{}}, IoU {max(iou(box, other) for other, _ in true):.2f}"
        for box, k, score in said
    ]
    became = [re.search("correct|false", text)[0] for text in told]
    assert sorted(told) == sorted(t.format(w) for t, w in zip(reversed(expected), became, strict=True))
    for (box, k, _), what in zip(reversed(said), became, strict=True):
        assert what == "false" or any(iou(box, other) >= 0.5 and k == label for other, label in true)
    stage.locator(".box.true").first.focus()
    expect(tip).to_have_text(re.compile("^true: .*(found|missed)$"))
    stage.locator(".box").last.locator("rect").last.hover()
    expect(tip).to_have_text(stage.locator(".box").last.get_attribute("aria-label"))
    tab.page.keyboard.press("Escape")
    tab.find("#marks").select_option("predicted alone")
    expect(cells(tab, 0).locator(".box.true")).to_have_count(0)
    expect(cells(tab, 0).locator(".box.predicted")).to_have_count(len(said))


def iou(a, b):
    """In plain numbers."""
    area = lambda box: max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)
    both = area([max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])])
    return both / (area(a) + area(b) - both)
