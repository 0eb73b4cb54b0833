"""What ascent on a layer raises: one channel or a mixture of them, over the whole map or at one place, in variants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Union

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_viz.explain.attribution.targets import Target, class_index

Features = Callable[[Tensor], Tensor]
"""Images (N, C, H, W) -> a layer's output (N, D, h, w) or (N, D), differentiable with respect to the images."""

Direction = dict[int, float]
"""Weights of channels: what is raised is the sum of their outputs, each times its weight."""

Objective = Union[int, Direction]  # noqa: UP007  # at run time, for Python 3.10
"""What a picture is to raise: a channel, or a direction."""

Reduce = Union[Literal["mean", "sum", "neuron"], tuple[int, int]]  # noqa: UP007  # with strings, `|` fails in Python 3.10
"""Over a map: its mean, its sum, the neuron in its centre, or the one at (row, column)."""


def climbs(
    objectives: Sequence[Objective], features: Features, *, reduce: Reduce, variants: int, diversity: float
) -> Callable[[Tensor], Tensor]:
    """The objective of a batch of pictures, `variants` of each objective next to each other.

    Args:
        objectives: Of every picture: a channel, or a direction.
        features: Images -> (N, D, h, w) or (N, D).
        reduce: Over the places of the map.
        variants: How many pictures answer each objective.
        diversity: See `dissimilar`.

    Returns:
        Images (len(objectives) * variants, C, H, W) -> as many values. It raises a `ValueError` where the layer has no
        such channel or place.
    """

    def objective(images: Tensor) -> Tensor:
        maps = features(images)
        maps = laid_out(maps)
        check_channels([channel for objective in objectives for channel in _weights(objective)], maps.shape[1])
        value = reduced(_chosen(maps, [objective for objective in objectives for _ in range(variants)]), reduce)
        return value if variants == 1 else dissimilar(value, maps, variants, diversity)

    return objective


def dissimilar(value: Tensor, maps: Tensor, variants: int, weight: float) -> Tensor:
    """Takes from each value what its picture has in common with the other variants of the same objective.

    That is the mean cosine of the Gram matrices of the layer's output ("Feature Visualization", Olah et al., Distill,
    2017), in units of the value itself, so that one weight suits all layers.

    Args:
        value: (N,), variants next to each other.
        maps: (N, D, h, w).
        variants: How many of the N answer one objective.
        weight: Share of its value that a picture loses where it is like all others.

    Returns:
        (N,)
    """
    flat = maps.flatten(2)
    grams = F.normalize((flat @ flat.transpose(1, 2)).flatten(1), dim=1).reshape(-1, variants, maps.shape[1] ** 2)
    cosines = grams @ grams.transpose(1, 2)
    others = (cosines.sum(2) - cosines.diagonal(dim1=1, dim2=2)) / (variants - 1)
    lost: Tensor = weight * value.detach().abs() * others.flatten()
    return value - lost


def class_indices(classes: int | Sequence[Target], class_names: Sequence[str]) -> list[int]:
    """Classes by index.

    Args:
        classes: Which, by name or index, or how many, spread over all.
        class_names: The name of every class.

    Raises:
        TypeError: If one is neither text nor a whole number.
        ValueError: If there is no such class.

    >>> class_indices(["soup", 0], ["bread", "egg", "soup"]), class_indices(2, ["bread", "egg", "soup"])
    ([2, 0], [0, 1])
    """
    count = len(class_names)
    if isinstance(classes, int):
        return [k * count // min(classes, count) for k in range(min(classes, count))]
    return [class_index(target, class_names) for target in classes]


def check_channels(channels: Sequence[int], count: int) -> None:
    """Raises where a layer has no such channels.

    Raises:
        ValueError: It has only `count`.
    """
    wrong = [channel for channel in channels if not 0 <= channel < count]
    if wrong:
        raise ValueError(f"Expected channels from 0 to {count - 1}, received {wrong}: the layer has {count}.")


def _weights(objective: Objective) -> Direction:
    return objective if isinstance(objective, dict) else {objective: 1.0}


def _chosen(maps: Tensor, objectives: Sequence[Objective]) -> Tensor:
    """(N, h, w): of every picture what it is to raise."""
    channels = [objective for objective in objectives if isinstance(objective, int)]
    if len(channels) == len(objectives):
        return maps[list(range(len(objectives))), channels]
    weights = maps.new_zeros(maps.shape[:2])
    for i, objective in enumerate(objectives):
        weights[i, list(_weights(objective))] = maps.new_tensor(list(_weights(objective).values()))
    return torch.einsum("nd,ndhw->nhw", weights, maps)


def is_reduce(value: object) -> bool:
    """Whether it is a `Reduce`."""
    return value in ("mean", "sum", "neuron") or (isinstance(value, (tuple, list)) and len(value) == 2)


def laid_out(maps: Tensor) -> Tensor:
    """A layer's output as maps (N, D, h, w), those of units being of one place.

    Raises:
        ValueError: If it is neither (N, D, h, w) nor (N, D).
    """
    if maps.ndim not in (2, 4):
        raise ValueError(f"Expected a layer output (N, D, h, w) or (N, D), received {tuple(maps.shape)}.")
    return maps if maps.ndim == 4 else maps[..., None, None]


def reduced(maps: Tensor, reduce: Reduce) -> Tensor:
    """Maps (N, h, w) to values (N,).

    Raises:
        ValueError: If there is no such neuron.
    """
    height, width = maps.shape[1:]
    if reduce == "mean":
        return maps.mean((1, 2))
    if reduce == "sum":
        return maps.sum((1, 2))
    row, column = (height // 2, width // 2) if isinstance(reduce, str) else reduce
    if not (0 <= row < height and 0 <= column < width):
        raise ValueError(
            f"Expected a neuron within {height} x {width}, what the layer puts out, received {(row, column)}."
        )
    return maps[:, row, column]
