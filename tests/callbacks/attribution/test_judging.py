"""Maps against their network and against masks: what is told, when, and that it costs no more than it may."""

import io
from functools import partial

import numpy as np
import pytest
import torch
from found import quick
from PIL import Image
from projects import Project, Stripes, events, fit
from pytorch_lightning.callbacks import EarlyStopping
from torch.utils.data import DataLoader, Subset

from lightning_viz import GradCam, LimePanels, Probes, SaliencyMaps
from lightning_viz.callbacks.attribution.faithfulness import Faithfulness
from lightning_viz.explain.measures.faithfulness import area, chance_curves, faithful_curves


def curve(log, name):
    tag = f"explanations/{name}"
    return {e.step: e.value for e in log.Scalars(tag)} if tag in log.Tags()["scalars"] else {}


def smooth(**options):
    return SaliencyMaps(method="smoothgrad", on_error="raise", **options)


class Noting(SaliencyMaps):
    """Remembers the maps and the network of its last drawing."""

    def draw(self, scene):
        self.scene, self.net_then = scene, {k: v.clone() for k, v in scene.subject.net.state_dict().items()}
        yield from super().draw(scene)

    def attribute(self, *arguments):
        self.found = super().attribute(*arguments)
        return self.found


def by_hand(noting, values, curves_of):
    """Mean areas of deletion and insertion, from the network alone."""
    net, probes = noting.scene.subject.net, noting.scene.probes
    areas = []
    for image, one in zip(probes.images, values, strict=True):
        predicted = int(net(image[None])[0].argmax())
        probability = lambda x, predicted=predicted: net(x).softmax(1)[:, predicted]
        colour = image.mean((1, 2), keepdim=True)
        ends = tuple(probability(torch.stack([image, colour.expand_as(image)])).tolist())
        curves = curves_of(probability, image, one, colour=colour, ends=ends)
        areas.append([area(curve) for curve in curves])
    return np.mean(areas, axis=0)


@torch.no_grad()
def test_areas_are_those_of_the_last_maps_under_the_last_network(tmp_path):
    noting = Noting(probes=2, on_error="raise")
    run = fit(tmp_path, [noting], max_epochs=2)
    run.lightning_module.eval()
    log = events(tmp_path)
    values = noting.found.abs().amax(1)
    for suffix, curves_of in (("", faithful_curves), ("_chance", partial(chance_curves, seed=0))):
        found = [curve(log, f"saliency/{measure}{suffix}")[12] for measure in ("deletion", "insertion")]
        assert found == pytest.approx(by_hand(noting, values, curves_of).tolist(), abs=1e-5), suffix
    assert all(0 <= value <= 1 for value in found)


IMAGES = []


class Counted(Project):
    """Counts the images that go through its network."""

    def forward(self, x):
        IMAGES.append(len(x))
        return super().forward(x)


MAKE = {
    "smoothgrad": partial(smooth, probes=Probes(indices=[0])),
    "lime": lambda: LimePanels(probes=Probes(indices=[1]), samples=128, reliability=None, on_error="raise"),
    "saliency": lambda: SaliencyMaps(probes=Probes(indices=[2]), on_error="raise"),
}


@pytest.fixture(scope="module")
def spent(tmp_path_factory):
    """The log of a run with all of them, each with a probe of its own, and by method what maps and curves took."""
    folder, found = tmp_path_factory.mktemp("spent"), {name: {"maps": 0, "curves": 0} for name in MAKE}
    original = Faithfulness.held

    def noting(self, scene, *arguments, units, key, **more):
        before = scene.subject.work.units
        held = original(self, scene, *arguments, units=units, key=key, **more)
        mine = found[key.rpartition("/")[2]]
        mine["curves"] += scene.subject.work.units - before
        mine["maps"] += units
        return held

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Faithfulness, "held", noting)
        fit(folder, [make() for make in MAKE.values()], max_epochs=10)
    return events(folder), found


@pytest.mark.parametrize("name", MAKE)
def test_curves_take_less_than_a_tenth_of_what_the_maps_take(name, spent):
    log, found = spent
    assert found[name]["maps"] > 0
    assert found[name]["curves"] <= found[name]["maps"] / 10
    steps = [step for step in curve(log, f"{name}/insertion") if step < 60]
    if name == "saliency":
        assert steps == []
    else:
        assert len(steps) >= 2
        assert found[name]["curves"] > found[name]["maps"] / 40


def test_equal_runs_tell_equal_figures(tmp_path):
    for name in "ab":
        fit(tmp_path / name, [smooth(probes=1), quick(LimePanels, probes=1)], max_epochs=1)
    a, b = (events(tmp_path / name) for name in "ab")
    tags = [tag for tag in a.Tags()["scalars"] if tag.startswith("explanations/")]
    assert {tag.split("/")[1] for tag in tags} == {"smoothgrad", "lime"}
    for tag in tags:
        name = tag.removeprefix("explanations/")
        assert curve(a, name) == curve(b, name), tag


