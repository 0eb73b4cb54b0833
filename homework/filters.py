"""What a filter answers to, in words: which plain property of an image its output follows most."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def properties(images: Tensor) -> dict[str, Tensor]:
    """Plain properties of every place of an image, each float32 (N, H, W).

    Args:
        images: Float32 (N, 3, H, W) in [0, 1].
    """
    red, green, blue = images.unbind(1)
    light = images.mean(1)
    down, right = (F.pad(light.diff(dim=dim), pad) for dim, pad in ((1, (0, 0, 0, 1)), (2, (0, 1))))
    return {
        "brightness": light,
        "edges": (down**2 + right**2).sqrt(),
        "edges from top to bottom": right.abs(),
        "edges from side to side": down.abs(),
        "redness": red - (green + blue) / 2,
        "greenness": green - (red + blue) / 2,
        "blueness": blue - (red + green) / 2,
        "yellowness": (red + green) / 2 - blue,
    }


def answers_to(maps: Tensor, images: Tensor) -> tuple[str, float]:
    """The property that a channel's output follows most closely, and their correlation in [-1, 1].

    Args:
        maps: The channel's output, float32 (N, h, w).
        images: Float32 (N, 3, H, W) in [0, 1].
    """
    size = maps.shape[1:]
    scaled = {name: F.adaptive_avg_pool2d(found[:, None], size)[:, 0] for name, found in properties(images).items()}
    found = {name: float(_correlation(maps, values)) for name, values in scaled.items()}
    name = max(found, key=lambda key: abs(found[key]))
    return name, found[name]


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    return torch.nan_to_num(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])
