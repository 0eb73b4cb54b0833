"""What callbacks that climb have in common: they go on from the pictures of their last drawing."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, NamedTuple, Optional, TypedDict

import pytorch_lightning as pl
import torch
from torch import Tensor

from lightning_viz.callbacks.base.keywords import OfLayer, Unpack
from lightning_viz.callbacks.base.layers import check_flat
from lightning_viz.callbacks.features.base import LayerCallback
from lightning_viz.explain.network.bfloat16 import bfloat16_pays
from lightning_viz.explain.network.chunks import Chunks
from lightning_viz.explain.optimisation.ascent import Ascent
from lightning_viz.explain.optimisation.filters import coefficients_shape, maximise_channels
from lightning_viz.explain.optimisation.objectives import Objective
from lightning_viz.harness.arguments import number, whole
from lightning_viz.harness.run.entry import entry, taken, unusable
from lightning_viz.harness.run.run import run_of
from lightning_viz.harness.run.scene import Scene


class _Last(TypedDict):
    """A picture of the last drawing: of what network, how it was sought, where it started, what it is made from.

    The network is the moment since which all tensors that the picture depends on are what they were then, see
    `Scene.since`, and a digest of what was put out for the probes, to the last bit: more than tensors may change.
    """

    network: int
    put_out: str
    options: str
    start: Tensor
    coefficients: Tensor


AT_FIRST, CHANGED = 0, -1
"""Of a picture from a checkpoint: whether its tensors are those that the run goes on with."""


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
        **arguments: Unpack[OfLayer],
    ) -> None:
        super().__init__(**arguments)
        self.steps = whole("steps", steps)
        self.warm_steps = whole("warm_steps", warm_steps, none=True)
        self.lr = number("lr", lr)
        self._last: dict[str, _Last] = {}
        self._part: frozenset[str] | None = None
        self._bfloat16: bool | None = None

    def prepare(self, scene: Scene) -> None:
        """Finds layer and channels.

        Raises:
            ValueError: No such layer or channel, or the images are volumes.
        """
        check_flat(scene)
        super().prepare(scene)

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Begins anew with each run of the Trainer; the pictures, where training begins with the first step."""
        super().setup(trainer, pl_module, stage)
        self._part = self._bfloat16 = None
        if stage == "fit" and trainer.global_step == 0:
            self._last = {}
        for one in self._last.values():  # whose network another isolation has looked at
            one["network"] = CHANGED

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Adds the pictures."""
        moments, run = {one["network"] for one in self._last.values()}, run_of(trainer)
        still = {moment: run.is_still(self._part or frozenset(), moment) for moment in moments}
        # Not by `state_dict`, which Lightning refuses where two callbacks have equal arguments.
        entry(checkpoint).setdefault("ascents", {})[self.called] = {
            tag: {**one, "network": AT_FIRST if still[one["network"]] else CHANGED} for tag, one in self._last.items()
        }

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Takes them up again."""
        self._last = taken(trainer, checkpoint, "ascents", lambda found: _checked(found.get(self.called, {}))) or {}

    def climb(
        self, scene: Scene, features: Callable[[Tensor], Tensor], objectives: Mapping[str, Objective], **options: Any
    ) -> dict[str, Ascent]:
        """Finds the pictures of this drawing.

        Args:
            scene: The scene.
            features: What is climbed.
            objectives: What each picture is to raise, by its tag.
            options: Those of `maximise_channels`.

        Returns:
            By tag, an `Ascent` of as many pictures as variants.
        """
        if self._bfloat16 is None:  # once in a run: pictures are to change with the network alone
            # Phases alone have less to follow: under a spectrum, five of six classes came .03 to .05 less high.
            free = options.get("parametrization") != "maco"
            self._bfloat16 = free and bfloat16_pays(scene.subject.net, features, scene.probes.images)
        maximise = partial(maximise_channels, features=features, lr=self.lr, bfloat16=self._bfloat16, **options)
        if self.warm_steps is None or options.get("start") is not None:
            return _by_tag(objectives, maximise(channels=[*objectives.values()], steps=self._few(self.steps)))
        sought = repr(sorted((name, value) for name, value in options.items() if name not in ("device", "normalize")))
        if self._part is None and scene.isolation is not None:
            self._part = scene.isolation.reads(features, scene.probes.images)
        network = scene.since(self._part or frozenset())
        put_out = _digest(Chunks()(features, scene.probes.images))
        last, kept = self._sound(sought, options), dict[str, _Last]()
        other = scene.share.latest(any(last[tag]["put_out"] != put_out for tag in objectives if tag in last))
        ways = {tag: self._way(last.get(tag), CHANGED if other else network, sought) for tag in objectives}
        found: dict[str, Ascent] = {}
        for way in dict.fromkeys(ways.values()):
            some = {tag: objective for tag, objective in objectives.items() if ways[tag] == way}
            before = torch.cat([last[tag]["coefficients"] for tag in some]) if way.keep else None
            found |= _by_tag(
                some, maximise(channels=[*some.values()], steps=self._few(way.steps), last=before, keep=way.keep)
            )
        for tag, one in found.items():
            start = last[tag]["start"] if ways[tag] == _STILL else one.start.cpu()
            found[tag] = one._replace(start=start.to(one.start.device))
            coefficients = one.coefficients.cpu()
            kept[tag] = _Last(network=network, put_out=put_out, options=sought, start=start, coefficients=coefficients)
        self._last = kept
        return found

    def _sound(self, sought: str, options: Mapping[str, Any]) -> dict[str, _Last]:
        """The last pictures; of those that were sought alike, the ones that are as they should be.

        They may come from a checkpoint that is damaged.
        """
        shape = coefficients_shape((options["image_channels"], *options["size"]), options.get("parametrization"))
        variants = options.get("variants", 1)
        sound = {t: one for t, one in self._last.items() if one["options"] != sought or _fits(one, (variants, *shape))}
        if len(sound) < len(self._last):
            self.warn_once(unusable("'ascents' has another shape"), key="ascents")
        return sound

    def _few(self, steps: int) -> int:
        return min(steps, 2) if self.rehearsal else steps

    def _way(self, last: _Last | None, network: int, options: str) -> _Way:
        if last is None or self.warm_steps is None or last["options"] != options:
            return _Way(self.steps, keep=0.0)
        if last["network"] == network != CHANGED:
            return _STILL
        return _Way(min(self.warm_steps, self.steps), keep=max(1 - self.warm_steps / self.steps, 0.0))


