"""What a log holds of a run, as findings read it."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from lightning_viz.tensorboard.log import Log

Counts = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


_TRAINING, _VALIDATION = {"train", "training"}, {"val", "valid", "validation"}

_MOST_CLASSES = 2048
"""With more than these a count would not fit into the memory of a viewer."""


@dataclass(frozen=True)
class Curve:
    """A scalar over the run.

    Attributes:
        epochs: Ascending, one for each value; -1 is the untrained network.
        steps: Likewise.
        values: Finite.
    """

    epochs: list[int]
    steps: list[int]
    values: list[float]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def last(self) -> float:
        """The last value."""
        return self.values[-1]

    def trained(self) -> Curve:
        """Without the untrained network's."""
        first = next((i for i, epoch in enumerate(self.epochs) if epoch >= 0), len(self))
        return Curve(self.epochs[first:], self.steps[first:], self.values[first:])


@dataclass(frozen=True)
class Probe:
    """What was predicted of one image of the validation.

    Attributes:
        tag: The first part of its tags.
        label: The true class; None where nothing is right or wrong.
        epochs: Ascending, one for each prediction.
        steps: Likewise.
        classes: The predicted class of each moment.
        shares: Its probability.
    """

    tag: str
    label: int | None
    epochs: list[int]
    steps: list[int]
    classes: list[int]
    shares: list[float]

    @property
    def flips(self) -> list[int]:
        """Positions at which another class is predicted than before, the untrained network's guess left out."""
        known = [i for i, epoch in enumerate(self.epochs) if epoch >= 0]
        return [b for a, b in pairwise(known) if self.classes[a] != self.classes[b]]


@dataclass(frozen=True)
class Record:
    """One run.

    Attributes:
        log: Where it is read.
        run: Its name there.
        entry: What `Log.runs` tells of it.
    """

    log: Log
    run: str
    entry: dict[str, Any] = field(repr=False)

    @cached_property
    def _series(self) -> dict[str, dict[str, list[list[Any]]]]:
        wanted = {
            "scalars": self.entry["scalars"],
            "predictions": self.entry["predictions"],
            "counts": self.entry["counts"],
            "maps": list(self.entry["maps"]),
        }
        return self.log.series(self.run, wanted) or {kind: {} for kind in wanted}

    @cached_property
    def classes(self) -> list[str]:
        """The names of the classes."""
        return list(self._manifest.get("classes", []))

    @property
    def _manifest(self) -> dict[str, Any]:
        return self.entry["manifest"] or {}

    @cached_property
    def _epochs(self) -> dict[int, int]:
        return {int(step): int(epoch) for step, epoch in self.entry["epochs"]}

    def epoch_of(self, step: int) -> int:
        """The epoch of a step: that of the last one before it, where it has none of its own."""
        earlier = [known for known in self._epochs if known <= step]
        return self._epochs[max(earlier)] if earlier else -1

    def name(self, k: int) -> str:
        """The name of a class."""
        return self.classes[k] if 0 <= k < len(self.classes) else f"class {k}"

    @property
    def loaders(self) -> list[str]:
        """The loaders whose validations were counted."""
        return sorted(self._series["counts"])

    def last_table(self, loader: str) -> tuple[int, Counts] | None:
        """The step of the last count, and the count (K, K); None where it is of too many classes, or of none."""
        points = self._series["counts"].get(loader, [])
        step, cells = points[-1] if points else (0, [])
        size = max([len(self.classes), *(1 + max(cell[:2]) for cell in cells)])
        if not 0 < size <= _MOST_CLASSES or any(min(cell) < 0 for cell in cells):
            return None
        table = np.zeros((size, size), np.int64)
        for true, predicted, count in cells:
            table[true, predicted] = count
        return step, table

    def scalars(self, prefix: str = "", suffix: str = "") -> Iterator[tuple[str, Curve]]:
        """The scalars whose tags begin and end like this, and have finite values."""
        for tag, points in sorted(self._series["scalars"].items()):
            if tag.startswith(prefix) and tag.endswith(suffix):
                finite = [(step, value) for step, value in points if value is not None]
                if finite:
                    steps, values = [s for s, _ in finite], [v for _, v in finite]
                    yield tag, Curve([self.epoch_of(step) for step in steps], steps, values)

    def scalar(self, tag: str) -> Curve | None:
        """One scalar, if it is logged."""
        return next((curve for found, curve in self.scalars(tag, tag) if found == tag), None)

    def trained_and_validated(self, *words: str) -> tuple[Curve, Curve] | None:
        """A figure of the training and the same of the validation, whatever the project calls the two.

        Args:
            words: Of which one is in the tags, such as `"loss"`; of several figures the one with the shortest tag.

        >>> sorted(_words("val/Loss_epoch"))
        ['loss', 'val']
        """
        curves = {tag: (_words(tag), curve) for tag, curve in sorted(self.scalars(), key=lambda pair: len(pair[0]))}
        for _, (found, val) in curves.items():
            if found & _VALIDATION and found & {*words}:
                rest = found - _VALIDATION
                for _, (others, train) in curves.items():
                    if others & _TRAINING and others - _TRAINING == rest:
                        return train, val
        return None

    @cached_property
    def methods(self) -> list[str]:
        """The methods of which there are measures, as their tags have them."""
        return sorted({tag.split("/")[1] for tag in self.entry["scalars"] if tag.startswith("explanations/")})

    @cached_property
    def probes(self) -> list[Probe]:
        """The probes of which something was predicted that is finite."""
        return [probe for tag in self.entry["predictions"] if (probe := self._probe(tag)) is not None]

    def _probe(self, tag: str) -> Probe | None:
        points = [p for p in self._series["predictions"].get(tag, []) if p[1] is not None and p[1] >= 0]
        if not points:
            return None
        about = self._manifest.get("probes", {}).get(tag, {})
        label = None if not about or about.get("open") or "values" in about else int(about["label"])
        steps, classes, shares = zip(*points, strict=True)
        return Probe(tag, label, [self.epoch_of(s) for s in steps], list(steps), list(classes), list(shares))

    def last_maps(self, method: str) -> dict[str, Values]:
        """The last map of a method, (h, w), of each probe that has just one, by the tag of its picture."""
        found = {}
        for tag, points in self._series["maps"].items():
            step_and_keys = points[-1] if points else []
            if tag.partition("/")[2] == method and len(step_and_keys) == 2:
                blob = self.log.blob(step_and_keys[1])
                values = None if blob is None else decoded(blob)
                if values is not None:
                    found[tag] = values
        return found

    def shows(self, tag: str) -> bool:
        """Whether there is a picture of this tag."""
        return tag in self.entry["images"]


def _words(tag: str) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", tag.lower())) - {"", "epoch"}


def decoded(blob: bytes) -> Values | None:
    """The values (h, w) of a map as `lightning_viz.harness.sinks.log_format.encoded` makes it; None of another blob."""
    if len(blob) < 8:
        return None
    height, width, unit = struct.unpack_from("<HHf", blob)
    if len(blob) < 8 + height * width or not math.isfinite(unit):
        return None
    units = np.frombuffer(blob, np.int8, height * width, offset=8)
    values: Values = units.reshape(height, width).astype(np.float64) * unit
    return values
