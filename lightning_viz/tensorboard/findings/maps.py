"""What the maps of each method did, where they lie, and whether they are worth a look."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lightning_viz.tensorboard.findings.finding import Finding, listed, percent
from lightning_viz.tensorboard.findings.record import Curve, Record, Values

ALIKE = 0.9
"""Rank correlation from which on two maps are alike; captions say "like untrained" from the same on."""
_DRAWINGS = 3
"""Drawings without which nothing is said of a course."""
_SIDE = 0.25
"""Of a corner's side in the image's; the four corners together are a quarter of the image."""
_MUCH = 3.0
"""How many times its part of the image one corner must hold of a map, on average over the probes."""
_RISES, _FALLS = 1.25, 0.7
"""After the best epoch: from which factor on a sum rises, and up to which rank correlation a map is another one."""
FAITHFUL = 0.5
"""R² below which LIME's weights say little of the network."""

REASONS = {
    "like_untrained": "like untrained",
    "worse_than_chance": "no better than chance",
    "beside_the_evidence": "no more on the evidence than by chance",
    "low_fidelity": "low R²",
}
"""Findings that speak against a method, and what they say in short."""

_CORNERS = {"upper left": (0, 0), "upper right": (0, 1), "lower left": (1, 0), "lower right": (1, 1)}


def of_maps(record: Record) -> Iterator[Finding]:
    """What there is to say of every method."""
    yield from _settled(record)
    yield from _after_the_best(record)
    against: dict[str, list[Finding]] = {}
    for method in record.methods:
        for rule in (_untrained, _chance, _masks, _beside, _corner, _fidelity):
            for finding in rule(record, method):
                yield finding
                if finding.kind in REASONS:
                    against.setdefault(method, []).append(finding)
    yield from _distrusted(record, against)


def _measure(record: Record, method: str, name: str) -> Curve | None:
    return record.scalar(f"explanations/{method}/{name}")


def _distrusted(record: Record, against: dict[str, list[Finding]]) -> Iterator[Finding]:
    """Which methods not to believe in this run, and which are better than chance."""
    if sum(map(len, against.values())) < 2:
        return
    told = [
        f"{_title(method)} ({', '.join(dict.fromkeys(REASONS[finding.kind] for finding in found))})"
        for method, found in against.items()
    ]
    text = f"Not to be trusted in this run: {listed(told, most=6)}."
    kept = [m for m in record.methods if m not in against and _measure(record, m, "deletion_chance") is not None]
    if kept:
        text += f" Better than chance by deletion and insertion: {listed([_title(m) for m in kept], most=6)}."
    numbers = {
        method: {name: value for one in found for name, value in one.numbers.items() if name != "method"}
        for method, found in against.items()
    }
    pictures = tuple(found[0].pictures[0] for found in against.values() if found[0].pictures)
    yield Finding("distrusted", text, numbers, pictures, None, 0.85)


def _untrained(record: Record, method: str) -> Iterator[Finding]:
    alike = _measure(record, method, "rank_untrained")
    if alike is not None and alike.last >= ALIKE:
        text = (
            f"The maps of {_title(method)} are like those of the untrained network (rank correlation "
            f"{alike.last:.2f}): they show the image and the architecture, not what was learnt."
        )
        numbers = {"method": method, "rank_untrained": alike.last}
        look = f"{_title(method)}, like untrained ({alike.last:.2f})"
        yield Finding("like_untrained", text, numbers, record.pictures_by(method), alike.steps[-1], 0.8, look=look)


def _settled(record: Record) -> Iterator[Finding]:
    since = {}
    for method in record.methods:
        course = _measure(record, method, "rank_previous")
        unrest = [] if course is None else [i for i, value in enumerate(course.values) if value < ALIKE]
        # Those that never moved show the architecture, and two alike may be so by accident.
        if course is not None and unrest and len(course) - unrest[-1] > _DRAWINGS:
            since[method] = course.epochs[unrest[-1] + 1]
    if since:
        told = listed([f"{_title(method)} since epoch {epoch}" for method, epoch in since.items()], most=6)
        text = f"Maps have settled, each is like the one before: {told}."
        yield Finding("maps_settled", text, dict(since), record.pictures_by(next(iter(since))), weight=0.2)


def _chance(record: Record, method: str) -> Iterator[Finding]:
    for name, better in (("deletion", -1), ("insertion", 1)):
        own, chance = _measure(record, method, name), _measure(record, method, f"{name}_chance")
        if own is None or chance is None or better * (own.last - chance.last) > 0:
            continue
        text = (
            f"{_title(method)} is no better than chance by {name}: {own.last:.2f}, where the same map in other "
            f"places has {chance.last:.2f}."
        )
        numbers = {"method": method, name: own.last, f"{name}_chance": chance.last}
        pictures, look = (f"explanations/{method}/curves",), f"{_title(method)}, no better than chance by {name}"
        yield Finding("worse_than_chance", text, numbers, pictures, own.steps[-1], 0.8, look=look)


