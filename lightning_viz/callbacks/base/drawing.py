"""How a callback draws: checked, in isolation, together with the other processes, and what it does about errors."""

import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Literal

import pytorch_lightning as pl
from pytorch_lightning.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor, nn

from lightning_viz.callbacks.base.inputs import charts, inputs
from lightning_viz.callbacks.base.pacing import affordable
from lightning_viz.explain.network.memory import bounded
from lightning_viz.harness.isolation.standins import UntouchableError
from lightning_viz.harness.network.outputs import NoScoresError, RefusedError
from lightning_viz.harness.network.subject import NotYetError, check_shapes, find_subject
from lightning_viz.harness.probes.selection import NotSeenYetError, SplitNotLoadedError
from lightning_viz.harness.probes.spec import ProbeBatch, Probes, Split
from lightning_viz.harness.run.clock import Allowance
from lightning_viz.harness.run.processes import OtherProcessError, Ranks, attempt, reason, told
from lightning_viz.harness.run.progress import drawing
from lightning_viz.harness.run.run import Session, session_of
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Result, Scalar, averaged, kept
from lightning_viz.harness.sinks.sinks import Sinks
from lightning_viz.harness.steps import BEFORE, epoch_at


class Drawing(ABC):
    """How a callback draws.

    All processes go the same way through it, so that none waits for another in vain: an error is kept, travels with the
    pictures, and is told, or raised on all of them, at the end.
    """

    probes: Probes
    net: str | None
    seed: int
    on_error: Literal["warn", "raise"]
    per_probe: bool
    rehearsal: bool
    memory: int | None
    allowance: Allowance

    def __init__(self) -> None:
        super().__init__()
        self._sinks: Sinks | None = None
        self._ready = self._ending = False
        self._warned: set[str] = set()
        self.called = type(self).__name__
        self._kept: dict[str, Tensor] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Without what belongs to the run: whoever copies a Trainer while it trains gets callbacks that are silent."""
        return {**vars(self), "_sinks": None}

    @abstractmethod
    def draw(self, scene: Scene) -> Iterable[Result]:
        """Makes the pictures and figures of this moment; of those that processes share, `scene.mine` ones."""

    def prepare(self, scene: Scene) -> None:  # noqa: B027  # not every drawing has something to check
        """Checks the arguments against the network and the probes, before the first batch.

        Raises:
            ValueError: They do not fit; the text says what was expected, what was received and how to mend it.
        """

    def decide(self, trainer: pl.Trainer, ranks: Ranks, step: int) -> None:  # noqa: B027  # few have to
        """Settles what all processes do alike in the drawing that comes now."""

    def isolation(
        self, trainer: pl.Trainer, pl_module: nn.Module, buffers: Sequence[Tensor] = ()
    ) -> AbstractContextManager[nn.Module]:
        """What the drawing happens in; it yields what is explained instead of the module, see `Isolation`."""
        return session_of(trainer).isolation(trainer, pl_module)(seed=self.seed, buffers=buffers)

    def warn_once(self, text: str, *, key: str, say: Callable[[str], object] = rank_zero_warn) -> None:
        """Warns the first time that this callback has something to say under `key`."""
        if key not in self._warned:
            self._warned.add(key)
            say(text)

    def _start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._sinks = session_of(trainer).sinks(trainer)
        session_of(trainer).forget_few(self.probes)
        try:
            self._prepare(trainer, pl_module)
        except NotYetError as error:  # the first drawing after something has passed begins with it
            self._wait(trainer, error)
        except UntouchableError as error:  # nothing that the user could mend
            self._sinks = None
            self._failed(trainer, error)
        except SplitNotLoadedError as error:
            if trainer.state.fn == "fit":
                raise
            self._sinks = None
            rank_zero_warn(f"{self.called} draws nothing here. {error}")

    def _prepare(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        check_shapes(pl_module)
        session, ranks = session_of(trainer), self._ranks(trainer)
        found, error = attempt(lambda: self._checked(trainer, pl_module))
        if any(ranks.exchange(isinstance(error, (RefusedError, NoScoresError)))):  # of a copy, perhaps
            left = session.isolation(trainer, pl_module).leave_copy(f"its forward fails in one: {error}")
            if any(ranks.exchange(left)):
                found, error = attempt(lambda: self._checked(trainer, pl_module))
        if found is None:
            raise error or AssertionError
        self._ready = True
        if self._sinks is not None:
            self._sinks.describe(found, session.charts(charts(found)) if self.per_probe else None)

    def _checked(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> ProbeBatch:
        session = session_of(trainer)
        with self.isolation(trainer, pl_module) as module:
            subject = find_subject(trainer, module, self.net)
            found = session.probes(trainer, module, self.probes, subject)
        session.verify(trainer, pl_module, subject, found)
        with self.isolation(trainer, pl_module) as module:
            self._ranks(trainer).agree(lambda: self.prepare(self._scene(trainer, module, step=BEFORE)))
        return found

    def _wait(self, trainer: pl.Trainer, error: NotYetError) -> None:
        if not isinstance(error, NotSeenYetError) and session_of(trainer).first_time(str(error)):
            rank_zero_info(str(error))

    def _observe(self, trainer: pl.Trainer, split: Split, batch: Any) -> None:
        if not self._ready:
            session_of(trainer).observe(trainer, self.probes, split, batch)

    def _explain(self, trainer: pl.Trainer, pl_module: pl.LightningModule, step: int) -> None:
        say = partial(self.warn_once, key="late", say=rank_zero_info)
        if self._sinks is None or not affordable(trainer, self.allowance, self.called, say):
            return
        clock = session_of(trainer).clock
        with clock.drawing() as seconds:
            self._draw_and_write(trainer, pl_module, step, seconds)
        self.allowance.spend(seconds(), clock.trained)

    def _draw_and_write(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, step: int, seconds: Callable[[], float]
    ) -> None:
        if not self._ready:
            _, unready = attempt(lambda: self._prepare(trainer, pl_module))
            if unready is not None:
                if not isinstance(unready, NotYetError):
                    self._failed(trainer, unready)
                return
        ranks = self._ranks(trainer)
        self.decide(trainer, ranks, step)
        results, failure = self._drawn(trainer, pl_module, step, ranks.buffers(pl_module))
        try:
            parts = ranks.gather((results if ranks.contributes else [], told(failure)))
        except Exception as alone:  # of processes in lockstep one has failed, and this one may tell why
            raise alone from failure
        self._kept |= kept([results, *(results for results, _ in parts)])
        took = Scalar(f"explain_seconds/{self.called}", seconds())
        _, unwritten = attempt(lambda: self._write(trainer, [*(results for results, _ in parts), [took]], step))
        elsewhere = next((OtherProcessError(text) for _, text in parts if text is not None), None)
        self._end(trainer, failure or unwritten or elsewhere)

    def _drawn(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, step: int, buffers: Sequence[Tensor]
    ) -> tuple[list[Result], Exception | None]:
        results: list[Result] = []

        def draw() -> None:
            with (
                drawing(trainer, self.called) as advance,
                self.isolation(trainer, pl_module, buffers) as module,
                bounded(self.memory) as bound,
            ):
                scene = self._scene(trainer, module, step)
                for result in self._shown(scene, session_of(trainer)):
                    results.append(result)
                    advance()
            if bound is not None and bound.exceeded:
                self.warn_once(f"{self.called}: {bound.excess}", key="memory")

        return results, attempt(draw)[1]

    def _shown(self, scene: Scene, session: Session) -> Iterable[Result]:
        yield from inputs(scene, session) if self.per_probe else ()
        yield from self.draw(scene)

    def _scene(self, trainer: pl.Trainer, module: nn.Module, step: int) -> Scene:
        session = session_of(trainer)
        subject = find_subject(trainer, module, self.net)
        probes = session.probes(trainer, module, self.probes, subject)
        said = session.probabilities(self.probes, subject, step)
        if self.rehearsal:
            probes, said = probes.first(), said[:1]
        share, isolation = self._ranks(trainer).share, session.isolation(trainer, trainer.lightning_module)
        return Scene(subject, probes, said, epoch_at(trainer, step), step, share, isolation)

    def _write(self, trainer: pl.Trainer, parts: Sequence[Sequence[Result]], step: int) -> None:
        if self._sinks is not None:
            drawn = averaged(result for results in parts for result in results)
            claimed = [result for result in drawn if self._claim(trainer, result.tag, step)]
            self._sinks.write(claimed, step, epoch_at(trainer, step, ended=self._ending))

    def _claim(self, trainer: pl.Trainer, tag: str, step: int) -> bool:
        if session_of(trainer).claim(("tag", tag), step):
            return True
        why = f"Two callbacks draw {tag!r}, and {self.called} is the later one: give it other arguments or probes."
        self.warn_once(why, key="tag")
        return False

    def _end(self, trainer: pl.Trainer, error: Exception | None) -> None:
        if self.on_error == "raise":  # on all processes, else the others would wait for this one
            text = self._ranks(trainer).tell(told(error))
            error = error or (OtherProcessError(text) if text is not None else None)
        if error is not None:
            self._failed(trainer, error)

    def _failed(self, trainer: pl.Trainer, error: Exception) -> None:
        if self.on_error == "raise":
            raise error
        if session_of(trainer).first_time(reason(error)):
            self.warn_once(
                f"{self.called} could not draw at epoch {trainer.current_epoch}. Training goes on, and neither "
                "its later failures nor those of other callbacks for the same reason are told; to stop at the first "
                f"one, pass on_error='raise'.\n{''.join(traceback.format_exception(error))}",
                key="failed",
            )

    def _ranks(self, trainer: pl.Trainer) -> Ranks:
        return session_of(trainer).ranks(trainer, trainer.lightning_module)
