"""Drawn food as a torch data set."""

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

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
        if count < 1:
            raise ValueError(f"Expected count to be at least 1, received {count}")
        if size < MIN_SIZE:
            raise ValueError(f"Expected size to be at least {MIN_SIZE} pixels for the food to be seen, received {size}")
        if seed < 0:
            raise ValueError(f"Expected seed to be 0 or more, received {seed}")
        self.count, self.size, self.seed = count, size, seed
        self.classes: list[str] = list(CLASSES)
        self.targets: list[int] = [i % len(CLASSES) for i in range(count)]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        drawing = draw(self.seed, self._checked(index), self.size)
        pixels = drawing.image.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
        return torch.from_numpy(pixels), drawing.label

    def mask(self, index: int) -> Tensor:
        """The evidence of one picture, bool (size, size): True where the food lies that gives the class.

        Raises:
            IndexError: If the index is out of range.
        """
        return torch.from_numpy(draw(self.seed, self._checked(index), self.size).mask)

    def _checked(self, index: int) -> int:
        if not -self.count <= index < self.count:
            raise IndexError(f"Expected an index within {self.count} drawn pictures, received {index}.")
        return int(index) % self.count
