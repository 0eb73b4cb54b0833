"""What is on a GPU stays there: every callback draws of a network on a device that mixes with no other."""

import pytest
import pytorch_lightning as pl
import torch
from found import CALLBACKS, OF_LAYERS, quick, telling
from projects import Places, Project, Segments, Stripes, events, trainer
from second_device import DEVICE, SecondDevice, There, on_second_device
from torch.utils.data import DataLoader

from lightning_viz import Films, FilterAscent, Picture, SaliencyMaps


class Uncopyable(Project):
    def __deepcopy__(self, memo):
        return self


def trained(callbacks, folder, module, dataset, epochs):
    """The weights of a short training on the second device."""
    sets = {"train_dataloaders": dataset(12, seed=1), "val_dataloaders": dataset(6, seed=2)}
    with SecondDevice():
        pl.seed_everything(7, verbose=False)
        run = trainer(folder, callbacks, **on_second_device(), num_sanity_val_steps=0, max_epochs=epochs)
        made = module()
        run.fit(made, **{name: DataLoader(one, batch_size=6, shuffle="train" in name) for name, one in sets.items()})
        return [value.cpu() for value in made.state_dict().values()]


def test_the_second_device_is_one():
    with SecondDevice():
        here, there = torch.ones(3), torch.ones(3, device=DEVICE)
        assert isinstance(there + 1, There)
        assert torch.equal((there + 1).cpu(), here + 1)
        assert torch.tensor([1.0], device=DEVICE).device == DEVICE
        with pytest.raises(RuntimeError, match="at least two devices"):
            there + here


RUNS = {
    "classes": (Project, Stripes, 2, CALLBACKS),
    "places": (Segments, Places, 1, [cls for cls in CALLBACKS if cls not in OF_LAYERS]),
    "uncopyable": (Uncopyable, Stripes, 2, [SaliencyMaps, FilterAscent]),
}
"""Of what, for how many epochs, with which callbacks."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Of each run: by callback the steps of each of its pictures; the weights with the callbacks and without any."""
    found = {}
    for name, (*project, callbacks) in RUNS.items():
        drawn, folder = {}, tmp_path_factory.mktemp(name)
        noting = [quick(telling(cls, drawn.setdefault(cls, []).append), probes=1) for cls in callbacks]
        films = [Films()] if name == "uncopyable" else []  # of any pictures that were drawn there
        ours = trained([*noting, *films], folder / "with", *project)
        log = events(folder / "with")
        tags = {cls: {result.tag for result in all_of if isinstance(result, Picture)} for cls, all_of in drawn.items()}
        steps = {cls: {tag: [event.step for event in log.Images(tag)] for tag in own} for cls, own in tags.items()}
        found[name] = steps, ours, trained([], folder / "without", *project)
    return found


@pytest.mark.parametrize("name", RUNS)
def test_training_there_is_left_alone(name, runs):
    _, ours, theirs = runs[name]
    assert len(ours) == len(theirs) > 10
    assert all(map(torch.equal, ours, theirs))


@pytest.mark.parametrize(
    ("name", "callback"),
    [(name, callback) for name, (*_, callbacks) in RUNS.items() for callback in callbacks],
    ids=lambda one: getattr(one, "__name__", one),
)
def test_every_callback_draws_there(name, callback, runs):
    steps = runs[name][0][callback].values()
    assert min(map(len, steps)) >= 1
    assert max(map(len, steps)) >= RUNS[name][2]
