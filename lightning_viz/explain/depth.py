"""A layer by how deep it lies."""

from __future__ import annotations

from torch import nn

from lightning_viz.explain.layers import last_convolution


def deep_convolution(root: nn.Module) -> str:
    """Names the convolution two thirds down the network, where it sees parts of things: the last ones see whole images.

    In order of registration, without those of 1 x 1, which mix channels or stand in shortcuts.

    Raises:
        ValueError: If the network has no convolution.

    >>> deep_convolution(nn.Sequential(*[nn.Conv2d(3, 3, 3) for _ in range(5)]))
    '3'
    """
    seeing = [name for name, m in root.named_modules() if isinstance(m, nn.Conv2d) and max(m.kernel_size) > 1]
    return seeing[len(seeing) * 2 // 3] if seeing else last_convolution(root)
