"""Images and networks that nobody trains on by intention: every callback draws something, and warns of nothing else."""

import io

import found
import numpy as np
import pytest
import torch
from found import CALLBACKS
from PIL import Image
from projects import NAMES, Project, events, fit
from torch import nn
from torch.utils.data import DataLoader, Dataset

from lightning_viz import ConfusionPanels, DeepDream, FilterAscent, LimePanels, Picture, SaliencyMaps

pytestmark = pytest.mark.filterwarnings("ignore:.*not finite", "ignore:.*nobody knows their mean and std")

LITTLE = {
    ConfusionPanels: {"samples": 32, "segments": 9, "steps": 2, "confusions": 1},
    SaliencyMaps: {"method": "smoothgrad", "samples": 2},
    FilterAscent: {"steps": 2, "channels": 2},
    LimePanels: {"samples": 32, "segments": 9},
    DeepDream: {"octaves": 2, "iterations": 2},
}


class Images(Dataset):
    """As many images as there are, of three classes in turn."""

    classes = NAMES

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.images[i], i % 3


class AnySize(Project):
    """Takes images down to a single pixel."""

    def __init__(self, channels=3):
        super().__init__()
        body = [nn.Conv2d(channels, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()]
        self.net = nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))


class Dead(AnySize):
    """All its weights are zero, so it says the same of everything."""

    def on_train_epoch_start(self):
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


class Clamps(AnySize):
    """Survives what is not finite."""

    def forward(self, x):
        return super().forward(x.nan_to_num(0.0, 0.0, 0.0))


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def spoilt(value):
    images = noise(3, 3, 16, 16)
    images[:, 0, 3:5, 6] = value
    return images


IMAGES = {
    "ordinary": noise(3, 3, 16, 16),
    "of one colour": torch.tensor([0.9, 0.5, 0.1])[:, None, None].expand(3, 3, 16, 16),
    "black": torch.zeros(3, 3, 16, 16),
    "with infinite values": spoilt(float("inf")),
    "with nan": spoilt(float("nan")),
    "far outside": 300 * noise(3, 3, 16, 16) - 100,
    "tiny values": 1e-30 * noise(3, 3, 16, 16),
    "of one pixel": noise(3, 3, 1, 1),
    "of four pixels": noise(3, 3, 2, 2),
    "a line": noise(3, 3, 1, 40),
    "narrow": noise(3, 3, 64, 4),
    "large": noise(3, 3, 360, 48),  # more than a picture shows
}


ODD = {
    **{name: (images, AnySize) for name, images in IMAGES.items()},
    "dead": (IMAGES["ordinary"], Dead),
    "clamped": (IMAGES["with nan"], Clamps),
}


def quick(callback, **options):
    """The callback on one probe, with little to do."""
    little = next((LITTLE[cls] for cls in callback.__mro__ if cls in LITTLE), {})
    return found.quick(callback, **{"probes": 1, **little, **options})


def draw(callbacks, images, module, folder):
    """Trains one epoch with callbacks; returns the pictures and the scalars by their tags."""
    data = lambda: dict.fromkeys(("train_dataloaders", "val_dataloaders"), DataLoader(Images(images), batch_size=3))
    fit(folder, callbacks, module=module, data=data, max_epochs=1)
    log = events(folder)
    pictures = {tag: log.Images(tag)[-1].encoded_image_string for tag in log.Tags()["images"]}
    scalars = {tag: [e.value for e in log.Scalars(tag) if e.step >= 0] for tag in log.Tags()["scalars"]}
    return {tag: np.asarray(Image.open(io.BytesIO(image))) for tag, image in pictures.items()}, scalars


@pytest.fixture(scope="module", params=ODD)
def everything(request, tmp_path_factory):
    """A run with all callbacks: by callback the tags that it drew, all pictures, and all scalars."""
    drawn = {cls: [] for cls in CALLBACKS}
    noting = [quick(found.telling(cls, results.append)) for cls, results in drawn.items()]
    images, module = ODD[request.param]
    logged = draw(noting, images, module, tmp_path_factory.mktemp("run"))
    return {cls: {one.tag for one in results if isinstance(one, Picture)} for cls, results in drawn.items()}, *logged


def coloured(picture):
    """The share of the pixels that are clearly not grey."""
    spread = picture.astype(int).max(-1) - picture.astype(int).min(-1)
    return (spread > 60).mean()


each_callback = pytest.mark.parametrize("callback", CALLBACKS, ids=lambda c: c.__name__)


@each_callback
def test_every_callback_draws_all_its_pictures(callback, everything):
    tags, pictures, _ = everything
    ordinary = {"FilterAscent": 2, "ConfusionPanels": 2}.get(callback.__name__, 1)
    assert len(tags[callback]) == ordinary
    for tag in tags[callback]:
        assert pictures[tag].ndim == 3, tag
        assert pictures[tag].shape[1] >= 350, tag
        assert pictures[tag].std() > 1, tag  # the caption at least


@pytest.mark.parametrize("everything", ["dead", "clamped"], indirect=True)
def test_no_scalar_is_without_a_value(everything):
    scalars = everything[2]
    assert all(np.isfinite(values).all() for tag, values in scalars.items() if "loss" not in tag)


@pytest.mark.parametrize("everything", ["dead", "black", "of one colour", "of one pixel"], indirect=True)
def test_lime_colours_nothing_where_the_network_does_not_react(everything):
    _, pictures, scalars = everything
    (drawn,) = [picture for tag, picture in pictures.items() if tag.endswith("/lime")]
    assert coloured(drawn[:190]) == 0  # without the colour bar
    assert not [tag for tag in scalars if tag.endswith("/fidelity") and scalars[tag]]


def test_lime_colours_something_where_it_does(tmp_path):
    pictures, scalars = draw([quick(LimePanels, scale="own")], IMAGES["ordinary"], AnySize, tmp_path)
    assert all(coloured(picture[:190]) > 0.01 for tag, picture in pictures.items() if tag.endswith("/lime"))
    assert [tag for tag in scalars if tag.endswith("/fidelity")]


@pytest.mark.parametrize("everything", ["dead"], indirect=True)
def test_a_map_of_zeros_is_black(everything):
    (picture,) = [picture for tag, picture in everything[1].items() if tag.endswith("/smoothgrad")]
    assert picture[5:165, 5:165].max() < 16


@pytest.mark.parametrize("everything", ["clamped"], indirect=True)
def test_a_value_that_is_not_finite_spoils_its_place_alone(everything, tmp_path):
    spoilt = everything[1]
    clean, _ = draw([quick(SaliencyMaps)], IMAGES["ordinary"], Clamps, tmp_path / "clean")
    (tag, *_) = [tag for tag in clean if tag.endswith("/input")]
    difference = np.abs(spoilt[tag].astype(int) - clean[tag].astype(int)).max(-1)
    top, bottom, left, right = (350 * k // 16 for k in (3, 5, 6, 7))
    assert difference[top:bottom, left:right].mean() > 30
    difference[top - 8 : bottom + 8, left - 8 : right + 8] = 0
    assert difference[:350].max() < 16
