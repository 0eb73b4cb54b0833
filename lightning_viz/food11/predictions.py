"""Predictions as a table: one row per image."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import BasePredictionWriter
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor

Row = tuple[int, int, float]


class PredictionsCsv(BasePredictionWriter):
    """Writes what `predict` says about each image: columns `file`, `class`, `probability`.

    Rows are in the data set's order. `file` is the path from the data set's `files`, else the image's index;
    `class` is the name from its `classes`, else the label. Expects one loader and probabilities (N, K) from
    `predict_step`.

    Args:
        path: The file to write; its folder is made if need be.
    """

    def __init__(self, path: str = "predictions.csv") -> None:
        super().__init__(write_interval="epoch")
        self.path = Path(path).expanduser()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuses a path that cannot be written before the first batch.

        Raises:
            ValueError: The path is a folder.
        """
        super().setup(trainer, pl_module, stage)
        if stage == "predict" and self.path.is_dir():
            raise ValueError(
                f"Expected path to name a file, received the folder {self.path}: try {self.path}/predictions.csv"
            )

    def write_on_epoch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        predictions: Sequence[Any],
        batch_indices: Sequence[Any],
    ) -> None:
        """Gathers every process's rows and writes them on the first."""
        rows = _gather(_rows(predictions, batch_indices[0]))
        if not trainer.is_global_zero:
            return
        dataset = cast(Any, trainer.predict_dataloaders).dataset
        files, classes = getattr(dataset, "files", None), getattr(dataset, "classes", None)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("w", newline="", encoding="utf-8") as stream:
            table = csv.writer(stream)
            table.writerow(["file", "class", "probability"])
            for index, label, probability in sorted(rows):
                name = classes[label] if classes else label
                file = files[index] if files else index
                table.writerow([harmless(str(file)), harmless(str(name)), f"{probability:.6f}"])
        rank_zero_info(f"{len(rows)} predictions written to {self.path}")


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: one that begins like one is quoted.

    Example:
        >>> harmless("=1+1"), harmless("soup.jpg")
        ("'=1+1", 'soup.jpg')
    """
    return f"'{cell}" if cell.lstrip().startswith(("=", "+", "-", "@")) or cell.startswith(("\t", "\r", "\n")) else cell


def _rows(predictions: Sequence[Tensor], batch_indices: Sequence[Sequence[int]]) -> list[Row]:
    rows: list[Row] = []
    for probabilities, indices in zip(predictions, batch_indices, strict=True):
        best, labels = probabilities.float().max(1)
        rows += zip(indices, labels.tolist(), best.tolist(), strict=True)
    return rows


def _gather(rows: list[Row]) -> list[Row]:
    """All processes' rows, without the images that a sampler handed to two of them."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return rows
    parts: list[list[Row]] = [[] for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather_object(parts, rows)
    return list({row[0]: row for part in parts for row in part}.values())
