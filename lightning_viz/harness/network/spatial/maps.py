"""Scores of places: maps of classes out of whatever a network returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_viz.harness.network.axes import channels_first
from lightning_viz.harness.network.gradients import with_gradient
from lightning_viz.harness.network.outputs import AmbiguousError, LastSigmoid, NoScoresError, by_name, check_no_boxes
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.tensors import named_tensors, plain


@dataclass(frozen=True)
class Maps(Subject):
    """A network that puts out scores for places of its images."""

    def maps(self, images: Tensor) -> Tensor:
        """Scores of places as the network puts them out.

        Args:
            images: Float32 (N, C, H, W), as the network takes them.

        Returns:
            Float32 (N, K, h, w), of volumes (N, K, d, h, w), differentiable with respect to the images; a single one
            per place as (N, 1, h, w).

        Raises:
            NoScoresError: The output holds none.
        """
        return with_gradient(self._maps, images).float()

    def _maps(self, images: Tensor) -> Tensor:
        found, name = self.answer(images), type(self.net).__name__
        return channels_first(find_maps(found, len(images), name, sides=images.ndim), self.axes)


def find_maps(output: object, count: int, name: str, *, sides: int = 4) -> Tensor:
    """Finds scores of places in a network's output.

    Args:
        output: A tensor, or any nesting of tuples, lists, mappings and dataclasses.
        count: How many images the network was given.
        name: What the network is called in errors.
        sides: Of the images, the first two included: 5 of volumes, whose places are (count, K, d, h, w).

    Returns:
        (count, K, h, w): what is named as scores are, else the only one; of several with equally many channels the
        largest, as of networks that are supervised at several depths. One of (count, h, w) as (count, 1, h, w).

    Raises:
        NoScoresError: There is none.
        AmbiguousError: There are several, and nothing tells them apart.
    """
    check_no_boxes(output, name)
    tensors = [(key, t) for key, t in named_tensors(output) if t.is_floating_point() and t.ndim > 1 and len(t) == count]
    found = [(key, t) for key, t in tensors if t.ndim == sides]
    found = found or [(key, t[:, None]) for key, t in tensors if t.ndim == sides - 1]
    if not found:
        wanted = f"({count}, classes, {'depth, ' * (sides - 4)}height, width)"
        raise NoScoresError(
            f"Expected class scores of places, {wanted}, from the forward of {name}, received "
            f"{[tuple(t.shape) for _, t in tensors] or type(output).__name__}: "
            "pass net= with the dotted path of the module that returns them."
        )
    if (named := by_name(found)) is not None:
        return named
    if len({t.shape[1] for _, t in found}) > 1:
        raise AmbiguousError(
            f"Expected class scores of places, but the forward of {name} returns {len(found)} outputs that could be "
            f"them, {' and '.join(f'{key} {tuple(t.shape)}'.strip() for key, t in found)}: pass "
            "probes=Probes(scores=...), a function from what it returns to the scores."
        )
    return max((t for _, t in found), key=lambda t: t.shape[2:].numel())


def heard_maps(output: object) -> Tensor | None:
    """Scores of places in what a network has returned, where it is clear at once that they are that."""
    parts = output if isinstance(output, Mapping) else {}
    found = output if isinstance(output, Tensor) else next((parts[k] for k in ("logits", "out") if k in parts), None)
    if not isinstance(found, Tensor) or found.ndim not in (4, 5) or not found.is_floating_point():
        return None
    return plain(found.detach()).float()


def maps_end_in_sigmoid(subject: Maps, images: Tensor) -> bool:
    """Whether the maps that a network puts out for images (N, C, H, W) are what its last sigmoid has made."""
    with torch.no_grad(), LastSigmoid() as last:
        in_sigmoid: bool = last.returned(subject.of(0).maps(images[:1]))
    return in_sigmoid
