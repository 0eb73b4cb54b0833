"""Transformers."""

from functools import partial

import torch
from projects import Project
from torch import nn
from torch.nn import functional as F

from .configuration import Configuration


class Fast(nn.Module):
    """Attention by torch's fast function, with dropout."""

    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(16, 48), nn.Linear(16, 16)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(2, (3, 2, 8)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=0.1 if self.training else 0.0)
        return x + self.out(mixed.transpose(1, 2).flatten(2))


class Transformer(nn.Module):
    """Patches, a class token and what attends."""

    def __init__(self, encoder):
        super().__init__()
        self.embed, self.token = nn.Conv2d(3, 16, 4, stride=4), nn.Parameter(torch.zeros(1, 1, 16))
        self.encoder, self.head = encoder, nn.Linear(16, 3)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        return self.head(self.encoder(torch.cat([self.token.expand(len(x), -1, -1), x], dim=1))[:, 0])


def torchs():
    """Torch's own encoder."""
    layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


def fast():
    """Layers with torch's fast function."""
    return nn.Sequential(Fast(), nn.LayerNorm(16), Fast())


class Attending(Project):
    """Trains a transformer."""

    def __init__(self, encoder, compiled=False):
        super().__init__()
        self.net = Transformer(encoder())
        if compiled:
            self.net.compile(backend="aot_eager")


ROWS = {
    "nn.TransformerEncoder with dropout": Configuration(partial(Attending, torchs), attends=True),
    "scaled_dot_product_attention": Configuration(partial(Attending, fast), attends=True),
    "scaled_dot_product_attention, compiled": Configuration(partial(Attending, fast, compiled=True), attends=True),
}
