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
    accumulator = EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0, "tensors": 0})
    # TensorBoard's own checksums are those of Python, a byte at a time: a tenth of a second for each log.
    with patch.object(pywrap_tensorflow, "crc32c", google_crc32c.value):
        accumulator.Reload()
    return accumulator


def told(folder: Path, name):
    """What a log told the Explanations tab last under a name, as an array."""
    return make_ndarray(events(folder).Tensors(f"lightning_viz/{name}")[-1].tensor_proto)


def charted(log):
    """The layout of Custom Scalars that counts, the last one: by group and title, the scalars that a chart shows."""
    layout = Layout.FromString(make_ndarray(log.Tensors("custom_scalars__config__")[-1].tensor_proto).item())
    shown = lambda patterns: {tag for tag in log.Tags()["scalars"] if any(re.match(p, tag) for p in patterns)}
    return {
        group.title: {chart.title: shown(chart.multiline.tag) for chart in group.chart} for group in layout.category
    }


class Things(Dataset):
    """Dark 32 px images of two squares or two discs, or one of each, with noise, and the boxes around them."""

    classes = ["square", "disc"]

    def __init__(self, count=24, seed=0, item=lambda image, target: (image, target)):
        generator = torch.Generator().manual_seed(seed)
        self.images, self.item = 0.3 * torch.rand(count, 3, 32, 32, generator=generator), item
        self.targets = []
        y, x = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
        corners = torch.randint(0, 7, (count, 2, 2), generator=generator) + torch.tensor([[0, 0], [16, 16]])
        for i in range(count):
            kinds = [(0, 1), (0, 0), (1, 1)][i % 3]
            for k, (top, left) in zip(kinds, corners[i].tolist(), strict=True):
                square = (y >= top) & (y < top + 9) & (x >= left) & (x < left + 9)
                disc = (y - top - 4) ** 2 + (x - left - 4) ** 2 < 20
                self.images[i, k + 1, disc if k else square] += 0.7
            boxes = [(left, top, left + 9, top + 9) for top, left in corners[i].tolist()]
            self.targets.append({"boxes": torch.tensor(boxes).float(), "labels": torch.tensor(kinds)})

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.item(self.images[i], self.targets[i])


def listed(batch):
    """Batches as detectors of torchvision's take them: images beside targets, each in a tuple."""
    return tuple(zip(*batch, strict=True))


class Detector(nn.Module):
    """One box for every fourth pixel, as torchvision's detectors call and answer: losses in training, boxes in eval."""

    def __init__(self, classes=2, width=12):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1),
            nn.ReLU(),
        )
        self.head = nn.Conv2d(2 * width, classes + 4, 1)
        self.classes, self.least = classes, 0.05

    def forward(self, images, targets=None):
        found = [self.head(self.body(image[None]))[0].flatten(1).T for image in images]
        centres = [self.centres(image) for image in images]
        if targets is None or not self.training:
            return [self.boxes(rows, at) for rows, at in zip(found, centres, strict=True)]
        losses = [self.losses(*one) for one in zip(found, centres, targets, strict=True)]
        return {"score": sum(one for one, _ in losses), "edges": sum(one for _, one in losses)}

    def centres(self, image):
        height, width = (length // 4 for length in image.shape[1:])
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        return (4 * torch.stack([x, y], 2).reshape(-1, 2) + 2).float()

    def boxes(self, rows, at):
        scores, labels = rows[:, : self.classes].sigmoid().max(1)
        edges = torch.cat([at, at], 1) + 8 * rows[:, self.classes :]
        order = scores.argsort(descending=True)
        kept = order[scores[order] > self.least][:40]
        return {"boxes": edges[kept], "labels": labels[kept], "scores": scores[kept]}

    def losses(self, rows, at, target):
        wanted, edges = torch.zeros(len(at), self.classes), rows.new_zeros(())
        for box, label in zip(target["boxes"], target["labels"], strict=True):
            middle = (box[:2] + box[2:]) / 2
            near = (at - middle).norm(dim=1).argmin()
            wanted[near, label] = 1.0
            edges = edges + F.l1_loss(torch.cat([at, at], 1)[near] / 8 + rows[near, self.classes :], box / 8)
        weight = 1 + 9 * wanted
        return F.binary_cross_entropy_with_logits(rows[:, : self.classes], wanted, weight), edges


class Finds(pl.LightningModule):
    """Trains a detector as torchvision's are trained."""

    def __init__(self, net=Detector, lr=0.003):
        super().__init__()
        self.net, self.lr = net(), lr

    def forward(self, images):
        return self.net(images)

    def training_step(self, batch, batch_idx):
        images, targets = batch
        return sum(self.net(images, targets).values())

    def validation_step(self, batch, batch_idx):
        images, _ = batch
        found = self.net(images)
        self.log("val_found", float(sum(len(one["boxes"]) for one in found)), batch_size=len(images))

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.lr)


def things(**arguments):
    """The loaders of `Things`."""
    options = {"batch_size": 6, "collate_fn": listed, **arguments}
    return {
        "train_dataloaders": DataLoader(Things(48, seed=1), shuffle=True, **options),
        "val_dataloaders": DataLoader(Things(12, seed=2), **options),
    }
