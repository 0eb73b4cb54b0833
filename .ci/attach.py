"""What a user does after `pip install lightning-viz`: all callbacks on a project of their own, then TensorBoard."""

import subprocess
import sys
import tempfile

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lightning_viz import (
    ConfusionMatrixPanel,
    DeepDream,
    FilterActivations,
    FilterAscent,
    LimePanels,
    SaliencyMaps,
)


class Project(LightningModule):
    """Any classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits."""
        return self.net(x)

    def training_step(self, batch: list[torch.Tensor]) -> torch.Tensor:
        """Cross-entropy."""
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch: list[torch.Tensor]) -> None:
        """Looks only."""
        self(batch[0])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Plain descent."""
        return torch.optim.SGD(self.parameters(), lr=0.1)


loader = DataLoader(TensorDataset(torch.rand(32, 3, 32, 32), torch.arange(32) % 4), batch_size=8)
with tempfile.TemporaryDirectory() as folder:
    logger = TensorBoardLogger(folder, name="", version="")
    callbacks = [
        callback(on_error="raise")
        for callback in (SaliencyMaps, FilterAscent, FilterActivations, LimePanels, DeepDream, ConfusionMatrixPanel)
    ]
    Trainer(max_epochs=1, logger=logger, callbacks=callbacks).fit(Project(), loader, loader)

    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = EventAccumulator(folder)
    log.Reload()
    pictures = log.Tags()["images"]
    print(f"{len(pictures)} pictures from the installed wheel")
    told = subprocess.run(
        [sys.executable, "-m", "tensorboard.main", "--help"], capture_output=True, text=True, check=True
    )
    assert "--lightning_viz_keep" in told.stdout, "TensorBoard does not find the tab"
    assert {"confusion/val", "probe_00_class_0/lime"} <= set(pictures)
