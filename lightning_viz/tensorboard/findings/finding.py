"""One sentence about a run, with what it rests on."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lightning_viz.tensorboard.findings.record import Record


@dataclass(frozen=True)
class Finding:
    """One sentence about a run.

    Attributes:
        kind: What it is about, for programs: each rule has its own.
        text: The sentence, in plain English, with its numbers.
        numbers: These numbers, by name.
        pictures: Tags of the pictures that show it.
        step: The step at which they show it; None is the last one.
        weight: How much it matters, from 0 to 1: the weightiest are what to look at first.
        steps: Of each picture its own, where these differ.
        look: What is to be seen there, in few words with its number, for the last of all findings; empty where a look
            tells no more than the sentence.
    """

    kind: str
    text: str
    numbers: dict[str, Any]
    pictures: tuple[str, ...] = ()
    step: int | None = None
    weight: float = field(default=0.5, compare=False)
    steps: tuple[int | None, ...] = ()
    look: str = field(default="", compare=False)

    def as_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "kind": self.kind,
            "text": self.text,
            "numbers": self.numbers,
            "pictures": list(self.pictures),
            "step": self.step,
            **({"steps": list(self.steps)} if self.steps else {}),
        }


Rule = Callable[[Record], Iterator[Finding]]


def percent(share: float) -> str:
    """A share, as sentences have it.

    >>> percent(0.873), percent(0.0042)
    ('87 %', '0.4 %')
    """
    return f"{100 * share:.0f} %" if share >= 0.01 or share == 0 else f"{100 * share:.1g} %"


def isolated(name: str) -> str:
    """A name that is read from the right, in marks that keep its direction to itself (UAX 9, 2013); others as they are.

    Else the numbers behind it would stand before it. Programs read the sentences too: they find no mark without need.
    """
    from_right = any(unicodedata.bidirectional(sign) in ("R", "AL") for sign in name)
    return f"\u2068{name}\u2069" if from_right else name


def listed(names: list[str], most: int = 3) -> str:
    """Names in a row.

    >>> listed(["a", "b", "c"]), listed(["a", "b", "c", "d", "e"])
    ('a, b and c', 'a, b, c and 2 others')
    """
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} others"
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
