"""Pictures of a network by the callbacks themselves, as files."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from torch.utils.data import DataLoader, Dataset


def draw(module: pl.LightningModule, data: Dataset[Any], callbacks: Sequence[pl.Callback], folder: Path) -> Path:
    """Validates a network once with callbacks that draw.

    Args:
        module: The network, trained.
        data: What it is validated on, and the probes come from.
        callbacks: What to draw.
        folder: Where to write.

    Returns:
        The folder of the pictures: `<tag>/<step>.jpg`.
    """
    warnings.filterwarnings("ignore", ".*does not have many workers")
    trainer = pl.Trainer(
        accelerator="cpu",
        callbacks=list(callbacks),
        logger=False,
        default_root_dir=folder,
        enable_checkpointing=False,
        enable_model_summary=False,
    )
    trainer.validate(module, DataLoader(data, batch_size=32), verbose=False)
    return folder / "explanations"
