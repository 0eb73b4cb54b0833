"""`python -m benchmarks.tables CHECKPOINT`: does the explanation of each label lie on that dish?

Takes the network that `python train.py fit --config configs/tables.yaml` has trained, for whatever task, explains all
labels, regions or boxes of drawn tables that it has not seen, or the share that food covers, and holds every map
against the mask of that food: the share of maps whose maximum lies in it, and the share of the map's magnitudes that
does. Chance, for both, is the share of the image that the mask takes.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from benchmarks.measure import aligned
from lightning_viz import GradCam, IntegratedGradients, LimePanels, Occlusion, Probes, SaliencyMaps
from lightning_viz.food11 import FoodClassifier, FoodData

MOST = 4
"""Dishes on a table."""


def measured(checkpoint: str, tables: int) -> tuple[dict[str, dict[str, float]], float]:
    """Pointing and share in mask by method, means over all labels of the first validation tables, and chance."""
    model: Any = FoodClassifier.load_from_checkpoint(checkpoint, map_location="cpu")
    data = FoodData(None, model.hparams["size"], val_count=tables, task=model.hparams["task"])
    common: dict[str, Any] = {"probes": Probes(indices=range(tables)), "labels": MOST, "on_error": "raise"}
    callbacks = [
        SaliencyMaps(**common),
        SaliencyMaps(method="smoothgrad", **common),
        IntegratedGradients(**common),
        GradCam(**common),
        Occlusion(**common),
        LimePanels(**{key: value for key, value in common.items() if key != "labels"}),
    ]
    with tempfile.TemporaryDirectory() as folder:
        logger = TensorBoardLogger(folder, name="", version="")
        pl.Trainer(accelerator="cpu", logger=logger, callbacks=callbacks).validate(model, data, verbose=False)
        log = EventAccumulator(folder).Reload()
    found: dict[str, dict[str, float]] = {}
    for tag in log.Tags()["scalars"]:
        _, method, measure = tag.split("/") if tag.startswith("explanations/") else ("", "", "")
        if measure in ("pointing", "in_mask"):
            found.setdefault(method, {})[measure] = log.Scalars(tag)[-1].value
    images: Any = data.val_dataloader().dataset
    masks = [images.mask(i).reshape(-1, *images.images.shape[2:]) for i in range(tables)]
    shares = [float(mask.float().mean()) for some in masks for mask in some if bool(mask.any())]
    return found, sum(shares) / len(shares)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__.split("\n\n")[0])
    parser.add_argument("checkpoint")
    parser.add_argument("--tables", type=int, default=50)
    args = parser.parse_args()
    warnings.filterwarnings("ignore", ".*does not have many workers")
    found, chance = measured(args.checkpoint, args.tables)
    rows = [[name, f"{one['pointing']:.2f}", f"{one['in_mask']:.2f}"] for name, one in sorted(found.items())]
    print(aligned([["method", "pointing", "in mask"], *rows, ["chance", f"{chance:.2f}", f"{chance:.2f}"]]))


if __name__ == "__main__":
    main()
