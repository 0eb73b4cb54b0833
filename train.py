"""Train, validate, test or predict: `python train.py fit --config configs/demo.yaml`."""

import warnings

from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.utilities import rank_zero_warn

import lightning_viz.callbacks  # noqa: F401  the short names of `trainer.callbacks`
from lightning_viz.food11 import FoodClassifier, FoodData, PredictionsCsv


class FoodCLI(LightningCLI):
    """`--data.size` sets the network's size too; `--predictions.path` is where `predict` writes."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Adds what this homework needs to Lightning's own arguments."""
        parser.add_lightning_class_args(PredictionsCsv, "predictions")
        parser.link_arguments("data.size", "model.size")

    def before_instantiate_classes(self) -> None:
        """Says so when figures or predictions would come from random weights."""
        if self.subcommand != "fit" and not self.config[str(self.subcommand)].ckpt_path:
            rank_zero_warn("no --ckpt_path given: the network is untrained")


def main() -> FoodCLI:
    """Runs the command line."""
    warnings.filterwarnings("ignore", ".*does not have many workers")  # the images are in memory already
    warnings.filterwarnings("ignore", ".*isinstance.treespec, LeafSpec.")  # Lightning's own, under a newer torch
    return FoodCLI(FoodClassifier, FoodData, seed_everything_default=0, save_config_kwargs={"overwrite": True})


if __name__ == "__main__":
    main()
