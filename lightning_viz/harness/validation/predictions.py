"""(score, label) pairs of a validation pass, without asking the user's module for anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from lightning_viz.harness.isolation.isolation import Isolation
from lightning_viz.harness.network.axes import Axes, axes_of
from lightning_viz.harness.network.calls import called_alike, with_extras
from lightning_viz.harness.network.ear import Ear, is_compiled
from lightning_viz.harness.network.extras import Extras
from lightning_viz.harness.network.outputs import are_boxes
from lightning_viz.harness.network.spatial.detections import kept, logits_of
from lightning_viz.harness.network.spatial.maps import Maps, heard_maps, maps_end_in_sigmoid
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.probes.batches import Unpacked, unpacked
from lightning_viz.harness.probes.boxes import box_task
from lightning_viz.harness.probes.spec import Probes
from lightning_viz.harness.tasks.boxes import Boxes
from lightning_viz.harness.tasks.labels import ends_in_sigmoid
from lightning_viz.harness.tasks.recognise import Evidence, recognise
from lightning_viz.harness.tasks.task import Task
from lightning_viz.harness.tensors import plain

_KEYS = ("preds", "logits")


class Predictions:
    """Watches one batch at a time: `watch` before the module's step, `collect` after it; any number of callers may.

    The scores come from the first of these that has them: the step's own output under `preds` or `logits`; the one call
    of the network that the step made; the network again, in isolation.

    Args:
        module: The user's LightningModule.
        subject: The network, a part of it.
        isolation: Where the network is asked once more.
        spec: The user's own way to images and labels of a batch, and the order of their sides.
        task: What the outputs mean; None recognises it in the first batch.
        seed: Of the isolation.

    Attributes:
        task: What the outputs mean, known from the first batch on.
    """

    def __init__(
        self,
        module: nn.Module,
        subject: Subject,
        isolation: Isolation,
        spec: Probes,
        *,
        task: Task | None,
        seed: int = 0,
    ) -> None:
        self.task = task
        self._module = module
        self._subject = subject
        self._isolation = isolation
        self._spec = spec
        self._seed = seed
        self._called: Subject | None = None
        self._axes: Axes | None = None
        self._ear: Ear | None = None
        self._heard: list[Tensor] = []
        self._boxes: list[Any] = []
        self._collected: tuple[Tensor, Tensor] | None = None

    def watch(self) -> None:
        """Listens to the calls of the network until `collect` or `close`."""
        self.close()
        # Compiled networks and scripted ones do not tell what they put out.
        if not any(is_compiled(m) for m in (self._module, self._subject.net)):
            self._ear = Ear.at(self._subject.net, self._hear)

    def close(self) -> None:
        """Stops listening, and lets go of what it heard."""
        if self._ear is not None:
            self._ear.leave(self._hear)
        self._ear = None
        self._heard, self._boxes = [], []
        self._collected = None

    def collect(self, outputs: Any, batch: Any) -> tuple[Tensor, Tensor]:
        """What the network predicted in the step that has just ended; the second caller hears what the first one did.

        Args:
            outputs: What the step returned.
            batch: The batch it was given.

        Returns:
            Scores (N, K) as the task has them, or predicted classes (N,) where the step's output holds those; of places
            what is predicted, (N, H, W) or (N, K, H, W); and labels as the task keeps them.

        Raises:
            ValueError: No images and labels are found in the batch, or the network returns no scores.
        """
        if self._collected is None:
            self._collected = self._collect(outputs, batch)
        return self._collected

    def _collect(self, outputs: Any, batch: Any) -> tuple[Tensor, Tensor]:
        found = self._read(batch)
        images, heard, boxes = found.images, self._heard, self._boxes
        self.close()
        task = self.task = self.task or self._recognised(found)
        dims = images.ndim if task.places else 2
        alike = self._subject.scores is None and (self._axes != "TCHW" or not task.places)
        seen = [t for t in heard if len(t) == len(images) and t.ndim == dims and alike]
        known = task.read(found.told(task), len(images)).to(images.device)
        if isinstance(task, Boxes) and (said := self._said(outputs, boxes, len(images))) is not None:
            return task.rows(said, found.extras.sizes_of(images)), known
        own = _own(outputs, images, task)
        if own is not None:
            return task.settled(own, known), known
        if len(seen) == 1:
            return task.settled(task.scores(seen[0]), known), known
        with self._isolation(seed=self._seed) as module, torch.no_grad():
            subject = self._beside(module, images, found.extras)
            return task.settled(task.asked_anew(subject, images.clone()), known), known

    def _read(self, batch: Any) -> Unpacked:
        found = unpacked(batch, self._spec.unpack)
        self._axes = axes_of(found.images, self._subject.net, self._spec.axes)
        return found.arranged(self._axes)

    def _said(self, outputs: Any, heard: list[Any], count: int) -> Any | None:
        """The boxes that the step has returned, or heard from its network."""
        found: list[Any] = [outputs.get(key) for key in _KEYS] if isinstance(outputs, Mapping) else []
        found = [one for one in found if are_boxes(one)] or (heard if len(heard) == 1 else [])
        if not found or self._subject.scores is not None:
            return None
        logits = logits_of(found[0])
        return found[0] if (len(found[0]) if logits is None else len(logits)) == count else None

    def _hear(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> None:
        # A wrapper such as DDP calls the module a second time with the step itself: only class scores count.
        if are_boxes(output):
            self._boxes.append(kept(output))
        elif isinstance(output, Tensor) and output.ndim == 2 and output.shape[1] > 1 and output.is_floating_point():
            self._heard.append(plain(output.detach()).float())
        elif sum(t.ndim > 2 for t in self._heard) < 2 and (maps := heard_maps(output)) is not None:
            self._heard.append(maps)  # of several it is not known which one counts, and they are large

    def _beside(self, module: nn.Module, images: Tensor, around: Extras) -> Subject:
        """The network, with what it takes beside the images; how it is called is tried once."""
        known = None if self._called is None else called_alike(self._called.within(module), images, around)
        subject = replace(self._subject.within(module), axes=self._axes)
        self._called = known or with_extras(subject, images, around)
        return self._called

    def _recognised(self, found: Unpacked) -> Task:
        with self._isolation(seed=self._seed) as module, torch.no_grad():
            images = found.images[:1].clone()
            subject = self._beside(module, found.images, found.extras)
            if found.boxes is not None:
                return box_task(subject, found.images, found.boxes)
            if found.labels is None and found.places is not None:
                maps = Maps.like(subject)
                channels, in_sigmoid = maps.of(0).maps(images).shape[1], maps_end_in_sigmoid(maps, images)
                seen = Evidence(None, None, (), lambda: in_sigmoid, places=found.places, channels=channels)
                return recognise(None, seen._replace(sides=images.ndim))[0]
            columns = subject.of(0).outputs(images).shape[1]
            in_sigmoid = ends_in_sigmoid(subject, images)
        return recognise(None, Evidence(found.labels, columns, (), lambda: in_sigmoid))[0]


def _own(outputs: Any, images: Tensor, task: Task) -> Tensor | None:
    if not isinstance(outputs, Mapping):
        return None
    for key in _KEYS:
        found = outputs.get(key)
        dims = (images.ndim - 1, images.ndim) if task.places else (1, 2)
        if isinstance(found, Tensor) and found.ndim in dims and len(found) == len(images):
            own = task.own(plain(found.detach()))
            if own is not None:
                return own
    return None
