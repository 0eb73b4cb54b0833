"""Class names and the images' range are found where projects keep them, and images may be bytes."""

import warnings
from types import SimpleNamespace

import pytest
import torch
from found import quick
from projects import NAMES, Project, Stripes, events, fit
from torch.utils.data import DataLoader

from lightning_viz import ConfusionMatrixPanel, DeepDream, FilterAscent, LimePanels, SaliencyMaps
from lightning_viz.harness.probes.batches import unpacked


class Nameless(Stripes):
    classes = None


def loaders_of(dataset):
    return lambda: {
        "train_dataloaders": DataLoader(dataset(12), batch_size=6),
        "val_dataloaders": DataLoader(dataset(12), batch_size=6),
    }


def probe_names(folder, module=Project, dataset=Nameless):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        fit(folder, [quick(SaliencyMaps, probes=3)], module=module, data=loaders_of(dataset), max_epochs=1)
    return {tag.split("/")[0].split("_")[2] for tag in events(folder).Tags()["images"] if tag.startswith("probe")}


@pytest.mark.parametrize(
    "attributes",
    [{"class_names": NAMES}, {"classes": tuple(NAMES)}, {"labels": NAMES}, {"classes": 3, "labels": NAMES}],
)
def test_names_may_be_kept_by_the_module(attributes, tmp_path):
    module = type("Named", (Project,), attributes)
    assert probe_names(tmp_path, module=module) == {"bread", "egg", "soup"}


def test_names_may_be_kept_with_their_numbers(tmp_path):
    class Numbered(Nameless):
        class_to_idx = {"soup": 2, "bread": 0, "egg": 1}

    assert probe_names(tmp_path, dataset=Numbered) == {"bread", "egg", "soup"}


def test_names_may_be_kept_by_the_networks_configuration(tmp_path):
    class Hub(Project):
        def __init__(self):
            super().__init__()
            self.net.config = SimpleNamespace(id2label={2: "soup", 0: "bread", 1: "egg"})

    assert probe_names(tmp_path, module=Hub) == {"bread", "egg", "soup"}


def test_names_that_do_not_fit_hide_none_that_do(tmp_path):
    class Coarse(Stripes):
        class_names = ["food", "drink"]

    assert probe_names(tmp_path, dataset=Coarse) == {"bread", "egg", "soup"}


class Bytes(Stripes):
    def __getitem__(self, i):
        image, label = super().__getitem__(i)
        return (255 * image).round().to(torch.uint8), label


class Divides(Project):
    """Takes bytes, or floats up to 255."""

    def forward(self, x):
        return self.net((x / 255 - 0.5) / 0.25)

    def training_step(self, batch, batch_idx):
        return torch.nn.functional.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch, batch_idx):
        self.net(batch[0] / 255)


@pytest.mark.parametrize("name", ["bytes", "floats"])
def test_images_in_bytes_are_probes_in_their_full_range(name, tmp_path):
    class Floats(Bytes):
        def __getitem__(self, i):
            image, label = super().__getitem__(i)
            return image.float(), label

    seen = []

    class Looking(SaliencyMaps):
        def draw(self, scene):
            seen.append(scene.probes)
            yield from super().draw(scene)

    callbacks = [quick(c) for c in (Looking, LimePanels, FilterAscent, DeepDream, ConfusionMatrixPanel)]
    dataset = Bytes if name == "bytes" else Floats
    fit(tmp_path, callbacks, module=Divides, data=loaders_of(dataset), max_epochs=1)
    assert seen[0].images.max() > 200
    assert torch.allclose(seen[0].pixels, seen[0].images / 255)
    assert "confusion/val" in events(tmp_path).Tags()["images"]


class Noise:
    mean, sigma = 0.0, 0.1


@pytest.mark.parametrize("other", [object(), Noise()])
def test_transforms_that_normalise_are_found_and_mean_and_std_taken_from_one_place(other, tmp_path):
    class Normalize:
        mean, std = [0.1, 0.2, 0.3], [0.5, 0.5, 0.5]

    class Compose:
        transforms = [other, Normalize()]

    class Transformed(Stripes):
        transform = Compose()

    seen = []

    class Looking(SaliencyMaps):
        def draw(self, scene):
            seen.append(scene.probes.mean.flatten().tolist())
            yield from super().draw(scene)

    fit(tmp_path, [quick(Looking)], data=loaders_of(Transformed), max_epochs=1)
    assert seen[0] == pytest.approx([0.1, 0.2, 0.3])


def test_floats_are_images_before_bytes():
    x, mask, y = torch.rand(4, 3, 8, 8), torch.zeros(4, 1, 8, 8, dtype=torch.uint8), torch.arange(4)
    assert unpacked((mask, x, y))[0] is x
    assert unpacked((mask, y))[0].dtype == torch.float32
