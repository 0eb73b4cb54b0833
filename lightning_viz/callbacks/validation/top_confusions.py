"""The most frequent confusions of every validation, explained."""

from collections.abc import Iterable
from typing import Any, Optional

import pytorch_lightning as pl
from torch import Tensor

from lightning_viz.callbacks.attribution.superpixels import Lime
from lightning_viz.callbacks.base.keywords import Common, Unpack
from lightning_viz.callbacks.validation.base import ValidationCallback
from lightning_viz.callbacks.validation.boxes import explain_box, worst_boxes
from lightning_viz.callbacks.validation.outlines import worst_picture
from lightning_viz.callbacks.validation.panel import (
    ROWS,
    changes,
    confusion_panel,
    counted,
    error_panel,
    explain,
    explain_error,
    notice_panel,
)
from lightning_viz.harness.arguments import whole
from lightning_viz.harness.network.axes import Axes
from lightning_viz.harness.network.calls import called_alike
from lightning_viz.harness.network.extras import Extras
from lightning_viz.harness.probes.batches import unpacked
from lightning_viz.harness.probes.spec import ProbeBatch
from lightning_viz.harness.run.entry import entry, taken
from lightning_viz.harness.run.processes import attempt
from lightning_viz.harness.run.run import Run, run_of
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Picture
from lightning_viz.harness.tasks.boxes import Boxes
from lightning_viz.harness.tasks.task import Task
from lightning_viz.harness.validation.changes import Past, Report, checked_past, past, report
from lightning_viz.harness.validation.counting import NOT_FINITE
from lightning_viz.harness.validation.mistakes import ERROR, WORST, Mistake, Mistakes, Pair, shown, surest

ROOM = 64 * 2**20
"""Bytes for the images that are kept of one validation: 1300 of 64 pixels in three channels, 110 of 224."""


