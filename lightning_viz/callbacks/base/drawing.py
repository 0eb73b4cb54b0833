"""How a callback draws in a run: prepare, decide, draw, gather, write, report."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from pytorch_lightning.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor, nn

from lightning_viz.callbacks.base.inputs import charts, inputs
from lightning_viz.callbacks.base.pacing import affordable
from lightning_viz.explain.network.memory import bounded
from lightning_viz.harness.isolation.standins import UntouchableError
from lightning_viz.harness.network.outputs import AmbiguousError, NoScoresError, RefusedError
from lightning_viz.harness.network.subject import NotYetError, UnsuitedError, check_shapes, find_subject
from lightning_viz.harness.probes.selection import NotSeenYetError, SplitNotLoadedError
from lightning_viz.harness.probes.spec import ProbeBatch, Split
from lightning_viz.harness.run.processes import OtherProcessError, as_text, attempt, reason
from lightning_viz.harness.run.progress import drawing
from lightning_viz.harness.run.run import Run
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Result, Scalar, averaged, kept
from lightning_viz.harness.steps import BEFORE, epoch_at

if TYPE_CHECKING:
    from lightning_viz.callbacks.base.callback import ExplanationCallback

Draw = Callable[[Scene], Iterable[Result]]


class Drawing:
    """The drawings of one callback in one run of a Trainer.

    All processes go the same way through it, so that none waits for another in vain: an error is kept, travels with the
    pictures, and is reported, or raised on all of them, at the end.

    Args:
        callback: What draws.
        run: The run.

    Attributes:
        active: Whether anything is drawn.
        ready: Whether everything was checked.
    """

    def __init__(self, callback: ExplanationCallback, run: Run) -> None:
        self._callback, self.run = callback, run
        self.active = self.ready = False

    def start(self) -> None:
        """Checks everything before the first batch.

        Raises:
            ValueError: Something does not fit; the text says what was expected, what was received and how to mend it.
                With `on_error="warn"`, what nobody could mend by an argument is reported, and nothing is drawn.
        """
        callback, run = self._callback, self.run
        _ = run.sinks  # which all processes make together
        self.active = True
        run.forget_few(callback.probes)
        try:
            self._prepare()
        except NotYetError as error:  # the first drawing after something has passed begins with it
            if not isinstance(error, NotSeenYetError) and run.claims.first_time(str(error)):
                rank_zero_info(str(error))
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
            self.run.observe(self._callback.probes, split, batch, number)

    def explain(self, step: int) -> None:
        """Draws and writes everything of this moment, if there is time for it.

        Args:
            step: At which it is logged.
        """
        callback, clock = self._callback, self.run.clock
        late = lambda text: callback.warn_once(text, key="late", say=rank_zero_info)  # noqa: E731
        if not self.active or not affordable(self.run, callback.allowance, callback.called, late):
            return
        with clock.drawing() as seconds:
            self._all_of(callback.draw, step, seconds)
        callback.allowance.spend(seconds(), clock.trained)

    def conclude(self, step: int, draw: Draw) -> None:
        """Draws what there is to say at the end of training.

        Args:
            step: At which it is logged.
            draw: Makes it.
        """
        if self.active and self.ready:
            with self.run.clock.drawing() as seconds:
                self._all_of(draw, step, seconds, ended=True)

    def write(self, parts: Sequence[Sequence[Result]], step: int, *, ended: bool = False) -> None:
        """Writes what several processes have drawn; tags that another callback has drawn at this step are left out."""
        drawn = averaged(result for results in parts for result in results)
        claimed = [result for result in drawn if self._claim(result.tag, step)]
        self.run.sinks.write(claimed, step, epoch_at(self.run.trainer, step, ended=ended))

    def report(self, error: Exception | None) -> None:
        """What is done about an error: a warning, once, or where that is wanted an end, on all processes.

        Raises:
            Exception: The error, or that of another process, with `on_error="raise"`.
        """
        if self._callback.on_error == "raise":  # on all processes, else the others would wait for this one
            text = self.run.processes.first(as_text(error))
            error = error or (OtherProcessError(text) if text is not None else None)
        if error is not None:
            self._failed(error)

    def _all_of(self, draw: Draw, step: int, seconds: Callable[[], float], *, ended: bool = False) -> None:
        if not self.ready and not self._prepared_late():
            return
        callback, processes = self._callback, self.run.processes
        callback.decide(self.run, step, ended=ended)
        shown = draw if ended or not callback.per_probe else lambda scene: self._with_inputs(draw, scene)
        results, failure = self._drawn(shown, step, processes.buffers(self.run.module))
        try:
            parts = processes.gather((results if processes.contributes else [], as_text(failure)))
        except Exception as alone:  # of processes in lockstep one has failed, and this one may tell why
            raise alone from failure
        drawn = [found for found, _ in parts]
        callback.keep(kept([results, *drawn]))
        took = Scalar(f"explain_seconds/{callback.called}", seconds())
        _, unwritten = attempt(lambda: self.write([*drawn, [took]], step, ended=ended))
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
            left = self.run.isolation.leave_copy(f"its forward fails in one: {error}")
            if any(self.run.processes.exchange(left)):
                self.run.choose_anew(self._callback.probes)
                found, error = attempt(self._checked)
        if found is None:
            raise error or AssertionError
        self._callback.prepared(self.run, found)
        self.ready = True
        self.run.sinks.describe(found, self.run.claims.charts(charts(found)) if self._callback.per_probe else None)

    def _checked(self) -> ProbeBatch:
        callback, run = self._callback, self.run
        with callback.isolation(run) as module:
            subject = find_subject(run.trainer, module, callback.net, callback.probes.scores)
            found = run.probes(callback.probes, subject, module)
        run.verify(subject, found)
        with callback.isolation(run) as module:
            run.processes.agree(lambda: callback.prepare(self._scene(module, step=BEFORE)))
        return found

    def _drawn(self, draw: Draw, step: int, buffers: Sequence[Tensor]) -> tuple[list[Result], Exception | None]:
        callback, results = self._callback, list[Result]()

        def collect() -> None:
            with (
                drawing(self.run.trainer, callback.called) as advance,
                callback.isolation(self.run, buffers) as module,
                bounded(callback.memory) as bound,
            ):
                for result in draw(self._scene(module, step)):
                    results.append(result)
                    advance()
            if bound is not None and bound.exceeded:
                callback.warn_once(f"{callback.called}: {bound.excess}", key="memory")

        return results, attempt(collect)[1]

    def _with_inputs(self, draw: Draw, scene: Scene) -> Iterable[Result]:
        yield from inputs(scene, self.run.claims)
        yield from draw(scene)

    def _scene(self, module: nn.Module, step: int) -> Scene:
        callback, run = self._callback, self.run
        subject = find_subject(run.trainer, module, callback.net, callback.probes.scores)
        probes, few = run.probes(callback.probes, subject, module), callback.rehearsal

        def predict() -> Tensor:
            found = run.predictions(callback.probes, subject, step)
            return found[:1] if few else found

        epoch = epoch_at(run.trainer, step)
        asked = probes.task.subject(subject.beside(probes.extras), probes.images, probes.labels)
        shown = (asked.of(0), probes.first()) if few else (asked, probes)
        layers = partial(run.defaults, subject, probes)
        return Scene(*shown, predict, epoch, step, run.processes.share, run.isolation, layers)

    def _claim(self, tag: str, step: int) -> bool:
        if self.run.claims.claim(("tag", tag), step):
            return True
        called = self._callback.called
        why = f"Two callbacks draw {tag!r}, and {called} is the later one: give it other arguments or probes."
        self._callback.warn_once(why, key="tag")
        return False

    def _leave_out(self, error: UnsuitedError) -> None:
        """Goes on without a callback that nobody could draw here, so that the others are drawn."""
        if self._callback.on_error == "raise":
            raise error
        self.active = False
        if self.run.claims.first_time(str(error)):
            rank_zero_warn(f"{self._callback.called} and whatever else needs it is left out. {error}")

    def _failed(self, error: Exception) -> None:
        callback = self._callback
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
