"""The trained food classifier, and what it says of the validation images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from gallery.food import load
from lightning_viz.food11 import CLASS_NAMES, FoodClassifier, FoodData, FoodImages

VALIDATION = 550
"""Drawn images that the network is asked about: as many as the demo validates."""


@dataclass(frozen=True)
class Study:
    """A network and what it says of its validation images.

    Attributes:
        network: In eval mode.
        images: The validation images.
        probabilities: Class probabilities, float32 (N, 11).
        labels: Long (N,).
    """

    network: FoodClassifier
    images: FoodImages
    probabilities: Tensor
    labels: Tensor

    @property
    def table(self) -> Tensor:
        """How often each class (row) was taken for each (column), long (11, 11)."""
        count = len(CLASS_NAMES)
        return torch.bincount(self.labels * count + self.probabilities.argmax(1), minlength=count**2).reshape(
            count, count
        )

    @property
    def recall(self) -> Tensor:
        """The share of each class that is found, float32 (11,); NaN for a class without images."""
        table = self.table.float()
        return table.diagonal() / table.sum(1)

    def surest(self, label: int, probabilities: int) -> int | None:
        """The image of one class that is most surely taken for another, or the same; None where there is none."""
        found = ((self.labels == label) & (self.probabilities.argmax(1) == probabilities)).nonzero()[:, 0]
        return None if len(found) == 0 else int(found[self.probabilities[found, probabilities].argmax()])


def study(checkpoint: Path, root: str | None, seed: int = 0) -> Study:
    """Asks the network of a checkpoint about all validation images.

    Args:
        checkpoint: Of a `FoodClassifier`.
        root: Folder with Food-11; None for drawn food.
        seed: Of the drawn food that it was trained on.
    """
    network = load(checkpoint).eval()
    data = FoodData(root, network.hparams["size"], val_count=VALIDATION, seed=seed)
    data.setup("validate")
    loader = data.val_dataloader()
    images = loader.dataset
    assert isinstance(images, FoodImages)
    with torch.no_grad():
        probabilities = torch.cat([network(batch).softmax(1) for batch, _ in DataLoader(images, batch_size=64)])
    return Study(network, images, probabilities, torch.tensor(images.targets))
