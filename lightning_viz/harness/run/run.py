"""What all callbacks of one Trainer share: the probes, what the network says of them, and who logs it."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from lightning_viz.explain.network.chunks import Chunks
from lightning_viz.harness.isolation.isolation import Isolation
from lightning_viz.harness.network.subject import Subject, probabilities
from lightning_viz.harness.probes.batches import has_items
from lightning_viz.harness.probes.selection import NotSeenYetError, SplitNotLoadedError, select, split_of
from lightning_viz.harness.probes.spec import ProbeBatch, Probes, Split
from lightning_viz.harness.probes.stream import Observed
from lightning_viz.harness.run.best_metric import Record
from lightning_viz.harness.run.clock import Clock
from lightning_viz.harness.run.processes import Ranks
from lightning_viz.harness.sinks.sinks import Sinks
from lightning_viz.harness.validation.predictions import Predictions

_SPREAD = "its parameters are spread over several processes"


class Session:
    """What the callbacks of one Trainer share. Get it with `session_of`; ask for probes and scores in its isolation.

    Attributes:
        clock: How long is trained and how long is drawn.
        record: The best value so far of what the run monitors.
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, int], int] = {}
        self._ranks: Ranks | None = None
        self.clock = Clock()
        self.record = Record()
        self.forget()

    def forget(self) -> None:
        """Drops what belongs to one run of the Trainer; the numbers of the probes stay."""
        if self._ranks is not None:
            self._ranks.close()
        self._ranks = None
        self._isolation: Isolation | None = None
        self._sinks: Sinks | None = None
        self._verified: set[str] = set()
        self._observed: dict[Probes, Observed] = {}
        self._probes: dict[tuple[Probes, str], ProbeBatch] = {}
        self._scores: dict[tuple[Probes, str], tuple[int, Tensor]] = {}
        self._predictions: WeakValueDictionary[Hashable, Predictions] = WeakValueDictionary()
        self._claimed: dict[Hashable, int] = {}
        self._told: set[str] = set()
        self._namesakes: dict[str, list[Probes]] = {}
        self._shared: dict[tuple[Probes, str], tuple[int, dict[Hashable, Any]]] = {}
        self._charts: dict[str, list[Any]] = {}

    def ranks(self, trainer: pl.Trainer, module: nn.Module) -> Ranks:
        """The processes of the run."""
        self._ranks = self._ranks or Ranks(trainer, module)
        return self._ranks

    def isolation(self, trainer: pl.Trainer, module: nn.Module) -> Isolation:
        """Where the explanations of the run happen."""
        if self._isolation is None:
            spread = self.ranks(trainer, module).share.lockstep
            self._isolation = Isolation(module, refusal=_SPREAD if spread else None)
        return self._isolation

    def verify(self, trainer: pl.Trainer, module: nn.Module, subject: Subject, probes: ProbeBatch) -> None:
        """Sees to it that what is explained says the same as the network itself, once for each network."""
        if subject.name not in self._verified:
            self._verified.add(subject.name)
            images = probes.images[:1]
            self.isolation(trainer, module).verify(lambda module: subject.within(module)(images))

    def is_still(self, part: Collection[str], moment: int) -> bool:
        """Whether a part of the network is now what it was at a moment, see `Isolation`; not after the run."""
        return self._isolation is not None and self._isolation.is_still(part, moment)

    def sinks(self, trainer: pl.Trainer) -> Sinks:
        """Where the pictures of the run go."""
        self._sinks = self._sinks or Sinks(trainer)
        return self._sinks

    def observe(self, trainer: pl.Trainer, wish: Probes, split: Split, batch: Any) -> None:
        """Looks at a batch that passes, where the probes can come from nowhere else.

        Raises:
            ValueError: No images and labels are found in the batch.
        """
        observed = self._observed.get(wish)
        if observed is not None and observed.full:
            return
        if _passes_in(trainer, wish, split):
            self._observed.setdefault(wish, Observed(wish)).see(batch)

    def looks_for_more(self, trainer: pl.Trainer, split: Split) -> bool:
        """Whether probes are yet to be found in what passes of a split."""
        return any(not seen.full and _passes_in(trainer, wish, split) for wish, seen in self._observed.items())

    def forget_few(self, wish: Probes) -> None:
        """Begins to look anew where a sanity check has shown fewer images than are wanted."""
        if len(self._observed.get(wish, ())) < wish.count:
            self._observed.pop(wish, None)

    def probes(self, trainer: pl.Trainer, module: nn.Module, wish: Probes, subject: Subject) -> ProbeBatch:
        """The images of a wish, chosen once, the same on all processes.

        Args:
            trainer: The Trainer.
            module: The LightningModule that is explained.
            wish: Which images.
            subject: The network.

        Raises:
            ValueError: The wish does not fit the data set or the network.
            SplitNotLoadedError: Its split is not part of this run.
            NotSeenYetError: It is a stream, and nothing has passed.
        """
        key = (wish, subject.name)
        if key not in self._probes:
            ranks = self.ranks(trainer, trainer.lightning_module)
            observed = self._observed.setdefault(wish, Observed(wish))
            found = ranks.agree(lambda: _select(trainer, module, wish, subject, observed))
            if found is None:
                raise NotSeenYetError("The probes come from a stream, of which nothing has passed yet.")
            split, probes = found
            numbers = tuple(self._numbers.setdefault((split, i), len(self._numbers)) for i in probes.indices)
            self._probes[key] = replace(probes.to(trainer.lightning_module.device), numbers=numbers)
        return self._probes[key]

    def probabilities(self, wish: Probes, subject: Subject, step: int) -> Tensor:
        """Class probabilities of the probes, (N, K), computed once per step for all callbacks.

        Raises:
            ValueError: The network has another number of classes than at the start.
        """
        key = (wish, subject.name)
        if key not in self._scores or self._scores[key][0] != step:
            probes = self._probes[key]
            with torch.no_grad():
                said = probabilities(Chunks()(subject, probes.images))
            if said.shape[1] != len(probes.class_names):
                raise ValueError(
                    f"Expected scores for {len(probes.class_names)} classes, as at the start of the run, received "
                    f"{said.shape[1]}: pass net= with a part that keeps its outputs, or start a new run."
                )
            self._scores[key] = step, said
        return self._scores[key][1]

    def predictions(self, trainer: pl.Trainer, wish: Probes, subject: Subject, *, seed: int) -> Predictions:
        """What hears the network's predictions, one for all who ask for the same while one of them keeps it."""
        module = trainer.lightning_module
        key = (module, subject, wish.unpack, seed)
        found = self._predictions.get(key)
        if found is None:
            isolation = self.isolation(trainer, module)
            self._predictions[key] = found = Predictions(module, subject, isolation, wish.unpack, seed=seed)
        return found

    def claim(self, what: Hashable, step: int) -> bool:
        """Whether the caller is the first to ask for this at this step, and so the one to log it."""
        if self._claimed.get(what) == step:
            return False
        self._claimed[what] = step
        return True

    def shared(self, wish: Probes, name: str, step: int) -> dict[Hashable, Any]:
        """What callbacks with the same probes and the same network have found out at this step, for each other."""
        if self._shared.get((wish, name), (None,))[0] != step:
            self._shared[wish, name] = step, {}
        return self._shared[wish, name][1]

    def namesake(self, name: str, wish: Probes) -> int:
        """The number of a wish, from 0, among those whose figures would have the same name."""
        wishes = self._namesakes.setdefault(name, [])
        if wish not in wishes:
            wishes.append(wish)
        return wishes.index(wish)

    def first_time(self, text: str) -> bool:
        """Whether no callback has told this before in this run."""
        fresh = text not in self._told
        self._told.add(text)
        return fresh

    def charts(self, more: dict[str, list[Any]]) -> dict[str, dict[str, list[Any]]]:
        """The layout of Custom Scalars: one chart per probe, of all callbacks so far."""
        self._charts.update(more)
        return {"class probabilities of the probes": self._charts}


def _passes_in(trainer: pl.Trainer, wish: Probes, split: Split) -> bool:
    """Whether the probes of a wish can be had from nothing but what passes of this split."""
    try:
        wanted, loader = split_of(trainer, wish.split)
    except SplitNotLoadedError:
        return False
    return wanted == split and not has_items(loader)


def _select(
    trainer: pl.Trainer, module: nn.Module, wish: Probes, subject: Subject, observed: Observed
) -> tuple[Split, ProbeBatch] | None:
    try:
        split, probes = select(trainer, module, wish, subject, observed)
    except NotSeenYetError:  # more may have passed on one process than on another: the first one decides
        return None
    return split, probes.to(torch.device("cpu"))


_SESSIONS: WeakKeyDictionary[pl.Trainer, Session] = WeakKeyDictionary()


def session_of(trainer: pl.Trainer) -> Session:
    """The session of a Trainer, made on first use."""
    return _SESSIONS.setdefault(trainer, Session())