class ConfusionPanels(ValidationCallback):
    """Draws the most frequent confusions of every validation, each with the image that was mistaken most surely.

    For each of them, such as Bread taken for Egg, one picture: the image; where the lead of Egg over Bread comes from,
    by integrated gradients of the difference of their scores from the blurred image on, orange for Egg, blue for
    Bread; and LIME for both, from the same masked copies. Tags: `confusions/<loader>/1` for the most frequent one, and
    so on; where there are not so many, the picture says so. And `confusions/<loader>/changes`, a list of those that
    changed most since the last drawing, whose counts are part of Lightning's checkpoints: a resumed run compares with
    them.

    Of several labels per image, a confusion is a class that is missed where another is predicted falsely. Of values,
    the pictures show the images with the largest errors of the first value: the image, what raises and lowers the
    value, and LIME; there is no list of changes. Of regions, confusions are counted in pixels, each is shown with the
    image of which it takes the largest share, explained over these very pixels; and `confusions/<loader>/worst` shows
    the six images with the lowest mean intersection over union, true and predicted outlines beside each other. Of
    boxes, what is missed is taken for nothing, and what is false is nothing taken for something; each is explained by
    the score of that very box, and the worst images are those with the lowest F1 score.

    Drawn after every validation (of every n-th epoch), whatever `every_n_steps` says. The images are kept from the
    batches as they pass, in 64 MiB. With many classes or large images that is not enough for all confusions: the most
    frequent ones keep theirs, but their surest image may have passed too early. Where the step tells predicted classes
    alone, nobody knows how sure it was, and the first image that was mistaken is shown.

    Args:
        confusions: How many of the most frequent ones.
        images: Of each of them, one below the other.
        samples: At most this many masked copies of each image for LIME, and at least 2.5 for each superpixel.
        segments: About how many superpixels; `None` chooses by the size of the image.
        steps: Points of the integrated gradients.
        common: The arguments of `ExplanationCallback`; `probes` tells class names and how to unpack a batch.

    Raises:
        ValueError: Fewer than one confusion or image, or what `LimePanels` and `IntegratedGradients` refuse.
    """

    def __init__(
        self,
        *,
        confusions: int = 3,
        images: int = 1,
        samples: int = 512,
        segments: Optional[int] = None,  # noqa: UP045
        steps: int = 16,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(**common)
        self.confusions = whole("confusions", confusions)
        self.images = whole("images", images)
        self.steps = whole("steps", steps)
        self.lime = Lime(samples=samples, segments=segments, seed=self.seed)
        self._mistakes: dict[str, Mistakes] = {}
        self._reports: dict[str, Report] = {}
        self._surest: dict[tuple[str, Pair], list[Mistake]] = {}
        self._past: dict[str, Past] = {}
        self._extras: Extras | None = None
        self._axes: Axes | None = None

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Begins anew with each run of the Trainer."""
        super().setup(trainer, pl_module, stage)
        self._past, self._extras = {}, None
        self._let_go()

    def prepared(self, run: Run, probes: ProbeBatch) -> None:
        """Learns how the network is given what stands beside its images."""
        super().prepared(run, probes)
        self._extras, self._axes = probes.extras, probes.axes

    def prepare(self, scene: Scene) -> None:
        """Takes the class names, and checks that gradients reach the images.

        Raises:
            ValueError: They do not.
        """
        super().prepare(scene)
        scene.subject.require_gradient(scene.probes.images)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Adds the counts of the last drawing."""
        entry(checkpoint).setdefault("confusions", {})[self.called] = self._past

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Takes them up again."""

        def read(found: Any) -> dict[str, Past]:
            return {str(loader): checked_past(one) for loader, one in found.get(self.called, {}).items()}

        self._past = taken(trainer, checkpoint, "confusions", read) or {}

    def see(
        self, trainer: pl.Trainer, loader: str, batch: Any, *, predictions: Tensor, labels: Tensor, counted: Tensor
    ) -> None:
        """Keeps the surest mistakes."""
        if loader not in self._mistakes:
            least = self.confusions * self.images
            boxes = len(self._names) if isinstance(self._task, Boxes) else None
            room = ROOM // len(self.loaders(trainer))
            self._mistakes[loader] = Mistakes(self._each, room=room, least=least, boxes=boxes)
        found = unpacked(batch, self.probes.unpack).arranged(self._axes)
        # As a sampler deals them out in turn, so that one process and several agree on which image came first.
        before = self._counts[loader].seen - len(labels)
        places = [trainer.global_rank + trainer.world_size * (before + i) for i in range(len(labels))]
        extras = self._beside(trainer, found.images, found.extras)
        self._mistakes[loader].see(found.images, predictions, labels, counted=counted, places=places, extras=extras)

    def _beside(self, trainer: pl.Trainer, images: Tensor, around: Extras) -> Extras | None:
        """What the network is given beside images of a batch, as it is beside the probes.

        Raises:
            ValueError: The batch is unlike that of the probes.
        """
        run = run_of(trainer)
        subject = run.subject(run.module, self.net, self.probes).beside(self._extras)
        found = called_alike(subject, images, around)
        if found is None:
            raise ValueError(
                "Expected batches like that of the probes, since what stands beside the images is kept with them, "
                "received another: pass probes=Probes(unpack=...), which returns it for every batch."
            )
        return found.extras

    def counted(self, trainer: pl.Trainer) -> None:
        """The first process chooses the confusions, and all of them learn which images are the surest."""
        processes = run_of(trainer).processes
        reports, failure = attempt(lambda: processes.agree(self._report))
        if reports is None:  # on all processes
            self._error = self._error or failure
            return
        self._reports = reports
        pairs = [(loader, (one.true, one.predicted)) for loader, found in reports.items() for one in found.top]
        # By the reports, which all processes have: only the first one has the counts.
        pairs += [(loader, ERROR) for loader in reports] if self._of_values else []
        pairs += [(loader, WORST) for loader in reports] if self._of_parts else []
        own = [self._mistakes[loader].surest(pair) if loader in self._mistakes else [] for loader, pair in pairs]
        parts = zip(*processes.exchange(own), strict=True)
        self._surest = {
            where: surest(part, shown(where[1], self._each)) for where, part in zip(pairs, parts, strict=True)
        }

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draws what was counted, by all processes together, and lets go of the images."""
        super().on_validation_end(trainer, pl_module)
        if self._drawing is None or not self._drawing.missed:  # else it may have to be drawn at the end
            self._let_go()

    def _open(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._let_go()
        super()._open(trainer, pl_module)

    def draw(self, scene: Scene) -> Iterable[Picture]:
        """By loader, one picture per confusion and the list of changes.

        Raises:
            Exception: What ended the count on this process.
        """
        if self._error is not None:
            raise self._error
        if self._of_values:
            yield from self._errors(scene)
            return
        reports = self._reports | self._report()  # anew: in the background the drawing before may have ended only now
        self._past = self._past | {name: past(tally.table, scene.epoch) for name, tally in self._tallies.items()}
        last = self.confusions + 1 + self._of_parts
        for loader, rank in scene.mine([(loader, k) for loader in reports for k in range(last)]):
            if rank > self.confusions:
                worst = worst_boxes if isinstance(self._task, Boxes) else worst_picture
                yield worst(scene, loader, self._surest[loader, WORST])
            elif rank == self.confusions:
                yield Picture(f"confusions/{loader}/changes", changes(scene, loader, reports[loader]), flat=True)
            else:
                yield self._picture(scene, loader, rank, reports[loader])

    @property
    def _of_values(self) -> bool:
        """Whether values are off, and not one class is taken for another."""
        return self._task is not None and self._task.counts == "values"

    @property
    def _of_parts(self) -> bool:
        """Whether pixels or boxes are counted, and images are worse and better."""
        return self._task is not None and not self._task.whole

    @property
    def _each(self) -> int:
        """How many images are kept of each confusion, or of all errors."""
        return self.confusions if self._of_values else self.images

    def _errors(self, scene: Scene) -> Iterable[Picture]:
        for loader, rank in scene.mine([(loader, k) for loader in self._reports for k in range(self.confusions)]):
            found, tag = self._surest[loader, ERROR], _tag(loader, rank)
            if rank < len(found):
                options: dict[str, Any] = {"lime": self.lime, "steps": self.steps, "few": self.rehearsal}
                yield error_panel(scene, tag, found[rank], explain_error(scene, found[rank], **options))
            else:
                yield notice_panel(scene, tag, "no other error", 1)

    def _report(self) -> dict[str, Report]:
        return {
            loader: report(tally, self._past.get(loader), top=self.confusions, moved=ROWS)
            for loader, tally in self._tallies.items()
        }

    def _let_go(self) -> None:
        self._mistakes, self._reports, self._surest = {}, {}, {}

    def _picture(self, scene: Scene, loader: str, rank: int, found: Report) -> Picture:
        tag = _tag(loader, rank)
        if rank >= len(found.top):
            return notice_panel(scene, tag, _no_confusion(found, scene.task), self.images)
        confusion = found.top[rank]
        mistakes = self._surest[loader, (confusion.true, confusion.predicted)]
        options: dict[str, Any] = {"lime": self.lime, "steps": self.steps, "few": self.rehearsal}
        how = explain_box if isinstance(self._task, Boxes) else explain
        explained = [how(scene, one, confusion, **options) for one in mistakes]
        return confusion_panel(scene, tag, confusion, explained, self.images)


def _tag(loader: str, rank: int) -> str:
    return f"confusions/{loader}/{rank + 1}"


def _no_confusion(found: Report, task: Task) -> str:
    if found.top:
        return "no other confusion"
    if found.total and not task.takes_for:
        return "no class is missed where another is said"
    if found.total:
        return f"no confusion: {found.total} of {found.total}{counted(task)} right"
    return "the scores are not finite" if NOT_FINITE in found.left_out else "no image was counted"
