"""What a drawing sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from torch import Tensor

from lightning_viz.explain.network.defaults import Defaults, default_layers
from lightning_viz.harness.isolation.isolation import Isolation
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.probes.spec import ProbeBatch
from lightning_viz.harness.run.processes import Share

T = TypeVar("T")


@dataclass(frozen=True)
class Scene:
    """The network and the probes at one moment of training.

    Attributes:
        subject: The network: images (N, C, H, W) in, class scores (N, K) out.
        probes: The images to explain.
        predict: Asks the network for the probabilities of the probes, (N, K) in [0, 1].
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
    def probabilities(self) -> Tensor:
        """What the network predicts for the probes, (N, K) in [0, 1]; asked when it is wanted for the first time."""
        return self.predict()

    @cached_property
    def default_layers(self) -> Defaults:
        """The layers that are taken where no name is given; looked for when they are wanted for the first time."""
        if self.find_layers is not None:
            return self.find_layers()
        return default_layers(self.subject.of(0), self.subject.net, self.probes.images[:1])

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
        """The caption of every picture of probe `i`: epoch, true class, and what the network predicts.

        For example `epoch 3 · Egg ✓ 87 %`, or `epoch 0 · Egg, says Bread 62 %`.
        """
        label, (best, probability) = int(self.probes.labels[i]), self.prediction(i)
        name = first_name(self.probes.class_names[label])
        if best < 0:
            return f"{self.when} · {name}, says nothing finite"
        verdict = " ✓" if best == label else f", says {first_name(self.probes.class_names[best])}"
        return f"{self.when} · {name}{verdict} {percent(probability)}"

    def prediction(self, i: int) -> tuple[int, float]:
        """The predicted class of probe `i` and its probability in [0, 1]; -1 and 0 where not all are finite."""
        found = self.probabilities[i]
        if not bool(found.isfinite().all()):
            return -1, 0.0
        best = int(found.argmax())
        return best, float(found[best])


def percent(share: float) -> str:
    """A probability as captions tell it.

    Example:
        >>> percent(0.873), percent(0.0042)
        ('87 %', '0.4 %')
    """
    hundredths = 100 * share
    # The best of a thousand classes may have little.
    return f"{hundredths:.0f} %" if hundredths >= 1 else f"{hundredths:.1g} %"


def first_name(name: str, length: int = 18) -> str:
    """A class name that leaves room for others: of several synonyms the first, cut if need be.

    Example:
        >>> [first_name(n) for n in ("tiger shark, Galeocerdo cuvieri", "Bread, toast", "black-and-tan coonhound")]
        ['tiger shark', 'Bread, toast', 'black-and-tan coo…']
    """
    if len(name) <= length:
        return name
    first = name.split(",")[0].strip() or name
    return first if len(first) <= length else f"{first[: length - 1]}…"
