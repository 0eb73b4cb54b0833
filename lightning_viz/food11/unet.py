"""A small U-Net (arXiv:1505.04597, 2015): a class for every pixel."""

from itertools import pairwise

import torch
from torch import Tensor, nn


class UNet(nn.Module):
    """Three levels down from half the image's size and up again, with ways around each.

    Takes images, float32 (N, 3, size, size) with a size that 16 divides, and gives logits (N, classes, size, size).

    Args:
        classes: How many.
        width: Channels of the finest level; each coarser one has twice as many.

    >>> UNet(3, 4)(torch.rand(2, 3, 32, 32)).shape
    torch.Size([2, 3, 32, 32])
    """

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        widths = [width << level for level in range(4)]
        self.enter = _twice(3, width, stride=2)
        self.down = nn.ModuleList(nn.Sequential(nn.MaxPool2d(2), _twice(*pair)) for pair in pairwise(widths))
        self.rise = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, stride=2) for w in reversed(widths[:-1]))
        self.up = nn.ModuleList(_twice(2 * w, w) for w in reversed(widths[:-1]))
        self.head = nn.ConvTranspose2d(width, classes, 2, stride=2)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of every pixel."""
        levels: list[Tensor] = [self.enter(images)]
        for block in self.down:
            levels.append(block(levels[-1]))
        coarse = levels.pop()
        for rise, block, around in zip(self.rise, self.up, reversed(levels), strict=True):
            coarse = block(torch.cat([rise(coarse), around], dim=1))
        logits: Tensor = self.head(coarse)
        return logits


def _twice(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels, step in ((inputs, stride), (outputs, 1)):
        layers += [nn.Conv2d(channels, outputs, 3, stride=step, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)
