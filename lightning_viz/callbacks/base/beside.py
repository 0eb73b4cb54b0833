"""A drawing that is made beside the training."""

from __future__ import annotations

import pickle
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lightning_viz.callbacks.base.inputs import claimed
from lightning_viz.harness.replay.loop import is_replay
from lightning_viz.harness.run.background import warn_again, why_not
from lightning_viz.harness.run.processes import OtherProcessError, as_text, attempt
from lightning_viz.harness.run.progress import hidden
from lightning_viz.harness.run.run import Run
from lightning_viz.harness.sinks.results import Keep, Picture, Result, Scalar, kept
from lightning_viz.harness.steps import epoch_at

if TYPE_CHECKING:
    from lightning_viz.callbacks.base.callback import ExplanationCallback
    from lightning_viz.callbacks.base.drawing import Draw, Drawing

_OF_THE_TRAINING = {"_drawing", "_steps", "allowance"}
"""What a callback knows of the training's process alone."""


@dataclass(frozen=True)
class Outcome:
    """What came of a drawing in another process.

    Attributes:
        results: What it yielded; pictures are encoded.
        failure: The traceback of what ended it, if anything did.
        state: What of the callback has changed, by attribute.
        warned: The warnings.
        seconds: How long it took.
    """

    results: Sequence[Result]
    failure: str | None
    state: dict[str, Any]
    warned: list[Warning]
    seconds: float


class Moment:
    """What one callback draws of one moment, in a process that is forked at that moment.

    Args:
        drawing: The callback's drawings.
        draw: What is drawn.
        step: At which it is logged.
        epoch: The epoch.
    """

    def __init__(self, drawing: Drawing, draw: Draw, step: int, epoch: int) -> None:
        self._drawing, self._callback, self._draw = drawing, drawing.callback, draw
        self._step, self._epoch = step, epoch

    @property
    def key(self) -> str:
        """The name of the callback in its run."""
        return self._callback.called

    def do(self) -> Outcome:
        """Draws, in the other process."""
        callback, began = self._callback, time.perf_counter()
        before = _pickled(callback)
        callback.decide(self._drawing.run, self._step, ended=False)
        with warnings.catch_warnings(record=True) as caught, hidden():
            results, failure = self._drawing.drawn(self._draw, self._step)
        callback.keep(kept([results]))
        for picture in (result for result in results if isinstance(result, Picture)):
            attempt(lambda picture=picture: picture.encoded)  # type: ignore[misc]  # what fails is told when it is written
        after = _pickled(callback)
        sent = [result for result in results if not isinstance(result, Keep)]  # which is part of the state
        state = {name: getattr(callback, name) for name, value in after.items() if value != before.get(name)}
        warned = [one.message for one in caught if isinstance(one.message, Warning)]
        return Outcome(sent, as_text(failure), state, warned, time.perf_counter() - began)

    def take(self, outcome: Outcome) -> None:
        """Goes on from what an earlier drawing has made of the callback."""
        state = {**outcome.state, "_warned": self._callback._warned | outcome.state.get("_warned", set())}
        self._callback.__dict__.update(state)

    def begun(self) -> None:
        """Has nobody else draw the inputs of this moment."""
        run = self._drawing.run
        if self._callback.per_probe:
            subject = run.subject(run.module, self._callback.net, self._callback.probes)
            claimed(run.probes(self._callback.probes, subject), subject.name, run.claims, self._step)

    def done(self, outcome: Outcome | None, why: str | None) -> None:
        """Writes what was drawn."""
        if outcome is None:
            self._drawing.report(OtherProcessError(f"The drawing of epoch {self._epoch} is lost: {why}"))
            return
        self.take(outcome)
        warn_again(outcome.warned)
        took = Scalar(f"explain_seconds/{self._callback.called}", outcome.seconds)
        _, unwritten = attempt(lambda: self._drawing.write([outcome.results, [took]], self._step, self._epoch))
        failure = None if outcome.failure is None else OtherProcessError(outcome.failure)
        self._drawing.report(failure or unwritten)


class Beside:
    """The drawings of one callback in the background.

    Args:
        drawing: All its drawings.

    Attributes:
        missed: The step of the last moment, if that was left out.
    """

    def __init__(self, drawing: Drawing) -> None:
        self._drawing, self._run = drawing, drawing.run
        self.missed: int | None = None
        self._trained = self._skipped = 0

    def possible(self) -> bool:
        """Whether this run can be drawn in the background; if not, the first who asks is told why."""
        run, trainer = self._run, self._run.trainer
        if trainer.state.fn != "fit" or trainer.fast_dev_run or is_replay(trainer):  # type: ignore[attr-defined]
            return False
        tensors = [*run.module.parameters(), *run.module.buffers()]
        several = "several processes train" if run.processes.count > 1 else None
        why = several or why_not([tensor.device for tensor in tensors])
        if why is not None:
            run.claims.say_once(f"Nothing is drawn in the background, since {why}: training waits for each drawing.")
        return why is None

    @property
    def overdue(self) -> int | None:
        """The step of the last moment, if that was left out and the network is still what it was then."""
        return self.missed if self._run.trainer.global_step == self._trained else None

    def draw(self, draw: Draw, step: int) -> None:
        """Has a moment drawn, or leaves it out where too many earlier ones are not drawn yet.

        Args:
            draw: Makes it.
            step: At which it is logged.
        """
        callback, run, epoch = self._drawing.callback, self._run, epoch_at(self._run.trainer, step)
        run.background.collect(wait=run.background.full and _is_last(run))
        self.missed = step if run.background.full else None
        if self.missed is not None:
            self._trained = run.trainer.global_step
            self._skipped += 1
            run.sinks.write([Scalar(f"explain_skipped/{callback.called}", self._skipped)], step, epoch)
            run.claims.say_once(
                "Drawing in the background takes longer than training, so moments are left out; explain_skipped/... "
                "counts them: draw less often by every_n_epochs=, or fewer probes."
            )
            return
        if not run.background.gathers:  # the network is the same for all of one moment
            run.isolation.refresh()
        callback.decide(run, step, ended=False)
        run.sinks.write([], step, epoch)  # whose epoch is told before what comes later is written
        run.background.add(Moment(self._drawing, draw, step, epoch))


def _is_last(run: Run) -> bool:
    """Whether training is known to end with this epoch."""
    trainer = run.trainer
    return trainer.current_epoch + 1 == trainer.max_epochs or bool(trainer.should_stop)


def _pickled(callback: ExplanationCallback) -> dict[str, bytes]:
    found = {}
    for name, value in vars(callback).items():
        if name not in _OF_THE_TRAINING:
            one, error = attempt(lambda value=value: pickle.dumps(value))  # type: ignore[misc]
            if error is None and one is not None:  # what cannot be sent stays here
                found[name] = one
    return found
