"""What is found in runs that have it: a mark in a corner, labels of chance, a network that stands still."""

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import TensorBoardLogger
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from lightning_viz import ConfusionMatrixPanel, Probes, SaliencyMaps, findings


class Small(pl.LightningModule):
    """Convolutions whose places are told apart."""

    def __init__(self, lr):
        super().__init__()
        self.lr = lr
        self.net = nn.Sequential(
            nn.Conv2d(1, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(128, 3)
        )

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, batch_idx):
        return F.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", F.cross_entropy(self(batch[0]), batch[1]))

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), self.lr)


def found(folder, mark, lr=0.01):
    """The kinds of what is found in three epochs of noise, with a mark of the class in a corner or none."""
    pl.seed_everything(0, verbose=False)
    images, labels = 0.4 * torch.rand(360, 1, 16, 16), torch.randint(3, (360,))
    images[range(360), 0, 1, labels] += 0.6 * mark
    few = TensorDataset(images[:240], labels[:240]), TensorDataset(images[240:], labels[240:])
    train, val = (DataLoader(part, batch_size=16) for part in few)
    probes = Probes(count=4, class_names=["Ant", "Bee", "Fly"])
    trainer = pl.Trainer(
        max_epochs=3,
        accelerator="cpu",
        logger=TensorBoardLogger(folder),
        callbacks=[each(probes=probes, on_error="raise") for each in (SaliencyMaps, ConfusionMatrixPanel)],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=5,
    )
    trainer.fit(Small(lr), train, val)
    return {finding.kind: finding for finding in findings(trainer.log_dir)}


def test_a_mark_that_gives_the_class_away(tmp_path):
    kinds = found(tmp_path, mark=1)
    assert kinds["corner"].numbers["corner"] == "upper left"
    assert "guessing" not in kinds


@pytest.mark.parametrize(("lr", "still"), [(0.01, False), (0.0, True)])
def test_noise_teaches_nothing_and_a_network_that_stands_still_is_told(tmp_path, lr, still):
    kinds = found(tmp_path, mark=0, lr=lr)
    assert {"guessing", "collapsed"} & set(kinds)
    assert "corner" not in kinds
    assert ("frozen" in kinds) == still
