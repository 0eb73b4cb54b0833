"""The last words of a training run: how good it is, and where it lies."""

from pathlib import Path

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.utilities import rank_zero_only


class HowToLook(Callback):
    """Says the validation accuracy, the run's folder, and where films are; how to look at it the drawing ones say."""

    @rank_zero_only
    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Prints it, unless the run was only a rehearsal."""
        if trainer.fast_dev_run or not trainer.log_dir:  # type: ignore[attr-defined]
            return
        lines = [f"validation accuracy  {_percent(trainer.callback_metrics.get('val_acc'))}{_best(trainer)}"]
        lines += [f"run                  {trainer.log_dir}"]
        films = Path(trainer.log_dir, "films")
        lines += [f"films                {films}"] if films.is_dir() else []
        print("\n" + "\n".join(lines), flush=True)


def _percent(value: object) -> str:
    return "unknown" if value is None else f"{100 * float(value):.1f} %"  # type: ignore[arg-type]


def _best(trainer: Trainer) -> str:
    callback = trainer.checkpoint_callback
    score = callback.best_model_score if isinstance(callback, ModelCheckpoint) else None
    return "" if score is None else f" (best epoch: {_percent(score)})"
