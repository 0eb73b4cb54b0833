"""What every callback has in common: when to draw, in isolation, where the results go, what happens on an error."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Literal, Optional, Union

import pytorch_lightning as pl
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities import rank_zero_warn
from torch import nn

from lightning_viz.callbacks.inputs import charts, inputs
from lightning_viz.callbacks.policy import ErrorPolicy
from lightning_viz.harness.probes import Probes
from lightning_viz.harness.progress import drawing
from lightning_viz.harness.quiet import quiet
from lightning_viz.harness.scene import Scene
from lightning_viz.harness.session import SplitNotLoadedError, session_of
from lightning_viz.harness.sinks import Picture, Scalar, Sinks
from lightning_viz.harness.steps import logged_step
from lightning_viz.harness.subject import find_subject


class ExplanationCallback(ErrorPolicy, pl.Callback, ABC):
    """Draws explanations of a network while it trains, without disturbing the training.

    A subclass implements `draw`, and `prepare` to check its arguments against the network before the first batch.

    Args:
        probes: Which images to explain, or just how many.
        every_n_epochs: Draw at the end of every n-th epoch.
        every_n_steps: Draw after every n-th optimizer step instead.
        net: Dotted path of the module to explain within the LightningModule, if its `forward` is not the network.
        seed: What all random choices of the drawing start from, in every epoch alike.
        on_error: What a drawing that fails does while training: `"warn"` once and train on, or `"raise"`.

    Raises:
        ValueError: An interval below 1, or an unknown `on_error`.
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
    ) -> None:
        super().__init__(on_error)
        if every_n_epochs < 1 or (every_n_steps is not None and every_n_steps < 1):
            raise ValueError(f"Expected intervals of at least 1, received {every_n_epochs=}, {every_n_steps=}.")
        if not isinstance(probes, (int, Probes)):
            raise ValueError(
                f"Expected probes= as a number or Probes(...), received {probes!r}: try Probes(indices=...)."
            )
        self.probes = Probes(count=probes) if isinstance(probes, int) else probes
        self.every_n_epochs = every_n_epochs
        self.every_n_steps = every_n_steps
        self.net = net
        self.seed = seed
        self._sinks: Sinks | None = None
        self._steps = 0

    rehearsal = False
    """Whether this is a `fast_dev_run`: one probe and a few steps are enough to see that everything works."""

    per_probe = True
    """Whether the pictures are about the probes, which are then logged too."""

    # What a subclass says

    @abstractmethod
    def draw(self, scene: Scene) -> Iterable[Picture | Scalar]:
        """Makes the pictures and figures of this moment."""

    def prepare(self, scene: Scene) -> None:
        """Checks the arguments against the network and the probes, before the first batch.

        Raises:
            ValueError: They do not fit; the text says what was expected, what was received and how to mend it.
        """

    # When: Lightning's hooks

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Begins anew with each run of the Trainer."""
        session_of(trainer).forget()
        self.rehearsal = bool(trainer.fast_dev_run)  # type: ignore[attr-defined]
        self._sinks = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Checks everything before the first batch."""
        self._steps = trainer.global_step
        self._start(trainer, pl_module)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Checks everything before the first batch of `trainer.validate`."""
        if trainer.state.fn == TrainerFn.VALIDATING:
            self._start(trainer, pl_module)

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Checks everything before the first batch of `trainer.test`."""
        self._start(trainer, pl_module)

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
        if trainer.state.fn == TrainerFn.VALIDATING:
            self._explain(trainer, pl_module, logged_step(trainer))

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draws at the end of `trainer.test`."""
        self._explain(trainer, pl_module, logged_step(trainer))

    def due(self, trainer: pl.Trainer) -> bool:
        """Whether to draw at the end of this epoch; always under `fast_dev_run`, which is there to try everything."""
        if self.rehearsal:
            return True
        return self.every_n_steps is None and (trainer.current_epoch + 1) % self.every_n_epochs == 0

    # How: in isolation, then to the loggers

    def isolation(self, pl_module: nn.Module) -> AbstractContextManager[None]:
        """What the drawing happens in."""
        return quiet(pl_module, seed=self.seed)

    def _start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        sinks = Sinks(trainer)
        try:
            with self.isolation(pl_module):
                scene = self._scene(trainer, pl_module, step=-1)
                self.prepare(scene)
        except SplitNotLoadedError as error:
            if trainer.state.fn == TrainerFn.FITTING:
                raise
            rank_zero_warn(f"{type(self).__name__} draws nothing here. {error}")
            return
        self._sinks = sinks
        if self.per_probe and trainer.is_global_zero:
            sinks.describe(session_of(trainer).charts(charts(scene.probes)))

    def _scene(self, trainer: pl.Trainer, pl_module: pl.LightningModule, step: int) -> Scene:
        session = session_of(trainer)
        subject = find_subject(trainer, pl_module, self.net)
        probes = session.probes(trainer, self.probes, subject)
        said = session.probabilities(self.probes, subject, step)
        if self.rehearsal:
            probes, said = probes.first(), said[:1]
        return Scene(subject, probes, said, trainer.current_epoch, step)

    def _explain(self, trainer: pl.Trainer, pl_module: pl.LightningModule, step: int) -> None:
        sinks = self._sinks
        if sinks is None or not trainer.is_global_zero:
            return
        results: list[Picture | Scalar] = []
        try:
            try:
                with drawing(trainer, type(self).__name__) as advance, self.isolation(pl_module):
                    for result in self._results(trainer, pl_module, step):
                        results.append(result)
                        advance()
            finally:  # outside the isolation, where a logger may draw random names
                for result in results:
                    if session_of(trainer).claim(("tag", result.tag), step):
                        sinks.write(result, step)
                    else:
                        self._refuse(result.tag)
        except Exception as error:
            self._failed(error, trainer.current_epoch)

    def _refuse(self, tag: str) -> None:
        text = f"Two callbacks draw {tag!r}, of which the first is kept: give them other arguments or probes."
        self.warn_once(text, key="tag")

    def _results(self, trainer: pl.Trainer, pl_module: pl.LightningModule, step: int) -> Iterator[Picture | Scalar]:
        scene = self._scene(trainer, pl_module, step)
        if self.per_probe:
            yield from inputs(scene, session_of(trainer))
        yield from self.draw(scene)
