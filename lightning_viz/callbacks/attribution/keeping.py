"""What a callback keeps from one drawing to the next, also in a resumed run."""

from abc import abstractmethod
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from lightning_viz.callbacks.base.callback import ExplanationCallback
from lightning_viz.harness.network.subject import find_subject
from lightning_viz.harness.probes.spec import ProbeBatch
from lightning_viz.harness.run.best_metric import Record
from lightning_viz.harness.run.entry import entry, taken
from lightning_viz.harness.run.run import session_of


class KeepingCallback(ExplanationCallback):
    """Keeps what its drawings yield as `Keep`.

    The first process has what any of them has drawn, so that the run's checkpoints hold all of it; a resumed run goes
    on from there, whatever process draws a probe then.
    """

    @abstractmethod
    def keeps(self, tag: str, probes: ProbeBatch) -> bool:
        """Whether this tag is one of its own: what the callbacks of a run keep lies together in its checkpoints."""

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Begins anew with each run of the Trainer; what is kept, where training begins with the first step."""
        super().setup(trainer, pl_module, stage)
        if stage == "fit" and trainer.global_step == 0:
            self._kept = {}
            session_of(trainer).record = Record()

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Adds what is kept."""
        # Not by `state_dict`, which Lightning refuses where two callbacks have equal arguments.
        entry(checkpoint).setdefault("maps", {}).update(self._kept)
        entry(checkpoint)["best"] = session_of(trainer).record.best

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Takes it up again."""
        self._kept = taken(trainer, checkpoint, "maps", _maps) or {}
        session_of(trainer).record.best = taken(trainer, checkpoint, "best", _best)

    def _prepare(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        super()._prepare(trainer, pl_module)
        subject = find_subject(trainer, pl_module, self.net)
        probes = session_of(trainer).probes(trainer, pl_module, self.probes, subject)
        self._kept = {tag: value for tag, value in self._kept.items() if self.keeps(tag, probes)}


def _maps(found: Any) -> dict[str, Tensor]:
    """What is kept of maps in a checkpoint, by tag.

    Raises:
        TypeError: It is something else.
    """
    for tag, value in found.items():
        numbers = {"credit": 0, "curves": 2}.get(tag.rpartition("/")[2], 2)
        if value.ndim != numbers or not value.is_floating_point():
            raise TypeError("maps of another shape")
    return dict(found)


def _best(found: Any) -> float | None:
    return None if found is None else float(found)
