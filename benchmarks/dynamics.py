"""`python -m benchmarks.dynamics`: do the measures tell a network that learns from one that memorises?

Trains on true and on random labels, and compares every measure of the explanations: Terzieva & Muschalik (2023) found
that the sum of |attribution| rises and its entropy falls in training whether or not the network generalises.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from matplotlib.figure import Figure
from pytorch_lightning.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from benchmarks.measure import aligned
from lightning_viz import LimePanels, Probes, SaliencyMaps
from lightning_viz.food11 import FoodClassifier, FoodData

DOCS = Path(__file__).parents[1] / "docs" / "images" / "dynamics.png"
KINDS = ("true labels", "random labels")
COLOURS = {"true labels": "tab:blue", "random labels": "tab:red"}
ACCURACIES = ("train_acc", "val_acc")
DRAWN = tuple(
    f"explanations/{name}"
    for name in (
        "smoothgrad/sum", "smoothgrad/entropy", "smoothgrad/in_mask", "smoothgrad/rank_untrained",
        "smoothgrad/rank_previous", "smoothgrad/rank_best", "lime/fidelity",
    )
)  # fmt: skip
"""The measures that are drawn, besides the accuracy; the table has all of them."""

Series = dict[str, tuple[list[int], list[float]]]
"""Steps and values of every scalar."""


class RandomLabels(FoodData):
    """Food-11 whose training labels say nothing of the images."""

    def setup(self, stage: str) -> None:
        """Shuffles them once they are known."""
        known = "training" in self._splits
        super().setup(stage)
        if not known and "training" in self._splits:
            targets = self._splits["training"].targets
            order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(self.seed))
            targets[:] = [targets[i] for i in order.tolist()]


@dataclass(frozen=True)
class Plan:
    """How large everything is: Food-11's folder or None for drawn food, epochs, pixels, channels, images, probes."""

    root: str | None
    epochs: int
    size: int
    width: int
    images: int
    probes: int


def train(plan: Plan, kind: str, seed: int) -> Series:
    """Trains one network and reads what was logged."""
    pl.seed_everything(seed, verbose=False)
    source = RandomLabels if kind == "random labels" else FoodData
    data = source(
        plan.root, plan.size, 64, augment=False, train_count=plan.images, val_count=max(plan.images // 4, 11), seed=seed
    )
    probes = Probes(count=plan.probes)
    with tempfile.TemporaryDirectory() as folder:
        trainer = pl.Trainer(
            max_epochs=plan.epochs,
            accelerator="cpu",
            logger=TensorBoardLogger(folder, "", ""),
            callbacks=[
                SaliencyMaps(probes=probes, on_error="raise"),
                SaliencyMaps(method="smoothgrad", samples=10, probes=probes, on_error="raise"),
                LimePanels(probes=probes, on_error="raise"),
            ],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(FoodClassifier(size=plan.size, width=plan.width), data)
        return _read(Path(folder))


def _read(folder: Path) -> Series:
    log = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 1})
    log.Reload()
    wanted = [tag for tag in log.Tags()["scalars"] if tag.startswith("explanations/") or tag in ACCURACIES]
    return {tag: ([e.step for e in log.Scalars(tag)], [e.value for e in log.Scalars(tag)]) for tag in sorted(wanted)}


def verdict(found: Mapping[str, Sequence[float]]) -> str:
    """Whether the last values of all runs of one kind lie on one side of those of the other.

    >>> verdict({"true labels": [1.0, 2.0], "random labels": [3.0, 2.5]})
    'lower with true labels'
    >>> verdict({"true labels": [1.0, 3.0], "random labels": [2.0, 2.5]})
    'no difference'
    """
    true, random = (found[kind] for kind in KINDS)
    if max(true) < min(random):
        return "lower with true labels"
    return "higher with true labels" if min(true) > max(random) else "no difference"


def rows(runs: Mapping[str, Sequence[Series]]) -> list[list[str]]:
    """One row per measure: its way from first to last, mean over the seeds, and whether it tells the two apart."""
    table = [["measure", *KINDS, "in the end"]]
    for tag in _tags(runs):
        values = {kind: [series[tag][1] for series in runs[kind]] for kind in KINDS}
        ends = {kind: [one[-1] for one in several] for kind, several in values.items()}
        table.append([tag.removeprefix("explanations/"), *map(_way, values.values()), verdict(ends)])
    return table


def _tags(runs: Mapping[str, Sequence[Series]]) -> list[str]:
    every = [series for kind in KINDS for series in runs[kind]]
    return [tag for tag in every[0] if all(tag in series for series in every)]


def _way(curves: Sequence[Sequence[float]]) -> str:
    first, last = (float(np.mean([curve[k] for curve in curves])) for k in (0, -1))
    return f"{first:.3g} → {last:.3g}"


def figure(runs: Mapping[str, Sequence[Series]], columns: int = 4) -> Figure:
    """One panel per measure that is drawn, and the accuracy; one curve per run, over the steps of the training."""
    tags = [tag for tag in (*DRAWN, "val_acc") if tag in _tags(runs)]
    lines = -(-len(tags) // columns)
    drawn = Figure(figsize=(3 * columns, 2.1 * lines + 0.5), layout="constrained")
    panels = list(drawn.subplots(lines, columns, squeeze=False).flat)
    for axes, tag in zip(panels, tags, strict=False):
        for kind in KINDS:
            for series in runs[kind]:
                axes.plot(*series[tag], ".-", color=COLOURS[kind], label=kind, lw=1, ms=3)
        axes.set_title(tag.removeprefix("explanations/"), fontsize=9)
        axes.tick_params(labelsize=7)
    for axes in panels[len(tags) :]:
        axes.axis("off")
    handles, labels = panels[0].get_legend_handles_labels()
    both = dict(zip(labels, handles, strict=True))
    drawn.legend(both.values(), both.keys(), loc="outside upper center", ncols=2)
    return drawn


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains, prints and draws.

    Args:
        arguments: Those of the command line by default.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dynamics", description=__doc__)
    parser.add_argument("--root", help="folder with Food-11; without it food is drawn")
    for name, default in {"epochs": 20, "size": 64, "width": 16, "images": 1100, "probes": 11, "seeds": 3}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--out", type=Path, default=DOCS)
    given = vars(parser.parse_args(arguments))
    seeds, out = given.pop("seeds"), given.pop("out")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")  # Lightning's advice on loaders
    plan = Plan(**given)
    runs = {kind: [train(plan, kind, seed) for seed in range(seeds)] for kind in KINDS}
    print(aligned(rows(runs)))
    out.parent.mkdir(parents=True, exist_ok=True)
    figure(runs).savefig(out, dpi=110)
    print(out)


if __name__ == "__main__":
    main()
