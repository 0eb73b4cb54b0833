"""Pictures and figures of a network by the callbacks themselves, as files."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.loggers import CSVLogger, Logger
from torch.utils.data import DataLoader, Dataset

PICTURES = "explanations"
"""Where the pictures lie in the folder that they are drawn to: `<tag>/<step>.jpg`."""


def draw(
    module: pl.LightningModule,
    data: Dataset[Any],
    callbacks: Sequence[pl.Callback],
    folder: Path,
    *,
    loggers: Sequence[Logger] = (),
) -> dict[str, float]:
    """Validates a network once with callbacks that draw.

    Args:
        module: The network, trained.
        data: What it is validated on, and the probes come from.
        callbacks: What to draw.
        folder: Where to write.
        loggers: Others that take the pictures instead of files.

    Returns:
        All figures that were logged, by their tags.
    """
    warnings.filterwarnings("ignore", ".*does not have many workers")
    trainer = pl.Trainer(
        accelerator="cpu",
        callbacks=list(callbacks),
        logger=[CSVLogger(folder, "", ""), *loggers],
        enable_checkpointing=False,
        enable_model_summary=False,
    )
    trainer.validate(module, DataLoader(data, batch_size=32), verbose=False)
    with (folder / "metrics.csv").open() as file:
        return {tag: float(value) for row in csv.DictReader(file) for tag, value in row.items() if value}
