"""A log folder as the tab sees it, out of TensorBoard's data provider: the Rust server's or the Python loader's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from tensorboard import errors
from tensorboard.data import grpc_provider
from tensorboard.data import provider as data

from lightning_viz.tensorboard import (
    BOUND,
    CAPTION,
    COUNTS,
    EPOCH,
    IMAGES,
    LIGHTNINGS_EPOCH,
    MANIFEST,
    MAP,
    NAME,
    ORIGINAL,
    PLACES,
    PREDICTIONS,
    SCALARS,
    TABLES,
    manifest,
)
from lightning_viz.tensorboard.points import POINTS, Point, by_step

EVERY = 10**6
"""More points than a series has: what the loader kept is not thinned again."""

NOT_A_KEY = (errors.PublicError, LookupError, TypeError, ValueError, RecursionError)
"""What the two providers raise for keys that are not theirs."""

ESCAPED = re.compile(r'["\\\x00-\x1f]')
"""In names, what JSON escapes: the Rust server, version 0.7.2, makes keys with escapes and refuses to read them."""

WITH_UNREADABLE_KEYS = (
    "TensorBoard's fast loader cannot hand out pictures with quotation marks or backslashes in their names or in that "
    "of the run: start it with --load_fast=false."
)

READERS = {
    "images": ("read_blob_sequences", IMAGES, ""),
    "originals": ("read_blob_sequences", NAME, ORIGINAL),
    "places": ("read_blob_sequences", NAME, PLACES),
    "captions": ("read_tensors", NAME, CAPTION),
    "maps": ("read_blob_sequences", NAME, MAP),
    "scalars": ("read_scalars", SCALARS, ""),
    "bounds": ("read_scalars", NAME, BOUND),
    "predictions": ("read_tensors", NAME, PREDICTIONS),
    "counts": ("read_tensors", NAME, COUNTS),
    "rights": ("read_tensors", NAME, COUNTS),  # of which a page that shows no matrix needs the sums alone
    "tables": ("read_tensors", NAME, TABLES),
}
"""How each kind of series is read: the provider's method, the owner of the data, and what goes before the tag."""


