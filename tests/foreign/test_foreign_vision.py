"""Libraries that vision projects are made of, at tiny sizes: ours draw, and training is unchanged.

Of callbacks there is one for each way to ask a network. Images, batches and modules are those of the library; what it
would need and is too large to install stands aside.
"""

import importlib

import pytest
import pytorch_lightning as pl
import torch
from borrowed import installed
from found import CALLBACKS, quick
from projects import events
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from lightning_viz import (
    ConfusionMatrixPanel,
    DeepDream,
    FilterActivations,
    FilterAscent,
    GradCam,
    LimePanels,
    SaliencyMaps,
)

UNUSED = (
    "torchvision", "torchgeo.datasets", "torchgeo.datamodules", "torchgeo.models", "lightly", "einops", "pandas",
    "h5py", "mlflow", "gpytorch", "torchseg", "laplace", "ema_pytorch", "uncertainty_toolbox",
)  # fmt: skip
"""What is imported by these libraries, and not used by what is used here."""


@pytest.fixture(scope="module")
def library():
    """Imports modules of foreign libraries."""
    with installed(*UNUSED):
        yield importlib.import_module


def pictures(count=8, channels=3, side=32):
    """Noise with a bright band, whose place tells the class, of three."""
    x = 0.3 * torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(0))
    for i in range(count):
        x[i, :, :, 10 * (i % 3) : 10 * (i % 3) + 10] += 0.7
    return x


def loaders(key, labels, loader=DataLoader, wrap=lambda x: x, **images):
    """A training and a validation loader of dictionaries, as all these libraries have them."""
    x = pictures(**images)
    items = [{key: wrap(image), labels[0]: labels[1](i)} for i, image in enumerate(x)]
    return {name: loader(items, batch_size=4) for name in ("train_dataloaders", "val_dataloaders")}


FEW = [SaliencyMaps, GradCam, LimePanels, ConfusionMatrixPanel]
EACH_WAY = [*FEW, FilterAscent, FilterActivations, DeepDream]
OF_FEW = {"input", "saliency", "lime", "gradcam"}
KINDS = OF_FEW | {"activations", "deep"}


def drawn_and_bare(folder, make, data, *, only=EACH_WAY, lightning="pytorch_lightning"):
    """Trains with callbacks and with none; returns the tags of the pictures."""
    trainer = importlib.import_module(lightning).Trainer
    logger = importlib.import_module(f"{lightning}.loggers").TensorBoardLogger
    quiet = dict.fromkeys(("enable_progress_bar", "enable_model_summary", "enable_checkpointing"), False)
    kept = {}
    for name in ("drawn", "bare"):
        callbacks = [] if name == "bare" else [quick(cls, probes=1) for cls in only]
        pl.seed_everything(7, verbose=False)
        log = logger(folder / name, name="", version="")
        run = trainer(max_epochs=1, accelerator="cpu", callbacks=callbacks, logger=log, log_every_n_steps=1, **quiet)
        run.fit(make(), **data())
        kept[name] = {key: value.numpy().tobytes() for key, value in run.lightning_module.state_dict().items()}
    assert kept["drawn"] == kept["bare"]
    return set(events(folder / "drawn").Tags()["images"])


class Module(pl.LightningModule):
    """Trains a network on dictionaries."""

    def __init__(self, net, image, label):
        super().__init__()
        self.net, self.image, self.label = net, image, label

    def forward(self, x):
        return self.net(x)

    def loss(self, batch):
        return F.cross_entropy(self(batch[self.image]), batch[self.label])

    def training_step(self, batch, batch_idx):
        return self.loss(batch)

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self.loss(batch))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05)


def of_a_probe(tags):
    """The kinds of pictures of the first probe."""
    first = min(tag.split("/")[0] for tag in tags if tag.startswith("probe_00"))
    return {tag.split("/")[1].split("_")[0] for tag in tags if tag.startswith(f"{first}/")}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:Found 0 class names")
