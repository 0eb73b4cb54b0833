"""Images for the tests of LIME's parts."""

import torch

HOMEWORK = {"method": "slic", "segments": 100, "compactness": 1.0, "sigma": 1.0}


def photo(side=48, channels=3, seed=0):
    """A smooth image (C, side, side) in [0, 1]."""
    noise = torch.rand(1, channels, 6, 6, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(noise, size=(side, side), mode="bicubic").clamp(0, 1)[0]


def blocks(side=16, rows=4):
    """An image cut into rows x rows squares."""
    index = torch.arange(side) * rows // side
    return photo(side), index[:, None] * rows + index
