"""What a callback does when a drawing fails, and what it says only once."""

import traceback
from typing import Literal

from pytorch_lightning.utilities import rank_zero_warn


class ErrorPolicy:
    """Warns once and lets training go on, or raises.

    Args:
        on_error: `"warn"` or `"raise"`.

    Raises:
        ValueError: Anything else.
    """

    def __init__(self, on_error: Literal["warn", "raise"]) -> None:
        super().__init__()
        if on_error not in ("warn", "raise"):
            raise ValueError(f"Expected on_error='warn' or 'raise', received {on_error!r}.")
        self.on_error = on_error
        self._warned: set[str] = set()

    def _failed(self, error: Exception, epoch: int) -> None:
        if self.on_error == "raise":
            raise error
        self.warn_once(
            f"{type(self).__name__} could not draw at epoch {epoch}. Training goes on, and its later failures are not "
            f"told; to stop at the first one, pass on_error='raise'.\n{''.join(traceback.format_exception(error))}",
            key="failed",
        )

    def warn_once(self, text: str, *, key: str) -> None:
        """Warns the first time that this callback has something to say under `key`."""
        if key not in self._warned:
            self._warned.add(key)
            rank_zero_warn(text)
