"""A task says what the outputs of a network mean, and what is asked of an image; methods do not know which it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from lightning_viz.explain.attribution.targets import RIVAL, Target, class_index
from lightning_viz.harness.network.subject import Subject

Kind = Literal["classes", "labels", "values", "regions", "boxes", "similarity", "none"]

Counted = Literal["classes", "labels", "values", "regions", "boxes"]
"""Tasks whose predictions can be counted over a validation."""

_LISTED = 3
"""Words that stand in a list of captions, before how many more there are."""


class Task(ABC):
    """What the outputs of a network mean, and what is asked of an image.

    A column is one of the scores (N, K), a label what is true of one image, `prediction` a row (K,) of predictions.

    Attributes:
        name: As `Probes(task=...)` has it.
        curves: What the tags of its curves begin with.
        unit: What is explained where nothing else is asked for, in captions.
        counts: How a validation is counted; None where there is nothing to count.
        several: Whether several columns may be explained of one image, each with tags of its own.
        exclusive: Whether one column is true of an image, and no other.
        compares: Whether images are held against each other, or against guides.
        signs: What a part of the image does to a score that raises or lowers it.
        judged: Whether it can be judged how faithful a map is to a prediction.
        places: Whether labels, and what is predicted, are of the places of an image: then a prediction is (H, W) or
            (K, H, W).
        whole: Whether a prediction is one row (K,) for the image as a whole.
    """

    name: ClassVar[Kind]
    curves: ClassVar[str]
    unit: ClassVar[str]
    counts: ClassVar[Counted | None] = None
    several: ClassVar[bool] = False
    exclusive: ClassVar[bool] = False
    compares: ClassVar[bool] = False
    signs: ClassVar[tuple[str, str]] = ("for", "against")
    judged: ClassVar[bool] = True
    places: ClassVar[bool] = False
    whole: ClassVar[bool] = True

    @property
    def takes_for(self) -> bool:
        """Whether a confusion is one class taken for another; else it is one that is missed where another is said."""
        return not self.several

    # What the network puts out

    @abstractmethod
    def subject(self, subject: Subject, images: Tensor, labels: Tensor | None = None) -> Subject:
        """The network as images (N, C, H, W) -> scores (N, K) that can be explained one by one.

        Args:
            subject: The network, with what stands beside the probes.
            images: The probes, (N, C, H, W).
            labels: What is true of them, where that is known.
        """

    def ask(self, subject: Subject, images: Tensor, labels: Tensor) -> Tensor:
        """The predictions of the network for the probes, (N, K), or for their places; arguments as above."""
        return self.predictions(self.subject(subject, images).on(images))

    def asked_anew(self, subject: Subject, images: Tensor) -> Tensor:
        """Scores of the images of a validation, as `scores` returns those that were overheard."""
        return self.subject(subject, images).on(images)

    def settled(self, scores: Tensor, labels: Tensor) -> Tensor:
        """What is counted of the scores of a batch, as `scores` or `own` return them, beside its labels."""
        return scores

    def over(self, subject: Subject, area: Tensor) -> Subject:
        """The same as `subject` for one other image, of places over an area, bool (H, W), whatever is asked."""
        return subject

    def scores(self, outputs: Tensor) -> Tensor:
        """Outputs (N, K) that were overheard as scores, as `subject` puts them out."""
        return outputs

    def own(self, found: Tensor) -> Tensor | None:
        """What a step itself returned as its predictions or logits; None where it is no such thing."""
        return found if found.ndim == 2 and found.is_floating_point() else None

    def finite(self, scores: Tensor) -> Tensor:
        """Bool, of the shape of the scores: which say something."""
        return scores.isfinite()

    @abstractmethod
    def predictions(self, scores: Tensor) -> Tensor:
        """Scores (N, K) in the unit in which captions give them, (N, K)."""

    def explained(self, scores: Tensor) -> Tensor:
        """What is explained of scores (N, K) in place of their gradients' own unit, (N, K)."""
        return scores

    def ends(self, whole: float, empty: float, span: float) -> tuple[float, float]:
        """The predictions that count as 0 and as 1 where pixels of an image go or come; NaN where that says nothing.

        Args:
            whole: Of the image.
            empty: Of the image without anything in it.
            span: From the smallest to the largest of all images.
        """
        return 0.0, 1.0

    def fingerprint(self, subject: Subject, images: Tensor) -> Tensor:
        """What tells one network from another: something that is put out for images (N, C, H, W)."""
        return subject.outputs(images)

    def check(self, subject: Subject, images: Tensor, called: str) -> None:  # noqa: B027
        """Checks that there are scores to explain.

        Raises:
            ValueError: There are none.
        """

    # What is known of an image

    @abstractmethod
    def read(self, labels: Tensor | None, count: int) -> Tensor:
        """Labels of a batch of so many images, as probes keep them, (N,) or (N, K).

        Raises:
            ValueError: There are none, and they are wanted.
        """

    def no_label(self, labels: Tensor, columns: int) -> Tensor:
        """Bool (N,): of which images nothing is known that could be held against so many columns."""
        return torch.zeros(len(labels), dtype=torch.bool, device=labels.device)

    @abstractmethod
    def title(self, label: Tensor, names: Sequence[str]) -> str:
        """What is true of an image, as captions tell it."""

    def slug(self, label: Tensor, names: Sequence[str]) -> str:
        """The same for tags, where a number would only confuse."""
        return self.title(label, names)

    # What is asked of it

    def columns(self, target: Target, label: Tensor, prediction: Tensor, names: Sequence[str]) -> list[int]:
        """The columns that a target asks for: of the label, of what is predicted, or one by index or name.

        Raises:
            TypeError: The target is neither text nor a whole number.
            ValueError: There is no such column.
        """
        if target == "label":
            return self.present(label, prediction)
        return self.predicted(prediction, label) if target == "predicted" else [class_index(target, names)]

    @abstractmethod
    def present(self, label: Tensor, prediction: Tensor) -> list[int]:
        """The columns of what is true of an image, the surest first; at least one."""

    @abstractmethod
    def predicted(self, prediction: Tensor, label: Tensor) -> list[int]:
        """The columns of what the network says, the surest first; at least one."""

    @abstractmethod
    def rival(self, label: Tensor, prediction: Tensor, column: int) -> int | None:
        """What comes closest to a column, and is not that; None where it has no rival."""

    def opponent(
        self, against: Target, column: int, label: Tensor, prediction: Tensor, names: Sequence[str]
    ) -> tuple[int | None, bool]:
        """What to hold a column against, and whether that is its rival, which stands in where it would be itself."""
        others = [] if against == RIVAL else self.columns(against, label, prediction, names)
        other = next((k for k in others if k != column), None)
        return (self.rival(label, prediction, column), True) if other is None else (other, False)

    # What is told of it

    def curves_of(self, label: Tensor, prediction: Tensor) -> Tensor:
        """The values of the curves of an image, (K,)."""
        return prediction

    def truth(self, label: Tensor, column: int) -> Tensor | None:
        """Where in an image a column is true, bool (H, W), if that is known."""
        return None

    def certainty(self, prediction: Tensor, column: int) -> float | None:
        """The probability of a column of an image as it is; None where only the network can tell."""
        return float(prediction[column])

    @abstractmethod
    def verdict(self, label: Tensor, prediction: Tensor, names: Sequence[str]) -> str:
        """What is true of an image, and what the network predicts, in a few words; `prediction` is finite."""

    def best(self, prediction: Tensor, label: Tensor) -> tuple[int, float]:
        """The column that the network says most surely, and what it says of it."""
        best = self.predicted(prediction, label)[0]
        return best, float(prediction[best])

    def drawn(self, label: Tensor, columns: int, most: int) -> list[int]:
        """The columns of which curves are drawn: all where there are few, else what is true."""
        return list(range(columns)) if columns <= most else self.marked(label)

    def marked(self, label: Tensor) -> list[int]:
        """The columns that are true of an image."""
        return []

    def about(self, label: Tensor) -> dict[str, Any]:
        """What the Explanations tab gets to know of a probe."""
        marked = self.marked(label)
        return {"label": marked[0] if marked else 0}


