"""What every callback has in common: its arguments, and when it draws."""

from typing import Any, Literal, Optional, Union

import pytorch_lightning as pl

from lightning_viz.callbacks.base.drawing import Drawing
from lightning_viz.callbacks.base.pacing import name_in
from lightning_viz.harness.arguments import LARGEST_SEED, is_whole, number, one_of, text, whole
from lightning_viz.harness.namespaces import Callback
from lightning_viz.harness.probes.spec import Probes
from lightning_viz.harness.run.clock import Allowance
from lightning_viz.harness.run.run import session_of
from lightning_viz.harness.steps import BEFORE, logged_step


class ExplanationCallback(Drawing, Callback):
    """Draws explanations of a network while it trains, without disturbing the training.

    A subclass implements `draw`, and `prepare` to check its arguments against the network before the first batch.

    Args:
        probes: Which images to explain, or just how many.
        every_n_epochs: Draw at the end of every n-th epoch.
        every_n_steps: Draw after every n-th optimizer step instead.
        net: Dotted path of the module to explain within the LightningModule, if its `forward` is not the network.
        seed: What all random choices of the drawing start from, in every epoch alike.
        on_error: What a drawing that fails does while training: `"warn"` once and train on, or `"raise"`.
        memory: MiB that a call of the network may take in a drawing, for graph and activations: it sets how many
            images go together, at least one. None takes as many as are fastest.
        max_overhead: The most that drawing may take, in units of the training time, for example 0.05: drawings that
            would come too early are left out, and those that are made stay what they are.

    Raises:
        ValueError: An interval or `memory` below 1, an unknown `on_error`, a `max_overhead` that is not above 0 or
            above 1, or anything of another type.
    """

    def __init__(
        self,
        *,
        probes: Union[Probes, int] = 8,  # noqa: UP007
        every_n_epochs: int = 1,
        every_n_steps: Optional[int] = None,  # noqa: UP045
        net: Optional[str] = None,  # noqa: UP045
        seed: int = 0,
        on_error: Literal["warn", "raise"] = "warn",
        memory: Optional[int] = None,  # noqa: UP045
        max_overhead: Optional[float] = None,  # noqa: UP045
    ) -> None:
        super().__init__()
        if not isinstance(probes, Probes) and not is_whole(probes):
            raise ValueError(
                f"Expected probes= as a number or Probes(...), received {probes!r}: try Probes(indices=...)."
            )
        self.probes = probes if isinstance(probes, Probes) else Probes(count=whole("probes", probes))
        self.every_n_epochs = whole("every_n_epochs", every_n_epochs)
        self.every_n_steps = whole("every_n_steps", every_n_steps, none=True)
        self.net = text("net", net, "backbone")
        self.seed = whole("seed", seed, least=0, most=LARGEST_SEED)
        self.on_error = one_of("on_error", on_error, ("warn", "raise"))
        self.memory = whole("memory", memory, none=True, unit=" MiB")
        self.allowance = Allowance(number("max_overhead", max_overhead, none=True))
        self._steps = 0

    rehearsal = False
    """Whether this is a `fast_dev_run`: one probe and a few steps are enough to see that everything works."""

    per_probe = True
    """Whether the pictures are about the probes, which are then logged too."""

    # When: Lightning's hooks

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Begins anew with each run of the Trainer."""
        session_of(trainer).forget()
        self.called = name_in(trainer, self)
        self._warned = set()
        self.rehearsal = bool(trainer.fast_dev_run)  # type: ignore[attr-defined]
        self._sinks, self._ready = None, False
        self.allowance = Allowance(self.allowance.share)

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Lets go of the run."""
        session_of(trainer).forget()
        self._sinks = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Checks everything before the first batch, and draws the probes once as the untrained network sees them."""
        self._steps = trainer.global_step
        self._start(trainer, pl_module)
        session_of(trainer).clock.begin()
        if self.per_probe and trainer.global_step == 0 and not self.rehearsal:
            self._explain(trainer, pl_module, BEFORE)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Checks everything before the first batch of `trainer.validate`."""
        if trainer.state.fn == "validate":
            self._start(trainer, pl_module)

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Checks everything before the first batch of `trainer.test`."""
        self._start(trainer, pl_module)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Looks at what passes, where the probes come from a stream."""
        self._observe(trainer, "train", batch)

    def on_validation_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Looks at what passes, where the probes come from a stream."""
        if dataloader_idx == 0:
            self._observe(trainer, "val", batch)

    def on_test_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Looks at what passes, where the probes come from a stream."""
        if dataloader_idx == 0:
            self._observe(trainer, "test", batch)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any) -> None:
        """Draws where the schedule is in steps."""
        if not self.every_n_steps:
            return
        before, self._steps = self._steps, trainer.global_step
        if self._steps // self.every_n_steps > before // self.every_n_steps:  # several optimizers may step over one
            self._explain(trainer, pl_module, logged_step(trainer))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draws where the schedule is in epochs."""
        if self.due(trainer):
            self._explain(trainer, pl_module, logged_step(trainer, epoch_end=True))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draws at the end of `trainer.validate`."""
        if trainer.state.fn == "validate":
            self._explain(trainer, pl_module, logged_step(trainer))

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draws at the end of `trainer.test`."""
        self._explain(trainer, pl_module, logged_step(trainer))

    def due(self, trainer: pl.Trainer) -> bool:
        """Whether to draw at the end of this epoch; always under `fast_dev_run`, which is there to try everything."""
        if self.rehearsal:
            return True
        return self.every_n_steps is None and (trainer.current_epoch + 1) % self.every_n_epochs == 0
