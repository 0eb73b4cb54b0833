"""What a log holds of a run, as findings read it."""

from __future__ import annotations

import math
import re
import struct
from bisect import bisect_right
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lightning_viz.tensorboard.log import Log
from lightning_viz.tensorboard.points import Point

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


@dataclass(frozen=True)
class Probe:
    """What was predicted of one image of the validation.

    Attributes:
        tag: The first part of its tags.
        label: The true class; None where nothing is right or wrong.
        labels: All true classes.
        whole: Whether a class was predicted of the image as a whole, and no place in it, and no value.
        epochs: Ascending, one for each prediction.
        steps: Likewise.
        classes: The predicted class of each moment.
        shares: Its probability.
    """

    tag: str
    label: int | None
    labels: tuple[int, ...]
    whole: bool
    epochs: list[int]
    steps: list[int]
    classes: list[int]
    shares: list[float]

    @property
    def flips(self) -> list[int]:
        """Positions at which another class is predicted than before, the untrained network's guess left out."""
        known = [i for i, epoch in enumerate(self.epochs) if epoch >= 0]
        return [b for a, b in pairwise(known) if self.classes[a] != self.classes[b]]


class Count(NamedTuple):
    """What the last validation of a loader has counted.

    Attributes:
        loader: Its name.
        step: When that was.
        table: (K, K), rows are true classes, columns predicted ones.
    """

    loader: str
    step: int
    table: npt.NDArray[np.int64]


class Each(NamedTuple):
    """What the last validation of a loader has counted of each class by itself.

    Attributes:
        loader: Its name.
        step: When that was.
        of: What was counted, `"labels"` or `"boxes"`.
        table: (K, 3), how often each class was found, missed and predicted falsely.
    """

    loader: str
    step: int
    of: str
    table: npt.NDArray[np.int64]


def needed(entry: dict[str, Any]) -> dict[str, list[str]]:
    """The series that findings rest on, for `Log.series`."""
    return {kind: list(entry[kind]) for kind in ("scalars", "predictions", "counts", "tables", "maps")}


