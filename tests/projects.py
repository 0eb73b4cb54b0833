"""Small Lightning projects as users have them; they know nothing of lightning_viz."""

import re
from pathlib import Path
from unittest.mock import patch

import google_crc32c
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.tensorflow_stub import pywrap_tensorflow
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tensorboard.util.tensor_util import make_ndarray
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

NAMES = ["Bread", "Egg", "Soup"]


class Stripes(Dataset):
    """Three classes of 16 px images in [0, 1]: stripes down, stripes across, a disc; with noise."""

    classes = NAMES

    def __init__(self, count=48, seed=0, channels=3):
        generator = torch.Generator().manual_seed(seed)
        self.targets = [i % 3 for i in range(count)]
        y, x = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
        shapes = torch.stack([(x // 2) % 2, (y // 2) % 2, ((x - 8) ** 2 + (y - 8) ** 2 < 25).float()])
        noise = 0.3 * torch.rand(count, channels, 16, 16, generator=generator)
        self.images = 0.7 * shapes[self.targets][:, None] + noise

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, i):
        return self.images[i], self.targets[i]


class Net(nn.Sequential):
    """Two convolutions with batch normalisation and dropout."""

    def __init__(self, classes=3, channels=3):
        super().__init__(
            nn.Conv2d(channels, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(16, classes),
        )


class Project(pl.LightningModule):
    """A classifier that augments, drops out and logs, in the usual way."""

    def __init__(self, **net):
        super().__init__()
        self.net = Net(**net)

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, batch_idx):
        x, y = batch
        x = x + 0.05 * torch.randn_like(x)
        loss = F.cross_entropy(self(x), y)
        self.log("loss", loss)
        return loss

    def validation_step(self, batch, batch_idx):
        x, y = batch
        logits = self(x)
        self.log("val_loss", F.cross_entropy(logits, y))
        self.log("val_acc", (logits.argmax(1) == y).float().mean())

    test_step = validation_step

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.01)


class Places(Dataset):
    """16 px images of a square or a disc, or both, on dark ground, with noise; a class for every pixel."""

    classes = ["background", "square", "disc"]

    def __init__(self, count=24, seed=0, item=lambda image, places: (image, places)):
        generator = torch.Generator().manual_seed(seed)
        self.images, self.item = 0.3 * torch.rand(count, 3, 16, 16, generator=generator), item
        self.places = torch.zeros(count, 16, 16, dtype=torch.long)
        y, x = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
        corners = torch.randint(0, 8, (count, 4), generator=generator)
        for i, (top, left, down, right) in enumerate(corners.tolist()):
            square = (y >= top) & (y < top + 6) & (x >= left) & (x < left + 6)
            disc = (y - down - 4) ** 2 + (x - right - 4) ** 2 < 14
            for k, area in ((1, square), (2, disc)):
                if i % 3 in (k, 0):
                    self.images[i, k, area] += 0.7
                    self.places[i, area] = k

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.item(self.images[i], self.places[i])


class UNet(nn.Module):
    """One level down and up again, with a way around it."""

    def __init__(self, classes=3, width=8):
        super().__init__()
        self.enter = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True))
        self.down = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU())
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.leave = nn.Sequential(nn.Conv2d(2 * width, width, 3, padding=1), nn.ReLU(), nn.Dropout(0.1))
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        fine = self.enter(x)
        return self.head(self.leave(torch.cat([fine, self.up(self.down(fine))], dim=1)))


class Segments(Project):
    """Tells the class of every pixel."""

    def __init__(self, classes=3):
        super().__init__()
        self.net = UNet(classes)


def places(**arguments):
    """The loaders of `Places`."""
    return {
        "train_dataloaders": DataLoader(Places(24, seed=1), batch_size=6, shuffle=True, **arguments),
        "val_dataloaders": DataLoader(Places(12, seed=2), batch_size=6, **arguments),
    }


def loaders(**arguments):
    """A shuffled training loader and a validation loader."""
    return {
        "train_dataloaders": DataLoader(Stripes(48, seed=1), batch_size=8, shuffle=True, **arguments),
        "val_dataloaders": DataLoader(Stripes(24, seed=2), batch_size=8, **arguments),
    }


def trainer(folder: Path, callbacks=(), **arguments):
    """A quiet Trainer for the CPU that logs to TensorBoard under `folder`."""
    defaults = {
        "max_epochs": 2,
        "accelerator": "cpu",
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
        "log_every_n_steps": 1,
        "num_sanity_val_steps": 1,
    }
    logger = TensorBoardLogger(folder, name="", version="")
    return pl.Trainer(**{**defaults, "logger": logger, **arguments}, callbacks=list(callbacks))


def fit(folder: Path, callbacks=(), *, module=None, data=None, ckpt_path=None, **arguments):
    """Trains a project from a fixed seed; returns the Trainer, whose `lightning_module` is the result."""
    pl.seed_everything(7, verbose=False)
    module = Project() if module is None else module()
    run = trainer(folder, callbacks, **arguments)
    run.fit(module, **(data or loaders)(), ckpt_path=ckpt_path)
    return run


def events(folder: Path):
    """What TensorBoard reads from a log folder, with every step kept."""
    accumulator = EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0})
    # TensorBoard's own checksums are those of Python, a byte at a time: a tenth of a second for each log.
    with patch.object(pywrap_tensorflow, "crc32c", google_crc32c.value):
        accumulator.Reload()
    return accumulator


def charted(log):
    """The layout of Custom Scalars that counts, the last one: by group and title, the scalars that a chart shows."""
    layout = Layout.FromString(make_ndarray(log.Tensors("custom_scalars__config__")[-1].tensor_proto).item())
    shown = lambda patterns: {tag for tag in log.Tags()["scalars"] if any(re.match(p, tag) for p in patterns)}
    return {
        group.title: {chart.title: shown(chart.multiline.tag) for chart in group.chart} for group in layout.category
    }
