"""Small networks, batches and projects of many kinds, as users have them; they know nothing of lightning_viz."""

from collections import OrderedDict, namedtuple
from dataclasses import dataclass

import pytorch_lightning as pl
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, spectral_norm
from torch.utils.data import DataLoader, Dataset

Pair = namedtuple("Pair", "label picture")


class Pictures(Dataset):
    """Noise in [0, 1] with a bright band, whose place tells the class."""

    def __init__(self, count=12, *, shape=(3, 16, 16), classes=3, seed=0, item=lambda image, label: (image, label)):
        generator = torch.Generator().manual_seed(seed)
        self.classes = [f"kind {k}" for k in range(classes)]
        self.targets = [i % classes for i in range(count)]
        self.images = 0.3 * torch.rand(count, *shape, generator=generator)
        for image, label in zip(self.images, self.targets, strict=True):
            width = max(shape[2] // classes, 1)
            image[:, :, label * width % shape[2] :][:, :, :width] += 0.7
        self.item = item

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, i):
        return self.item(self.images[i], self.targets[i])


class Learner(pl.LightningModule):
    """Trains any network on batches of images and labels."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x)

    def read(self, batch):
        return batch

    def loss(self, output, labels):
        return F.cross_entropy(output, labels)

    def training_step(self, batch, batch_idx):
        images, labels = self.read(batch)
        return self.loss(self(images), labels)

    def validation_step(self, batch, batch_idx):
        images, labels = self.read(batch)
        self.log("val_loss", self.loss(self(images), labels))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05)


def loaders(training=None, batch_size=6, **data):
    """A training and a validation loader of `Pictures`."""
    train, val = (Pictures(seed=seed, **data) for seed in (1, 2))
    return {
        "train_dataloaders": DataLoader(train, batch_size=batch_size, shuffle=True, collate_fn=training),
        "val_dataloaders": DataLoader(val, batch_size=batch_size),
    }


def convolutions(channels=3, classes=3, width=8):
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d((1, 3)),
        nn.Flatten(),
        nn.Linear(3 * width, classes),
    )


class Then(nn.Module):
    """A network whose output is handed to a function."""

    def __init__(self, net, function):
        super().__init__()
        self.net, self.function = net, function

    def forward(self, x):
        return self.function(self.net(x))


class SharedReLU(nn.Module):
    """One in-place ReLU after depthwise and pointwise convolutions alike, and one convolution used twice."""

    def __init__(self):
        super().__init__()
        self.first, self.depthwise = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.pointwise, self.head, self.relu = nn.Conv2d(8, 8, 1), nn.Linear(8, 3), nn.ReLU(inplace=True)

    def forward(self, x):
        x = self.relu(self.first(x))
        for _ in range(2):
            x = x + self.relu(self.pointwise(self.relu(self.depthwise(x))))
        return self.head(x.mean((2, 3)))


class Norms(nn.Module):
    """Every normalisation of layers and of weights, in both of torch's ways, and dropout of channels and of numbers."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            parametrizations.spectral_norm(nn.Conv2d(3, 8, 3, padding=1)),
            nn.GroupNorm(2, 8),
            nn.ReLU(),
            spectral_norm(nn.Conv2d(8, 8, 3, padding=1)),
            nn.SyncBatchNorm(8),
            nn.GELU(),
            nn.Dropout2d(0.7),
            parametrizations.weight_norm(nn.Conv2d(8, 8, 3, padding=1)),
            nn.InstanceNorm2d(8, track_running_stats=True),
        )
        self.norm, self.head = nn.LayerNorm(8), nn.Sequential(nn.Dropout(0.7), nn.Linear(8, 3))

    def forward(self, x):
        return self.head(self.norm(F.max_pool2d(self.body(x), 16).flatten(1)))


class Tokens(nn.Module):
    """A vision transformer for images of one size: patches, a class token, encoder layers."""

    def __init__(self, patches, shape=(3, 16, 16), patch=4, dim=12, classes=3):
        super().__init__()
        count = (shape[1] // patch) * (shape[2] // patch)
        self.patches, self.patch = patches, patch
        if patches == "convolution":
            self.embed = nn.Conv2d(shape[0], dim, patch, stride=patch)
        else:
            self.embed = nn.Linear(shape[0] * patch**2, dim)
        self.token = nn.Parameter(torch.zeros(1, 1, dim))
        self.position = nn.Parameter(0.1 * torch.randn(1, 1 + count, dim))
        layers = [nn.TransformerEncoderLayer(dim, 2, 24, batch_first=True, dropout=0.1) for _ in range(2)]
        self.encoder, self.head = nn.Sequential(*layers), nn.Linear(dim, classes)

    def forward(self, x):
        if self.patches == "convolution":
            x = self.embed(x).flatten(2).transpose(1, 2)
        else:
            x = self.embed(F.unfold(x, self.patch, stride=self.patch).transpose(1, 2))
        x = torch.cat([self.token.expand(len(x), -1, -1), x], dim=1) + self.position
        return self.head(self.encoder(x)[:, 0])


class Outputs(OrderedDict):
    """A mapping whose values are attributes too, in the manner of large model hubs."""

    def __getattr__(self, name):
        return self[name]


@dataclass
class Answer:
    loss: torch.Tensor | None
    hidden: torch.Tensor
    logits: torch.Tensor


class Tied(nn.Module):
    """Two convolutions with one weight, which compute in bfloat16, between layers that learn their sizes."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.LazyConv2d(8, 3, padding=1), nn.LazyBatchNorm2d()
        self.a, self.b = (nn.Conv2d(8, 8, 3, padding=1).bfloat16() for _ in range(2))
        self.b.weight = self.a.weight
        self.head = nn.LazyLinear(3)

    def forward(self, x):
        x = self.norm(self.first(x)).relu().bfloat16()
        return self.head(self.b(self.a(x).relu()).float().mean((2, 3)))


class Bytes(nn.Module):
    """Takes images of 0 to 255 and scales them itself."""

    def __init__(self):
        super().__init__()
        self.net = convolutions()

    def forward(self, x):
        return self.net((x.float() / 255 - 0.5) / 0.25)


def lazy():
    return nn.Sequential(
        nn.LazyConv2d(8, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.LazyLinear(3)
    )
