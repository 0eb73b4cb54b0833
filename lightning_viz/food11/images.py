"""Images in memory: decoded or drawn once, kept as one uint8 tensor, handed out as floats."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import Dataset

from lightning_viz.food11.splits import CLASS_NAMES

NO_LABEL = -1


class FoodImages(Dataset[tuple[Tensor, Any]]):
    """One split's images, decoded.

    Items are `(image, label)`: float32 (3, size, size) in [0, 1] and an integer from 0 to 10, or -1 where
    the split has no labels; of tables what they tell, of whole numbers int64.

    Attributes:
        images: uint8 (N, 3, size, size).
        targets: N labels.
        classes: The 11 class names, by label.
        files: N paths, or None for drawn images.
        mask: What makes item i that food, bool (size, size), or by class (11, size, size); None where nobody knows.

    Args:
        images: uint8 (N, 3, size, size).
        targets: N labels, or None for a split without labels.
        files: Where the images come from.
        mask: Makes the mask of an item, when it is asked for.
    """

    def __init__(
        self,
        images: Tensor,
        targets: Sequence[Any] | None,
        files: Sequence[Path] | None = None,
        *,
        mask: Callable[[int], Tensor] | None = None,
    ) -> None:
        self.images = images
        self.targets: list[Any] = list(targets) if targets is not None else [NO_LABEL] * len(images)
        self.files = list(files) if files is not None else None
        self.classes = list(CLASS_NAMES)
        self.mask = mask

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        target = self.targets[index]
        return self.images[index].float() / 255, target.long() if _are_bytes(target) else target


def _are_bytes(target: Any) -> bool:
    return isinstance(target, Tensor) and target.dtype == torch.uint8


def read_images(files: Sequence[Path], size: int) -> Tensor:
    """Decodes image files and resizes them to squares, in several threads.

    The aspect ratio is not kept, as in the homework.

    Args:
        files: Image files of any kind that Pillow reads, in any colour mode.
        size: Edge of the squares in pixels.

    Returns:
        uint8 (N, 3, size, size), RGB.

    Raises:
        ValueError: A file is no image, or is cut off; names the file.
    """
    images = torch.empty(len(files), 3, size, size, dtype=torch.uint8)

    def read(index: int) -> None:
        images[index] = _read_image(files[index], size)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        # map cancels what is still waiting when one file fails, so that the error comes at once.
        for _ in pool.map(read, range(len(files))):
            pass
    return images


def collect_images(source: Dataset[tuple[Tensor, Any]], count: int, size: int) -> tuple[Tensor, list[Any]]:
    """Keeps a data set's images, float32 (3, size, size) in [0, 1], as uint8 (N, 3, size, size), and its labels."""
    images, labels = torch.empty(count, 3, size, size, dtype=torch.uint8), []
    for index in range(count):
        image, label = source[index]
        images[index] = (image * 255).round().to(torch.uint8)
        labels.append(label)
    return images, labels


def _read_image(file: Path, size: int) -> Tensor:
    try:
        with Image.open(file) as image:
            image.draft("RGB", (size, size))  # lets libjpeg decode large photographs at a fraction of their size
            upright = ImageOps.exif_transpose(image).convert("RGB")
            pixels = np.array(upright.resize((size, size), Image.Resampling.BILINEAR))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"Expected a readable image, received {file} ({error}): replace or remove the file."
        ) from error
    return torch.from_numpy(pixels).permute(2, 0, 1)
