"""All findings of a run, the weightiest first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from os import PathLike
from typing import Any

from lightning_viz.tensorboard.findings.classes import of_classes
from lightning_viz.tensorboard.findings.finding import Finding, Rule
from lightning_viz.tensorboard.findings.following import what_next
from lightning_viz.tensorboard.findings.labels import of_labels
from lightning_viz.tensorboard.findings.maps import of_maps
from lightning_viz.tensorboard.findings.probes import of_probes
from lightning_viz.tensorboard.findings.record import Record, needed
from lightning_viz.tensorboard.findings.training import of_training
from lightning_viz.tensorboard.log import Log
from lightning_viz.tensorboard.manifest import without_films
from lightning_viz.tensorboard.opening import is_folder, opened
from lightning_viz.tensorboard.points import Point

RULES: tuple[Rule, ...] = (of_classes, of_labels, of_probes, of_maps, of_training)
_NOTHING = "Nothing stands out in what this run has logged."


@dataclass(frozen=True)
class Findings:
    """What a run taught, the weightiest first.

    Attributes:
        run: The run's name.
        found: Its findings.
    """

    run: str
    found: tuple[Finding, ...]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def __str__(self) -> str:
        return self.text()

    def text(self) -> str:
        """The sentences, a line each, and below the last one the pictures to look at next."""
        if not self.found:
            return _NOTHING
        lines = [f"- {finding.text}" for finding in self.found]
        shown = [*zip(self.found[-1].pictures, self.found[-1].steps, strict=False)]  # of what to look at next
        return "\n".join([*lines, *(f"  - {tag}{'' if step is None else f', step {step}'}" for tag, step in shown)])

    def json(self) -> str:
        """The same for programs: a list of objects with kind, text, numbers, pictures and step, or steps."""
        return json.dumps([finding.as_json() for finding in self.found], indent=2)

    def _repr_html_(self) -> str:
        lines = "".join(f"<li>{escape(finding.text)}</li>" for finding in self.found)
        return f"<ul>{lines}</ul>" if lines else f"<p>{_NOTHING}</p>"


def findings(folder: str | PathLike[str]) -> Findings:
    """What a run taught, from its log alone: every sentence with its numbers and the pictures that show it.

    Best and worst class and what they are taken for, what was predicted early, late and wrongly, which maps are like
    those of the untrained network, worse than chance or in a corner, overfitting, dead channels. A network that only
    guesses, says one class always, or does not change is said to. What the numbers do not show is not said;
    `docs/tab.md` has the thresholds.

    Args:
        folder: A run's own folder, with the event files of TensorBoard, or one above it that holds just this run.

    Raises:
        NotADirectoryError: There is no such folder.
        ValueError: It holds no run with pictures of lightning_viz, or several.
    """
    if not is_folder(folder):
        raise NotADirectoryError(f"Expected the folder of a run, received {folder}, which is none.")
    with opened(folder) as log:
        runs = log.runs()
        if len(runs) != 1:
            held = "no run with pictures" if not runs else f"{len(runs)} runs: {', '.join(sorted(runs)[:5])}"
            raise ValueError(f"Expected the folder of one run, received {folder} with {held}: pass the folder of one.")
        ((run, entry),) = runs.items()
        return of_run(log, run, entry)


def of_run(
    log: Log, run: str, entry: dict[str, Any], series: dict[str, dict[str, list[Point]]] | None = None
) -> Findings:
    """The findings of one run of a log folder.

    Args:
        log: The folder.
        run: The run's name.
        entry: What `log.runs()` tells of it.
        series: What `log.series()` tells of it, where that is read already, of the kinds in `needed` at least.
    """
    asked = needed(entry)
    record = Record(log, without_films(entry), series or log.series(run, asked) or {kind: {} for kind in asked})
    found = [finding for rule in RULES for finding in rule(record)]
    found.sort(key=lambda finding: -finding.weight)
    return Findings(run, (*found, *what_next(found)))
