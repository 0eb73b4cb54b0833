"""Room for what is written into a log, so that the other logs and the checkpoints keep theirs."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from lightning_viz.harness.folders import Place

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

RESERVE = 8 * 2**20
"""Bytes that stay free on the disk of a log and below the limit of a file: Lightning's own writers die where nothing is
left."""
_SPARE = 2**20
"""Bytes more than are needed that a folder must take on trial: what the other logs write until the next trial."""


class Room:
    """Whether there is room in a folder; it remembers that the folder was there.

    Args:
        folder: Of the log; `None` where it is on another machine.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._there = False

    def check(self, size: int, *, grows: Path | None = None) -> None:
        """Raises unless so much can be written with room to spare, found out by writing it on trial.

        A quota, a folder that is away for the moment or one that has become read-only tell themselves by nothing else.

        Args:
            size: Bytes that are about to be written.
            grows: The file that they are added to, if there is one.

        Raises:
            OSError: They cannot be written.
        """
        if self.folder is None:
            return
        if (self._there and not self.folder.exists()) or (grows is not None and not grows.exists()):
            raise FileNotFoundError(errno.ENOENT, "The log folder is not where it was", str(self.folder))
        existing = next((place for place in (self.folder, *self.folder.parents) if place.exists()), self.folder)
        if shutil.disk_usage(existing).free < RESERVE + size:
            raise OSError(
                errno.ENOSPC,
                f"Expected at least {RESERVE >> 20} MiB free for pictures, so that the other logs and the checkpoints "
                "have room; make room, and the next pictures are written again",
                str(self.folder),
            )
        _try(existing, size, _limit(size, grows))
        self._there = self.folder.exists()


def write_whole(place: Place, content: bytes) -> None:
    """Writes a file, and its folders; where that fails, nothing is left of it.

    Raises:
        OSError: It cannot be written.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        place.write_bytes(content)
    except OSError:
        with suppress(OSError):
            place.unlink(missing_ok=True)
        raise


def _limit(size: int, grows: Path | None) -> int:
    """How large a file may become (`ulimit -f`).

    Raises:
        OSError: Not as large as this one would.
    """
    if resource is None:
        return sys.maxsize
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit == resource.RLIM_INFINITY:
        return sys.maxsize
    so_far = grows.stat().st_size if grows is not None else 0
    if so_far + size + RESERVE > limit:
        raise OSError(
            errno.EFBIG,
            f"Expected a limit of file sizes with room for pictures, received {limit} bytes (ulimit -f), of which "
            f"{RESERVE >> 20} MiB stay free for the other logs",
            str(grows or ""),
        )
    return limit


def _try(folder: Path, size: int, limit: int) -> None:
    left = min(size + _SPARE, limit)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".lightning_viz_", buffering=0) as trial:
        while left > 0:
            left -= trial.write(_noise()[:left])


@cache
def _noise() -> bytes:
    return os.urandom(2**20)  # what no file system makes smaller
