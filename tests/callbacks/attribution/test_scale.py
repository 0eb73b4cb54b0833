"""What full colour stands for."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from projects import Project, events, fit

from lightning_viz import IntegratedGradients, LimePanels, SaliencyMaps
from lightning_viz.callbacks.attribution.maps import FLOOR, PARTS

PER_PIXEL = FLOOR * PARTS / 16**2


class Louder(Project):
    """Its scores are multiplied by another number in each epoch."""

    gains = (1.0, 30.0, 3.0)

    def __init__(self):
        super().__init__()
        self.gain = 0.001

    def forward(self, x):
        return self.gain * self.net(x)

    def on_validation_epoch_end(self):
        self.gain = self.gains[self.current_epoch]

    def on_save_checkpoint(self, checkpoint):
        checkpoint["gain"] = self.gain

    def on_load_checkpoint(self, checkpoint):
        self.gain = checkpoint["gain"]

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


def bounds(folder, tag):
    """The values of full colour, by step."""
    found = events(folder).Tensors(f"lightning_viz/bound/probe_00_bread/{tag}")
    return {event.step: event.tensor_proto.float_val[0] for event in found}


def trained(folder, *callbacks, max_epochs=3):
    fit(folder, callbacks, module=Louder, max_epochs=max_epochs, num_sanity_val_steps=0)


MAKES = [SaliencyMaps, IntegratedGradients, lambda **k: LimePanels(samples=64, **k)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The folder of two runs of all maps: by their own largest values, and as they are; and the latter's callbacks."""
    folder, common = tmp_path_factory.mktemp("scale"), {"probes": 1, "on_error": "raise"}
    trained(folder / "own", *(make(scale="own", **common) for make in MAKES))
    callbacks = [make(**common) for make in MAKES]
    trained(folder / "run", *callbacks)
    return folder, callbacks


@pytest.mark.parametrize("number", range(3), ids=["saliency", "integrated_gradients", "lime"])
def test_it_is_the_largest_value_so_far_and_never_less_than_a_floor(number, runs):
    folder, run = runs[0], runs[1][number]
    largest, full = (list(bounds(folder / name, run.tag).values()) for name in ("own", "run"))
    floor = PER_PIXEL if run.per_pixel else FLOOR
    assert largest[0] < floor / 5  # the untrained network knows nothing
    assert largest[3] < largest[2]
    expected = np.maximum(np.maximum.accumulate(largest), floor)
    assert full == pytest.approx(expected.tolist(), rel=1e-4)


def test_an_untrained_network_looks_untrained(runs):
    drawn = events(runs[0] / "run").Images("probe_00_bread/saliency")
    shown = [Image.open(io.BytesIO(e.encoded_image_string)) for e in drawn]
    brightest = [int(np.asarray(image)[:170, :170].max()) for image in shown]
    assert brightest[0] < 60
    assert brightest[2] > 200


def test_a_number_is_that_value_in_every_epoch(tmp_path):
    trained(tmp_path, SaliencyMaps(probes=1, scale=0.25, on_error="raise"), max_epochs=1)
    assert set(bounds(tmp_path, "saliency").values()) == {0.25}


def test_a_resumed_run_goes_on_with_it(tmp_path):
    make = lambda: SaliencyMaps(probes=1, on_error="raise")
    options = {"module": Louder, "num_sanity_val_steps": 0}
    fit(tmp_path / "first", [make()], max_epochs=2, **options).save_checkpoint(tmp_path / "run.ckpt")
    fit(tmp_path / "second", [make()], max_epochs=3, ckpt_path=tmp_path / "run.ckpt", **options)
    before, after = (list(bounds(tmp_path / name, "saliency").values()) for name in ("first", "second"))
    assert after == [pytest.approx(max(before))]
