"""What the network says of the probes: what settled, what flips, what is surely wrong."""

from __future__ import annotations

from collections.abc import Iterator

from lightning_viz.tensorboard.findings.finding import Finding, isolated, listed, percent
from lightning_viz.tensorboard.findings.record import Probe, Record

_MOMENTS = 3
"""Drawings of a trained network without which nothing is said of its course."""
_OFTEN = 3
"""Flips from which on a probe is named."""
_SURE = 0.8
"""Probability from which on a wrong prediction is called sure."""
_MOST = 0.75
"""Share of the probes that must have settled before it is said."""


def of_probes(record: Record) -> Iterator[Finding]:
    """What the predictions of the probes did over the run."""
    probes = [probe for probe in record.probes if _trained(probe) >= _MOMENTS]
    if not probes:
        return
    frozen = all(probe.shares == probe.shares[:1] * len(probe.shares) and not probe.flips for probe in probes)
    if frozen:
        text = (
            f"The network does not change: of none of {len(probes)} probes does the prediction change in "
            f"{_trained(probes[0])} drawings, not even its probability."
        )
        yield Finding("frozen", text, {"probes": len(probes), "drawings": _trained(probes[0])}, weight=1.0)
        return
    if whole := [probe for probe in probes if probe.whole]:
        yield from _settled(whole)
        yield from _flipping(record, whole)
        yield from _surely_wrong(record, whole)


def _trained(probe: Probe) -> int:
    return sum(epoch >= 0 for epoch in probe.epochs)


def _settled(probes: list[Probe]) -> Iterator[Finding]:
    """Since when most predictions are what they are at the end."""
    since = sorted(_since(probe) for probe in probes)
    needed = max(round(_MOST * len(since)), 1)
    epoch, last = since[needed - 1], max(probe.epochs[-1] for probe in probes)
    if epoch <= last / 2 and last > 0:
        others = f", all of them since epoch {since[-1]}" if since[-1] > epoch else ""
        text = (
            f"The predictions settled early: since epoch {epoch} those of {needed} of {len(since)} probes stay{others}."
        )
        numbers = {"epoch": epoch, "probes": needed, "of": len(since), "all": since[-1]}
        yield Finding("settled", text, numbers, weight=0.3)


def _since(probe: Probe) -> int:
    first = probe.flips[-1] if probe.flips else next(i for i, epoch in enumerate(probe.epochs) if epoch >= 0)
    return probe.epochs[first]


def _flipping(record: Record, probes: list[Probe]) -> Iterator[Finding]:
    """Probes whose prediction changes again and again, and did so in the second half of the run."""
    last = max(probe.epochs[-1] for probe in probes)
    late = [p for p in probes if len(p.flips) >= _OFTEN and p.epochs[p.flips[-1]] > last / 2]
    if not late:
        return
    late.sort(key=lambda probe: -len(probe.flips))
    told = [f"{_called(record, p)} {len(p.flips)} times, last in epoch {p.epochs[p.flips[-1]]}" for p in late]
    text = f"The prediction still flips: {listed(told)}."
    first = late[0]
    numbers = {probe.tag: len(probe.flips) for probe in late}
    step, look = first.steps[first.flips[-1]], f"{_called(record, first)}, which flipped {len(first.flips)} times"
    yield Finding("flips", text, numbers, record.pictures_of([first.tag]), step, 0.6, look=look)


def _surely_wrong(record: Record, probes: list[Probe]) -> Iterator[Finding]:
    wrong = [p for p in probes if p.label is not None and p.classes[-1] not in p.labels and p.shares[-1] >= _SURE]
    wrong.sort(key=lambda probe: -probe.shares[-1])
    for probe in wrong[:3]:
        said, share = record.name(probe.classes[-1]), percent(probe.shares[-1])
        text = f"{_called(record, probe)} is taken for {isolated(said)} with {share}, since epoch {_since(probe)}."
        numbers = {"probe": probe.tag, "said": said, "probability": probe.shares[-1], "since": _since(probe)}
        look = f"{_called(record, probe)} taken for {isolated(said)} with {share}"
        yield Finding("surely_wrong", text, numbers, record.pictures_of([probe.tag]), probe.steps[-1], 0.7, look=look)


def _called(record: Record, probe: Probe) -> str:
    number = probe.tag.split("_")[1] if probe.tag.count("_") > 1 else probe.tag
    name = f" ({', '.join(isolated(record.name(k)) for k in probe.labels)})" if probe.labels else ""
    return f"Probe {int(number)}{name}" if number.isdecimal() else f"{probe.tag}{name}"
