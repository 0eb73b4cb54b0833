"""A small network trained on drawn food, whose evidence is known: what the explanations of it must find."""

from dataclasses import dataclass, field

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor

from lightning_viz.explain.network.layers import layer_output
from lightning_viz.food11 import CLASS_NAMES, FoodClassifier, FoodData
from lightning_viz.food11.drawn import DrawnFood

SEED = 0
VALIDATION = 330


@dataclass
class Trained:
    """The network, frozen and in eval mode; the validation images with the masks of their evidence."""

    net: FoodClassifier
    seen: Tensor
    images: Tensor
    labels: Tensor
    masks: Tensor
    confusions: list[Tensor] = field(default_factory=list)

    def features(self, layer):
        return lambda images: layer_output(self.net, self.net.get_submodule(layer), images)

    def right(self, label=None):
        """Positions of the images that the network gets right, of one class if asked."""
        with torch.no_grad():
            right = self.net(self.images).argmax(1) == self.labels
        return (right if label is None else right & (self.labels == label)).nonzero().flatten().tolist()


class Confusions(pl.Callback):
    """Counts (true, predicted) of the validation images in every epoch."""

    def __init__(self):
        self.epochs = []

    def on_train_epoch_end(self, trainer, pl_module):
        counts = torch.zeros(len(CLASS_NAMES), len(CLASS_NAMES), dtype=torch.long)
        pl_module.eval()
        with torch.no_grad():
            for images, labels in trainer.datamodule.val_dataloader():
                counts.index_put_((labels, pl_module(images).argmax(1)), torch.tensor(1), accumulate=True)
        pl_module.train()
        self.epochs.append(counts)


@pytest.fixture(scope="session")
def trained():
    """Trained within seconds; every choice has a seed."""
    pl.seed_everything(SEED, verbose=False)
    data = FoodData(size=64, batch_size=32, augment=False, train_count=1320, val_count=VALIDATION, seed=10 * SEED)
    net = FoodClassifier(size=64, width=8, lr=2e-3, decay=True)
    confusions = Confusions()
    trainer = pl.Trainer(
        max_epochs=7,
        accelerator="cpu",
        logger=False,
        callbacks=[confusions],
        limit_val_batches=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(net, data)
    net.eval().requires_grad_(False)
    images, labels = batch(data.val_dataloader().dataset)
    seen, _ = batch(data.train_dataloader().dataset)
    food = DrawnFood(VALIDATION, size=64, seed=10 * SEED + 1)  # what FoodData draws for validation
    masks = torch.stack([food.mask(i) for i in range(VALIDATION)])
    assert torch.equal((food[5][0] * 255).round(), (images[5] * 255).round())
    return Trained(net, seen, images, labels, masks, confusions.epochs)


def batch(dataset):
    images, labels = zip(*dataset, strict=True)
    return torch.stack(images), torch.tensor(labels)
