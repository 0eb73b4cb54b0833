"""Networks that know the drawn food: trained here, or from a checkpoint."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lightning_viz.food11 import FoodClassifier

ROOT = Path(__file__).parents[1]
CONFIG, TRANSFORMER = ROOT / "configs" / "demo.yaml", ROOT / "configs" / "food_vit.yaml"


def train(folder: Path, options: Sequence[str] = (), *, config: Path = CONFIG) -> Path:
    """Trains as `train.py fit` does, but for the pictures.

    Args:
        folder: Where to write.
        options: Further ones of `train.py fit`.
        config: The demo's, or another one.

    Returns:
        The checkpoint of its best epoch.
    """
    keeping = '{"class_path": "ModelCheckpoint", "init_args": {"monitor": "val_acc", "mode": "max"}}'
    logging = ["--trainer.logger.init_args.save_dir", str(folder.resolve())]
    command = [
        sys.executable,
        "train.py",
        "fit",
        "--config",
        str(config),
        *logging,
        "--trainer.callbacks",
        f"[{keeping}]",
        *options,
    ]
    subprocess.run(command, cwd=ROOT, check=True)
    return max(folder.rglob("*.ckpt"), key=lambda file: file.stat().st_mtime)


def load(checkpoint: Path) -> FoodClassifier:
    """The network of a checkpoint."""
    return FoodClassifier.load_from_checkpoint(checkpoint, map_location="cpu")
