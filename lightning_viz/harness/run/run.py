"""One run of a Trainer, as all its callbacks share it."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary, ref

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from lightning_viz.explain.network.defaults import Defaults, default_layers
from lightning_viz.harness.isolation.isolation import Isolation
from lightning_viz.harness.network.ear import is_compiled
from lightning_viz.harness.network.extras import Extras
from lightning_viz.harness.network.step import StepCalls
from lightning_viz.harness.network.subject import Subject, find_subject
from lightning_viz.harness.probes.batches import unpacked
from lightning_viz.harness.probes.spec import ProbeBatch, Probes, Split
from lightning_viz.harness.run.background import Background
from lightning_viz.harness.run.best_metric import BestMetric
from lightning_viz.harness.run.claims import Claims
from lightning_viz.harness.run.clock import Clock
from lightning_viz.harness.run.processes import Processes
from lightning_viz.harness.run.registry import Registry
from lightning_viz.harness.sinks.sinks import Sinks
from lightning_viz.harness.tasks.task import Task
from lightning_viz.harness.validation.predictions import Predictions

_SPREAD = "its parameters are spread over several processes"


class Run:
    """What the callbacks of one Trainer share while it runs. Get it with `run_of`.

    Args:
        trainer: The Trainer.

    Attributes:
        clock: How long is trained and how long is drawn.
        best: The best value so far of what the run monitors.
        claims: Who came first with what.
        background: What is drawn beside the training.
        batches_pass: Whether steps are made in it that could show anything; in a replay there are none.
    """

    def __init__(self, trainer: pl.Trainer) -> None:
        self._trainer = ref(trainer)  # which is what the runs are found by
        self._numbers: dict[tuple[str, int], int] = {}
        self._processes: Processes | None = None
        self._calls = StepCalls()
        self.clock = Clock()
        self.best = BestMetric()
        self.background = Background()
        self.forget()

    def forget(self) -> None:
        """Drops what belongs to one run of the Trainer; the numbers of the probes stay."""
        self.background.end()
        if self._processes is not None:
            self._processes.close()
        self._processes = None
        self._calls.close()
        self.batches_pass = True
        self._isolation: Isolation | None = None
        self._sinks: Sinks | None = None
        self._verified: set[str] = set()
        self._defaults: dict[str, Defaults] = {}
        self._registry = Registry(self._numbers)
        self._predictions: WeakValueDictionary[Hashable, Predictions] = WeakValueDictionary()
        self.claims = Claims()
        self.background = Background()

    @property
    def trainer(self) -> pl.Trainer:
        """The Trainer."""
        trainer = self._trainer()
        assert trainer is not None, "its callbacks are called by it"
        return trainer

    @property
    def module(self) -> pl.LightningModule:
        """The user's LightningModule."""
        return self.trainer.lightning_module

    @property
    def processes(self) -> Processes:
        """The processes of the run; all of them ask for the first time together."""
        self._processes = self._processes or Processes(self.trainer, self.module)
        return self._processes

    @property
    def isolation(self) -> Isolation:
        """Where the explanations of the run happen."""
        if self._isolation is None:
            spread = self.processes.share.lockstep
            self._isolation = Isolation(self.module, refusal=_SPREAD if spread else None)
        return self._isolation

    @property
    def sinks(self) -> Sinks:
        """Where the pictures of the run go; all processes ask for the first time together."""
        self._sinks = self._sinks or Sinks(self.trainer)
        return self._sinks

    def subject(self, module: nn.Module, net: str | None, spec: Probes) -> Subject:
        """The network to explain, with how the module's own step calls it, where that was seen.

        Args:
            module: The user's module, or its copy.
            net: See `find_subject`.
            spec: Which tells the user's own way to scores.

        Raises:
            ValueError: There is no such network, or several could be meant.
        """
        found = find_subject(self.trainer, module, net, spec.scores)
        return replace(found, call=self._calls.of(self.module, found.name))

    def watch(self, net: str | None) -> None:
        """Listens to how the step that is about to run calls a network, if that is not known."""
        with suppress(ValueError):  # which is told where the network is looked for
            found = find_subject(self.trainer, self.module, net)
            self._calls.watch(self.module, found.name, found.net)

    def learn(self, net: str | None, spec: Probes, batch: Any) -> None:
        """Takes what was heard in the step of this batch, which has ended."""

        def read() -> tuple[Tensor, Extras]:
            found = unpacked(batch, spec.unpack)
            return found.images, found.extras

        # Whatever batches and networks of the user's do, training goes on all the same.
        with suppress(Exception), torch.inference_mode(False), torch.no_grad():
            self._calls.learn(self.module, find_subject(self.trainer, self.module, net).name, read, batch)

    def may_learn(self, net: str | None) -> bool:
        """Whether a batch that is yet to come may tell how a network is called."""
        found = find_subject(self.trainer, self.module, net)
        return self.batches_pass and not self._calls.knows(self.module, found.name) and not is_compiled(found.net)

    def close(self) -> None:
        """Stops listening, and what is drawn in the background."""
        self._calls.close()
        self.background.end()

    def verify(self, subject: Subject, probes: ProbeBatch) -> None:
        """Sees to it that what is explained says the same as the network itself, once for each network."""
        if subject.name not in self._verified:
            self._verified.add(subject.name)
            images, first = probes.images[:1], probes.shown_to(subject).of(0)
            self.isolation.verify(lambda module: probes.task.fingerprint(first.within(module), images))

    def defaults(self, subject: Subject, probes: ProbeBatch) -> Defaults:
        """The layers of a network that are taken where no name is given, found once; ask in the isolation.

        Args:
            subject: The network.
            probes: The images, of which the first is seen.
        """
        if subject.name not in self._defaults:
            first = probes.shown_to(subject).of(0)
            fingerprint = partial(probes.task.fingerprint, first)
            self._defaults[subject.name] = default_layers(fingerprint, subject.net, probes.images[:1])
        return self._defaults[subject.name]

    def is_still(self, part: Collection[str], moment: int) -> bool:
        """Whether a part of the network is now what it was at a moment, see `Isolation`; not after the run."""
        return self._isolation is not None and self._isolation.is_still(part, moment)

    def observe(self, spec: Probes, split: Split, batch: Any, number: int) -> None:
        """Looks at a batch that passes of the loader of a number, see `Registry`."""
        self._registry.observe(self.trainer, spec, split, batch, number)

    def looks_for_more(self, split: Split) -> bool:
        """Whether probes are yet to be found in what passes of a split."""
        return self._registry.looks_for_more(self.trainer, split)

    def forget_few(self, spec: Probes) -> None:
        """Begins to look anew where a sanity check has shown fewer images than are wanted."""
        self._registry.forget_few(spec)

    def choose_anew(self, spec: Probes) -> None:
        """Drops the probes of a spec, where what they were chosen with turns out to put out something else."""
        self._registry.choose_anew(spec)

    def probes(self, spec: Probes, subject: Subject, module: nn.Module | None = None) -> ProbeBatch:
        """The images of a spec, chosen once, the same on all processes; ask in the isolation.

        Args:
            spec: Which images.
            subject: The network.
            module: What is explained instead of the user's module.

        Raises:
            ValueError: The spec does not fit the data set or the network.
            SplitNotLoadedError: Its split is not part of this run.
            NotSeenYetError: It is a stream, and nothing has passed.
        """
        return self._registry.probes(self.trainer, module or self.module, spec, subject, self.processes.agree)

    def predictions(self, spec: Probes, subject: Subject, step: int) -> Tensor:
        """What the network says of the probes, (N, K), asked once per step for all callbacks; ask in the isolation.

        Raises:
            ValueError: The network has another number of outputs than at the start.
        """
        return self._registry.predictions(spec, subject, step)

    def overheard(self, spec: Probes, subject: Subject, task: Task | None, *, seed: int) -> Predictions:
        """What hears the network's predictions, one for all who ask for the same while one of them keeps it."""
        key = (self.module, subject, spec.unpack, spec.axes, spec.ignore, task and task.name, seed)
        found = self._predictions.get(key)
        if found is None:
            found = Predictions(self.module, subject, self.isolation, spec, task=task, seed=seed)
            self._predictions[key] = found
        return found


_RUNS: WeakKeyDictionary[pl.Trainer, Run] = WeakKeyDictionary()


def run_of(trainer: pl.Trainer) -> Run:
    """The run of a Trainer, made on first use."""
    if trainer not in _RUNS:
        _RUNS[trainer] = Run(trainer)
    return _RUNS[trainer]
