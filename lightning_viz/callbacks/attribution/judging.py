"""What callbacks that draw a map per probe have in common: they hold it against the network, and against a mask."""

import math
from abc import abstractmethod
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from lightning_viz.callbacks.attribution.faithfulness import judged
from lightning_viz.callbacks.attribution.keeping import KeepingCallback
from lightning_viz.explain.measures.faithfulness import FORWARDS, SHARES, area, points_into, share_inside
from lightning_viz.harness.network.subject import find_subject
from lightning_viz.harness.probes.spec import ProbeBatch
from lightning_viz.harness.run.processes import Ranks, attempt
from lightning_viz.harness.run.run import Session, session_of
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Keep, Mean, Picture, Result
from lightning_viz.harness.steps import epoch_at, logged_step
from lightning_viz.render.curves import curves_picture

SHARE_OF_WORK = 0.06
"""What curves may take of the network, in units of what the maps take; with the other figures it is under a tenth."""


class JudgingCallback(KeepingCallback):
    """Tells in figures how faithful its maps are: `explanations/<tag>/<measure>`, means over the probes.

    `deletion` and `insertion` are areas under the probability of the predicted class while pixels go and come, the
    strongest first; `explanations/random/...` are those of an order by chance. They take forwards of their own, so they
    come as often as that is a small share of what the maps take, by count, and at the end of training, with a picture
    of the curves. Where the data set knows masks, `pointing` is the share of probes whose maximum lies in the mask, and
    `in_mask` the share of the map that does.
    """

    def __init__(self, **common: Any) -> None:
        super().__init__(**common)
        self._compares = True
        self._judges = False
        self._number = self._chance_number = ""
        self._shared: dict[Hashable, Any] = {}
        self._said: Tensor | None = None

    @property
    @abstractmethod
    def tag(self) -> str:
        """The last part of the pictures' tags."""

    @abstractmethod
    def _maps(self, scene: Scene, items: Sequence[int]) -> list[Tensor]:
        """The maps of some probes as they are drawn, (H, W) each, by what the network is now."""

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Begins anew with each run of the Trainer."""
        super().setup(trainer, pl_module, stage)
        self._compares, self._judges, self._said = stage == "fit", False, None

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Holds the last maps against the network, and draws the curves."""
        if self._sinks is None or not self._ready:
            return
        self._ending, step = True, logged_step(trainer)
        try:
            with session_of(trainer).clock.drawing() as seconds:
                self._draw_and_write(trainer, pl_module, step, seconds)
        finally:
            self._ending = False
        self._end(trainer, attempt(lambda: self._write_curves(trainer, step))[1])

    def decide(self, trainer: pl.Trainer, ranks: Ranks, step: int) -> None:
        """Whether it is time for curves: as the first process says, which knows what all have taken."""
        name = find_subject(trainer, trainer.lightning_module, self.net).name
        self._shared = session_of(trainer).shared(self.probes, name, step)
        if self._compares and not self._ending:
            self._judges = ranks.agree(self._affordable)

    def keeps(self, tag: str, probes: ProbeBatch) -> bool:
        """Whether this is the tag of one of its maps."""
        return tag.rpartition("/")[0] in {self._key(probes, i) for i in range(len(probes))}

    def _key(self, probes: ProbeBatch, i: int) -> str:
        """What the tags of all that is kept of the map of probe `i` begin with."""
        return f"{probes.prints[i]}/{self.tag}"

    def told(self, figures: dict[str, float], name: str | None = None) -> list[Result]:
        """Figures of one probe as parts of their means over all probes, without those that are not finite."""
        stem = f"explanations/{name or self.tag + self._number}"
        return [Mean(f"{stem}/{measure}", value) for measure, value in figures.items() if math.isfinite(value)]

    def held_to_mask(self, scene: Scene, i: int, values: Tensor) -> dict[str, float]:
        """What there is to tell of the map of probe `i`, float32 (H, W), where its mask is known."""
        masks = scene.probes.masks
        if masks is None or masks[i].shape != values.shape:
            return {}
        return {"pointing": points_into(values, masks[i]), "in_mask": share_inside(values, masks[i])}

    def held_to_network(self, scene: Scene, i: int, values: Tensor, units: float) -> list[Result]:
        """The curves of probe `i` if it is time for them, and what the map has earned towards the next ones."""
        before = scene.subject.work.units
        curves = self._judged(scene, i, values) if self._judges else []
        if f"{self._key(scene.probes, i)}/curves" not in self._kept and not curves:
            none = torch.full((4, len(SHARES)), math.nan)  # what is kept is as much from the first drawing on
            curves = [Keep(f"{self._key(scene.probes, i)}/curves", none)]
        credit = float(self._kept.get(f"{self._key(scene.probes, i)}/credit", 0.0)) + SHARE_OF_WORK * units
        credit = min(credit - (scene.subject.work.units - before), sum(FORWARDS.values()))
        return [*curves, Keep(f"{self._key(scene.probes, i)}/credit", torch.tensor(credit))]

    def _affordable(self) -> bool:
        credits = [float(value) for tag, value in self._kept.items() if tag.endswith("/credit")]
        price = FORWARDS["map"] + (0 if self._shared else FORWARDS["chance"])
        return bool(credits) and sum(credits) >= price * len(credits)

    def _judged(self, scene: Scene, i: int, values: Tensor) -> list[Result]:
        fresh = i not in self._shared
        own, chance = judged(scene, i, values, shared=self._shared, seed=self.seed)
        areas = [{"deletion": area(found.deletion), "insertion": area(found.insertion)} for found in (own, chance)]
        by_chance = self.told(areas[1], f"random{self._chance_number}") if fresh else []
        return [
            *self.told(areas[0]),
            *by_chance,
            Keep(f"{self._key(scene.probes, i)}/curves", torch.stack([*own, *chance])),
        ]

    def _shown(self, scene: Scene, session: Session) -> Iterable[Result]:
        if self._ending:
            return self._concluded(scene)
        self._said = scene.probabilities
        return super()._shown(scene, session)

    def _concluded(self, scene: Scene) -> Iterator[Result]:
        """Curves of the last maps, or of new ones where the network has changed since."""
        still = self._said is not None and torch.equal(self._said, scene.probabilities)
        if still and self._judges:
            return
        mine = [i for i in scene.mine(range(len(scene.probes))) if bool(scene.probabilities[i].isfinite().all())]
        last = [self._kept.get(f"{self._key(scene.probes, i)}/previous") for i in mine]
        known = [values for values in last if still and values is not None]
        for i, values in zip(mine, known if len(known) == len(mine) else self._maps(scene, mine), strict=True):
            yield from self._judged(scene, i, values)

    def _write_curves(self, trainer: pl.Trainer, step: int) -> None:
        found = [value for tag, value in self._kept.items() if tag.endswith("/curves") and bool(value.isfinite().all())]
        if self._sinks is not None and trainer.is_global_zero and found:
            sides = torch.stack(found).view(len(found), 2, 2, -1).numpy()
            title = f"{self.tag}, mean of {len(found)} probes"
            image = curves_picture(SHARES.numpy(), sides[:, 0], sides[:, 1], title=title)
            picture = Picture(f"explanations/{self.tag}{self._number}/curves", image, flat=True)
            self._sinks.write([picture], step, epoch_at(trainer, step, ended=True))

    def _prepare(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        super()._prepare(trainer, pl_module)
        numbers = [session_of(trainer).namesake(name, self.probes) for name in (self.tag, "random")]
        self._number, self._chance_number = (f"_{n + 1}" if n else "" for n in numbers)
