"""Two lines of YAML attach a callback to any LightningCLI."""

import inspect
import sys

import numpy as np
import pytest
import pytorch_lightning as pl
from found import OF_ATTENTION
from projects import Project, Stripes, events, loaders
from pytorch_lightning.cli import LightningCLI
from torch.utils.data import DataLoader

import lightning_viz


class Data(pl.LightningDataModule):
    def train_dataloader(self):
        return loaders()["train_dataloaders"]

    def val_dataloader(self):
        return loaders()["val_dataloaders"]


class Few(Data):
    """Two images to explain."""

    def val_dataloader(self):
        return DataLoader(Stripes(2, seed=2), batch_size=2)


def swap(batch):
    return batch[0], batch[1]


CALLBACKS = [
    name
    for name in lightning_viz.__all__
    if inspect.isclass(cls := getattr(lightning_viz, name))
    and issubclass(cls, pl.Callback)
    and not inspect.isabstract(cls)
    and cls not in OF_ATTENTION
]


@pytest.fixture
def cli(tmp_path, monkeypatch):
    """Runs a YAML text as a config; the log lies in `tmp_path/log`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JSONARGPARSE_DEPRECATION_WARNINGS", "off")  # what Lightning calls of it is not ours to mend
    trainer = f"""
seed_everything: 7
trainer:
  max_epochs: 1
  accelerator: cpu
  enable_progress_bar: false
  logger:
    class_path: TensorBoardLogger
    init_args: {{save_dir: {tmp_path}, name: "", version: log}}
  callbacks:
"""

    def run(callbacks, data=Data):
        (tmp_path / "config.yaml").write_text(trainer + callbacks)
        monkeypatch.setattr(sys, "argv", ["train.py", "fit", "--config", "config.yaml"])
        LightningCLI(Project, data, save_config_kwargs={"overwrite": True})
        return events(tmp_path / "log").Tags()["images"]

    return run


def test_all_callbacks_without_arguments(cli):
    tags = cli("".join(f"    - class_path: lightning_viz.{name}\n" for name in CALLBACKS), Few)
    assert {"probe_00_bread/lime", "filters/net_4/0", "confusion/val"} <= set(tags)


def listed(*callbacks):
    """Classes and their arguments as YAML."""
    return "".join(
        f"    - class_path: lightning_viz.{name}\n      init_args: {{{options}, on_error: raise}}\n"
        for name, options in callbacks
    )


def halves(image):
    """Six stripes, as a user's own segmentation."""
    return np.arange(image.shape[0])[:, None] * 6 // image.shape[0] + np.zeros(image.shape[:2], dtype=int)


PROBES = {
    "SaliencyMaps": ("3", {"probe_00_bread/saliency", "probe_01_egg/saliency", "probe_02_soup/saliency"}),
    "GradCam": ("{indices: [4, 2]}", {"probe_03_egg/gradcam_net_4", "probe_02_soup/gradcam_net_4"}),
    "IntegratedGradients": (
        "{per_class: 1, class_names: [a, b, c], mean: 0.5, std: [0.5, 0.5, 0.5]}",
        {f"probe_{number}_{name}/integrated_gradients" for number, name in (("00", "a"), ("01", "b"), ("02", "c"))},
    ),
    "Occlusion": (
        "{split: train, count: 2, unpack: test_cli.swap}",
        {"probe_04_bread/occlusion", "probe_05_soup/occlusion"},
    ),
}
"""What is written for each, and the pictures that it has; each with a method of its own, so that none is another's."""


def test_probes_are_written_in_yaml(cli):
    tags = cli(listed(*((name, f"probes: {probes}") for name, (probes, _) in PROBES.items())))
    drawn = {tag for tag in tags if tag.startswith("probe") and not tag.endswith("/input")}
    assert drawn == set.union(*(expected for _, expected in PROBES.values()))


CUT = {
    "probe_00_bread/lime": "probes: {indices: [0]}, segmentation: grid",
    "probe_01_egg/lime": "probes: {indices: [1]}, segmentation: test_cli.halves",
}

CLIMBED = {
    "filters/class/soup": "classes: [Egg, 2]",
    "filters/class/bread": "classes: 1",
    "filters/net_5/direction_0": "layer: net.5, directions: [{3: 1.0, 7: -0.5}]",
    "filters/net_4/1": "layer: net.4, channels: [1], objective: [2, 2], variants: 2, warm_steps: null",
}

OPTIONS = {
    "integrated_gradients_white_blurred": ("IntegratedGradients", "baseline: [white, blurred], steps: 2"),
    "integrated_gradients_mean_soup_against_rival": (
        "IntegratedGradients",
        "baseline: mean, target: Soup, against: rival",
    ),
    "occlusion_black_against_2": ("Occlusion", "window: 4, stride: [2, 4], cover: black, against: 2"),
    "vargrad": ("SaliencyMaps", "method: vargrad, samples: 2"),
    "gradcam_pp_net_0": ("GradCam", "method: gradcam++, layer: net.0"),
    "captum_occlusion": (
        "CaptumAttribution",
        "method: captum.attr.Occlusion, arguments: {sliding_window_shapes: [3, 8, 8]}",
    ),
    "captum_saliency_noise": (
        "CaptumAttribution",
        "method: captum.attr.Saliency, arguments: {abs: false}, noise: {nt_samples: 2}",
    ),
    "captum_layergradcam_net_0": (
        "CaptumAttribution",
        "method: captum.attr.LayerGradCam, layer: net.0, init: {device_ids: null}",
    ),
}


HELD_AGAINST = {
    "saliency": ("SaliencyMaps", "task: similarity"),
    "gradcam_net_4": ("GradCam", "guide: 1"),
    "occlusion": ("Occlusion", "guide: [0.5, 1.0, -1.0]"),
}
"""What the scores of images are, or what they are compared with."""


def test_the_arguments_of_callbacks_are_written_in_yaml(cli):
    maps = [(name, f"{options}, probes: 1") for name, options in OPTIONS.values()]
    maps += [(name, f"probes: {{count: 2, {task}}}") for name, task in HELD_AGAINST.values()]
    cut = [("LimePanels", f"{options}, segments: 9, samples: 64") for options in CUT.values()]
    climbed = [("FilterAscent", f"{options}, steps: 2") for options in CLIMBED.values()]
    tags = cli(listed(*maps, *cut, *climbed), Few)
    assert {*(f"probe_00_bread/{tag}" for tag in [*OPTIONS, *HELD_AGAINST]), *CUT, *CLIMBED} <= set(tags)


def test_labels_that_are_no_rows_of_0_and_1_are_refused_where_yaml_tells_of_them(cli):
    with pytest.raises(ValueError, match="labels \\(N, classes\\) of 0 and 1"):
        cli(listed(("SaliencyMaps", "probes: {count: 1, task: labels}")))