def _checked(found: Any) -> dict[str, _Last]:
    """Pictures from a checkpoint.

    Raises:
        Exception: They are none.
    """
    last = {}
    for tag, one in found.items():
        network = one["network"] if one["network"] in (AT_FIRST, CHANGED) else CHANGED  # or an older one's
        options, start, coefficients = one["options"], one["start"], one["coefficients"]
        if not isinstance(options, str) or not (start.ndim == 1 and len(start) == len(coefficients) > 0):
            raise TypeError("pictures of another kind")
        put_out = str(one.get("put_out"))
        last[str(tag)] = _Last(
            network=network, put_out=put_out, options=options, start=start, coefficients=coefficients
        )
    return last


def _digest(tensor: Tensor) -> str:
    bits = tensor.detach().cpu().contiguous().view(-1).view(torch.uint8)
    return hashlib.sha256(bits.numpy().tobytes()).hexdigest()


def _fits(one: _Last, shape: tuple[int, ...]) -> bool:
    return one["coefficients"].shape == shape and bool(one["coefficients"].isfinite().all())


def _by_tag(tags: Collection[str], ascent: Ascent) -> dict[str, Ascent]:
    """The pictures of each objective: its variants."""
    parts = zip(*(part.chunk(len(tags)) for part in ascent), strict=True)
    return {tag: Ascent(*part) for tag, part in zip(tags, parts, strict=True)}