class Log:
    """One log folder, as one request may see it.

    Args:
        provider: TensorBoard's data provider.
        asking: Threads for questions that do not wait for one another: each costs the Rust server about 45 ms.
        reading: Threads for pictures; others, so that no question waits for hundreds of them.
        context: The request's context; TensorBoard's own.
        experiment: Its experiment, empty for a local folder.
    """

    def __init__(
        self, provider: Any, asking: ThreadPoolExecutor, reading: ThreadPoolExecutor, context: Any, experiment: str
    ) -> None:
        self._provider = provider
        self._asking = asking
        self._reading = reading
        self._context = context
        self._experiment = experiment

    def runs(self) -> dict[str, dict[str, Any]]:
        """What every run with pictures holds; runs and tags in order of their names, since Rust gives them in any."""
        images = self._ask("list_blob_sequences", IMAGES)
        maps = self._ask("list_blob_sequences", NAME)
        scalars = self._ask("list_scalars", SCALARS)
        tensors = self._ask("list_tensors", NAME)
        manifests = self._ask("read_tensors", NAME, tags=[MANIFEST], downsample=EVERY)
        epochs = self._ask("read_scalars", NAME, tags=[EPOCH], downsample=EVERY)
        lightnings = self._ask("read_scalars", SCALARS, tags=[LIGHTNINGS_EPOCH], downsample=EVERY)
        answer = {}
        for run, pictures in sorted(images.result().items()):
            stored = manifests.result().get(run, {}).get(MANIFEST, [])
            content, problem = manifest.understood([_text(datum) for datum in stored])
            if self.has_unreadable_keys(run, pictures):
                problem = f"{problem or ''} {WITH_UNREADABLE_KEYS}".strip()
            counted = epochs.result().get(run, {}).get(EPOCH) or lightnings.result().get(run, {}).get(LIGHTNINGS_EPOCH)
            answer[run] = {
                "manifest": content,
                "problem": problem,
                "epochs": [point for point in by_step(counted or [], POINTS["scalars"]) if point[1] is not None],
                "updated": max(found.max_wall_time or 0.0 for found in pictures.values()),
                "images": _last_steps(pictures),
                "maps": _last_steps(maps.result().get(run, {}), MAP),
                "places": sorted(_below(PLACES, maps.result().get(run, {}))),
                "scalars": sorted(scalars.result().get(run, {})),
                "predictions": sorted(_below(PREDICTIONS, tensors.result().get(run, {}))),
                "counts": sorted(_below(COUNTS, tensors.result().get(run, {}))),
                "tables": sorted(_below(TABLES, tensors.result().get(run, {}))),
            }
        return answer

    def has_unreadable_keys(self, run: str, tags: Iterable[str]) -> bool:
        """Whether the Rust server lists pictures of these names, but cannot read its own keys of them."""
        is_rust = isinstance(self._provider, grpc_provider.GrpcDataProvider)
        return is_rust and any(map(ESCAPED.search, (run, *tags)))

    def names(self) -> set[str]:
        """The names of all runs, with pictures or without."""
        return {run.run_name for run in self._provider.list_runs(self._context, experiment_id=self._experiment)}

    def series(self, run: str, wanted: Mapping[str, Sequence[str]]) -> dict[str, dict[str, list[Point]]] | None:
        """Series of one run.

        Args:
            run: The run's name.
            wanted: Tags of each kind in `READERS`.

        Returns:
            Of each kind the points of each tag that exists, one per step, steps ascending. In pictures and maps a point
            holds keys of blobs. `None` where there is no such run.
        """
        runs = self._asking.submit(self.names)
        asked = {}
        for kind, tags in wanted.items():
            method, owner, prefix = READERS[kind]
            if tags:  # the Rust server takes no tags for all tags
                named = [prefix + tag for tag in tags]
                asked[kind] = self._ask(method, owner, tags=named, runs=[run], downsample=EVERY)
        if run not in runs.result():
            return None
        answer: dict[str, dict[str, list[Point]]] = {kind: {} for kind in READERS}
        for kind, found in asked.items():
            for tag, series in sorted(_below(READERS[kind][2], found.result().get(run, {})).items()):
                answer[kind][tag] = by_step(series, POINTS[kind])
        return answer

    def blob(self, key: str) -> bytes | None:
        """The bytes that a key of `series` stands for; `None` where it is no such key, or they are kept no more."""
        try:
            found = self._provider.read_blob(self._context, blob_key=key.partition("~")[0])
        except NOT_A_KEY:
            return None
        return found if isinstance(found, bytes) else None

    def blobs(self, keys: Sequence[str]) -> list[bytes | None]:
        """The bytes of many keys, read at the same time."""
        return list(self._reading.map(self.blob, keys))

    def _ask(self, method: str, owner: str, *, tags: Any = None, runs: Any = None, **more: int) -> Future[Any]:
        return self._asking.submit(
            getattr(self._provider, method),
            self._context,
            experiment_id=self._experiment,
            plugin_name=owner,
            run_tag_filter=data.RunTagFilter(runs=runs, tags=tags),
            **more,
        )


def _text(datum: Any) -> bytes:
    stored = datum.numpy.ravel()
    return stored[0] if stored.size == 1 and isinstance(stored[0], bytes) else b""


def _below(prefix: str, by_tag: dict[str, Any]) -> dict[str, Any]:
    """What is logged below a name, by the rest of its tag."""
    return {tag.removeprefix(prefix): found for tag, found in by_tag.items() if tag.startswith(prefix)}


def _last_steps(listed: dict[str, Any], prefix: str = "") -> dict[str, int]:
    steps = {tag: found.max_step for tag, found in sorted(_below(prefix, listed).items())}
    return {tag: step for tag, step in steps.items() if step is not None}
