"""Where batches come from, when they are validated, and how a run begins and ends."""

from typing import Any

import torch
from projects import Project, Stripes, loaders
from torch.utils.data import DataLoader

from .configuration import Configuration


class SeveralSets(Project):
    """Validates on two sets."""

    def validation_step(self, batch, batch_idx, dataloader_idx=0):
        super().validation_step(batch, batch_idx)


def several() -> dict[str, Any]:
    return {**loaders(), "val_dataloaders": [DataLoader(Stripes(n, seed=n), batch_size=8) for n in (12, 24)]}


def persistent() -> dict[str, Any]:
    return loaders(num_workers=1, persistent_workers=True)


def own_generator() -> dict[str, Any]:
    return loaders(generator=torch.Generator().manual_seed(3))


def own_generator_in_workers() -> dict[str, Any]:
    return loaders(generator=torch.Generator().manual_seed(3), num_workers=1, persistent_workers=True)


ROWS = {
    "persistent workers": Configuration(data=persistent),
    "loader with its own generator": Configuration(data=own_generator),
    "own generator, persistent workers": Configuration(data=own_generator_in_workers),
    "overfit_batches": Configuration(trainer={"overfit_batches": 2}),
    "several validation loaders": Configuration(SeveralSets, several),
    "val_check_interval": Configuration(trainer={"val_check_interval": 2}),
    "check_val_every_n_epoch": Configuration(trainer={"check_val_every_n_epoch": 2}),
    "no validation": Configuration(trainer={"limit_val_batches": 0}),
    "max_steps in mid-epoch": Configuration(trainer={"max_epochs": -1, "max_steps": 9}),
    "resumed after an epoch": Configuration(interrupted=6),
    "resumed in mid-epoch": Configuration(interrupted=9),
}
