"""The whole of a run at a glance: films and filmstrips of all pictures."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from typing import Any, Literal, Optional

import pytorch_lightning as pl
from pytorch_lightning.utilities import rank_zero_info
from typing_extensions import Self

from lightning_viz.callbacks.base.callback import ExplanationCallback
from lightning_viz.callbacks.base.keywords import check_keywords, complete_help, keywords_of
from lightning_viz.callbacks.films.assembly import Reels
from lightning_viz.harness.arguments import flag, one_of, whole
from lightning_viz.harness.folders import Place, place
from lightning_viz.harness.namespaces import Callback
from lightning_viz.harness.remote import Remote
from lightning_viz.harness.run.entry import entry, taken
from lightning_viz.harness.run.run import run_of
from lightning_viz.harness.sinks.frames import Frames
from lightning_viz.harness.steps import BEFORE, logged_step

PATIENCE = 10.0
"""Seconds for the films of a run that ends by an exception or a signal: where machines are taken away, there are 30 in
all."""


class Films(Callback):
    """Makes a film of every picture that the other callbacks draw, and a filmstrip of every probe.

    A film (`probe_03_egg/film_saliency`) is an animated picture of all epochs, so that nothing is lost where
    TensorBoard keeps ten of them; of more than 300 it shows 300, evenly spread, the first and the last among them. A
    filmstrip (`probe_03_egg/filmstrip`) shows the methods below each other and up to eight epochs side by side. Both
    are made at the end of `fit`, also where it ends early (then in 10 seconds, when all checkpoints are saved), as
    files in `<log folder>/films`; TensorBoard gets the filmstrips, other loggers both. The colours of a map are full at
    the largest value of the whole run, from the first frame on. Until then, the frames lie in `<log folder>/frames`.
    Where a run ends early, they stay: a resumed run goes on with those of the run that its checkpoint is from.

    Nothing is drawn with the network, and nothing is kept in memory.

    Args:
        every_n_epochs: Make them also while training, after every n-th epoch; each time anew from all frames.
        keep_frames: Keep the frames when `fit` is done, so that a run that is resumed from its end goes on with them.
        on_error: What a film that fails does: `"warn"` once, and training ends well, or `"raise"`.

    Raises:
        ValueError: An interval below 1, or an unknown `on_error`.
    """

    def __new__(cls, *args: Any, **keywords: Any) -> Self:
        """Refuses a keyword that it does not take."""
        if drawn := keywords_of(ExplanationCallback).keys() & keywords.keys() - keywords_of(cls).keys():
            raise TypeError(
                f"Expected keywords of Films, received {', '.join(f'{name}=' for name in sorted(drawn))}: Films draws "
                "nothing itself, so pass that to the callbacks whose pictures it shows."
            )
        check_keywords(cls, keywords)
        made: Self = super().__new__(cls)
        return made

    __new__.__wrapped__ = object.__new__  # type: ignore[attr-defined]  # whoever looks for arguments is led to `__init__`

    def __init__(
        self,
        *,
        every_n_epochs: Optional[int] = None,  # noqa: UP045
        keep_frames: bool = False,
        on_error: Literal["warn", "raise"] = "warn",
    ) -> None:
        super().__init__()
        self.every_n_epochs = whole("every_n_epochs", every_n_epochs, none=True)
        self.keep_frames = flag("keep_frames", keep_frames)
        self.on_error = one_of("on_error", on_error, ("warn", "raise"))
        self._reels: Reels | None = None
        self._earlier: str | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Without what belongs to the run."""
        return {**vars(self), "_reels": None}

    # Lightning's hooks

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Has every picture kept from now on, on the process that writes."""
        self._reels = None
        sinks = run_of(trainer).sinks  # all processes together
        if trainer.fast_dev_run or sinks.home is None:  # type: ignore[attr-defined]
            return
        sinks.frames = Frames(sinks.home / "frames")
        self._reels = Reels(sinks, sinks.frames, self.on_error)

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Learns where the frames of the earlier run are."""
        self._earlier = taken(trainer, checkpoint, "frames", _folder)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Says where the frames are."""
        if self._reels is not None:
            entry(checkpoint)["frames"] = str(self._reels.frames.folder.resolve())

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begins the films anew, or goes on with those of the run that is resumed."""
        earlier, self._earlier = self._earlier, None
        if self._reels is None:
            return
        with self._reels.reporting("go on with earlier frames"):
            until = logged_step(trainer) if trainer.global_step else BEFORE - 1
            self._begin(self._reels.frames, place(earlier) if earlier else None, until)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Makes the films of the epochs so far, if asked to: now all callbacks have drawn the last one."""
        if self.every_n_epochs and trainer.current_epoch and trainer.current_epoch % self.every_n_epochs == 0:
            with run_of(trainer).clock.drawing():  # which is not training, for those who count it
                self._make()

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Makes the films, when all checkpoints are written; of what they are made is needed no more."""
        if self._reels is not None and self._make() and not (self.keep_frames or self._reels.failed):
            with self._reels.reporting("remove the frames"):
                self._reels.frames.remove()
        self._reels = None

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Makes the films of what there is, after every checkpoint is saved; another Ctrl-C stops it."""
        # Lightning's checkpoints come last; it goes through the very list, so that what is added comes behind them.
        callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
        if not isinstance(callbacks[-1], _Afterwards):
            callbacks.append(_Afterwards())
        callbacks[-1].calls.append(self._make_in_haste)

    def _make_in_haste(self, exception: BaseException) -> None:
        if self._reels is not None:
            self._reels.on_error = "warn"  # the run has an error of its own
        try:
            with _interruptible(exception):
                self._make(PATIENCE)
        except KeyboardInterrupt:
            rank_zero_info(f"Films stops here. {self._kept()}")
        self._reels = None

    def _kept(self) -> str:
        folder = None if self._reels is None else self._reels.frames.folder.parent
        return f"The frames are kept: a resumed run goes on with them, or `python -m lightning_viz.films {folder}`."

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Lets go of the run."""
        self._reels = None

    def _begin(self, frames: Frames, earlier: Place | None, until: int) -> None:
        frames.begin(until)
        if earlier is None or until < BEFORE or earlier == frames.folder.resolve():
            return
        if isinstance(earlier, Remote) and not earlier.is_beside(frames.folder):
            rank_zero_info(f"Films begins anew: {earlier}, where the checkpoint says its frames are, is elsewhere.")
            return
        if not frames.take_over(earlier, until):
            rank_zero_info(f"Films begins anew: the frames of the resumed run are not in {earlier} any more.")

    def _make(self, patience: float = inf) -> bool:
        """Makes the films; says whether all of them were made."""
        done = self._reels is None or self._reels.make(patience)
        if not done:
            rank_zero_info(f"Films stops after {patience:.0f} s. {self._kept()}")
        return done


class _Afterwards(Callback):
    """Calls what is to come after all other callbacks have heard of an exception, and is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Callable[[BaseException], None]] = []

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Calls it."""
        trainer.callbacks.remove(self)  # type: ignore[attr-defined]
        for call in self.calls:
            call(exception)


@contextmanager
def _interruptible(exception: BaseException) -> Iterator[None]:
    """Lets Ctrl-C through, to which Lightning is deaf once it has heard one."""
    if not isinstance(exception, KeyboardInterrupt):
        yield
        return
    deaf = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, deaf)


def _folder(found: Any) -> str:
    if not isinstance(found, str):
        raise TypeError("a folder that is no text")
    return found


complete_help(Films)
