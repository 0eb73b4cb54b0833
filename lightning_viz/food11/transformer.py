"""A small vision transformer for food, with a stem of convolutions that lets it learn from few images."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PATCH = 8
"""Edge in pixels of what one token stands for."""


class FoodTransformer(nn.Module):
    """A vision transformer (arXiv:2010.11929, 2021) whose patches are cut by convolutions (arXiv:2106.14881, 2021).

    Three convolutions halve the image each, so that a token stands for 8 x 8 pixels; a class token stands in front.

    Takes images, float32 (N, 3, size, size) in [0, 1], and gives logits (N, classes).

    Args:
        classes: How many classes.
        size: Edge of the square images in pixels, a multiple of 8.
        width: Channels of a token, a multiple of `heads` and of 4.
        depth: How many blocks.
        heads: Of the attention in each block.

    Example:
        >>> FoodTransformer(classes=11, size=32, width=16)(torch.rand(2, 3, 32, 32)).shape
        torch.Size([2, 11])
    """

    def __init__(self, classes: int, size: int, width: int, depth: int = 4, heads: int = 4) -> None:
        super().__init__()
        channels = [3, width // 4, width // 2, width]
        self.stem = nn.Sequential(*(layer for pair in pairwise(channels) for layer in _halving(*pair)))
        self.patches = nn.Conv2d(width, width, 1)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(0.02 * torch.randn(1, 1 + (size // PATCH) ** 2, width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of images, float32 (N, 3, size, size) in [0, 1]."""
        patches = self.patches(self.stem(images)).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(images), -1, -1), patches], dim=1) + self.position
        logits: Tensor = self.head(self.norm(self.blocks(tokens))[:, 0])
        return logits


class Block(nn.Module):
    """Attention among tokens (N, T, D), then a layer for each of them, both behind a normalisation and added."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention, self.norm1, self.norm2 = Attention(width, heads), nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (N, T, D)."""
        tokens = tokens + self.attention(self.norm1(tokens))
        result: Tensor = tokens + self.mlp(self.norm2(tokens))
        return result


class Attention(nn.Module):
    """Attention with several heads, by torch's own fast function."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (N, T, D)."""
        q, k, v = self.qkv(tokens).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed: Tensor = self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return mixed


def _halving(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
