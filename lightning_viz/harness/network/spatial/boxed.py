"""Boxes with scores as one score per class and image: that of a box that stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from typing_extensions import Self

from lightning_viz.explain.network.chunks import Chunks
from lightning_viz.explain.network.layers import first_tensor
from lightning_viz.harness.network.gradients import with_gradient
from lightning_viz.harness.network.spatial.detections import Detections, find_detections, rows_of
from lightning_viz.harness.network.spatial.overlap import iou
from lightning_viz.harness.network.subject import Subject, UnsuitedError


@dataclass(frozen=True)
class Boxed(Subject):
    """A network that puts out boxes, as the score of each class for a box that is held fixed.

    Of all boxes that the network puts out for a perturbed image, the largest product of the probability of the class
    and the overlap (IoU) with the held box, as D-RISE takes it (arXiv:2006.03204, 2020); without its third factor, the
    likeness of all class probabilities, since what is held is a class too. In [0, 1], and 0 where nothing is put out:
    so a box that falls below the network's own threshold takes no leap, as it would in log-odds.

    Attributes:
        classes: K.
        sigmoid: Whether the logits of a network like DETR are each by itself.
        held: Tells the box of each class in each of the probes, (N, K, 4), NaN where any will do; None where none is
            held.
        items: Which of the probes these are.
        box: The box of each image, (n, 4), where it is settled for all classes.
    """

    classes: int = 1
    sigmoid: bool = False
    held: Callable[[], Tensor] | None = field(default=None, compare=False)
    items: tuple[int, ...] = ()
    box: Tensor | None = field(default=None, compare=False)

    def __call__(self, images: Tensor) -> Tensor:
        """Scores of the held boxes, (N, K); where none is held, of any box.

        Raises:
            ValueError: There are other images than those with a box.
            NoScoresError: The network puts out no boxes.
        """
        with self._last() as last:
            found = with_gradient(self._scores, images)
        if found.requires_grad or not torch.is_grad_enabled():
            return found
        # The score of no box is zero, and so is its gradient, by images and layers.
        return found + sum(one.flatten()[:0].sum() for one in [images, *last])

    def outputs(self, images: Tensor) -> Tensor:
        """The same, whatever is held."""
        return replace(self, held=None, box=None)(images)

    def detections(self, images: Tensor) -> list[Detections]:
        """What the network finds in each image, differentiable."""
        size = (images.shape[-2], images.shape[-1])
        sizes = (size,) * len(images) if self.extras is None else self.extras.sizes_of(images)
        return find_detections(
            self.answer(images), sizes, type(self.net).__name__, classes=self.classes, sigmoid=self.sigmoid
        )

    def found(self, images: Tensor) -> Tensor:
        """The same as rows, see `rows_of`, of which few images are in memory at a time."""

        def call(some: Tensor, items: range) -> list[Detections]:
            return self.rows(items).detections(some)

        with torch.no_grad():
            parts = Chunks().each(call, images, range(len(images)))
        return rows_of([one for part in parts for one in part])

    def trace(self, images: Tensor) -> Tensor:
        """What the scores come from: where nothing is found, what the last of the modules puts out."""
        with self._last() as last:
            found = self.outputs(images)
        return found if bool(found.any()) or not last else last[0].flatten().float()[None]

    def require_gradient(self, images: Tensor, layer: torch.nn.Module | None = None) -> None:
        """Checks that gradients reach the images; where nothing is found in the first one, that cannot be told.

        Raises:
            UnsuitedError: They do not.
        """
        if layer is not None:
            super().require_gradient(images, layer)
            return
        image = images[:1].detach().clone().requires_grad_()
        one = self.of(0)
        scores = with_gradient(lambda x: torch.cat([found.scores.flatten() for found in one.detections(x)]), image)
        if len(scores) and not scores.requires_grad:
            raise UnsuitedError(
                f"Expected gradients of the images, but the scores of {type(self.net).__name__}'s boxes have none: it "
                "detaches them. Occlusion and LimePanels explain it all the same; for gradients, pass net= or "
                "probes=Probes(scores=...) with scores that keep them."
            )

    @property
    def local(self) -> bool:
        """Whether what is asked decides on the box."""
        return self.held is not None

    def about(self, column: int) -> Self:
        """Has all classes judged by the box that is held for one of them."""
        return self if self.held is None else replace(self, box=self.held()[list(self.items), column])

    def over(self, box: Tensor) -> Self:
        """Has all classes judged by a box, (4,), whatever is asked."""
        return replace(self, held=None, box=box[None])

    def anywhere(self) -> Self:
        """Has all classes judged by any box."""
        first = self.of(0)
        return replace(first, extras=None if first.extras is None else first.extras.whole, held=None, box=None)

    def rows(self, items: Sequence[int]) -> Self:
        """For some of the images, with their boxes and what stands beside them."""
        some = list(items)
        box = self.box if self.box is None or len(self.box) == 1 else self.box[some]
        return replace(super().rows(items), items=tuple(self.items[i] for i in some) if self.items else (), box=box)

    @contextmanager
    def _last(self) -> Iterator[list[Tensor]]:
        """Within, what the last of the modules puts out is noted, where it has a gradient."""
        last: list[Tensor] = []

        def keep(module: object, inputs: object, output: object) -> None:
            if (found := first_tensor(output)) is not None and found.requires_grad:
                last[:] = [found]

        inner = [module for module in self.net.modules() if not list(module.children())]
        visible = [module for module in inner if not isinstance(module, torch.jit.ScriptModule)]
        handles = [module.register_forward_hook(keep) for module in visible] if torch.is_grad_enabled() else []
        try:
            yield last
        finally:
            for handle in handles:
                handle.remove()

    def _scores(self, images: Tensor) -> Tensor:
        found = self.detections(images)
        boxes = self._own(len(images)).to(images.device)
        return torch.stack([_score(one, own, self.classes) for one, own in zip(found, boxes, strict=True)])

    def _own(self, count: int) -> Tensor:
        """The box of every class in each image, (count, K, 4)."""
        if self.box is not None:
            own = self.box[:, None].expand(-1, self.classes, -1)
        elif self.held is not None:
            own = self.held()[list(self.items)]
        else:
            own = torch.full((1, self.classes, 4), torch.nan)
        if len(own) not in (1, count):
            raise ValueError(
                f"Expected {len(own)} images, each of which has boxes of its own, received {count}: ask "
                "`scene.subject.of(i)` for copies of probe i."
            )
        return own.expand(count, -1, -1)


def _score(found: Detections, boxes: Tensor, classes: int) -> Tensor:
    """The score of each class for its box, (K,)."""
    if not len(found.boxes):
        return boxes.new_zeros(classes)
    overlap = torch.where(boxes.isfinite().all(1), iou(found.boxes, boxes.nan_to_num()), 1.0)
    return (found.scores * overlap).amax(0)
