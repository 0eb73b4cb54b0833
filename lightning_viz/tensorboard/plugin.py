"""The Explanations tab: its routes, all below `data/plugin/lightning_viz`."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from tensorboard import plugin_util
from tensorboard.backend import http_util
from tensorboard.plugins import base_plugin
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.wrappers import Response

from lightning_viz.tensorboard import IMAGES, NAME, front, manifest
from lightning_viz.tensorboard.asking import Ask, route, texts
from lightning_viz.tensorboard.bundle import bundle
from lightning_viz.tensorboard.findings.report import of_run
from lightning_viz.tensorboard.log import READERS, Log
from lightning_viz.tensorboard.packing import OTHER, mime, pack
from lightning_viz.tensorboard.page import page
from lightning_viz.tensorboard.part import Part

AT_ONCE = 512
"""Pictures in one pack: about 10 MB."""

A_DAY = 24 * 60 * 60

THEIRS = 10
"""Pictures per tag that TensorBoard keeps where nobody says how many."""


class ExplanationsPlugin(base_plugin.TBPlugin):  # type: ignore[misc]
    """Serves the page and what it shows.

    Args:
        context: TensorBoard's; its data provider is used, and how many pictures it was told to keep.
    """

    plugin_name = NAME

    def __init__(self, context: Any) -> None:
        self._provider = context.data_provider
        self._kept: int = (getattr(context.flags, "samples_per_plugin", None) or {}).get(IMAGES, THEIRS)
        self._asking = ThreadPoolExecutor(8, thread_name_prefix=NAME)
        self._reading = ThreadPoolExecutor(16, thread_name_prefix=NAME)

    def get_plugin_apps(self) -> dict[str, Any]:
        """The routes; the page's files are those that lie there now, its modules all in one."""
        files = front.listing()
        return {
            "/runs": route("GET", self._runs),
            "/series": route("POST", self._series),
            "/findings": route("GET", self._findings),
            "/pack": route("POST", self._pack),
            "/blob": route("GET", self._blob),
            "/export": route("GET", self._export),
            f"/static/{front.ENTRY}": route("GET", partial(self._script, files)),
            **{
                f"/static/{name}": route("GET", partial(self._static, files[name]))
                for name in front.ALONE & files.keys()
            },
        }

    def is_active(self) -> bool:
        """Not by itself: TensorBoard looks for data of `data_plugin_names`."""
        return False

    def data_plugin_names(self) -> Collection[str]:
        """Ours alone: pictures of other programs open no tab."""
        return (NAME,)

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        """The tab's name, and the module that draws it."""
        return base_plugin.FrontendMetadata(es_module_path=f"/static/{front.GUARDED}", tab_name="Explanations")

    def _log(self, request: Ask) -> Log:
        context, experiment = plugin_util.context(request.environ), plugin_util.experiment_id(request.environ)
        return Log(self._provider, self._asking, self._reading, context, experiment)

    def _runs(self, request: Ask) -> Response:
        runs = self._log(request).runs()
        return _json(request, {"version": manifest.VERSION, "note": lost(self._kept, runs), "runs": runs})

    def _series(self, request: Ask) -> Response:
        run = request.form.get("run")
        if run is None:
            raise BadRequest("Expected the name of a run in 'run', received none.")
        found = self._log(request).series(run, {kind: texts(request, kind) for kind in READERS})
        if found is None:
            raise NotFound(f"Expected a run of the log folder, received {run[:80]!r}.")
        return _json(request, found)

    def _findings(self, request: Ask) -> Response:
        log, run = self._log(request), request.args.get("run", "")
        entry = log.runs().get(run)
        if entry is None:
            raise NotFound(f"Expected a run of the log folder, received {run[:80]!r}.")
        return _json(request, [finding.as_json() for finding in of_run(log, run, entry)])

    def _pack(self, request: Ask) -> Response:
        keys = texts(request, "keys", most=AT_ONCE)
        return _respond(request, pack(self._log(request).blobs(keys)), OTHER)

    def _blob(self, request: Ask) -> Response:
        blob = self._log(request).blob(request.args.get("key", ""))
        if blob is None:
            raise NotFound("Expected the key of a picture that TensorBoard keeps, got another.")
        return _respond(request, blob, mime(blob), expires=A_DAY)

    def _export(self, request: Ask) -> Response:
        log, wanted = self._log(request), request.args.getlist("run")
        if not wanted:
            raise BadRequest("Expected the names of runs in 'run', received none.")
        runs = {run: entry for run, entry in log.runs().items() if run in wanted}
        if len(runs) < len(set(wanted)):
            raise NotFound("Expected runs with pictures, got the name of another.")
        try:
            pieces = page(log, runs, {run: run for run in runs}, part=_part(request))
        except FileNotFoundError as error:
            raise NotFound(str(error)) from None
        except ValueError as error:
            raise BadRequest(str(error)) from None
        name = re.sub(r"[^\w.-]+", "_", "_".join(["explanations", *runs]), flags=re.ASCII)[:100]
        headers = {"Content-Disposition": f'attachment; filename="{name}.html"', "X-Content-Type-Options": "nosniff"}
        return Response(pieces, mimetype="text/html", headers=headers)

    def _script(self, files: Mapping[str, Path], request: Ask) -> Response:
        try:
            return _respond(request, bundle(files), front.KINDS[".js"])
        except FileNotFoundError as error:
            raise NotFound(str(error)) from None

    def _static(self, file: Path, request: Ask) -> Response:
        try:
            return _respond(request, file.read_bytes(), front.KINDS[file.suffix])
        except FileNotFoundError:
            raise NotFound(f"{file.name} has gone since TensorBoard was started: start it again.") from None


def lost(kept: int, runs: dict[str, dict[str, Any]]) -> str | None:
    """Says that epochs are missing, where TensorBoard keeps fewer pictures than a run has epochs.

    Args:
        kept: Pictures per tag.
        runs: As `Log.runs` tells them.
    """
    most = max((len({epoch for _, epoch in entry["epochs"]}) for entry in runs.values()), default=0)
    if kept == 0 or most <= kept:  # 0 stands for all
        return None
    return (
        f"TensorBoard was told to keep {kept} pictures per tag, so of {most} epochs some are missing: start it without "
        f"--samples_per_plugin for images, and with --lightning_viz_keep {most} or more."
    )


def _part(request: Ask) -> Part:
    """What of the runs is asked for.

    Raises:
        ValueError: An epoch is no number.
    """
    probes, methods, epochs = (tuple(request.args.getlist(name)) for name in ("probe", "method", "epoch"))
    return Part(probes, methods, tuple(int(epoch) for epoch in epochs))


def _json(request: Ask, answer: Any) -> Response:
    return _respond(request, json.dumps(answer, allow_nan=False), "application/json")


def _respond(request: Ask, content: bytes | str, kind: str, **more: Any) -> Response:
    response: Response = http_util.Respond(request, content, kind, **more)
    return response
