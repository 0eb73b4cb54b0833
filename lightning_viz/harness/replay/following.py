"""Checkpoints of a run that goes on, as they appear."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.utilities import rank_zero_info, rank_zero_warn

from lightning_viz.harness.replay.checkpoints import Moment, in_order, moment_of, reason

OVER = "over"
"""The file that a run leaves beside its snapshots when it has ended."""
_PAUSE = 1.0
"""Seconds between two looks."""
_PATIENCE = 60.0
"""Seconds after which a file that cannot be read, and is not written to any more, is given up."""

Load = Callable[[Path], Mapping[str, Any]]
"""Reads a checkpoint."""


class Following:
    """The checkpoints in a folder, those of now and those to come, each step once and in order.

    Args:
        folder: Where they appear, also in folders below.
        until: The last epoch that is awaited; None goes on until the run has ended.

    Raises:
        ValueError: It is no folder.
    """

    def __init__(self, folder: Path, until: int | None) -> None:
        if not folder.is_dir():
            raise ValueError(f"Expected a folder in which checkpoints appear, received {str(folder)!r}.")
        self._folder, self._until = folder, until
        self._done: set[tuple[Path, int, int]] = set()
        self._unread: dict[Path, tuple[tuple[Path, int, int], float]] = {}
        self._last = -1

    def __call__(self, load: Load) -> Iterator[Moment]:
        """Waits for them.

        Args:
            load: Reads a file, and refuses what is not of the model.
        """
        waiting = False
        while True:
            over = any(self._folder.rglob(OVER))  # looked for first: what was saved before it is found below
            for moment in in_order(list(self._new(load))):
                waiting = False
                if moment.global_step > self._last:
                    self._last = moment.global_step
                    yield moment
                if self._until is not None and moment.epoch >= self._until:
                    return
            if over and not self._unread:
                return
            if not waiting:
                rank_zero_info(f"Waiting for checkpoints in {self._folder}; Ctrl-C ends it.")
            waiting = True
            time.sleep(_PAUSE)

    def _new(self, load: Load) -> Iterator[Moment]:
        for path in sorted(self._folder.rglob("*.ckpt")):
            try:
                stat = path.stat()
                state = path, stat.st_mtime_ns, stat.st_size
                if state in self._done:
                    continue
                moment = moment_of(path, load(path))
            except FileNotFoundError:
                tell_deleted(path)
                continue
            except Exception as error:
                if self._is_given_up(state, error):
                    self._done.add(state)
                continue
            self._unread.pop(path, None)
            self._done.add(state)
            yield moment

    def _is_given_up(self, state: tuple[Path, int, int], error: Exception) -> bool:
        """Whether a file that cannot be read is broken; else somebody may still be writing to it."""
        path = state[0]
        if not path.exists():
            self._unread.pop(path, None)
            tell_deleted(path)
            return True
        known, since = self._unread.setdefault(path, (state, time.monotonic()))
        if known != state:
            self._unread[path] = state, time.monotonic()
            return False
        if time.monotonic() - since < _PATIENCE:
            return False
        del self._unread[path]
        rank_zero_warn(f"A checkpoint is left out. {path}: {reason(error)}")
        return True


def tell_deleted(path: Path) -> None:
    """Tells that a checkpoint is gone whose turn has not come."""
    rank_zero_info(f"{path.name} was deleted before it was drawn.")
