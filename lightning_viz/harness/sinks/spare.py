"""What becomes of pictures that a logger or a file system does not take."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lightning_viz.harness.folders import Place
from lightning_viz.harness.remote import Remote
from lightning_viz.harness.sinks.results import Picture
from lightning_viz.harness.sinks.room import Room, write_whole
from lightning_viz.harness.sinks.writers import Folder

UNSENT = "lightning_viz_unsent"
"""The folder in the working directory for what a log folder elsewhere does not take."""
_SLOW, _REST = 1.0, 10
"""Seconds from which a failure counts as slow, and for how many times as long it is not tried again."""


class UntakenError(Exception):
    """A logger or a log folder did not take what was drawn, which lies in files instead."""


class Patience:
    """Leaves alone for a while what takes long to fail, as a network that is away.

    So training waits for at most a tenth of its time.
    """

    def __init__(self) -> None:
        self._until, self._error = 0.0, OSError()

    @contextmanager
    def trying(self) -> Iterator[None]:
        """Around each attempt.

        Raises:
            Exception: That of the attempt, or of the last one where it is too soon for another.
        """
        began = time.monotonic()
        if began < self._until:
            raise self._error
        try:
            yield
        except Exception as error:
            took = time.monotonic() - began
            if took > _SLOW:
                self._until, self._error = began + (1 + _REST) * took, error  # type: ignore[assignment]
            raise


class Spare:
    """Where what was not taken is kept: in the log folder, or where that is elsewhere, in one here.

    Args:
        home: The log folder.
    """

    def __init__(self, home: Place) -> None:
        self.folder = Path.cwd() / UNSENT / str(home).rpartition("://")[2] if isinstance(home, Remote) else Path(home)
        self._elsewhere = isinstance(home, Remote)
        self._room = Room(self.folder)

    def pictures(self, pictures: Sequence[Picture], step: int) -> Path:
        """Keeps pictures.

        Returns:
            The folder that they are in.

        Raises:
            OSError: There is no room here either.
        """
        self._room.check(sum(len(picture.encoded) for picture in pictures))
        write = Folder(self.folder)
        for picture in pictures:
            write(picture, step)
        return self.folder / "explanations"

    def file(self, place: Place, home: Place, content: bytes) -> Path:
        """Keeps a file that has its place in the log folder.

        Raises:
            OSError: There is no room here either.
        """
        kept = self.folder.joinpath(*place.parts[len(home.parts) :])
        self._room.check(len(content))
        write_whole(kept, content)
        return kept

    def would_help(self, error: Exception, folder: Place | None) -> bool:
        """Whether files fare better than a log that failed: not where its disk is at fault, and theirs is the same.

        Args:
            error: Of the log.
            folder: Where the log lies; `None` where it is elsewhere.
        """
        of_disk = isinstance(error, OSError) and error.errno and not isinstance(error, (ConnectionError, TimeoutError))
        return self._elsewhere or folder is None or not of_disk
