"""What a checkpoint keeps for the callbacks may be of another version, or damaged: training goes on all the same."""

import pytest
import pytorch_lightning as pl
import torch
from projects import Stripes, events, fit
from torch.utils.data import DataLoader

from lightning_viz import ConfusionPanels, Films, FilterAscent, SaliencyMaps

pytestmark = pytest.mark.filterwarnings("ignore:.*callbacks used to create the checkpoint need to be provided")

QUICK = {"samples": 24, "segments": 8, "steps": 2}


def callbacks():
    common = {"probes": 1, "on_error": "raise"}
    return [
        SaliencyMaps(**common),
        FilterAscent(channels=2, steps=2, warm_steps=1, **common),
        ConfusionPanels(**QUICK, **common),
        Films(),
    ]


def data():
    sets = {"train_dataloaders": Stripes(12, seed=1), "val_dataloaders": Stripes(12, seed=2)}
    return {name: DataLoader(one, batch_size=6) for name, one in sets.items()}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    keep = pl.callbacks.ModelCheckpoint(folder, filename="run")
    fit(folder, [*callbacks(), keep], data=data, max_epochs=1, enable_checkpointing=True)
    return torch.load(folder / "run.ckpt", weights_only=True)


def test_there_is_one_entry_with_a_version(saved):
    assert [key for key in saved if "lightning_viz" in key] == ["lightning_viz"]
    assert set(saved["lightning_viz"]) == {"version", "maps", "best", "ascents", "confusions", "frames"}


def whole(value):
    """Another entry; 1 is told of it."""
    return lambda entry: (value, 1)


def parts(**others):
    """Parts of the entry that are others, by functions of what was there or as values; each is told of."""
    return lambda entry: (
        {**entry, **{name: part(entry[name]) if callable(part) else part for name, part in others.items()}},
        len(others),
    )


def ascents(**other):
    return lambda kept: {"FilterAscent": {tag: {**one, **other} for tag, one in kept["FilterAscent"].items()}}


NO_CLASS = {"epoch": 0, "classes": 3, "cells": torch.tensor([77]), "counts": torch.tensor([2])}
ODD = {
    "none": whole(None),
    "a list": whole([]),
    "no version": whole({"maps": {}}),
    "a later version": lambda entry: ({**entry, "version": 2}, 1),
    **{f"parts as {type(value).__name__}": parts(maps=value, ascents=value, confusions=value)
       for value in (None, "x", {"FilterAscent": 3, "ConfusionPanels": {"val": {}}}, torch.zeros(2))},
    "no coefficients, best": parts(ascents=ascents(coefficients=torch.zeros(0)), best="best"),
    "other coefficients, frames": parts(ascents=ascents(coefficients=torch.zeros(1, 2, 2)), frames=3),
    "coefficients of NaN, maps of numbers": parts(
        ascents=ascents(coefficients=torch.full((1, 3, 16, 9, 2), torch.nan)),
        maps=lambda kept: {tag: torch.zeros(()) for tag in kept}),
    "options, confusions of no class": parts(
        ascents=ascents(options=None), confusions={"ConfusionPanels": {"val": NO_CLASS}}),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_is_told_once_and_drawn_anew(name, saved, tmp_path):
    entry, odd = ODD[name](saved["lightning_viz"])
    torch.save({**saved, "lightning_viz": entry}, tmp_path / "odd.ckpt")
    with pytest.warns(UserWarning, match="keeps for lightning_viz cannot be used") as caught:
        run = fit(tmp_path / "log", callbacks(), data=data, max_epochs=2, ckpt_path=tmp_path / "odd.ckpt")
    assert run.current_epoch == 2
    told = [str(w.message) for w in caught if "lightning_viz cannot be used" in str(w.message)]
    assert len(set(told)) == len(told) == odd
    tags = set(events(tmp_path / "log").Tags()["images"])
    assert {"probe_00_bread/saliency", "filters/net_4/0", "confusions/val/changes"} <= tags


def test_what_an_earlier_version_kept_is_read_once_more(saved, tmp_path):
    entry = saved["lightning_viz"]
    older = {key: value for key, value in saved.items() if key != "lightning_viz"}
    older |= {
        "lightning_viz_kept": entry["maps"],
        "lightning_viz_record": entry["best"],
        "lightning_viz_ascents": {
            name: {tag: {**one, "network": "a digest"} for tag, one in last.items()}
            for name, last in entry["ascents"].items()
        },
        "lightning_viz_confusions": entry["confusions"],
        "lightning_viz.frames": entry["frames"],
    }
    for name, checkpoint in {"now": saved, "older": older}.items():
        torch.save(checkpoint, tmp_path / f"{name}.ckpt")
        fit(tmp_path / name, callbacks(), data=data, max_epochs=2, ckpt_path=tmp_path / f"{name}.ckpt")
    now, then = (events(tmp_path / name) for name in ("now", "older"))
    for tag in now.Tags()["images"]:
        assert [e.encoded_image_string for e in now.Images(tag)] == [e.encoded_image_string for e in then.Images(tag)]


class Keeps(ConfusionPanels):
    """Another's state under another name in the same checkpoint."""


def test_a_callback_that_the_checkpoint_does_not_know_begins_anew(saved, tmp_path):
    torch.save(saved, tmp_path / "run.ckpt")
    panels = Keeps(**QUICK, probes=1, on_error="raise")
    fit(tmp_path / "log", [panels], data=data, max_epochs=2, ckpt_path=tmp_path / "run.ckpt")
    assert panels._past["val"]["epoch"] == 1
