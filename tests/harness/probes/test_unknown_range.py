"""Images of which nobody knows mean and std are shown over their own range."""

import pytest
import torch
from projects import Stripes, fit
from torch.utils.data import DataLoader

from lightning_viz import SaliencyMaps


class Looking(SaliencyMaps):
    """Keeps the probes."""

    def draw(self, scene):
        self.seen = scene.probes
        yield from super().draw(scene)


def probes_of(change, folder):
    data = Stripes(12)
    data.images = change(data.images)
    callback, loader = Looking(probes=3, on_error="raise"), DataLoader(data, 6)
    fit(folder, [callback], data=lambda: {"train_dataloaders": loader, "val_dataloaders": loader}, max_epochs=1)
    return callback.seen


@pytest.mark.parametrize(
    "change", [lambda x: 4 * x - 2, lambda x: 255 * x, lambda x: -x - 1], ids=["±2", "255", "below"]
)
def test_their_range_is_stretched_for_display(change, tmp_path):
    with pytest.warns(UserWarning, match="nobody knows their mean and std"):
        probes = probes_of(change, tmp_path)
    low, high = probes.images.min(), probes.images.max()
    assert torch.allclose(probes.pixels, (probes.images - low) / (high - low), atol=1e-5)
    assert torch.allclose(probes.normalize(probes.pixels), probes.images, atol=1e-4)


def test_one_value_alone_has_no_range(tmp_path):
    with pytest.warns(UserWarning, match=r"from 7\.50 to 7\.50"):
        probes = probes_of(lambda x: torch.full_like(x, 7.5), tmp_path)
    assert torch.equal(probes.pixels, torch.zeros_like(probes.pixels))
    assert torch.equal(probes.normalize(probes.pixels), probes.images)


@pytest.mark.filterwarnings("ignore:.*not finite")
def test_values_that_are_not_finite_have_no_say(tmp_path):
    def spoil(images):
        images[:, 0, 0, 0], images[:, 0, 0, 1] = float("inf"), float("nan")
        return images

    probes = probes_of(spoil, tmp_path)  # without a warning: the others lie in [0, 1]
    kept = probes.images.isfinite()
    assert torch.equal(probes.pixels[kept], probes.images[kept])
