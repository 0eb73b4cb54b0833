"""A log folder, read to its end without a TensorBoard."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tensorboard.context import RequestContext
from tensorboard.data import server_ingester
from tensorboard.util import grpc_util

from lightning_viz.tensorboard import IMAGES, NAME
from lightning_viz.tensorboard.log import Log

STARTED, FINISHED = b"Starting load cycle", b"Finished load cycle"
"""What the Rust server logs around its reading: nothing that it answers tells whether it is through."""

PATIENCE = 10.0
"""Seconds until it must have started."""


def is_folder(folder: str | PathLike[str]) -> bool:
    """Whether there is a folder, here or where TensorBoard reads from: `s3://`, `gs://` and whatever fsspec knows."""
    if not _is_elsewhere(folder):
        return Path(folder).is_dir()
    from tensorboard.compat import tf

    return bool(tf.io.gfile.isdir(str(folder)))


def _is_elsewhere(folder: str | PathLike[str]) -> bool:
    return "://" in str(folder)


@contextmanager
def opened(folder: str | PathLike[str]) -> Iterator[Log]:
    """Reads all event files below a folder, every picture of them.

    By the Rust server, as a process of its own, where there is one that can read them; else by the Python loader, which
    takes 30 times as long. What is elsewhere, only the latter reads as TensorBoard itself does.
    """
    with ThreadPoolExecutor(16) as pool, _served(folder) as provider:
        log = None if provider is None else Log(provider, pool, pool, RequestContext(), "")
        if log is None or any(log.has_unreadable_keys(run, entry["images"]) for run, entry in log.runs().items()):
            log = Log(_loaded(folder), pool, pool, RequestContext(), "")
        yield log


@contextmanager
def _served(folder: str | PathLike[str]) -> Iterator[Any | None]:
    if _is_elsewhere(folder):
        yield None
        return
    try:
        binary = server_ingester.get_server_binary().path
    except server_ingester.NoDataServerError:  # no wheel of it for this platform
        yield None
        return
    with TemporaryDirectory(prefix="lightning_viz_") as scratch:
        port, log = Path(scratch, "port"), Path(scratch, "log")
        command = [binary, f"--logdir={folder}", "--reload=once", f"--samples-per-plugin={IMAGES}=all,{NAME}=all"]
        command += ["--port=0", f"--port-file={port}", "--die-after-stdin", "--verbose"]
        with (
            log.open("wb") as record,
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stderr=record, env={**os.environ, "RUST_LOG": "info"}
            ) as server,
        ):
            try:
                yield _provider(port) if _is_through(server, log) else None
            finally:
                server.kill()


def _provider(port: Path) -> Any:
    local = grpc_util.ChannelCredsType.LOCAL
    address = f"localhost:{port.read_text().strip()}"
    return server_ingester.ExistingServerDataIngester(address, channel_creds_type=local).data_provider


def _is_through(server: subprocess.Popen[bytes], log: Path) -> bool:
    began = time.monotonic()
    while server.poll() is None:
        record = log.read_bytes()
        if FINISHED in record:
            return True
        if STARTED not in record and time.monotonic() - began > PATIENCE:
            return False
        time.sleep(0.02)
    return False


def _loaded(folder: str | PathLike[str]) -> Any:
    from tensorboard import program
    from tensorboard.backend.event_processing.data_ingester import LocalDataIngester
    from tensorboard.plugins.core.core_plugin import CorePluginLoader

    board = program.TensorBoard(plugins=[CorePluginLoader()], assets_zip_provider=lambda: None)
    samples = {IMAGES: 0, NAME: 0}  # all
    board.configure(logdir=str(folder), reload_interval=0, reload_task="blocking", samples_per_plugin=samples)
    ingester = LocalDataIngester(board.flags)
    ingester.start()
    return ingester.data_provider
