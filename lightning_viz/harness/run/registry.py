"""The probes of a run: chosen once for each spec and network, and what the network predicts for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.probes.loaders import is_known
from lightning_viz.harness.probes.selection import NotSeenYetError, number_of, select, split_of
from lightning_viz.harness.probes.spec import ProbeBatch, Probes, Split
from lightning_viz.harness.probes.stream import Observed

T = TypeVar("T")
_Found = tuple[Split, ProbeBatch]


class Registry:
    """Keeps the probes of a run by spec and network.

    Args:
        numbers: Of the probes by split and index, as their tags have them: they stay from one run of a Trainer to the
            next.
    """

    def __init__(self, numbers: dict[tuple[str, int], int]) -> None:
        self._numbers = numbers
        self._observed: dict[Probes, Observed] = {}
        self._probes: dict[tuple[Probes, str], ProbeBatch] = {}
        self._predictions: dict[tuple[Probes, str], tuple[int, Tensor]] = {}

    def observe(self, trainer: pl.Trainer, spec: Probes, split: Split, batch: Any, number: int) -> None:
        """Looks at a batch that passes, where the probes can come from nowhere else.

        Args:
            trainer: The Trainer.
            spec: Which images.
            split: That the batch is of.
            batch: As the loader gave it.
            number: Of the loader within the split.

        Raises:
            ValueError: No images and labels are found in the batch.
        """
        observed = self._observed.get(spec)
        if observed is not None and observed.full:
            return
        if _passes_in(trainer, spec, split, number):
            self._observed.setdefault(spec, Observed(spec)).see(batch)

    def looks_for_more(self, trainer: pl.Trainer, split: Split) -> bool:
        """Whether probes are yet to be found in what passes of a split."""
        return any(not seen.full and _passes_in(trainer, spec, split) for spec, seen in self._observed.items())

    def forget_few(self, spec: Probes) -> None:
        """Begins to look anew where a sanity check has shown fewer images than are wanted."""
        if len(self._observed.get(spec, ())) < spec.count:
            self._observed.pop(spec, None)

    def choose_anew(self, spec: Probes) -> None:
        """Drops the probes of a spec, where what they were chosen with turns out to put out something else."""
        self._probes = {key: found for key, found in self._probes.items() if key[0] != spec}

    def probes(
        self,
        trainer: pl.Trainer,
        module: nn.Module,
        spec: Probes,
        subject: Subject,
        agree: Callable[[Callable[[], _Found | None]], _Found | None],
    ) -> ProbeBatch:
        """The images of a spec, chosen once, the same on all processes.

        Args:
            trainer: The Trainer.
            module: The LightningModule that is explained.
            spec: Which images.
            subject: The network.
            agree: Has all processes take what the first one makes.

        Raises:
            ValueError: The spec does not fit the data set or the network.
            SplitNotLoadedError: Its split is not part of this run.
            NotSeenYetError: It is a stream, and nothing has passed.
        """
        key = (spec, subject.name)
        if key not in self._probes:
            observed = self._observed.setdefault(spec, Observed(spec))
            found = agree(lambda: _select(trainer, module, spec, subject, observed))
            if found is None:
                raise NotSeenYetError("The probes come from a stream, of which nothing has passed yet.")
            split, probes = found
            numbers = tuple(self._numbers.setdefault((split, i), len(self._numbers)) for i in probes.indices)
            self._probes[key] = probes.to(trainer.lightning_module.device).numbered(numbers)
        return self._probes[key]

    def predictions(self, spec: Probes, subject: Subject, step: int) -> Tensor:
        """What the network says of the probes, (N, K), asked once per step for all callbacks.

        Raises:
            ValueError: The network has another number of outputs than at the start.
        """
        key = (spec, subject.name)
        if key not in self._predictions or self._predictions[key][0] != step:
            probes = self._probes[key]
            with torch.no_grad():
                found = _says(probes, probes.shown_to(subject))
            if probes.task.whole and found.shape[1] != len(probes.class_names):
                raise ValueError(
                    f"Expected scores for {len(probes.class_names)} classes, as at the start of the run, received "
                    f"{found.shape[1]}: pass net= with a part that keeps its outputs, or start a new run."
                )
            self._predictions[key] = step, found
        return self._predictions[key][1]


def _says(probes: ProbeBatch, subject: Subject) -> Tensor:
    if not probes.class_names:  # nothing is asked
        return probes.images.new_zeros(len(probes), 0)
    return probes.task.ask(subject, probes.images, probes.labels)


def _passes_in(trainer: pl.Trainer, spec: Probes, split: Split, number: int | None = None) -> bool:
    """Whether the probes of a spec can be had from nothing but what passes of this split, of the loader of a number."""
    try:
        wanted, loader = split_of(trainer, spec)
    except ValueError:  # which is told where the probes are chosen
        return False
    return wanted == split and not is_known(loader) and number in (None, number_of(trainer, split, loader))


def _select(
    trainer: pl.Trainer, module: nn.Module, spec: Probes, subject: Subject, observed: Observed
) -> _Found | None:
    try:
        split, probes = select(trainer, module, spec, subject, observed)
    except NotSeenYetError:  # more may have passed on one process than on another: the first one decides
        return None
    return split, probes.to(torch.device("cpu"))
