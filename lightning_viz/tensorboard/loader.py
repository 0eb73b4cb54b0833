"""TensorBoard's way in: a flag for how many pictures it keeps, and the tab behind a guard.

TensorBoard imports entry points unguarded, so what fails here would keep it from starting: this module imports nothing
but names, and what the tab needs only when it is loaded.
"""

from __future__ import annotations

import argparse
import logging
import sys
from typing import Any

from tensorboard.plugins import base_plugin

from lightning_viz.tensorboard import IMAGES, NAME

KEEP = 500
"""Pictures per tag: TensorBoard's own default of 10 loses most epochs, and all of them have to fit in its memory."""

MOST = 10_000
OFF = "off"

HELP = f"""\
How many pictures per tag to keep (1 to {MOST}), so that every epoch can be looked at; "{OFF}" leaves
TensorBoard's own sampling alone (10 pictures per tag). Applies to all images of the log folder, in
TensorBoard's own tabs as well; what is kept is held in memory. A number given in
--samples_per_plugin images=N goes before this one. (default: %(default)s)
"""


class ExplanationsLoader(base_plugin.TBLoader):  # type: ignore[misc]
    """Adds the flag `--lightning_viz_keep`, and loads the Explanations tab."""

    def __init__(self) -> None:
        self._raised_to: int | None = None

    def define_flags(self, parser: argparse.ArgumentParser) -> None:
        """Adds our flag to those of TensorBoard."""
        group = parser.add_argument_group("lightning_viz")
        group.add_argument("--lightning_viz_keep", metavar="N", type=kept, default=KEEP, help=HELP)

    def fix_flags(self, flags: argparse.Namespace) -> None:
        """Raises the number of pictures that are kept, on either data loader, unless the user named one.

        Our own data keep at least as many: of every picture kept, its map and its epoch have to be there.
        """
        keep: int | None = getattr(flags, "lightning_viz_keep", None)
        samples = getattr(flags, "samples_per_plugin", None)
        if not isinstance(samples, dict):
            return
        self._raised_to = None if IMAGES in samples else keep
        if keep is not None:
            samples.setdefault(IMAGES, keep)
        images = samples.get(IMAGES, 1)
        samples.setdefault(NAME, images and max(images, keep or KEEP))  # 0 stands for all

    def load(self, context: Any) -> base_plugin.TBPlugin | None:
        """Makes the tab; `None`, with one line in the log, where our installation is broken."""
        if self._raised_to is not None:
            _report(self._raised_to)
            self._raised_to = None
        try:
            from lightning_viz.tensorboard.plugin import ExplanationsPlugin

            return ExplanationsPlugin(context)
        except Exception as error:
            logging.getLogger("tensorboard").error(
                "lightning_viz: no Explanations tab, its installation is broken (%s: %s). Mend it with: "
                "pip install --force-reinstall --no-deps lightning-viz",
                type(error).__name__,
                error,
            )
            return None


def kept(text: str) -> int | None:
    """The number that the flag names; `None` for "off".

    Raises:
        argparse.ArgumentTypeError: It is neither a number in range nor "off".

    Example:
        >>> kept("1000"), kept("off")
        (1000, None)
    """
    if text == OFF:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise argparse.ArgumentTypeError(f"Expected a number from 1 to {MOST} or {OFF!r}, received {text!r}")
    return int(text)


def _report(keep: int) -> None:
    print(
        f"lightning_viz: TensorBoard keeps up to {keep} pictures per tag instead of 10; "
        "--lightning_viz_keep N sets another number, --lightning_viz_keep off turns this off.",
        file=sys.stderr,
        flush=True,
    )
