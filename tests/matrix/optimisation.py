"""How the weights are found: accumulation, several optimizers, averages, checkpointing, frozen layers."""

import pytorch_lightning as pl
import torch
from projects import Project
from pytorch_lightning.callbacks import EMAWeightAveraging, StochasticWeightAveraging, WeightAveraging
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from .configuration import Configuration


class FrozenNorm(Project):
    """With a frozen batch normalisation, kept in eval mode as fine-tuners do."""

    def on_train_epoch_start(self):
        self.net[1].eval()
        self.net[1].requires_grad_(False)


class LogsInForward(Project):
    """Watches its own scores."""

    def forward(self, x):
        scores = self.net(x)
        self.log("score", scores.mean())
        return scores


class Manual(Project):
    """Steps by hand, twice per batch."""

    automatic_optimization = False

    def training_step(self, batch, batch_idx):
        optimizer = self.optimizers()
        for _ in range(2):
            loss = F.cross_entropy(self(batch[0]), batch[1])
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()
        self.log("loss", loss)


class TwoOptimizers(Manual):
    """One optimizer for the convolutions and one for the head, which steps every other time; gradients add up."""

    def training_step(self, batch, batch_idx):
        body, head = self.optimizers()
        loss = F.cross_entropy(self(batch[0]), batch[1])
        self.manual_backward(loss)
        body.step()
        body.zero_grad()
        if batch_idx % 2:
            head.step()
            head.zero_grad()
        self.log("loss", loss)

    def configure_optimizers(self):
        return torch.optim.Adam([*self.net[0].parameters(), *self.net[4].parameters()]), torch.optim.SGD(
            self.net[9].parameters()
        )


class Checkpointed(Project):
    """Computes the later layers anew in the backward."""

    reentrant = False

    def forward(self, x):
        layers = list(self.net)
        return checkpoint(nn.Sequential(*layers[4:]), nn.Sequential(*layers[:4])(x), use_reentrant=self.reentrant)


class CheckpointedReentrant(Checkpointed):
    """The same in torch's older way."""

    reentrant = True


class Running(WeightAveraging):
    """A plain mean over all steps."""

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        return step_idx is not None


def exponential() -> list[pl.Callback]:
    return [EMAWeightAveraging(decay=0.9)]


def running() -> list[pl.Callback]:
    return [Running()]


def stochastic() -> list[pl.Callback]:
    return [StochasticWeightAveraging(swa_lrs=0.01, swa_epoch_start=1)]


ROWS = {
    "plain": Configuration(),
    "drawn in the background": Configuration(background=True),
    "accumulate 3, validate in mid-epoch": Configuration(
        trainer={"accumulate_grad_batches": 3, "val_check_interval": 0.5}
    ),
    "frozen BatchNorm": Configuration(FrozenNorm),
    "self.log in forward": Configuration(LogsInForward),
    "manual optimisation": Configuration(Manual),
    "two optimizers": Configuration(TwoOptimizers),
    "gradient checkpointing": Configuration(Checkpointed),
    "gradient checkpointing, reentrant": Configuration(CheckpointedReentrant),
    "clipping + anomaly detection": Configuration(trainer={"gradient_clip_val": 0.1, "detect_anomaly": True}),
    "deterministic": Configuration(trainer={"deterministic": True}),
    "EMAWeightAveraging": Configuration(callbacks=exponential),
    "WeightAveraging": Configuration(callbacks=running),
    "StochasticWeightAveraging": Configuration(trainer={"max_epochs": 3}, callbacks=stochastic),
    "inference_mode=False": Configuration(trainer={"inference_mode": False}),
}
