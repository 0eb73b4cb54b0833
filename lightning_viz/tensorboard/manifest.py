"""What a run says about its pictures, and what is wrong with what it says."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

VERSION = 1
"""The version of the manifest that this viewer knows."""

COUNTED = ("images", "pixels", "boxes", "labels", "label pixels", "values")
"""What the counts beside a picture may be of."""

GROWING = ("probes", "pictures")
"""The parts that become more as the run goes on."""

MISSING = (
    "This run has no manifest (it was logged by another program or by an older lightning-viz), so true classes, "
    "predictions and captions are not known."
)


def understood(stored: Sequence[bytes]) -> tuple[dict[str, Any] | None, str | None]:
    """What a run says of itself in all manifests that are kept, in the order in which they were written.

    The last one counts. It may know less of probes and pictures than those before it: a run that is resumed begins anew
    to tell of them.

    Returns:
        As `understand`.
    """
    content, problem = understand(stored[-1] if stored else None)
    if content is None:
        return content, problem
    earlier = [known for known, _ in map(understand, stored[:-1]) if known is not None]
    merged = {name: {k: v for known in [*earlier, content] for k, v in known[name].items()} for name in GROWING}
    return {**content, **merged}, problem


def understand(stored: bytes | None) -> tuple[dict[str, Any] | None, str | None]:
    """Reads a manifest and checks all of it.

    Args:
        stored: The JSON text of a run; `None` where there is none.

    Returns:
        The manifest, of the documented shape whatever was stored: parts that cannot be used are empty. `None` where
        nothing can be used. Then what is wrong, as a sentence for people; `None` where nothing is.

    Example:
        >>> understand(b'{"version": 7}')
        (None, 'The manifest of this run is of version 7, this viewer knows version 1: pip install -U lightning-viz.')
    """
    if stored is None:
        return None, MISSING
    try:
        found = json.loads(stored, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        return None, f"The manifest of this run is not JSON ({error}), so what it would tell is not shown."
    version = found.get("version") if isinstance(found, dict) else None
    if type(version) is not int or version < 1:
        return None, "The manifest of this run names no version, so what it would tell is not shown."
    if version > VERSION:
        newer = f"is of version {version}, this viewer knows version {VERSION}: pip install -U lightning-viz."
        return None, f"The manifest of this run {newer}"
    parts = {name: part(found.get(name)) for name, part in PARTS.items()}
    unusable = [name for name, usable in parts.items() if usable != found.get(name)]
    problem = f"The manifest of this run is incomplete: {', '.join(unusable)}; the rest is shown." if unusable else None
    return {**found, **parts}, problem


def without_films(entry: dict[str, Any]) -> dict[str, Any]:
    """What a run holds, without its films where it has other pictures."""
    pictures = (entry["manifest"] or {}).get("pictures", {})
    stills = {tag: step for tag, step in entry["images"].items() if not _is_film(tag, pictures.get(tag, {}))}
    return {**entry, "images": stills or entry["images"]}


def _is_film(tag: str, pictures: dict[str, Any]) -> bool:
    last = tag.rpartition("/")[2]
    return bool(pictures.get("film", last == "filmstrip" or last.startswith("film_")))


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):  # no page could read it
        raise ValueError(f"{text} is not a number of JSON")
    return value


def _texts(part: Any) -> list[str]:
    return part if isinstance(part, list) and all(isinstance(item, str) for item in part) else []


def _entries(is_good: Callable[[dict[str, Any]], bool]) -> Callable[[Any], dict[str, Any]]:
    def usable(part: Any) -> dict[str, Any]:
        entries = part.items() if isinstance(part, dict) else ()
        return {name: entry for name, entry in entries if isinstance(entry, dict) and is_good(entry)}

    return usable


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_sliced(entry: dict[str, Any]) -> bool:
    slices, depth = (entry.get(name, 1) for name in ("slices", "depth"))
    return _is_count(slices) and _is_count(depth) and 0 < slices <= depth


def _is_painted(entry: dict[str, Any]) -> bool:
    return isinstance(entry.get("unit", ""), str) and entry.get("colours", "signed") in ("signed", "sequential")


def _is_wall(entry: dict[str, Any]) -> bool:
    channels, columns = entry.get("channels", []), entry.get("columns", 1)
    return isinstance(channels, list) and all(map(_is_count, channels)) and _is_count(columns) and columns > 0


def _is_counted(entry: dict[str, Any]) -> bool:
    return entry.get("counted", "images") in COUNTED and _is_count(entry.get("first", 0))


def _is_picture(entry: dict[str, Any]) -> bool:
    kinds = (_is_painted, _is_sliced, _is_wall, _is_counted)
    return _is_count(entry.get("caption")) and all(is_good(entry) for is_good in kinds)


PARTS: dict[str, Callable[[Any], Any]] = {
    "classes": _texts,
    "class_tags": _texts,
    "probes": _entries(lambda entry: _is_count(entry.get("label")) and _is_sliced(entry)),
    "pictures": _entries(_is_picture),
}
"""What each part must be; a function gives what of a part can be used."""
