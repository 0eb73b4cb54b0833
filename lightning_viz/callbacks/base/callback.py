"""What every callback has in common: its arguments, and when it draws."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Optional, Union

import pytorch_lightning as pl
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor, nn
from typing_extensions import Self

from lightning_viz.callbacks.base.drawing import Drawing
from lightning_viz.callbacks.base.keywords import check_keywords, complete_help
from lightning_viz.callbacks.base.pacing import name_in
from lightning_viz.harness.arguments import LARGEST_SEED, flag, is_whole, number, one_of, text, whole
from lightning_viz.harness.namespaces import Callback
from lightning_viz.harness.probes.spec import ProbeBatch, Probes, Split
from lightning_viz.harness.run.clock import Allowance
from lightning_viz.harness.run.run import Run, run_of
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.run.where import tell_where
from lightning_viz.harness.sinks.results import Charts, Result
from lightning_viz.harness.steps import BEFORE, logged_step

Moment = Literal["start", "batch", "epoch", "validation"]


class ExplanationCallback(Callback, ABC):
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
        background: Whether to draw beside the training, in a forked process with one thread: training goes on at once,
            the pictures follow at the step they belong to. Where drawing takes longer than training, moments are left
            out, and `explain_skipped/<callback>` counts them; the last one is always drawn. Only on Linux, with one
            process and without a GPU; elsewhere training waits, which is told once. A checkpoint knows of what was
            drawn by then.

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
        background: bool = False,
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
        self.background = flag("background", background)
        self.called = type(self).__name__
        self._steps = 0
        self._warned: set[str] = set()
        self._drawing: Drawing | None = None

    def __new__(cls, *args: Any, **keywords: Any) -> Self:
        """Refuses a keyword that nobody takes, with the one that was meant."""
        check_keywords(cls, keywords)
        made: Self = super().__new__(cls)
        return made

    __new__.__wrapped__ = object.__new__  # type: ignore[attr-defined]  # whoever looks for arguments is led to `__init__`

    def __init_subclass__(cls, **options: Any) -> None:
        """Has `help` list all arguments, inherited ones too."""
        super().__init_subclass__(**options)
        complete_help(cls)

    rehearsal = False
    """Whether this is a `fast_dev_run`: one probe and a few steps are enough to see that everything works."""

    per_probe = True
    """Whether the pictures are about the probes, which are then logged too."""

    charts: Mapping[str, Charts] = {}
    """What TensorBoard's Custom Scalars shows of its scalars, by the titles of groups of charts."""

    def __getstate__(self) -> dict[str, Any]:
        """Without what belongs to the run: whoever copies a Trainer while it trains gets callbacks that are silent."""
        return {**vars(self), "_drawing": None}

    # What: a subclass draws, and may do more

    @abstractmethod
    def draw(self, scene: Scene) -> Iterable[Result]:
        """Makes the pictures and metrics of this moment; of those that processes share, `scene.mine` ones."""

    def prepare(self, scene: Scene) -> None:
        """Checks the arguments against the network and the probes, before the first batch.

        Raises:
            ValueError: They do not fit; the text says what was expected, what was received and how to mend it.
        """

    def prepared(self, run: Run, probes: ProbeBatch) -> None:
        """Called on every process when `prepare` has found everything in order."""

    def decide(self, run: Run, step: int, *, ended: bool) -> None:
        """Settles what all processes do alike in the drawing that comes now; `ended` when training is over."""

    def keep(self, found: Mapping[str, Tensor]) -> None:
        """Takes what this drawing wants to be kept for the next one; on the first process that of all of them."""

    def isolation(self, run: Run, buffers: Sequence[Tensor] = ()) -> AbstractContextManager[nn.Module]:
        """What the drawing happens in; it yields what is explained instead of the module, see `Isolation`."""
        return run.isolation(seed=self.seed, buffers=buffers)

    def warn_once(self, text: str, *, key: str, say: Callable[[str], object] = rank_zero_warn) -> None:
        """Warns the first time in a run that this callback has something to say under `key`."""
        if key not in self._warned:
            self._warned.add(key)
            say(text)

    # When: Lightning's hooks

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Begins anew with each run of the Trainer."""
        run = run_of(trainer)
        run.forget()
        self.called = name_in(trainer, self)
        self._warned = set()
        self.rehearsal = bool(trainer.fast_dev_run)  # type: ignore[attr-defined]
        self.allowance = Allowance(self.allowance.share)
        self._drawing = Drawing(self, run)

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Lets go of the run."""
        run_of(trainer).forget()
        self._drawing = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Checks everything before the first batch, and draws the probes once as the untrained network sees them."""
        self._steps = trainer.global_step
        self._start()
        run_of(trainer).clock.begin()
        if self.draws_at("start", trainer):
            self._explain("start", trainer, BEFORE)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Checks everything before the first batch of `trainer.validate`."""
        if trainer.state.fn == "validate":
            self._start()

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Checks everything before the first batch of `trainer.test`."""
        self._start()

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Looks at what passes, where the probes come from a stream."""
        self._observe("train", batch)

    def on_validation_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Looks at what passes, where the probes come from a stream."""
        self._observe("val", batch, dataloader_idx)

    def on_test_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Looks at what passes, where the probes come from a stream."""
        self._observe("test", batch, dataloader_idx)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Draws where the schedule is in steps, and writes what was drawn in the background."""
        self._observed(batch)
        run_of(trainer).background.collect()
        due = self.draws_at("batch", trainer)
        self._steps = trainer.global_step
        if due:
            self._explain("batch", trainer, logged_step(trainer))

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Learns how the step calls the network."""
        self._observed(batch)

    def on_test_batch_end(self, *args: Any, **kwargs: Any) -> None:
        """Does what is done after a batch of a validation."""
        self.on_validation_batch_end(*args, **kwargs)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Stops listening, also where the run ends in the midst of a batch, and what is drawn in the background."""
        run_of(trainer).close()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draws where the schedule is in epochs."""
        if self.draws_at("epoch", trainer):
            self._explain("epoch", trainer, logged_step(trainer, epoch_end=True))

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Waits for what is drawn in the background."""
        if self._drawing is not None:
            self._drawing.settle()

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Tells where to look at what was drawn."""
        if self._drawing is not None and self._drawing.ready:
            tell_where(self._drawing.run, "of all epochs")

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draws at the end of `trainer.validate`."""
        if trainer.state.fn == "validate":
            self._explain("validation", trainer, logged_step(trainer))

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draws at the end of `trainer.test`."""
        self._explain("validation", trainer, logged_step(trainer))

    def due(self, trainer: pl.Trainer) -> bool:
        """Whether to draw at the end of this epoch; always under `fast_dev_run`, which is there to try everything."""
        if self.rehearsal:
            return True
        return self.every_n_steps is None and (trainer.current_epoch + 1) % self.every_n_epochs == 0

    def draws_at(self, moment: Moment, trainer: pl.Trainer) -> bool:
        """Whether there is something to draw at the start, after this batch, or at the end of this epoch."""
        if moment == "start":
            return self.per_probe and trainer.global_step == 0 and not self.rehearsal
        if moment == "batch" and self.every_n_steps:  # several optimizers may step over one
            return trainer.global_step // self.every_n_steps > self._steps // self.every_n_steps
        return moment == "epoch" and self.due(trainer)

    def _start(self) -> None:
        if self._drawing is not None:
            self._drawing.start()

    def _observe(self, split: Split, batch: Any, number: int = 0) -> None:
        if self._drawing is not None:
            self._drawing.observe(split, batch, number)

    def _observed(self, batch: Any) -> None:
        if self._drawing is not None:
            self._drawing.observed(batch)

    def _explain(self, moment: Moment, trainer: pl.Trainer, step: int) -> None:
        if self._drawing is not None:
            self._drawing.explain(step, followed=self._is_followed(moment, trainer))

    def _is_followed(self, moment: Moment, trainer: pl.Trainer) -> bool:
        """Whether the next callback that does anything now draws in the background too, in the same process then."""
        callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
        if not self.background or self not in callbacks:  # another callback may have it, and hand its hooks on
            return False
        for one in callbacks[callbacks.index(self) + 1 :]:
            if not isinstance(one, ExplanationCallback):  # what it does to the network is not to be seen before it
                return False
            if one._drawing is not None and one.draws_at(moment, trainer):
                return one.background
        return False


complete_help(ExplanationCallback)
