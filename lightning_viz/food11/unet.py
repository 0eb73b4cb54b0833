"""A small U-Net (arXiv:1505.04597, 2015): a class for every pixel."""

import torch
from torch import Tensor, nn


class UNet(nn.Module):
    """Three levels down and up again, with ways around each.

    Takes images, float32 (N, 3, size, size) with a size that 8 divides, and gives logits (N, classes, size, size).

    Args:
        classes: How many.
        width: Channels of the finest level; each coarser one has twice as many.

    >>> UNet(3, 4)(torch.rand(2, 3, 32, 32)).shape
    torch.Size([2, 3, 32, 32])
    """

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        widths = [width << level for level in range(4)]
        self.down = nn.ModuleList(_twice(*pair) for pair in zip([3, *widths], widths, strict=False))
        self.rise = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, stride=2) for w in reversed(widths[:-1]))
        self.up = nn.ModuleList(_twice(2 * w, w) for w in reversed(widths[:-1]))
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of every pixel."""
        levels: list[Tensor] = []
        for level, block in enumerate(self.down):
            images = block(self.pool(images) if level else images)
            levels.append(images)
        for rise, block, around in zip(self.rise, self.up, reversed(levels[:-1]), strict=True):
            images = block(torch.cat([rise(images), around], dim=1))
        logits: Tensor = self.head(images)
        return logits


def _twice(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [nn.Conv2d(channels, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)