def _masks(record: Record, method: str) -> Iterator[Finding]:
    share = _measure(record, method, "in_mask")
    if share is None or share.epochs[0] >= 0 or len(share) < 2 or share.last > share.values[0]:
        return
    text = (
        f"{percent(1 - share.last)} of {_title(method)} lies outside the evidence, no less than with the untrained "
        f"network ({percent(1 - share.values[0])})."
    )
    numbers = {"method": method, "in_mask": share.last, "untrained": share.values[0]}
    yield Finding("outside_the_evidence", text, numbers, record.pictures_by(method), share.steps[-1], 0.7)


def _beside(record: Record, method: str) -> Iterator[Finding]:
    share, chance = _measure(record, method, "in_mask"), _measure(record, method, "in_mask_chance")
    if share is None or chance is None or share.last > chance.last:
        return
    text = (
        f"{percent(share.last)} of {_title(method)} lies on the evidence, which covers {percent(chance.last)} of the "
        "image: no more than by chance."
    )
    numbers = {"method": method, "in_mask": share.last, "in_mask_chance": chance.last}
    look = f"{_title(method)}, of which {percent(share.last)} lies on the evidence"
    yield Finding("beside_the_evidence", text, numbers, record.pictures_by(method), share.steps[-1], 0.8, look=look)


def _corner(record: Record, method: str) -> Iterator[Finding]:
    maps = record.last_maps(method)
    held = [corners(values) for values in maps.values() if np.abs(values).sum() > 0 and min(values.shape) >= 4]
    if len(held) < 2:
        return
    mean = np.mean(held, axis=0)
    k, part = int(mean.argmax()), _SIDE**2
    if mean[k] < _MUCH * part or min(each[k] for each in held) < part:
        return
    where = list(_CORNERS)[k]
    text = (
        f"{percent(mean[k])} of {_title(method)} lies in the {where} corner, {percent(part)} of the image, in all "
        f"{len(held)} probes: is there a mark that gives the class away?"
    )
    numbers = {"method": method, "corner": where, "share": float(mean[k]), "of_image": part}
    look = f"{_title(method)}, {percent(mean[k])} of which lies in the {where} corner"
    yield Finding("corner", text, numbers, tuple(maps), None, 1.0, look=look)


def corners(values: Values) -> Values:
    """How much of a map (h, w), by magnitude, lies in each corner, (4,).

    >>> corners(np.eye(4)).tolist()
    [0.25, 0.0, 0.0, 0.25]
    """
    size = np.abs(values) / np.abs(values).sum()
    down, across = (max(round(_SIDE * side), 1) for side in size.shape)
    rows, columns = (slice(down), slice(-down, None)), (slice(across), slice(-across, None))
    return np.array([size[rows[i], columns[j]].sum() for i, j in _CORNERS.values()])


def _after_the_best(record: Record) -> Iterator[Finding]:
    losses = record.trained_and_validated("loss")
    if losses is None:
        return
    lowest = losses[1].epochs[int(np.argmin(losses[1].values))]
    grown = {}
    for method in record.methods:
        total, best = _measure(record, method, "sum"), _measure(record, method, "rank_best")
        if total is None or best is None or best.last > _FALLS:
            continue
        then = [value for epoch, value in zip(total.epochs, total.values, strict=True) if epoch <= lowest]
        if then and then[-1] > 0 and total.last >= _RISES * then[-1]:
            grown[method] = {"sum": total.last / then[-1], "rank_best": best.last}
    if grown:
        told = [f"{_title(m)} {g['sum']:.1f} times, {g['rank_best']:.2f}" for m, g in grown.items()]
        text = (
            f"After the best epoch, {lowest}, maps grow stronger and become others, as where images are learnt by "
            f"heart (how many times as strong, rank correlation with the best): {listed(told, most=6)}."
        )
        numbers = {"epoch": lowest, **grown}
        yield Finding("after_the_best", text, numbers, record.pictures_by(next(iter(grown))), weight=0.6)


def _fidelity(record: Record, method: str) -> Iterator[Finding]:
    fidelity = _measure(record, method, "fidelity")
    if fidelity is not None and fidelity.last < FAITHFUL:
        text = f"The weights of {_title(method)} explain little of the network: R² {fidelity.last:.2f}."
        numbers, look = {"method": method, "fidelity": fidelity.last}, f"{_title(method)}, R² {fidelity.last:.2f}"
        yield Finding("low_fidelity", text, numbers, record.pictures_by(method), fidelity.steps[-1], 0.6, look=look)


_KNOWN = {"lime": "LIME", "smoothgrad": "SmoothGrad", "gradcam": "Grad-CAM"}


def _title(method: str) -> str:
    words = method.replace("__", ".").replace("_", " ")
    return _KNOWN.get(words, words)
