"""Image files as the probes are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

_MODES = {1: "L", 3: "RGB"}


def read_image(path: Path, images: Tensor) -> Tensor:
    """An image file, cut to the shape of the probes.

    Args:
        path: Of the file.
        images: (N, C, H, W), the probes.

    Returns:
        (1, C, H, W) in [0, 1], on their device.

    Raises:
        ValueError: There is no image in the file, or none of as many channels.
    """
    channels, height, width = images.shape[1], *images.shape[-2:]
    if images.ndim > 4 or channels not in _MODES:
        kind = f"not {channels} channels" if images.ndim == 4 else "no volumes"
        raise ValueError(f"Expected guide= as the position of a probe, since files have {kind}.")
    try:
        with Image.open(path) as file:
            image = ImageOps.fit(ImageOps.exif_transpose(file).convert(_MODES[channels]), (width, height))
    except OSError as error:
        raise ValueError(f"Expected an image file as guide=, received {str(path)!r}: {error}") from error
    pixels = torch.from_numpy(np.array(image)).float() / 255
    return pixels.reshape(height, width, channels).permute(2, 0, 1)[None].to(images.device)
