"""What networks carry beside their weights, and callbacks that change a network or follow its metrics."""

from collections import deque

import pytorch_lightning as pl
import torch
from projects import Project
from pytorch_lightning.callbacks import (
    BaseFinetuning,
    EarlyStopping,
    LearningRateMonitor,
    ModelCheckpoint,
    ModelPruning,
)
from torch import nn
from torch.ao.quantization import FakeQuantize, MovingAverageMinMaxObserver, PerChannelMinMaxObserver
from torch.nn.utils import parametrizations, spectral_norm

from .configuration import Configuration


class Remembers(nn.Module):
    """Its output depends on how often it was called, also in eval mode."""

    def __init__(self):
        super().__init__()
        self.calls, self.recent, self.shapes = {"all": 0}, deque(maxlen=4), set()
        self.register_buffer("late", None)

    def forward(self, x):
        self.calls["all"] += 1
        self.recent.append(self.calls["all"])
        self.shapes.add(len(x))
        if self.late is None:
            self.late = x.detach().mean()
        return x * (1 + 0.01 * len(self.shapes) + 0.001 * sum(self.recent)) + self.late


class Remembering(Project):
    """With a layer that remembers."""

    def __init__(self):
        super().__init__()
        self.net.insert(0, Remembers())


class QuantisationAware(Project):
    """With observers of ranges, which observe in eval mode too."""

    def __init__(self):
        super().__init__()
        self.net.insert(1, FakeQuantize(MovingAverageMinMaxObserver))
        channels = {"dtype": torch.qint8, "quant_min": -128, "quant_max": 127, "qscheme": torch.per_channel_symmetric}
        self.net.insert(6, FakeQuantize(PerChannelMinMaxObserver, ch_axis=1, **channels))


class Normed(Project):
    """With a spectral norm in the old way, and one as a parametrization."""

    def __init__(self):
        super().__init__()
        spectral_norm(self.net[0])
        parametrizations.spectral_norm(self.net[4])


class Plateau(Project):
    """With a learning rate that follows the validation."""

    def configure_optimizers(self):
        optimizer = super().configure_optimizers()
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, threshold=0.5)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "monitor": "val_loss"}}


class Thaw(BaseFinetuning):
    """Trains the first convolution from the second epoch on."""

    def freeze_before_training(self, pl_module):
        self.freeze(pl_module.net[0])

    def finetune_function(self, pl_module, epoch, optimizer):
        if epoch == 1:
            self.unfreeze_and_add_param_group(pl_module.net[0], optimizer)


def thaw() -> list[pl.Callback]:
    return [Thaw()]


def prune() -> list[pl.Callback]:
    return [ModelPruning("l1_unstructured", amount=0.2)]


def follow() -> list[pl.Callback]:
    return [
        LearningRateMonitor("step"),
        ModelCheckpoint(monitor="val_acc", mode="max", save_top_k=2),
        EarlyStopping("val_loss", patience=1, min_delta=0.1),
    ]


AT_ONCE = {"num_sanity_val_steps": 0}
"""So that an explanation is what calls the network first."""
ROWS = {
    "layers that remember their calls": Configuration(Remembering, trainer=AT_ONCE),
    "quantisation-aware": Configuration(QuantisationAware, trainer=AT_ONCE),
    "spectral norms": Configuration(Normed),
    "BaseFinetuning": Configuration(callbacks=thaw),
    "ModelPruning": Configuration(callbacks=prune),
    "scheduler, checkpoints, early stopping": Configuration(
        Plateau, trainer={"max_epochs": 4, "enable_checkpointing": True}, callbacks=follow
    ),
}
