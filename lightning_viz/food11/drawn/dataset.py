"""Drawn food as torch data sets."""

from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from lightning_viz.food11.drawn.laid import LaidTable, draw_table
from lightning_viz.food11.drawn.menu import CLASSES
from lightning_viz.food11.drawn.scene import MIN_SIZE, draw


class DrawnFood(Dataset[tuple[Tensor, int]]):
    """Pictures of food drawn by code, 11 classes in Food-11's order, each with a mask of its evidence.

    Every item is (image float32 (3, size, size) in [0, 1], label). Item i has class i % 11 and depends on
    seed and i only: neither on size (the same scene), nor on count, nor on any global generator.

    The set plants what a heat map should find. Soup always stands in a round bowl, other food at times;
    eggs often come with bread and bread at times with a yellow round, so a weak network mixes those two up.

    Args:
        count: Number of pictures, at least 1.
        size: Pixels per side, at least 32.
        seed: Which set, at least 0; different seeds share no scene.

    Raises:
        ValueError: If count, size or seed are out of range.

    >>> food = DrawnFood(22, size=64)
    >>> image, label = food[3]
    >>> image.shape, food.classes[label], food.mask(3).dtype
    (torch.Size([3, 64, 64]), 'Egg', torch.bool)
    """

    def __init__(self, count: int, *, size: int = 64, seed: int = 0) -> None:
        _check(count, size, seed)
        self.count, self.size, self.seed = count, size, seed
        self.classes: list[str] = list(CLASSES)
        self.targets: list[int] = [i % len(CLASSES) for i in range(count)]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        drawing = draw(self.seed, _within(index, self.count), self.size)
        return _pixels(drawing.image), drawing.label

    def mask(self, index: int) -> Tensor:
        """The evidence of one picture, bool (size, size): True where the food lies that gives the class.

        Raises:
            IndexError: If the index is out of range.
        """
        return torch.from_numpy(draw(self.seed, _within(index, self.count), self.size).mask)


Tells = Literal["labels", "regions", "values", "boxes"]
"""What a table may tell."""


class DrawnTables(Dataset[tuple[Tensor, Any]]):
    """Tables with several dishes, drawn by code: several labels per image, each with a mask of its own.

    Every item is an image, float32 (3, size, size) in [0, 1], and what it tells. Item i depends on seed and i only:
    neither on size (the same table), nor on count, nor on any global generator.

    Args:
        count: Number of tables, at least 1.
        size: Pixels per side, at least 32.
        seed: Which set, at least 0; different seeds share no table.
        tells: `"labels"`, float32 (11,) of 0 and 1, in Food-11's order; `"regions"`, uint8 (size, size), 0 where no
            food lies, else 1 more than its class; `"values"`, float32 (), the share of the table that food covers; or
            `"boxes"`, a dict of `boxes` (D, 4) and `labels` (D,), as `boxes` returns them.

    Raises:
        ValueError: If count, size or seed are out of range.

    >>> tables = DrawnTables(4)
    >>> image, labels = tables[0]
    >>> image.shape, int(labels.sum()), tables.mask(0).shape, tables.boxes(0)[0].shape, tables.eaten(0) < 1
    (torch.Size([3, 96, 96]), 4, torch.Size([11, 96, 96]), torch.Size([4, 4]), True)
    """

    def __init__(self, count: int, *, size: int = 96, seed: int = 0, tells: Tells = "labels") -> None:
        _check(count, size, seed)
        if tells not in get_args(Tells):
            raise ValueError(f"Expected tells to be one of {get_args(Tells)}, received {tells!r}.")
        self.count, self.size, self.seed, self.tells = count, size, seed, tells
        self.classes: list[str] = list(CLASSES)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        laid = self._laid(index)
        return _pixels(laid.image), _told(laid, self.tells)

    def mask(self, index: int) -> Tensor:
        """Where the food of each class lies, bool (11, size, size); nowhere where there is none.

        Raises:
            IndexError: If the index is out of range.
        """
        laid = self._laid(index)
        masks = torch.zeros(len(CLASSES), self.size, self.size, dtype=torch.bool)
        masks[list(laid.labels)] = torch.from_numpy(laid.masks)
        return masks

    def boxes(self, index: int) -> tuple[Tensor, Tensor]:
        """The smallest box around each of D dishes that are seen, float32 (D, 4), and their classes, long (D,).

        Boxes are left, top, right and bottom in pixels.

        Raises:
            IndexError: If the index is out of range.
        """
        return _boxes(self._laid(index))

    def eaten(self, index: int) -> float:
        """The share of all that was served that is eaten, in [0, 1).

        Raises:
            IndexError: If the index is out of range.
        """
        return self._laid(index).eaten

    def _laid(self, index: int) -> LaidTable:
        return draw_table(self.seed, _within(index, self.count), self.size)


def _boxes(laid: LaidTable) -> tuple[Tensor, Tensor]:
    seen = laid.masks.any((1, 2))
    return torch.from_numpy(laid.boxes[seen]), torch.tensor(laid.labels)[torch.from_numpy(seen)]


def _told(laid: LaidTable, tells: Tells) -> Any:
    if tells == "boxes":
        boxes, labels = _boxes(laid)
        return {"boxes": boxes, "labels": labels}
    if tells == "values":
        return torch.tensor(laid.masks.any(0).mean(), dtype=torch.float32)
    if tells == "labels":
        labels = torch.zeros(len(CLASSES))
        labels[list(laid.labels)] = 1.0
        return labels
    regions = torch.zeros(laid.image.shape[:2], dtype=torch.uint8)
    for label, mask in zip(laid.labels, laid.masks, strict=True):
        regions[torch.from_numpy(mask)] = label + 1
    return regions


def _check(count: int, size: int, seed: int) -> None:
    if count < 1:
        raise ValueError(f"Expected count to be at least 1, received {count}")
    if size < MIN_SIZE:
        raise ValueError(f"Expected size to be at least {MIN_SIZE} pixels for the food to be seen, received {size}")
    if seed < 0:
        raise ValueError(f"Expected seed to be 0 or more, received {seed}")


def _within(index: int, count: int) -> int:
    if not -count <= index < count:
        raise IndexError(f"Expected an index within {count} drawn pictures, received {index}.")
    return int(index) % count


def _pixels(image: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32) / np.float32(255))
