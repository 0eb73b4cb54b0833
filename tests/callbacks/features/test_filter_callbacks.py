"""Ascent on filters over the epochs: warm starts, checkpoints, walls, and what else there is to climb."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from projects import Project, Stripes, events, fit
from tensorboard.util.tensor_util import make_ndarray
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from lightning_viz import FilterActivations, FilterAscent, FilterWall


class Steady(Project):
    """Trains without chance, so that a resumed run goes on as if it had not been interrupted."""

    def training_step(self, batch, batch_idx):
        self.net[8].eval()
        return F.cross_entropy(self(batch[0]), batch[1])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05)


def in_order():
    return {
        "train_dataloaders": DataLoader(Stripes(24, seed=1), batch_size=8),
        "val_dataloaders": DataLoader(Stripes(12, seed=2), batch_size=8),
    }


def films(folder):
    """By tag, what was drawn at each step."""
    log = events(folder)
    return {tag: {e.step: e.encoded_image_string for e in log.Images(tag)} for tag in log.Tags()["images"]}


def reached(folder):
    log = events(folder)
    tags = sorted(tag for tag in log.Tags()["scalars"] if tag.endswith("_activation"))
    return np.array([[e.value for e in log.Scalars(tag)] for tag in tags])


def test_a_warm_start_reaches_in_few_steps_what_a_cold_one_reaches_in_many(tmp_path):
    wishes = {"cold": (64, None), "warm": (64, 16), "few": (16, None)}
    for name, (steps, later) in wishes.items():
        callback = FilterAscent(layer="net.5", channels=2, steps=steps, warm_steps=later, on_error="raise")
        fit(tmp_path / name, [callback], module=Steady, data=in_order, max_epochs=2)
    cold, warm, few = (reached(tmp_path / name) for name in wishes)
    assert np.array_equal(cold[:, 0], warm[:, 0])
    later = warm[:, 1:] / cold[:, 1:]
    assert later.mean() > 0.95
    assert later.min() > 0.75
    assert (few[:, 1:] / cold[:, 1:]).mean() < 0.75


def test_a_resumed_run_goes_on_from_its_pictures(tmp_path):
    wish = {"layer": "net.5", "channels": 2, "steps": 8, "warm_steps": 4, "on_error": "raise"}
    make = lambda: [FilterAscent(**wish), FilterWall(**wish)]
    common = {"module": Steady, "data": in_order}
    fit(tmp_path / "whole", make(), max_epochs=2, **common)
    ckpt = tmp_path / "first.ckpt"
    fit(tmp_path / "first", make(), max_epochs=1, **common).save_checkpoint(ckpt)
    fit(tmp_path / "more", make(), max_epochs=2, ckpt_path=ckpt, **common)
    anew = torch.load(ckpt, weights_only=True)
    assert anew["lightning_viz"].pop("ascents")
    torch.save(anew, ckpt)
    fit(tmp_path / "anew", make(), max_epochs=2, ckpt_path=ckpt, **common)
    whole, more, cold = films(tmp_path / "whole"), films(tmp_path / "more"), films(tmp_path / "anew")
    assert set(whole) == set(more) == set(cold)
    for tag, frames in more.items():
        (last,) = frames
        assert frames[last] == whole[tag][last], tag
        assert frames[last] != cold[tag][last], tag


def test_what_has_not_drawn_yet_keeps_the_fresh_pictures_of_others(tmp_path):
    seldom = {"layer": "net.5", "channels": 1, "steps": 4, "warm_steps": 2, "on_error": "raise", "every_n_epochs": 2}
    often = {**seldom, "layer": "net.4", "every_n_epochs": 1}
    common = {"module": Steady, "data": in_order}
    both = lambda: [FilterAscent(**often), FilterAscent(**seldom)]
    ckpts = [tmp_path / f"{epochs}.ckpt" for epochs in (2, 3)]
    fit(tmp_path / "first", both(), max_epochs=2, **common).save_checkpoint(ckpts[0])
    fit(tmp_path / "second", both(), max_epochs=3, ckpt_path=ckpts[0], **common).save_checkpoint(ckpts[1])
    fit(tmp_path / "third", both(), max_epochs=4, ckpt_path=ckpts[1], **common)
    fit(tmp_path / "whole", both(), max_epochs=4, **common)
    whole, third = films(tmp_path / "whole"), films(tmp_path / "third")
    assert set(third) == set(whole)
    for tag, frames in third.items():
        assert frames == {step: whole[tag][step] for step in frames}, tag


@pytest.mark.filterwarnings("ignore:.*'filters/net_5/")
def test_of_two_callbacks_with_one_tag_the_one_that_is_shown_goes_on(tmp_path):
    common = {"module": Steady, "data": in_order}
    shared = {"layer": "net.5", "channels": 1, "steps": 4, "warm_steps": 2, "on_error": "raise"}
    both = lambda: [FilterAscent(**shared), FilterAscent(lr=0.2, **shared)]
    ckpt = tmp_path / "first.ckpt"
    fit(tmp_path / "first", both(), max_epochs=1, **common).save_checkpoint(ckpt)
    fit(tmp_path / "second", both(), max_epochs=2, ckpt_path=ckpt, **common)
    fit(tmp_path / "whole", both(), max_epochs=2, **common)
    whole, second = films(tmp_path / "whole"), films(tmp_path / "second")
    for tag, frames in second.items():
        assert frames == {step: whole[tag][step] for step in frames}, tag


def test_with_another_module_it_begins_anew(tmp_path):
    callback = FilterAscent(channels=2, steps=6, warm_steps=2, on_error="raise")
    fit(tmp_path / "one", [callback], data=in_order, max_epochs=1)
    fit(tmp_path / "two", [callback], module=Steady, data=in_order, max_epochs=1)
    fresh = FilterAscent(channels=2, steps=6, warm_steps=2, on_error="raise")
    fit(tmp_path / "fresh", [fresh], module=Steady, data=in_order, max_epochs=1)
    assert films(tmp_path / "two") == films(tmp_path / "fresh")


def test_other_options_begin_anew_too(tmp_path):
    common = {"module": Steady, "data": in_order}
    ckpt = tmp_path / "first.ckpt"
    small = FilterWall(layer="net.5", channels=3, size=12, steps=4, on_error="raise")
    fit(tmp_path / "small", [small], max_epochs=1, **common).save_checkpoint(ckpt)
    large = FilterWall(layer="net.5", channels=3, size=16, steps=4, on_error="raise")
    fit(tmp_path / "large", [large], max_epochs=2, ckpt_path=ckpt, **common)
    assert "filters/net_5/wall" in films(tmp_path / "large")


class Switched(Steady):
    """Changes in the second epoch what its constant features do not show, and in the third one what is behind them."""

    def __init__(self):
        super().__init__()
        first = nn.Conv2d(3, 4, 3, padding=1)
        first.bias.data.fill_(-3e-3)
        self.net = nn.Sequential(first, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
        self.requires_grad_(False)
        self.unused = nn.Parameter(torch.zeros(()))

    def training_step(self, batch, batch_idx):
        return self.unused

    def on_train_epoch_start(self):
        if self.current_epoch == 1:
            self.net[0].weight.mul_(-1)
        if self.current_epoch == 2:
            self.net[4].weight.mul_(-1)


class Black(Stripes):
    def __getitem__(self, i):
        image, label = super().__getitem__(i)
        return 0 * image, label


@pytest.mark.parametrize("make", [FilterAscent, FilterWall])
def test_pictures_change_with_the_network_also_where_all_probes_are_black(make, tmp_path):
    data = lambda: dict.fromkeys(in_order(), DataLoader(Black(12), batch_size=4))
    callback = make(layer="net.1", channels=4, steps=8, warm_steps=4, on_error="raise")
    fit(tmp_path, [callback], module=Switched, data=data, max_epochs=3)
    captioned = [list(frames.values()) for frames in films(tmp_path).values()]
    tiles = [[np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))[:100] for png in frames] for frames in captioned]
    for first, second, third in tiles:
        assert (first != second).any()
        assert (second == third).all()


class Half(Steady):
    """Of the four channels of its first layers two are dead: one below zero, and one above six all over."""

    def __init__(self, unit=nn.ReLU):
        super().__init__()
        first = nn.Conv2d(3, 4, 3, padding=1)
        with torch.no_grad():
            first.weight[[1, 2]] = 0
            first.bias[1], first.bias[2] = -3, 9
        self.net = nn.Sequential(first, unit(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))

    def training_step(self, batch, batch_idx):
        return 0 * F.cross_entropy(self(batch[0]), batch[1])


@pytest.mark.parametrize("unit", [nn.ReLU, nn.ReLU6, nn.SiLU])
def test_a_wall_marks_and_counts_dead_channels(unit, tmp_path):
    wall = FilterWall(layer="net.1", steps=20, on_error="raise")
    fit(tmp_path, [wall], module=lambda: Half(unit), data=in_order, max_epochs=1)
    (share,) = events(tmp_path).Scalars("filters/net_1/dead")
    assert share.value == 0.5
    ((png,),) = [list(frames.values()) for tag, frames in films(tmp_path).items() if tag.endswith("/wall")]
    picture = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    tiles = [picture[y : y + 160, x : x + 160] for y in (5, 182) for x in (5, 182)]
    striped = [bool((np.ptp(tile, axis=2).max() < 12) and tile.std() > 15) for tile in tiles]
    assert striped == [False, True, True, False]


def test_a_wall_of_a_network_for_images_of_one_size_has_fewer_and_larger_pictures(tmp_path):
    class OneSize(Steady):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Flatten(), nn.Linear(768, 40), nn.ReLU(), nn.Linear(40, 3))

        def training_step(self, batch, batch_idx):
            return F.cross_entropy(self(batch[0]), batch[1])

    wall = FilterWall(layer="net.2", size=8, steps=2, on_error="raise")
    fit(tmp_path, [wall], module=OneSize, data=in_order, max_epochs=1)
    assert wall._size == (16, 16)
    assert wall.chosen == list(range(0, 40, 5))
    told = make_ndarray(events(tmp_path).Tensors("lightning_viz/manifest")[-1].tensor_proto).item()
    about = json.loads(told)["pictures"]["filters/net_2/wall"]
    assert (about["channels"], about["columns"]) == (wall.chosen, 3)  # which the tab tells of each small picture


def test_channels_that_are_asked_for_twice_are_drawn_once(tmp_path):
    of = {FilterAscent: {"steps": 2}, FilterWall: {"steps": 2}, FilterActivations: {"probes": 1}}
    for name, channels in {"twice": [3, 1, 3], "once": [3, 1]}.items():
        wish = {"layer": "net.5", "channels": channels, "on_error": "raise"}
        fit(tmp_path / name, [make(**wish, **options) for make, options in of.items()], max_epochs=1)
    assert films(tmp_path / "twice") == films(tmp_path / "once")


def test_classes_directions_neurons_and_variants(tmp_path):
    common = {"steps": 20, "on_error": "raise"}
    callbacks = [
        FilterAscent(classes=["Egg", 2], **common),
        FilterAscent(layer="net.5", directions=[{3: 1.0, 7: -0.5}], **common),
        FilterAscent(layer="net.4", channels=[1], objective="neuron", variants=3, **common),
    ]
    fit(tmp_path, callbacks, module=Steady, data=in_order, max_epochs=1)
    tags = {"filters/class/egg", "filters/class/soup", "filters/net_5/direction_0", "filters/net_4/1"}
    assert set(films(tmp_path)) == tags
    assert (reached(tmp_path) > 0).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"warm_steps": 0}, "warm_steps= .* at least 1"),
        ({"variants": 0}, "variants= .* at least 1"),
        ({"variants": 2, "start": "probes"}, "variants=1 where ascent starts from the probes"),
        ({"classes": []}, "at least one"),
        ({"directions": [{}]}, "at least one"),
        ({"classes": 3, "layer": "net.4"}, "use two callbacks"),
        ({"objective": "norm"}, "objective"),
    ],
)
def test_arguments_are_checked_where_they_are_written(options, words):
    with pytest.raises(ValueError, match=words):
        FilterAscent(**options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"classes": ["Tea"]}, "target= as a class, received 'Tea'"),
        ({"directions": [{99: 1.0}], "layer": "net.4"}, r"received \[99\]"),
        ({"objective": (50, 0), "layer": "net.4"}, "Expected a neuron"),
    ],
)
def test_what_the_network_lacks_is_told_before_the_first_batch(options, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        fit(tmp_path, [FilterAscent(**options)], data=in_order)


def test_classes_are_drawn_by_phases_unless_another_way_is_asked_for():
    ways = {"maco": {"classes": 2}, "fourier": {"classes": 2, "start": "probes"}}
    assert {way: FilterAscent(**options).parametrization for way, options in ways.items()} == {way: way for way in ways}
    assert FilterAscent().parametrization == "fourier"
    assert FilterAscent(classes=2, parametrization="pixels").parametrization == "pixels"
