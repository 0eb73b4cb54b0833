"""What is on a GPU stays there: every callback draws of a network on a device that mixes with no other."""

import pytest
import pytorch_lightning as pl
import torch
from found import CALLBACKS, quick
from projects import Project, Segments, events, loaders, places, trainer
from second_device import DEVICE, SecondDevice, There, on_second_device

from lightning_viz import Films, FilterAscent, SaliencyMaps


class Uncopyable(Project):
    def __deepcopy__(self, memo):
        return self


def trained(folder, callbacks, module=Project, data=loaders, epochs=2):
    """The weights of a short training on the second device."""
    with SecondDevice():
        pl.seed_everything(7, verbose=False)
        run = trainer(folder, callbacks, **on_second_device(), num_sanity_val_steps=0, max_epochs=epochs)
        made = module()
        run.fit(made, **data())
        return [value.cpu() for value in made.state_dict().values()]


def test_the_second_device_is_one():
    with SecondDevice():
        here, there = torch.ones(3), torch.ones(3, device=DEVICE)
        assert isinstance(there + 1, There)
        assert torch.equal((there + 1).cpu(), here + 1)
        assert torch.tensor([1.0], device=DEVICE).device == DEVICE
        with pytest.raises(RuntimeError, match="at least two devices"):
            there + here


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The weights of a training without callbacks."""
    return trained(tmp_path_factory.mktemp("alone"), [])


@pytest.mark.parametrize(
    ("callback", "module"),
    [*((callback, Project) for callback in CALLBACKS), (SaliencyMaps, Uncopyable), (FilterAscent, Uncopyable)],
)
def test_every_callback_draws_of_a_network_there_and_leaves_it_alone(callback, module, alone, tmp_path):
    found = trained(tmp_path, [quick(callback), Films()], module)
    assert all(map(torch.equal, found, alone))
    log = events(tmp_path)
    assert max(len(log.Images(tag)) for tag in log.Tags()["images"]) >= 2


@pytest.fixture(scope="module")
def places_alone(tmp_path_factory):
    """Those of places."""
    return trained(tmp_path_factory.mktemp("places"), [], Segments, places, 1)


@pytest.mark.parametrize("callback", CALLBACKS)
def test_every_callback_draws_of_places_there(callback, places_alone, tmp_path):
    found = trained(tmp_path, [quick(callback)], Segments, places, 1)
    assert all(map(torch.equal, found, places_alone))
    assert events(tmp_path).Tags()["images"]