def test_monai(library, tmp_path):
    """MONAI 1.6.1 (2026): its DenseNet121, small; dictionaries of images with notes of where they come from."""
    monai_data = library("monai.data")
    densenet = library("monai.networks.nets.densenet").DenseNet121

    def make():
        small = {"init_features": 8, "growth_rate": 4, "block_config": (1, 1, 1)}
        return Module(densenet(spatial_dims=2, in_channels=1, out_channels=3, **small), "image", "label")

    noted = lambda x: monai_data.MetaTensor(x, meta={"filename_or_obj": "a.nii"})
    data = lambda: loaders("image", ("label", lambda i: i % 3), monai_data.DataLoader, noted, channels=1)
    assert of_a_probe(drawn_and_bare(tmp_path, make, data)) >= KINDS


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:Found 0 class names")
@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_torchgeo(task, library, tmp_path):
    """torchgeo 0.8.1 (2026): its ClassificationTask of `lightning.pytorch`, on four channels, of classes and labels."""
    task_of = library("torchgeo.trainers.classification").ClassificationTask
    several = task == "multilabel"
    counts = {"num_labels": 3, "loss": "bce"} if several else {"num_classes": 3}
    label = (lambda i: torch.tensor([[1, 0, 1], [1, 1, 0], [0, 1, 0]][i % 3])) if several else (lambda i: i % 3)
    data = lambda: loaders("image", ("label", label), channels=4)
    make = lambda: task_of(model="test_resnet", in_channels=4, task=task, **counts)
    only, kinds = (FEW, OF_FEW) if several else (EACH_WAY, KINDS)
    assert of_a_probe(drawn_and_bare(tmp_path, make, data, only=only, lightning="lightning.pytorch")) >= kinds


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:Found 0 class names")
def test_segmentation_models_pytorch(library, tmp_path):
    """segmentation_models_pytorch 0.6.0 (2026): masks and, beside them, the scores of its classification head."""
    smp = library("segmentation_models_pytorch")

    class Both(Module):
        def loss(self, batch):
            masks, scores = self(batch["image"])
            return F.cross_entropy(scores, batch["label"]) + masks.square().mean()

    def make():
        encoder = {"encoder_name": "tu-test_resnet", "encoder_weights": None, "encoder_depth": 3}
        aux = {"classes": 3, "pooling": "avg"}
        return Both(smp.Unet(**encoder, decoder_channels=(16, 8, 8), classes=2, aux_params=aux), "image", "label")

    data = lambda: loaders("image", ("label", lambda i: i % 3))
    assert of_a_probe(drawn_and_bare(tmp_path, make, data)) >= KINDS


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:Found 0 class names")
@pytest.mark.parametrize("kind", ["MCDropoutClassification", "DeterministicRegression"])
def test_lightning_uq_box(kind, library, tmp_path):
    """lightning-uq-box 0.2.0 (2025): steps that call `self.forward`, batches of "input" and "target"."""
    methods = library("lightning_uq_box.uq_methods")
    regression = "Regression" in kind

    def make():
        net = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Dropout(0.2), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2),
            nn.Flatten(), nn.Linear(32, 1 if regression else 3),
        )  # fmt: skip
        if regression:
            return getattr(methods, kind)(net, nn.MSELoss())
        return getattr(methods, kind)(net, num_mc_samples=2, loss_fn=nn.CrossEntropyLoss())

    label = (lambda i: torch.tensor([i % 3 + 0.5])) if regression else (lambda i: i % 3)
    data = lambda: loaders("input", ("target", label))
    only, kinds = (FEW, OF_FEW) if regression else (EACH_WAY, KINDS)
    assert of_a_probe(drawn_and_bare(tmp_path, make, data, only=only, lightning="lightning.pytorch")) >= kinds


@pytest.mark.filterwarnings("ignore:Found 0 class names")
@pytest.mark.filterwarnings("ignore:.*is left out")
def test_a_perceptron(tmp_path):
    """The first network of every course, on images of 28 x 28: nothing of it has places."""
    net = lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 3)
    )
    make = lambda: Module(net(), "image", "label")
    data = lambda: loaders("image", ("label", lambda i: i % 3), channels=1, side=28)
    tags = drawn_and_bare(tmp_path, make, data, only=[cls for cls in CALLBACKS if cls is not GradCam])
    assert of_a_probe(tags) >= {*KINDS, "occlusion", "integrated"} - {"gradcam"}
