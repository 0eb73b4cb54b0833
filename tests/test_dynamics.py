"""The benchmark that asks the measures whether a network learns or memorises."""

from functools import partial

import pytest
import torch
from PIL import Image

from benchmarks import dynamics
from benchmarks.dynamics import RandomLabels
from lightning_viz import LimePanels
from lightning_viz.food11 import FoodData


@pytest.mark.filterwarnings("ignore")
def test_every_measure_is_told_and_the_main_ones_are_drawn(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(dynamics, "LimePanels", partial(LimePanels, samples=64))
    options = {"epochs": 1, "size": 32, "width": 2, "images": 11, "probes": 1, "seeds": 1}
    dynamics.main(["--out", str(tmp_path / "plot.png"), *(f"--{name}={value}" for name, value in options.items())])
    told = capsys.readouterr().out.splitlines()
    for name in ("smoothgrad/entropy", "saliency/rank_untrained", "lime/fidelity", "saliency/in_mask", "val_acc"):
        (line,) = (line for line in told if line.startswith(f"| {name} "))
        assert "→" in line
    with Image.open(tmp_path / "plot.png") as plot:
        assert plot.width > plot.height > 200


def test_random_labels_are_those_of_other_images_and_validation_keeps_its_own():
    data = [cls(size=32, train_count=22, val_count=11) for cls in (FoodData, RandomLabels)]
    for one in data:
        one.setup("fit")
        one.setup("fit")
    plain, shuffled = ([label for _, label in one.train_dataloader().dataset] for one in data)
    assert sorted(plain) == sorted(shuffled)
    assert plain != shuffled
    assert torch.equal(*(one.train_dataloader().dataset.images for one in data))
    assert data[0].val_dataloader().dataset.targets == data[1].val_dataloader().dataset.targets
