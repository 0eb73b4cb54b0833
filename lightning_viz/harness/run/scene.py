"""What a drawing sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple, TypeVar

from torch import Tensor

from lightning_viz.explain.attribution.targets import Target
from lightning_viz.explain.network.defaults import Defaults, default_layers
from lightning_viz.harness.isolation.isolation import Isolation
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.probes.spec import ProbeBatch
from lightning_viz.harness.run.processes import Share
from lightning_viz.harness.tasks.task import Task, named

T = TypeVar("T")


class Ask(NamedTuple):
    """One thing that is asked of one probe.

    Attributes:
        probe: Which one, from 0.
        column: The score that is explained.
        name: What that is called.
        mark: What the tags of its pictures end with, so that several of one probe have each their own.
    """

    probe: int
    column: int
    name: str
    mark: str = ""


@dataclass(frozen=True)
class Scene:
    """The network and the probes at one moment of training.

    Attributes:
        subject: The network: images (N, C, H, W) in, scores (N, K) out, as the task explains them.
        probes: The images to explain.
        predict: Asks the network what it says of the probes, (N, K).
        epoch: The epoch, from 0; -1 before the first step of training.
        step: The step at which Lightning logs the scalars of this moment; -1 before the first one.
        share: The part of the drawing that this process does.
        isolation: What the drawing happens in.
        find_layers: Looks for the layers that are taken where no name is given, or knows them; the scene does without.
    """

    subject: Subject
    probes: ProbeBatch
    predict: Callable[[], Tensor]
    epoch: int
    step: int
    share: Share
    isolation: Isolation | None = None
    find_layers: Callable[[], Defaults] | None = None

    @cached_property
    def predictions(self) -> Tensor:
        """What the network says of the probes, (N, K); asked when it is wanted for the first time.

        Probabilities in [0, 1] where the task is one of classes or labels; else values, or cosines. Of places what is
        predicted, (N, H, W) or (N, K, H, W).
        """
        return self.predict()

    @cached_property
    def default_layers(self) -> Defaults:
        """The layers that are taken where no name is given; looked for when they are wanted for the first time."""
        if self.find_layers is not None:
            return self.find_layers()
        return default_layers(
            partial(self.task.fingerprint, self.subject.of(0)), self.subject.net, self.probes.images[:1]
        )

    @property
    def task(self) -> Task:
        """What the scores mean, and what is asked of a probe."""
        return self.probes.task

    @property
    def when(self) -> str:
        """The moment, as captions tell it: `epoch 3`, or `untrained` before the first step."""
        return "untrained" if self.epoch < 0 else f"epoch {self.epoch}"

    def mine(self, items: Sequence[T]) -> list[T]:
        """Those of the items that this process draws; all of them where it is the only one.

        A drawing that does not ask is done by every process, and the pictures of the first one count.

        Args:
            items: What there is to draw, for example the numbers of the probes: `range(len(scene.probes))`.
        """
        return self.share.of(items)

    def since(self, part: frozenset[str]) -> int:
        """The moment since which some tensors of the network are what they are now, the same on processes in lockstep.

        Args:
            part: What `Isolation.reads` returned.
        """
        own = 0 if self.isolation is None else self.isolation.since(part)
        return self.share.latest(own)

    def caption(self, i: int) -> str:
        """The caption of every picture of probe `i`: epoch, what is true of it, and what the network says.

        For example `epoch 3 · Egg ✓ 87 %`, or `epoch 0 · Egg, says Bread 62 %`; names are marked, see `named`.
        """
        probes, predictions = self.probes, self.predictions[i]
        if bool(predictions.isfinite().all()):
            verdict = self.task.verdict(probes.labels[i], predictions, probes.class_names)
        else:
            verdict = f"{named(probes.label_name(i))}, says nothing finite"
        return f"{self.when} · {verdict}" if verdict else self.when

    def prediction(self, i: int) -> tuple[int, float]:
        """What the network says most surely of probe `i`, and how surely; -1 and 0 where not all is finite, or nothing.

        For a task of classes the predicted class and its probability in [0, 1].
        """
        predictions = self.predictions[i]
        if not len(predictions) or not bool(predictions.isfinite().all()):
            return -1, 0.0
        return self.task.best(predictions, self.probes.labels[i])

    def asked(self, target: Target, *, most: int = 1) -> list[Ask]:
        """What a target asks of every probe: one column of each, or several, the surest first.

        Args:
            target: `"label"`, `"predicted"`, or a column by index or name.
            most: Of several columns that are true of a probe, or predicted, at most so many.

        Raises:
            TypeError: The target is neither text nor a whole number.
            ValueError: There is no such column.
        """
        names, tags = self.probes.class_names, self.probes.class_tags
        return [
            Ask(i, k, names[k], tags[k] if self.task.several else "")
            for i in range(len(self.probes))
            for k in self.task.columns(target, self.probes.labels[i], self.predictions[i], names)[:most]
        ]

    def asked_here(self, target: Target, *, most: int = 1) -> list[Ask]:
        """Of what `asked` gives, that of the probes which this process draws."""
        mine = self.mine(range(len(self.probes)))
        return [ask for ask in self.asked(target, most=most) if ask.probe in mine]

    def opponent(self, against: Target, ask: Ask) -> tuple[int | None, bool]:
        """What to hold an asked column against, none where there is nothing, and whether that is its rival."""
        label, predictions = self.probes.labels[ask.probe], self.predictions[ask.probe]
        return self.task.opponent(against, ask.column, label, predictions, self.probes.class_names)