def test_a_resumed_run_has_curves_when_the_whole_one_has(tmp_path):
    fit(tmp_path / "whole", [smooth(probes=1)], max_epochs=7)
    fit(tmp_path / "first", [smooth(probes=1)], max_epochs=3).save_checkpoint(tmp_path / "first.ckpt")
    fit(tmp_path / "more", [smooth(probes=1)], max_epochs=7, ckpt_path=tmp_path / "first.ckpt")
    whole, more = (curve(events(tmp_path / name), "smoothgrad/insertion") for name in ("whole", "more"))
    assert [step for step in whole if 17 < step < 42] == [step for step in more if step < 42] != []


def test_nothing_is_asked_once_for_all_callbacks_with_the_same_probes(tmp_path):
    def images(callbacks):
        IMAGES.clear()
        fit(tmp_path / str(len(callbacks)), callbacks, module=Counted, max_epochs=1)
        return sum(IMAGES)

    nothing, common = images([]), {"probes": 2, "on_error": "raise"}
    one, two = (images([SaliencyMaps(**common), GradCam(**common)][:n]) for n in (1, 2))
    cam = 3 + 3 * 2 - 3  # what Grad-CAM itself takes: its trial, and three drawings
    assert two - one <= cam + 2 * 20 + 7
    assert one > nothing


def picture(log, tag):
    return np.asarray(Image.open(io.BytesIO(log.Images(tag)[-1].encoded_image_string)))


@pytest.mark.parametrize("schedule", [{"every_n_epochs": 2}, {"every_n_steps": 4}, {}])
def test_the_end_has_the_curves_of_every_method_once(schedule, tmp_path):
    stop = EarlyStopping("val_loss", patience=0, mode="max", check_on_train_epoch_end=True)
    common = {"probes": 1, "on_error": "raise", **schedule}
    panels = [SaliencyMaps(**common), quick(LimePanels, **common)]
    run = fit(tmp_path, [stop, *panels], max_epochs=9)
    assert 0 < run.current_epoch < 9
    log = events(tmp_path)
    for name in ("saliency", "lime"):
        assert len(log.Images(f"explanations/{name}/curves")) == 1
        assert picture(log, f"explanations/{name}/curves").shape == (480, 350, 3)
        assert curve(log, f"{name}/insertion")


class Masked(Stripes):
    """Knows where the evidence lies: in the left half of an item whose number is even, else nowhere."""

    def mask(self, index):
        found = np.zeros((16, 16), dtype=bool)
        found[:, :8] = index % 2 == 0
        return found


def data(dataset):
    return lambda: {
        "train_dataloaders": DataLoader(Stripes(48, seed=1), batch_size=8),
        "val_dataloaders": DataLoader(dataset, batch_size=8),
    }


@pytest.mark.parametrize("subset", [False, True])
def test_masks_of_the_data_set_are_held_against_the_maps(subset, tmp_path):
    wanted = [0, 2, 5]
    dataset = Subset(Subset(Masked(24), range(23, -1, -1)), [23, 22, 21, 20, 19, 18]) if subset else Masked(24)
    noting = Noting(probes=Probes(indices=wanted), on_error="raise")
    fit(tmp_path, [noting], data=data(dataset), max_epochs=1)
    log, magnitudes = events(tmp_path), noting.found.abs().amax(1)
    left = [m[:, :8].sum() / m.sum() for m in magnitudes[:2]]  # item 5 has an empty mask, and is left out
    assert curve(log, "saliency/in_mask")[5] == pytest.approx(float(np.mean(left)), abs=1e-5)
    hits = [float(m.argmax() % 16 < 8) for m in magnitudes[:2]]
    assert curve(log, "saliency/pointing")[5] == np.mean(hits)
    for name in ("in_mask", "pointing"):  # a half of the image is evidence
        assert curve(log, f"saliency/{name}_chance")[5] == 0.5


def test_without_masks_there_is_no_pointing(tmp_path):
    fit(tmp_path, [SaliencyMaps(probes=1, on_error="raise")], max_epochs=1)
    assert not curve(events(tmp_path), "saliency/pointing")


class OtherMask(Stripes):
    def mask(self, index):
        return np.zeros((4, 4))


class NoMask(Stripes):
    def mask(self):
        return self


@pytest.mark.parametrize(
    ("dataset", "why"), [(OtherMask, r"received \(4, 4\) for images of \(16, 16\)"), (NoMask, "failed")]
)
def test_a_mask_of_something_else_is_told_and_left_alone(dataset, why, tmp_path):
    with pytest.warns(UserWarning, match=f"{dataset.__name__}.mask.*{why}"):
        fit(tmp_path, [SaliencyMaps(probes=1, on_error="raise")], data=data(dataset(24)), max_epochs=1)
    assert not curve(events(tmp_path), "saliency/pointing")


def test_drawn_food_has_masks():
    from lightning_viz.food11 import FoodData
    from lightning_viz.food11.drawn import DrawnFood

    food = FoodData(size=32, train_count=11, val_count=11, seed=3)
    food.setup("fit")
    assert torch.equal(food.val_dataloader().dataset.mask(4), DrawnFood(11, size=32, seed=4).mask(4))
