"""The same callbacks and the same module for one fold after the other: each is as if there had been none before."""

import copy

import pytest
import torch
from found import CALLBACKS, quick
from projects import Project, Stripes, events, fit
from torch.utils.data import DataLoader

from lightning_viz import Films, GradCam, IntegratedGradients, Occlusion, SaliencyMaps

MAPS = [SaliencyMaps, GradCam, Occlusion, IntegratedGradients]


def callbacks():
    return [*(quick(cls, probes=1) for cls in CALLBACKS), Films()]


def fold(number):
    """Loaders of a fold of its own."""
    sets = {"train_dataloaders": Stripes(12, seed=number), "val_dataloaders": Stripes(6, seed=10 + number)}
    return {name: DataLoader(dataset, batch_size=6) for name, dataset in sets.items()}


def left(folder):
    """All pictures and figures of a run, but for how long they took."""
    log = events(folder)
    tags = log.Tags()
    pictures = {(tag, e.step): e.encoded_image_string for tag in tags["images"] for e in log.Images(tag)}
    names = [tag for tag in tags["scalars"] if not tag.startswith("explain_seconds")]
    return pictures, {(tag, e.step): e.value for tag in names for e in log.Scalars(tag)}


def test_a_second_fold_shows_nothing_of_the_first(tmp_path):
    module, same = Project(), callbacks()
    untrained = copy.deepcopy(module.state_dict())
    fit(tmp_path / "first", same, module=lambda: module, data=lambda: fold(1), max_epochs=1)
    module.load_state_dict(untrained)
    fit(tmp_path / "second", same, module=lambda: module, data=lambda: fold(2), max_epochs=1)
    other = Project()
    other.load_state_dict(untrained)
    fit(tmp_path / "alone", callbacks(), module=lambda: other, data=lambda: fold(2), max_epochs=1)
    found, expected = left(tmp_path / "second"), left(tmp_path / "alone")
    assert len(found[0]) > 25
    assert found[1] == expected[1]
    assert found[0] == expected[0]


def test_warnings_are_told_in_every_fold(tmp_path):
    class Broken(Project):
        def on_train_epoch_start(self):
            torch.nn.init.constant_(self.net[9].weight, float("nan"))

    panel, module = SaliencyMaps(probes=1), Broken()
    for number in (1, 2):
        with pytest.warns(UserWarning, match="values that are not finite") as caught:
            fit(tmp_path / str(number), [panel], module=lambda: module, data=lambda n=number: fold(n))
        assert len([w for w in caught if "values that are not finite" in str(w.message)]) == 1


def test_a_fit_that_goes_on_goes_on(tmp_path):
    run = fit(tmp_path, [quick(cls, probes=1) for cls in MAPS], data=lambda: fold(1), max_epochs=1)
    run.fit_loop.max_epochs = 2
    run.fit(run.lightning_module, **fold(1))
    log = events(tmp_path)
    kept = {tag for tag in log.Tags()["scalars"] if "rank_untrained" in tag}
    assert run.current_epoch == 2
    assert len(kept) >= len(MAPS)
    for tag in kept:  # held against the network that had not been trained in the first fit
        assert [e.step for e in log.Scalars(tag)] == [1, 3], tag