@dataclass(frozen=True)
class Record:
    """One run.

    Attributes:
        log: Where its maps are read.
        entry: What `Log.runs` tells of it, without films.
        series: What `Log.series` tells of it, of the kinds in `needed` at least.
    """

    log: Log
    entry: dict[str, Any] = field(repr=False)
    series: dict[str, dict[str, list[Point]]] = field(repr=False)

    @property
    def _manifest(self) -> dict[str, Any]:
        return self.entry["manifest"] or {}

    @property
    def classes(self) -> list[str]:
        """The names of the classes."""
        return list(self._manifest.get("classes", []))

    def epoch_of(self, step: int) -> int:
        """The epoch of a step: that of the last one before it, where it has none of its own."""
        epochs: list[Point] = self.entry["epochs"]  # by step
        before = bisect_right(epochs, step, key=lambda point: point[0])
        return int(epochs[before - 1][1]) if before else -1

    def name(self, k: int) -> str:
        """The name of a class."""
        return self.classes[k] if 0 <= k < len(self.classes) else f"class {k}"

    def counts(self) -> Iterator[Count]:
        """The last count of each loader of images; none where it is of too many classes, or of none.

        Pixels say too much alike to be counted like images.
        """
        return self._square("images")

    def each(self) -> Iterator[Each]:
        """The last count of several labels of each loader, and of boxes."""
        for loader, points in sorted(self.series["tables"].items()):
            if points and self._counted(loader) == "labels":
                step, rows = points[-1]
                if rows and all(len(row) == 3 and None not in row for row in rows):
                    yield Each(loader, step, "labels", np.array(rows).astype(np.int64))
        for loader, step, square in self._square("boxes"):
            found, true, said = square.diagonal()[:-1], square[:-1].sum(1), square[:, :-1].sum(0)
            yield Each(loader, step, "boxes", np.stack([found, true - found, said - found], 1))

    def _counted(self, loader: str) -> str:
        return str(self._manifest.get("pictures", {}).get(f"confusion/{loader}", {}).get("counted", "images"))

    def _square(self, of: str) -> Iterator[Count]:
        for loader, points in sorted(self.series["counts"].items()):
            if self._counted(loader) != of:
                continue
            step, cells = points[-1] if points else (0, [])
            least = len(self.classes) + (of == "boxes" and len(self.classes) > 0)  # and where there is no box
            size = max([least, *(1 + max(cell[:2]) for cell in cells)])
            if 0 < size <= _MOST_CLASSES and all(min(cell) >= 0 for cell in cells):
                table = np.zeros((size, size), np.int64)
                for true, predicted, count in cells:
                    table[true, predicted] = count
                yield Count(loader, step, table)

    def scalars(self, prefix: str, suffix: str) -> Iterator[tuple[str, Curve]]:
        """The scalars whose tags begin and end like this, and have finite values."""
        for tag in sorted(self.series["scalars"]):
            if tag.startswith(prefix) and tag.endswith(suffix) and (curve := self.scalar(tag)) is not None:
                yield tag, curve

    def scalar(self, tag: str) -> Curve | None:
        """One scalar, if it is logged and has finite values."""
        finite = [point for point in self.series["scalars"].get(tag, []) if point[1] is not None]
        if not finite:
            return None
        steps, values = zip(*finite, strict=True)
        return Curve([self.epoch_of(step) for step in steps], list(steps), list(values))

    def trained_and_validated(self, *words: str) -> tuple[Curve, Curve] | None:
        """A figure of the training and the same of the validation, whatever the project calls the two.

        Args:
            words: Of which one is in the tags, such as `"loss"`; of several figures the one with the shortest tag.

        >>> sorted(_words("val/Loss_epoch"))
        ['loss', 'val']
        """
        tags = sorted(sorted(self.series["scalars"]), key=len)
        named = {tag: found for tag in tags if (found := _words(tag)) & {*words}}
        for tag in (tag for tag, found in named.items() if found & _VALIDATION):
            rest = named[tag] - _VALIDATION
            for other in (one for one, found in named.items() if found & _TRAINING and found - _TRAINING == rest):
                pair = self.scalar(other), self.scalar(tag)
                if pair[0] is not None and pair[1] is not None:
                    return pair[0], pair[1]
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
        points = [p for p in self.series["predictions"].get(tag, []) if p[1] is not None and p[1] >= 0]
        if not points:
            return None
        about = self._manifest.get("probes", {}).get(tag, {})
        label = None if not about or about.get("open") or "values" in about else int(about["label"])
        labels = tuple(int(k) for k in about.get("labels", [] if label is None else [label]))
        whole = not about.get("outlined") and "values" not in about
        steps, classes, shares = map(list, zip(*points, strict=True))
        return Probe(tag, label, labels, whole, [self.epoch_of(step) for step in steps], steps, classes, shares)

    def last_maps(self, method: str) -> dict[str, Values]:
        """The last map of a method, (h, w), of each probe that has just one, by the tag of its picture.

        Of volumes the sum of all slices by magnitude.
        """
        last = {tag: points[-1][1:] for tag, points in self.series["maps"].items() if points and _method(tag) == method}
        keys = {tag: found[0] for tag, found in last.items() if len(found) == 1}
        blobs = zip(keys, self.log.blobs(list(keys.values())), strict=True)
        maps = {tag: decoded(blob) for tag, blob in blobs if blob is not None}
        return {tag: self._flat(tag, values) for tag, values in maps.items() if values is not None}

    def _flat(self, tag: str, values: Values) -> Values:
        slices = self._manifest.get("pictures", {}).get(tag, {}).get("slices", 0)
        if not slices or len(values) % slices:
            return values
        summed: Values = np.abs(values.reshape(slices, -1, values.shape[1])).sum(0)
        return summed

    def pictures_by(self, method: str) -> tuple[str, ...]:
        """The tags of the pictures of a method."""
        return tuple(tag for tag in self.entry["images"] if _method(tag) == method)

    def pictures_of(self, probes: Collection[str]) -> tuple[str, ...]:
        """The tags of the pictures of some probes, those of maps first."""
        found = [tag for tag in self.entry["images"] if tag.partition("/")[0] in probes]
        return tuple(sorted(found, key=lambda tag: tag not in self.entry["maps"]))


def _method(tag: str) -> str:
    return tag.partition("/")[2]


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
