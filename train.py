"""Train, validate, test, predict or replay: `python train.py fit --config configs/demo.yaml`."""

import warnings
from dataclasses import asdict

from jsonargparse import Namespace
from pytorch_lightning import Trainer
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.utilities import rank_zero_warn

import lightning_viz.callbacks  # noqa: F401  the short names of `trainer.callbacks`
from lightning_viz import Probes, replay
from lightning_viz.food11 import FoodClassifier, FoodData, PredictionsCsv


class ReplayTrainer(Trainer):
    """A Trainer that also draws from the checkpoints of a run that is over."""

    replay = replay


class FoodCLI(LightningCLI):
    """`--data.size` and `--data.task` set the network's too; `--predictions.path` is where `predict` writes."""

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Lightning's own, and `replay`."""
        own = LightningCLI.subcommands()
        return {**own, "replay": own["fit"]}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Adds what this homework needs to Lightning's own arguments."""
        parser.add_lightning_class_args(PredictionsCsv, "predictions")
        parser.link_arguments("data.size", "model.size")
        parser.link_arguments("data.task", "model.task")
        parser.add_argument(
            "--probes", type=list[int] | None, help="items of the training listing that all callbacks explain"
        )

    def before_instantiate_classes(self) -> None:
        """Gives the probes to all callbacks, and says so when figures would come from random weights."""
        config = self.config[str(self.subcommand)]
        if self.subcommand == "replay":  # it may write into the folder of the run, whose configuration stays
            self.save_config_callback = None
        if self.subcommand in ("validate", "test", "predict") and not config.ckpt_path:
            rank_zero_warn("no --ckpt_path given: the network is untrained")
        for callback in (config.trainer.callbacks or []) if config.probes else []:
            if "probes" in callback.get("init_args", {}):
                callback.init_args.probes = Namespace(**asdict(Probes(split="train", indices=config.probes)))


def main() -> FoodCLI:
    """Runs the command line."""
    warnings.filterwarnings("ignore", ".*does not have many workers")  # the images are in memory already
    warnings.filterwarnings("ignore", ".*isinstance.treespec, LeafSpec.")  # Lightning's own, under a newer torch
    return FoodCLI(
        FoodClassifier,
        FoodData,
        trainer_class=ReplayTrainer,
        seed_everything_default=0,
        save_config_kwargs={"overwrite": True},
    )


if __name__ == "__main__":
    main()
