"""How a callback draws in a run: prepare, decide, draw, gather, write, report."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from pytorch_lightning.utilities import rank_zero_info, rank_zero_warn
from torch import nn

from lightning_viz.callbacks.base.beside import Beside
from lightning_viz.callbacks.base.inputs import charts, inputs, seen
from lightning_viz.callbacks.base.pacing import affordable
from lightning_viz.callbacks.base.scenes import scene_of
from lightning_viz.explain.network.memory import bounded
from lightning_viz.harness.isolation.things.standins import UntouchableError
from lightning_viz.harness.network.outputs import AmbiguousError, NoScoresError, RefusedError
from lightning_viz.harness.network.subject import NotShownYetError, NotYetError, UnsuitedError, check_shapes
from lightning_viz.harness.probes.selection import NotSeenYetError, SplitNotLoadedError
from lightning_viz.harness.probes.spec import ProbeBatch, Split
from lightning_viz.harness.run.processes import OtherProcessError, as_text, attempt, reason
from lightning_viz.harness.run.progress import drawing
from lightning_viz.harness.run.run import Run
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.run.where import tell_where
from lightning_viz.harness.sinks.results import Result, Scalar, averaged, kept
from lightning_viz.harness.steps import BEFORE, epoch_at

if TYPE_CHECKING:
    from lightning_viz.callbacks.base.callback import ExplanationCallback

Draw = Callable[[Scene], Iterable[Result]]

_NOT_SHOWN = (
    "The network takes more than images, and the first batch will show what: there are pictures from then on. For one "
    "of the untrained network, leave num_sanity_val_steps above 0, or pass probes=Probes(unpack=...)."
)


class Drawing:
    """The drawings of one callback in one run of a Trainer.

    All processes go the same way through it, so that none waits for another in vain: an error is kept, travels with the
    pictures, and is reported, or raised on all of them, at the end.

    Args:
        callback: What draws.
        run: The run.

    Attributes:
        callback: What draws.
        run: The run.
        active: Whether anything is drawn.
        ready: Whether everything was checked.
    """

    def __init__(self, callback: ExplanationCallback, run: Run) -> None:
        self.callback, self.run = callback, run
        self.active = self.ready = self._waiting = False
        self._beside = Beside(self)

    def start(self) -> None:
        """Checks everything before the first batch.

        Raises:
            ValueError: Something does not fit; the text says what was expected, what was received and how to mend it.
                With `on_error="warn"`, what nobody could mend by an argument is reported, and nothing is drawn.
        """
        callback, run = self.callback, self.run
        _ = run.sinks  # which all processes make together
        self.active = True
        run.forget_few(callback.probes)
        try:
            self._prepare()
        except NotYetError as error:  # the first drawing after something has passed begins with it
            self._waiting = isinstance(error, NotShownYetError)
            if not isinstance(error, NotSeenYetError):
                run.claims.say_once(str(error))
        except UnsuitedError as error:
            self._leave_out(error)
        except UntouchableError as error:  # nothing that the user could mend
            self.active = False
            self._failed(error)
        except SplitNotLoadedError as error:
            if run.trainer.state.fn == "fit":
                raise
            self.active = False
            rank_zero_warn(f"{callback.called} draws nothing here. {error}")

    def observe(self, split: Split, batch: Any, number: int) -> None:
        """Looks at a batch that passes, where the probes come from a stream; of the loader of this number."""
        if not self.ready:
            self.run.observe(self.callback.probes, split, batch, number)
            self.run.watch(self.callback.net)

    def observed(self, batch: Any) -> None:
        """Learns how the step has called the network with this batch.

        Raises:
            ValueError: That was waited for, and does not mend what was found before the first batch.
        """
        if not self.ready:
            self.run.learn(self.callback.net, self.callback.probes, batch)
        if self._waiting:
            self._waiting = False
            self.start()

    def explain(self, step: int, *, followed: bool = False) -> None:
        """Draws and writes everything of this moment, if there is time for it.

        Args:
            step: At which it is logged.
            followed: Whether another callback comes next that draws this moment in the background.
        """
        callback, clock, background = self.callback, self.run.clock, self.run.background
        late = lambda text: callback.warn_once(text, key="late", say=rank_zero_info)  # noqa: E731
        with clock.drawing() as seconds:
            if not self.active or not affordable(self.run, callback.allowance, callback.called, late):
                background.launch()
                return
            if callback.background and self._beside.possible():
                if self.ready or self._prepared_late():
                    self._beside.draw(self._shown(callback.draw), step)
            else:
                self._all_of(callback.draw, step, seconds)
            if not followed:
                background.launch()
        callback.allowance.spend(seconds(), clock.trained)

    @property
    def missed(self) -> bool:
        """Whether the last moment was left out, since the background is behind."""
        return self._beside.missed is not None

    def settle(self) -> None:
        """Waits for the background when training is over, and draws the last moment if that was left out."""
        self.run.background.finish()
        if (step := self._beside.overdue) is not None:
            with self.run.clock.drawing() as seconds:
                self._all_of(self.callback.draw, step, seconds, after=True)

    def conclude(self, step: int, draw: Draw) -> None:
        """Draws what there is to say at the end of training.

        Args:
            step: At which it is logged.
            draw: Makes it.
        """
        if self.active and self.ready:
            with self.run.clock.drawing() as seconds:
                self._all_of(draw, step, seconds, ended=True)

    def write(self, parts: Sequence[Sequence[Result]], step: int, epoch: int) -> None:
        """Writes what several processes have drawn; tags that another callback has drawn at this step are left out."""
        drawn = averaged(result for results in parts for result in results)
        claimed = [result for result in drawn if self._claim(result.tag, step)]
        self.run.sinks.write(claimed, step, epoch)
        tell_where(self.run, "as they come")

    def report(self, error: Exception | None) -> None:
        """What is done about an error: a warning, once, or where that is wanted an end, on all processes.

        Raises:
            Exception: The error, or that of another process, with `on_error="raise"`.
        """
        if self.callback.on_error == "raise":  # on all processes, else the others would wait for this one
            text = self.run.processes.first(as_text(error))
            error = error or (OtherProcessError(text) if text is not None else None)
        if error is not None:
            self._failed(error)

    def drawn(self, draw: Draw, step: int, *, ended: bool = False) -> tuple[list[Result], Exception | None]:
        """What is drawn, here and now, until it fails.

        Args:
            draw: Makes it.
            step: At which it is logged.
            ended: Whether training is over.
        """
        callback, results, buffers = self.callback, list[Result](), self.run.processes.buffers(self.run.module)

        def collect() -> None:
            with (
                drawing(self.run.trainer, callback.called) as advance,
                callback.isolation(self.run, buffers) as module,
                bounded(callback.memory) as bound,
            ):
                for result in draw(self._scene(module, step, ended=ended)):
                    results.append(result)
                    advance()
            if bound is not None and bound.exceeded:
                callback.warn_once(f"{callback.called}: {bound.excess}", key="memory")

        return results, attempt(collect)[1]

    def _shown(self, draw: Draw) -> Draw:
        return (lambda scene: chain(inputs(scene, self.run.claims), draw(scene))) if self.callback.per_probe else draw

    def _all_of(
        self, draw: Draw, step: int, seconds: Callable[[], float], *, ended: bool = False, after: bool = False
    ) -> None:
        if not self.ready and not self._prepared_late():
            return
        callback, processes = self.callback, self.run.processes
        callback.decide(self.run, step, ended=ended)
        results, failure = self.drawn(draw if ended else self._shown(draw), step, ended=ended or after)
        epoch = epoch_at(self.run.trainer, step, ended=ended or after)
        try:
            parts = processes.gather((results if processes.contributes else [], as_text(failure)))
        except Exception as alone:  # of processes in lockstep one has failed, and this one may tell why
            raise alone from failure
        drawn = [found for found, _ in parts]
        callback.keep(kept([results, *drawn]))
        took = Scalar(f"explain_seconds/{callback.called}", seconds())
        _, unwritten = attempt(lambda: self.write([*drawn, [took]], step, epoch))
        elsewhere = next((OtherProcessError(text) for _, text in parts if text is not None), None)
        self.report(failure or unwritten or elsewhere)

    def _prepared_late(self) -> bool:
        _, error = attempt(self._prepare)
        if isinstance(error, UnsuitedError):
            self._leave_out(error)
        elif error is not None and not isinstance(error, NotYetError):
            self._failed(error)
        return error is None

    def _prepare(self) -> None:
        check_shapes(self.run.module)
        found, error = attempt(self._checked)
        if any(self.run.processes.exchange(_may_be_of_the_copy(error))):
            if self.run.processes.agree(
                lambda: isinstance(error, RefusedError) and self.run.may_learn(self.callback.net)
            ):
                raise NotShownYetError(_NOT_SHOWN)
            left = self.run.isolation.leave_copy(f"its forward fails in one: {error}")
            if any(self.run.processes.exchange(left)):
                self.run.choose_anew(self.callback.probes)
                found, error = attempt(self._checked)
        if found is None:
            raise error or AssertionError
        self.callback.prepared(self.run, found)
        self.ready = True
        logged = self.callback.per_probe
        layout = self.run.claims.charts({**self.callback.charts, **(charts(found) if logged else {})})
        self.run.sinks.describe(found, layout, seen(found) if logged else [])

    def _checked(self) -> ProbeBatch:
        callback, run = self.callback, self.run
        with callback.isolation(run) as module:
            subject = run.subject(module, callback.net, callback.probes)
            found = run.probes(callback.probes, subject, module)
        guessed = callback.probes.unpack is None and found.extras is not None and found.extras.holds_rows
        if guessed and run.processes.agree(lambda: run.may_learn(callback.net)):
            run.choose_anew(callback.probes)
            raise NotShownYetError(_NOT_SHOWN)
        run.verify(subject, found)
        with callback.isolation(run) as module:
            run.processes.agree(lambda: callback.prepare(self._scene(module, step=BEFORE)))
        return found

    def _scene(self, module: nn.Module, step: int, *, ended: bool = False) -> Scene:
        return scene_of(self.callback, self.run, module, step, epoch_at(self.run.trainer, step, ended=ended))

    def _claim(self, tag: str, step: int) -> bool:
        if self.run.claims.claim(("tag", tag), step, self):
            return True
        if self.run.claims.claimant(("tag", tag), step) is self:  # an epoch that was ended before its first step
            return False
        called = self.callback.called
        why = f"Two callbacks draw {tag!r}, and {called} is the later one: give it other arguments or probes."
        self.callback.warn_once(why, key="tag")
        return False

    def _leave_out(self, error: UnsuitedError) -> None:
        """Goes on without a callback that nobody could draw here, so that the others are drawn."""
        if self.callback.on_error == "raise":
            raise error
        self.active = False
        if self.run.claims.first_time(str(error)):
            rank_zero_warn(f"{self.callback.called} and whatever else needs it is left out. {error}")

    def _failed(self, error: Exception) -> None:
        callback = self.callback
        if callback.on_error == "raise":
            raise error
        if self.run.claims.first_time(reason(error)):
            callback.warn_once(
                f"{callback.called} could not draw at epoch {self.run.trainer.current_epoch}. Training goes on, and "
                "neither its later failures nor those of other callbacks for the same reason are reported; to stop at "
                f"the first one, pass on_error='raise'.\n{''.join(traceback.format_exception(error))}",
                key="failed",
            )


def _may_be_of_the_copy(error: Exception | None) -> bool:
    """Whether the module itself may well do what its copy does not."""
    return isinstance(error, (RefusedError, NoScoresError)) and not isinstance(error, AmbiguousError)
