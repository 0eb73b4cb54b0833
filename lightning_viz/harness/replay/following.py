"""Checkpoints of a run that goes on, as they appear."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any

from pytorch_lightning.utilities import rank_zero_info, rank_zero_warn

from lightning_viz.harness.folders import Place, version
from lightning_viz.harness.replay.checkpoints import Moment, in_order, moment_of, reason

OVER = "over"
"""The file that a run leaves beside its snapshots when it has ended."""
_PAUSE = 1.0
"""Seconds between two looks."""
_PATIENCE = 60.0
"""Seconds after which a file that cannot be read, and is not written to any more, is given up."""

Load = Callable[[Place], Mapping[str, Any]]
"""Reads a checkpoint."""


class Following:
    """The checkpoints in a folder, those of now and those to come, each step once and in order.

    Args:
        folder: Where they appear, also in folders below.
        until: The last epoch that is awaited; None goes on until the run has ended.

    Raises:
        ValueError: It is no folder.
    """

    def __init__(self, folder: Place, until: int | None) -> None:
        if not folder.is_dir():
            raise ValueError(f"Expected a folder in which checkpoints appear, received {str(folder)!r}.")
        self._folder, self._until = folder, until
        self._done: set[tuple[Place, Hashable]] = set()
        self._unread: dict[Place, tuple[tuple[Place, Hashable], float]] = {}
        self._last = -1
        self._away = False

    def __call__(self, load: Load) -> Iterator[Moment]:
        """Waits for them.

        Args:
            load: Reads a file, and refuses what is not of the model.
        """
        waiting = False
        while True:
            over = any(self._found(OVER))  # looked for first: what was saved before it is found below
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

    def _found(self, pattern: str) -> list[Place]:
        try:
            return sorted(self._folder.rglob(pattern), key=str)
        except OSError as error:  # a network that is away: it may come back, and Ctrl-C ends it
            if not self._away:
                rank_zero_warn(f"{self._folder} cannot be looked into ({reason(error)}). It is tried again.")
            self._away = True
            return []

    def _new(self, load: Load) -> Iterator[Moment]:
        for path in self._found("*.ckpt"):
            try:
                state = path, version(path)
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

    def _is_given_up(self, state: tuple[Place, Hashable], error: Exception) -> bool:
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


def tell_deleted(path: Place) -> None:
    """Tells that a checkpoint is gone whose turn has not come."""
    rank_zero_info(f"{path.name} was deleted before it was drawn.")
