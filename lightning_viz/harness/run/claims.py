"""What was claimed, reported and counted in a run, so that callbacks that share a Trainer do not repeat each other."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from pytorch_lightning.utilities import rank_zero_info

from lightning_viz.harness.probes.spec import Probes
from lightning_viz.harness.sinks.results import Charts


class Claims:
    """Who came first in a run: with a picture, with a warning, with a name."""

    def __init__(self) -> None:
        self._claimed: dict[Hashable, tuple[int, object]] = {}
        self._reported: set[str] = set()
        self._namesakes: dict[str, list[Probes]] = {}
        self._shared: dict[tuple[Probes, str], tuple[int, dict[Hashable, Any]]] = {}
        self._charts: dict[str, Charts] = {}

    def claim(self, what: Hashable, step: int, who: object = None) -> bool:
        """Whether the caller is the first to ask for this at this step, and so the one to log it."""
        if self.claimant(what, step) is not None:
            return False
        self._claimed[what] = step, who or self
        return True

    def claimant(self, what: Hashable, step: int) -> object | None:
        """Who has claimed this at this step, if anybody has."""
        claimed, who = self._claimed.get(what, (None, None))
        return who if claimed == step else None

    def first_time(self, text: str) -> bool:
        """Whether no callback has told this before in this run."""
        fresh = text not in self._reported
        self._reported.add(text)
        return fresh

    def say_once(self, text: str) -> None:
        """Tells something once in this run, on the first process."""
        if self.first_time(text):
            rank_zero_info(text)

    def namesake(self, name: str, spec: Probes) -> int:
        """The number of a spec, from 0, among those whose metrics would have the same name."""
        specs = self._namesakes.setdefault(name, [])
        if spec not in specs:
            specs.append(spec)
        return specs.index(spec)

    def shared(self, spec: Probes, name: str, step: int) -> dict[Hashable, Any]:
        """What callbacks with the same probes and the same network have found out at this step, for each other."""
        if self._shared.get((spec, name), (None,))[0] != step:
            self._shared[spec, name] = step, {}
        return self._shared[spec, name][1]

    def charts(self, more: Mapping[str, Charts]) -> dict[str, Charts]:
        """The layout of Custom Scalars: the charts of all callbacks so far, by the titles of their groups."""
        for group, charts in more.items():
            self._charts[group] = {**self._charts.get(group, {}), **charts}
        return self._charts
