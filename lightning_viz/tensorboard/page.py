"""Runs as one HTML file: the tab's own page with all that it shows, without a server and without a network."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from html import escape
from itertools import islice
from typing import Any

from lightning_viz.tensorboard import front, manifest
from lightning_viz.tensorboard.bundle import bundle
from lightning_viz.tensorboard.findings.report import of_run
from lightning_viz.tensorboard.log import Log
from lightning_viz.tensorboard.packing import mime
from lightning_viz.tensorboard.part import EVERYTHING, Part

BLOBS = ("images", "originals", "places", "maps")
"""The kinds of series whose points hold keys of blobs."""

LOADING = "lightning_viz-loading"

START = f'document.getElementById("{LOADING}").remove();\nrender();\n'
"""The last lines of the page: where the file was cut off they are not there, and what `LOADING` says stays."""

HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
<p id="{loading}">Loading. Where this stays, the file is not complete, or the browser runs no scripts in it.</p>
"""


def page(
    log: Log,
    runs: Mapping[str, dict[str, Any]],
    shown: Mapping[str, str],
    *,
    captions: bool = False,
    part: Part = EVERYTHING,
) -> Iterator[bytes]:
    """Writes the page, in pieces of one series each, so that never all of it is in memory.

    Args:
        log: Where the runs are read.
        runs: The chosen entries of `log.runs()`. Films are left out: every epoch's picture is there, and the page plays
            them.
        shown: Under which name each run is shown.
        captions: Also with the pictures of maps as they were logged; the page paints the maps itself.
        part: What of the runs. Findings are those of all of them.

    Returns:
        The pieces of the file, UTF-8.

    Raises:
        FileNotFoundError: The page's own files are not installed.
        ValueError: No run has such a part.
    """
    part.check([*runs.values()])
    files = front.listing()
    script = f"{bundle(files)}{START}".replace("</", "<\\/")  # else a text could end the script
    head = HEAD.format(
        policy=policy(script),
        title=escape(f"Explanations: {', '.join(shown[run] for run in runs)}"),
        style=front.style(files).replace("</", "<\\/"),
        loading=LOADING,
    )
    stills = {run: manifest.without_films(entry) for run, entry in runs.items()}
    return _pieces(head, _data(log, stills, shown, captions=captions, part=part), script)


def _pieces(head: str, data: Iterator[str], script: str) -> Iterator[bytes]:
    yield head.encode()
    for piece in data:
        yield piece.encode()
    yield f'<script type="module">{script}</script>\n'.encode()
    yield b"</body>\n</html>\n"


def _data(
    log: Log, runs: Mapping[str, dict[str, Any]], shown: Mapping[str, str], *, captions: bool, part: Part
) -> Iterator[str]:
    entries = {shown[run]: part.entry(entry) for run, entry in runs.items()}
    yield _script('id="lightning_viz-runs"', {"version": manifest.VERSION, "runs": entries})
    count = 0
    for run, whole in runs.items():
        logged = log.series(run, everything(whole)) or {}
        found = [finding.as_json() for finding in of_run(log, run, whole, logged)]
        entry = entries[shown[run]]
        series = part.series(whole, logged, everything(entry))
        yield _script(f'data-findings="{escape(shown[run])}"', found)
        if not captions:
            leave_painted_out(entry, series)
        keys: list[list[str]] = []
        for points in [found for kind in BLOBS for found in series[kind].values()]:
            keys.append([key for _, *found in points for key in found])
            own = (f"{count + len(keys) - 1}.{index}" for index in range(len(keys[-1])))
            points[:] = [[step, *islice(own, len(found))] for step, *found in points]
        yield _script(f'data-series="{escape(shown[run])}"', series)
        for batch in batches(keys):
            blobs = iter(log.blobs([key for of_series in batch for key in of_series]))
            for of_series in batch:
                read = enumerate(islice(blobs, len(of_series)))
                coded = {f"{count}.{index}": _coded(blob) for index, blob in read if blob is not None}
                yield _script(f'data-blobs="{count}"', coded)
                count += 1


def batches(series: Sequence[list[str]], size: int = 512) -> Iterator[list[list[str]]]:
    """Whole series together, until they have this many keys: the Rust server takes 45 ms for one, and 250 ms for 512.

    Example:
        >>> list(batches([["a", "b"], ["c"], ["d"]], size=3))
        [[['a', 'b'], ['c']], [['d']]]
    """
    batch: list[list[str]] = []
    for keys in series:
        batch.append(keys)
        if sum(map(len, batch)) >= size:
            yield batch
            batch = []
    if batch:
        yield batch


def leave_painted_out(entry: dict[str, Any], series: dict[str, dict[str, list[Any]]]) -> None:
    """Takes out of a run's series the pictures that the page does without.

    Of probes those of which it has the image itself, and those whose maps it paints, at the steps at which it has them.
    """
    pictures, probes = ((entry["manifest"] or {}).get(part, {}) for part in ("pictures", "probes"))
    for probe in series["originals"]:
        drawn = not probes.get(probe, {}).get("outlined") or series["places"].get(probe)
        if drawn and f"{probe}/input" in series["images"]:
            series["images"][f"{probe}/input"] = []
    for tag, points in series["images"].items():
        if "colours" in pictures.get(tag, {}):
            painted = {step for step, *_ in series["maps"].get(tag, ())}
            points[:] = [point for point in points if point[0] not in painted]


def everything(entry: dict[str, Any]) -> dict[str, list[str]]:
    """What is asked of all series of a run."""
    maps = list(entry["maps"])
    return {
        "images": list(entry["images"]),
        "originals": list((entry["manifest"] or {}).get("probes", {})),
        "places": entry["places"],
        "captions": list(entry["images"]),
        "maps": maps,
        "bounds": maps,
        "scalars": entry["scalars"],
        "predictions": entry["predictions"],
        "counts": entry["counts"],
        "rights": entry["counts"],
        "tables": entry["tables"],
    }


def policy(script: str) -> str:
    """What the page may do: run this script, show its own pictures, nothing over a network."""
    digest = b64encode(sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data: blob:"


def _coded(blob: bytes) -> str:
    return f"{mime(blob)};base64,{b64encode(blob).decode()}"


def _script(attributes: str, content: Any) -> str:
    text = json.dumps(content, allow_nan=False).replace("<", "\\u003c")  # else a name could end the script
    return f'<script type="application/json" {attributes}>{text}</script>\n'
