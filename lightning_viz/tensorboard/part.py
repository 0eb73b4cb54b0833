"""A chosen part of a run: some probes, some methods, some epochs."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lightning_viz.tensorboard.points import Point

OF_ALL_EPOCHS = ("originals", "bounds")
"""Series of which no point is left out."""

PROBE = re.compile(r"probe_(\d+)_")
_LISTED = 12
"""Names that an error lists."""


@dataclass(frozen=True)
class Part:
    """What is chosen; everything where nothing is.

    Attributes:
        probes: Numbers of probes, or what their tags begin with. Where there are some, or methods, no other pictures
            come along.
        methods: What stands behind the probe in the tags of pictures.
        epochs: -1 is the untrained network.
    """

    probes: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    epochs: tuple[int, ...] = ()

    def entry(self, entry: dict[str, Any]) -> dict[str, Any]:
        """What of a run is chosen, as `Log.runs` tells it.

        Args:
            entry: All of the run.
        """
        content = entry["manifest"]
        if content is not None:
            content = {**content, "probes": {tag: v for tag, v in content["probes"].items() if self._has_probe(tag)}}
        return {
            **entry,
            "manifest": content,
            "epochs": [point for point in entry["epochs"] if not self.epochs or point[1] in self.epochs],
            "images": {tag: step for tag, step in entry["images"].items() if self._has(tag)},
            "maps": {tag: step for tag, step in entry["maps"].items() if self._has(tag)},
            "scalars": [tag for tag in entry["scalars"] if self._has_scalar(tag)],
            "predictions": [tag for tag in entry["predictions"] if self._has_probe(tag)],
        }

    def series(
        self, entry: dict[str, Any], series: dict[str, dict[str, list[Point]]], tags: dict[str, list[str]]
    ) -> dict[str, dict[str, list[Point]]]:
        """What of the series of a run is of the chosen tags and epochs.

        Images of probes are of every epoch, and so is what full colour stands for: a map looks as it does in the whole.

        Args:
            entry: All of the run, as `Log.runs` tells it.
            series: As `Log.series` tells it.
            tags: Those that are chosen of each kind.
        """
        wanted = {kind: {*names} for kind, names in tags.items()}
        chosen = {kind: {tag: by[tag] for tag in by if tag in wanted[kind]} for kind, by in series.items()}
        if not self.epochs:
            return chosen
        for points in (found for kind, by in chosen.items() if kind not in OF_ALL_EPOCHS for found in by.values()):
            points[:] = [point for point in points if _epoch(entry["epochs"], point[0]) in self.epochs]
        return chosen

    def check(self, entries: Sequence[dict[str, Any]]) -> None:
        """Checks that some of the runs has each of what is chosen.

        Raises:
            ValueError: None has.
        """
        tags = [tag.partition("/") for entry in entries for tag in entry["images"] if PROBE.match(tag)]
        probes, methods = {tag for tag, _, _ in tags}, {method for _, _, method in tags}
        epochs = {int(epoch) for entry in entries for _, epoch in entry["epochs"]}
        for probe in self.probes:
            if not any(Part((probe,))._has_probe(tag) for tag in probes):
                raise ValueError(f"Expected a probe of the run ({_listed(probes)}), received {probe!r}.")
        for method in self.methods:
            if method not in methods:
                raise ValueError(f"Expected a method of the run ({_listed(methods)}), received {method!r}.")
        for epoch in self.epochs:
            if epoch not in epochs:
                known = f"{min(epochs)} to {max(epochs)}" if epochs else "none is known"
                raise ValueError(f"Expected an epoch of the run ({known}), received {epoch}.")

    def _has(self, tag: str) -> bool:
        probe, _, method = tag.partition("/")
        if not PROBE.match(probe):
            return not self.probes and not self.methods
        return self._has_probe(probe) and (not self.methods or method in self.methods)

    def _has_probe(self, tag: str) -> bool:
        number = PROBE.match(tag)
        named = (one for one in self.probes if (number and one == str(int(number[1]))) or _begins(tag, one))
        return not self.probes or any(named)

    def _has_scalar(self, tag: str) -> bool:
        first, _, rest = tag.partition("/")
        if PROBE.match(rest):
            return self._has_probe(rest.partition("/")[0])
        return first != "explanations" or not self.methods or rest.rpartition("/")[0] in self.methods


def _begins(tag: str, name: str) -> bool:
    return tag == name or tag.startswith(f"{name}_")


def _epoch(epochs: list[Point], step: int) -> int | None:
    """The epoch of a step: that of the last one before it, where it has none of its own."""
    before = bisect_right(epochs, step, key=lambda point: point[0])
    return int(epochs[before - 1][1]) if before else None


def _listed(names: Iterable[str]) -> str:
    found = sorted(names)
    return ", ".join(found[:_LISTED]) + (", ..." if len(found) > _LISTED else "")


EVERYTHING = Part()
"""Where nothing is chosen."""
