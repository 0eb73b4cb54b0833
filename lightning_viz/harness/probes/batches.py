"""Images and labels out of a user's batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lightning_viz.harness.network.calls import IMAGE_NAMES
from lightning_viz.harness.network.extras import Extras
from lightning_viz.harness.tensors import named_tensors, plain


class Unpacked(NamedTuple):
    """What is found in a batch.

    Attributes:
        images: Floats (N, C, H, W).
        labels: Long (N,).
        extras: The batch around the images, or what the user gives beside them.
    """

    images: Tensor
    labels: Tensor
    extras: Extras

    def rows(self, items: Sequence[int], device: torch.device) -> Unpacked:
        """Some of them, on a device."""
        chosen = list(items)
        extras = self.extras.rows(chosen).to(device)
        return Unpacked(self.images[chosen].to(device), self.labels[chosen].to(device), extras)

    @staticmethod
    def joined(parts: Sequence[Unpacked]) -> Unpacked:
        """One behind the other, in float32.

        Raises:
            ValueError: The images are not of one size.
        """
        sizes = sorted({tuple(part.images.shape[1:]) for part in parts})
        if len(sizes) > 1:
            raise ValueError(
                f"Expected probes of one size, received {sizes}: pass probes=Probes(indices=[...]) with items of one "
                "size."
            )
        # Clones, because a batch that was made in inference mode takes part in no gradient.
        images = torch.cat([part.images for part in parts]).float().clone()
        labels = torch.cat([part.labels for part in parts]).clone()
        return Unpacked(images, labels, Extras.joined([part.extras for part in parts]))


def unpack_batch(batch: Any, unpack: Callable[..., Any] | None = None) -> tuple[Tensor, Tensor]:
    """The images and labels of a batch, see `unpacked`."""
    return unpacked(batch, unpack)[:2]


def unpacked(batch: Any, unpack: Callable[..., Any] | None = None) -> Unpacked:
    """Finds images and labels in a batch.

    Args:
        batch: Any nesting of tuples, lists, mappings and dataclasses.
        unpack: The user's own way, which returns both, and perhaps what the network is given beside the images.

    Returns:
        The images: a float tensor (N, C, H, W), or one of integers where there is none; one that is named as images are
        before others, and one that is no mask, of zeros and ones alone, before masks. As long (N,) the labels: a tensor
        of whole numbers (N,) or (N, 1), integers before floats, one that is named as labels are before others, and of
        those without a name one that stands behind the images before others.

    Raises:
        ValueError: No such pair is in the batch, or it cannot be told which tensor holds the labels.
    """
    if unpack is not None:
        return _checked(batch, unpack(batch))
    tensors = list(named_tensors(batch))
    images = _images([(n, t) for n, t in tensors if t.ndim == 4 and t.dtype != torch.bool])
    labels = None if images is None else _labels_of(images, tensors)
    if images is None or labels is None:
        raise ValueError(
            "Expected a batch with images (N, C, H, W), floats or bytes, and integer labels (N,), received "
            f"{[_told(name, t) for name, t in tensors] or type(batch).__name__}: {_UNPACK}"
        )
    extras = Extras.of(batch, images, labels)
    return Unpacked(_as_floats(images), labels.reshape(-1).long(), extras)


def _images(stacks: list[tuple[str, Tensor]]) -> Tensor | None:
    if len(stacks) < 2:
        return stacks[0][1] if stacks else None
    named = sorted(
        (IMAGE_NAMES.index(name.lower()), k) for k, (name, _) in enumerate(stacks) if name.lower() in IMAGE_NAMES
    )
    if named:
        return stacks[named[0][1]][1]
    floats = [t for _, t in stacks if t.is_floating_point()] or [t for _, t in stacks]
    return next((t for t in floats if not _is_mask(t)), floats[0])


def _is_mask(stack: Tensor) -> bool:
    return stack.shape[1] == 1 and bool(((stack == 0) | (stack == 1)).all())


def _labels_of(images: Tensor, tensors: list[tuple[str, Tensor]]) -> Tensor | None:
    """The labels among what stands in a batch of these images: behind them, or by name, or before them."""
    fitting = [(n, t, t is images) for n, t in tensors if t is images or t.shape in _label_shapes(images)]
    where = next(k for k, (*_, own) in enumerate(fitting) if own)
    behind = [(n, t) for k, (n, t, own) in enumerate(fitting) if not own and (n or k > where)]
    found = _labels(behind)
    return found if found is not None else _labels([(n, t) for n, t, own in fitting if not own])


_UNPACK = "pass probes=Probes(unpack=...), a function from a batch to (images, labels)."
_LABEL_NAMES = ("label", "labels", "target", "targets", "y", "class", "classes", "category")


def _labels(candidates: list[tuple[str, Tensor]]) -> Tensor | None:
    whole = [(name, t) for name, t in candidates if t.dtype != torch.bool and not t.is_floating_point()]
    # Losses for two classes want their labels as floats.
    whole = whole or [(name, t) for name, t in candidates if t.is_floating_point() and bool((t == t.floor()).all())]
    named = [t for name, t in whole if name.lower() in _LABEL_NAMES]
    if not named and len([name for name, _ in whole if name]) > 1:
        raise ValueError(f"Expected one tensor of labels, received {[_told(n, t) for n, t in whole]}: {_UNPACK}")
    return named[0] if named else next((t for _, t in whole), None)


def _label_shapes(images: Tensor) -> tuple[tuple[int, ...], ...]:
    return (len(images),), (len(images), 1)


def _told(name: str, tensor: Tensor) -> str:
    return f"{name} {str(tensor.dtype)[6:]} {tuple(tensor.shape)}".strip()


def _checked(batch: Any, found: Any) -> Unpacked:
    images, labels, *more = found if isinstance(found, (tuple, list)) and len(found) in (2, 3) else (None, None)
    if not (
        isinstance(images, Tensor) and isinstance(labels, Tensor) and images.ndim == 4 and len(images) == len(labels)
    ):
        shapes = [tuple(p.shape) if isinstance(p, Tensor) else type(p).__name__ for p in (images, labels)]
        raise ValueError(
            "Expected unpack to return images (N, C, H, W) and labels (N,), and perhaps a tuple or dict of what the "
            f"network takes beside the images, received {shapes}."
        )
    images, labels = plain(images), plain(labels)
    extras = Extras.of(more[0], images, labels, given=True) if more else Extras.of(batch, images, labels)
    return Unpacked(_as_floats(images), labels.reshape(-1).long(), extras)


def _as_floats(images: Tensor) -> Tensor:
    return images if images.is_floating_point() else images.float()