def strongest(prediction: Tensor, columns: Sequence[int]) -> list[int]:
    """Columns in the order of their predictions, the strongest first.

    >>> strongest(torch.tensor([0.1, 0.9, 0.5]), [0, 1, 2])
    [1, 2, 0]
    """
    return sorted(columns, key=lambda k: -float(prediction[k]))


def percent(share: float) -> str:
    """A probability as captions tell it.

    Example:
        >>> percent(0.873), percent(0.0042)
        ('87 %', '0.4 %')
    """
    hundredths = 100 * share
    # The best of a thousand classes may have little.
    return f"{hundredths:.0f} %" if hundredths >= 1 else f"{hundredths:.1g} %"


def listed(some: Sequence[str]) -> str:
    """The first three of some words, and how many more there are; nothing where there is none.

    >>> listed(["Egg", "Bread"]), listed(["Egg", "Bread", "Soup", "Rice", "Meat"])
    ('Egg, Bread', 'Egg, Bread, Soup, 2 more')
    """
    more = [f"{len(some) - _LISTED} more"] if len(some) > _LISTED else []
    return ", ".join([*some[:_LISTED], *more])


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


def named(name: str, length: int = 18) -> str:
    """The first name of a class between marks that keep its direction to itself (UAX 9, 2013).

    Else the verdict behind a name that is read from the right would be drawn before it; pictures cut a marked name
    first, and show no mark.

    Example:
        >>> named("Bread")[1:-1], len(named("Bread"))
        ('Bread', 7)
    """
    return f"\u2068{first_name(name, length)}\u2069"
