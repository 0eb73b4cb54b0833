"""What callbacks that climb have in common: they go on from the pictures of their last drawing."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from itertools import count
from typing import Any, NamedTuple, Optional, TypedDict
from weakref import WeakKeyDictionary

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from lightning_viz.callbacks.layers import LayerCallback
from lightning_viz.explain.ascent import Ascent
from lightning_viz.explain.filters import maximise_channels
from lightning_viz.explain.fingerprint import fingerprint
from lightning_viz.explain.objectives import Wish
from lightning_viz.harness.arguments import number, whole
from lightning_viz.harness.scene import Scene
from lightning_viz.harness.stand_in import is_replay

_IN_CHECKPOINTS = "lightning_viz_ascents"
_COUNT = count()
_NUMBERS: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()
"""Every module's own number: unlike a reference it may be pickled, and unlike an `id` it is given once."""


class _Last(TypedDict):
    """A picture of the last drawing: of what network, how it was sought, where it started, what it is made from."""

    network: str
    options: str
    start: Tensor
    coefficients: Tensor


class _Way(NamedTuple):
    """How a picture is found: in how many steps, from how much of the last one."""

    steps: int
    keep: float


_STILL = _Way(0, keep=1.0)


class AscentCallback(LayerCallback):
    """Goes on from the pictures of the last drawing, so that a film flows and a later drawing needs few steps.

    From one drawing to the next a picture fades by as much as the new steps can renew: none is older than about
    `steps`. Where nothing up to the layer has changed, not a bit, the pictures stay as they are. They are part of
    Lightning's checkpoints, and a run that is resumed goes on from them: two numbers per pixel and colour, which makes
    0.2 MB per picture of 128 pixels and 0.6 MB per picture of 224. On several processes the checkpoint holds those of
    the first one, and the others begin anew.

    Args:
        steps: Steps of Adam.
        warm_steps: Steps of each later drawing; `None` begins every drawing anew, with all steps.
        lr: Adam's learning rate.
        arguments: Those of `LayerCallback`.

    Raises:
        ValueError: An argument is out of its range.
    """

    per_probe = False

    def __init__(
        self,
        *,
        steps: int = 128,
        warm_steps: Optional[int] = 12,  # noqa: UP045
        lr: float = 0.05,
        **arguments: Any,
    ) -> None:
        super().__init__(**arguments)
        self.steps = whole("steps", steps)
        self.warm_steps = whole("warm_steps", warm_steps, none=True)
        self.lr = number("lr", lr)
        self._last: dict[str, _Last] = {}
        self._module: int | None = None

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Begins anew with another module, and in a replay."""
        super().setup(trainer, pl_module, stage)
        if pl_module not in _NUMBERS:
            _NUMBERS[pl_module] = next(_COUNT)
        number = _NUMBERS[pl_module]
        if self._module != number or is_replay(trainer):
            self._module, self._last = number, {}

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Adds the pictures."""
        # Not by `state_dict`, which Lightning refuses where two callbacks have equal arguments.
        checkpoint.setdefault(_IN_CHECKPOINTS, {})[self.called] = self._last

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Takes them up again."""
        self._last = checkpoint.get(_IN_CHECKPOINTS, {}).get(self.called, {})

    def climb(
        self, scene: Scene, features: Callable[[Tensor], Tensor], wishes: Mapping[str, Wish], **options: Any
    ) -> dict[str, Ascent]:
        """Finds the pictures of this drawing.

        Args:
            scene: The scene.
            features: What is climbed.
            wishes: What each picture is to raise, by its tag.
            options: Those of `maximise_channels`.

        Returns:
            By tag, an `Ascent` of as many pictures as variants.
        """
        maximise = partial(maximise_channels, features=features, lr=self.lr, **options)
        if self.warm_steps is None or options.get("start") is not None:
            return _by_tag(wishes, maximise(channels=[*wishes.values()], steps=self._few(self.steps)))
        sought = repr(sorted((name, value) for name, value in options.items() if name not in ("device", "normalize")))
        network = scene.share.whole(fingerprint(features, scene.probes.images))
        last, kept = self._last, dict[str, _Last]()
        ways = {tag: self._way(last.get(tag), network, sought) for tag in wishes}
        found: dict[str, Ascent] = {}
        for way in dict.fromkeys(ways.values()):
            some = {tag: wish for tag, wish in wishes.items() if ways[tag] == way}
            before = torch.cat([last[tag]["coefficients"] for tag in some]) if way.keep else None
            found |= _by_tag(
                some, maximise(channels=[*some.values()], steps=self._few(way.steps), last=before, keep=way.keep)
            )
        for tag, one in found.items():
            start = last[tag]["start"] if ways[tag] == _STILL else one.start.cpu()
            found[tag] = one._replace(start=start)
            kept[tag] = _Last(network=network, options=sought, start=start, coefficients=one.coefficients.cpu())
        self._last = kept
        return found

    def _few(self, steps: int) -> int:
        return min(steps, 2) if self.rehearsal else steps

    def _way(self, last: _Last | None, network: str, options: str) -> _Way:
        if last is None or self.warm_steps is None or last["options"] != options:
            return _Way(self.steps, keep=0.0)
        if last["network"] == network:
            return _STILL
        return _Way(min(self.warm_steps, self.steps), keep=max(1 - self.warm_steps / self.steps, 0.0))


def _by_tag(tags: Collection[str], ascent: Ascent) -> dict[str, Ascent]:
    """The pictures of each wish: its variants."""
    parts = zip(*(part.chunk(len(tags)) for part in ascent), strict=True)
    return {tag: Ascent(*part) for tag, part in zip(tags, parts, strict=True)}
