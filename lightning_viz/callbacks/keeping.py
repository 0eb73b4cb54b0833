"""What a callback keeps from one drawing to the next, also in a resumed run."""

from abc import abstractmethod
from typing import Any

import pytorch_lightning as pl

from lightning_viz.callbacks.base import ExplanationCallback
from lightning_viz.harness.probes import ProbeBatch
from lightning_viz.harness.record import Record
from lightning_viz.harness.session import session_of
from lightning_viz.harness.subject import find_subject

_IN_CHECKPOINTS = "lightning_viz_kept"
_RECORD = "lightning_viz_record"


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
        checkpoint.setdefault(_IN_CHECKPOINTS, {}).update(self._kept)
        checkpoint[_RECORD] = session_of(trainer).record.best

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Takes it up again."""
        self._kept = dict(checkpoint.get(_IN_CHECKPOINTS, {}))
        session_of(trainer).record.best = checkpoint.get(_RECORD)

    def _prepare(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        super()._prepare(trainer, pl_module)
        probes = session_of(trainer).probes(trainer, self.probes, find_subject(trainer, pl_module, self.net))
        self._kept = {tag: value for tag, value in self._kept.items() if self.keeps(tag, probes)}
