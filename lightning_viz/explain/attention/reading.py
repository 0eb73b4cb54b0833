"""Of the attention that was seen, the layers that make a map of the image; or why none does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lightning_viz.explain.attention.recording import Recording, Weights, gradients_of, recorded_attention
from lightning_viz.explain.attribution.gradients import Scores, checked
from lightning_viz.explain.network.checkpointing import transparent_checkpoints
from lightning_viz.explain.network.patches import Grid

Layers = Sequence[int | str] | None
"""Which layers: indices, from the end if negative, or names, or their ends; None are all."""


@dataclass(frozen=True)
class Layer:
    """A layer whose tokens all attend to each other, the patches of the whole image among them.

    Attributes:
        weights: What was recorded.
        grid: Where the patches are among the tokens.
    """

    weights: Weights
    grid: Grid

    @property
    def name(self) -> str:
        """That of the module."""
        return self.weights.name

    @property
    def probabilities(self) -> Tensor:
        """(N, heads, T, T), each row sums to 1."""
        return self.weights.probabilities


class NoMapError(ValueError):
    """A network's attention makes no map of the image."""


def read_layers(call: Scores, net: nn.Module, images: Tensor, *, layers: Layers = None) -> tuple[Tensor, list[Layer]]:
    """Runs a network without gradients, and reads what it attends to.

    Args:
        call: Images (N, C, H, W) -> scores (N, K), which runs `net`.
        net: The network, in eval mode.
        images: (N, C, H, W).
        layers: Which of its layers.

    Returns:
        The scores and the layers, in the order in which they ran.

    Raises:
        NoMapError: Its attention makes no map of the image; the text says why.
        ValueError: There is no such layer.
    """
    with torch.no_grad(), recorded_attention(net, images) as seen:
        scores = call(images)
    return scores, _chosen(seen, images, net, layers)


def read_gradients(
    call: Scores, net: nn.Module, images: Tensor, value: Callable[[Tensor], Tensor], *, layers: Layers = None
) -> tuple[list[Layer], list[Tensor]]:
    """Runs a network, and reads what it attends to and how a value reacts to that.

    Args:
        call: Images (N, C, H, W) -> scores (N, K), which runs `net`.
        net: The network, in eval mode, its parameters frozen.
        images: (N, C, H, W).
        value: From the scores to one number.
        layers: Which of its layers.

    Returns:
        The layers, and the gradient of the value with respect to each of their probabilities, (N, heads, T, T).

    Raises:
        NoMapError: Its attention makes no map of the image, or has no say in the scores.
        ValueError: There is no such layer, or the scores do not depend on the images.
    """
    images = images.detach().clone().requires_grad_()
    with torch.enable_grad(), transparent_checkpoints(), recorded_attention(net, images) as seen:
        scores = checked(call(images), images)
        found = _chosen(seen, images, net, layers)
        sources = [layer.weights.source for layer in found]
        if not all(source.requires_grad for source in sources):
            raise NoMapError(f"the attention of {type(net).__name__} has no gradient: it is detached.")
        gradients = gradients_of(value(scores), sources)
    if all(gradient is None for gradient in gradients):
        raise NoMapError(f"the scores do not depend on the attention of {found[-1].name or type(net).__name__}.")
    return found, [
        layer.weights.shaped(torch.zeros_like(layer.weights.source) if gradient is None else gradient)
        for layer, gradient in zip(found, gradients, strict=True)
    ]


def asking_tokens(call: Scores, net: nn.Module, images: Tensor) -> Tensor | None:
    """Which tokens the scores are read from: those whose attention in the last layer has a say in them.

    It is the class token, or all patches where the network averages over them; where it does both, the class token. It
    is the same at any time.

    Args:
        call: Images (N, C, H, W) -> scores (N, K), which runs `net`.
        net: The network, in eval mode, its parameters frozen.
        images: (N, C, H, W), a few.

    Returns:
        bool (T,); None where it cannot be told, since nothing has a say yet: some heads begin with weights of 0.

    Raises:
        NoMapError: See `read_gradients`.
    """
    # Squares, since the sum of probabilities is 1 whatever they depend on.
    (layer,), (gradient,) = read_gradients(call, net, images, lambda scores: scores.square().sum(), layers=[-1])
    found = gradient.abs().amax((0, 1, 3)) > 0
    if bool(found[: layer.grid.before].any()):
        found[layer.grid.before :] = False
    return found if bool(found.any()) else None


def _chosen(seen: Recording, images: Tensor, net: nn.Module, layers: Layers) -> list[Layer]:
    """Of the first run on these images, the layers that were asked for; where all are, each must make a map."""
    runs = [_global(run, len(images)) for run in seen.runs]
    # A forward without gradients may have been run again with them.
    with_gradient = (run for run in runs if run and run[0].weights.source.requires_grad)
    found = next(with_gradient, None) or next(filter(None, runs), [])
    if not found or (layers is None and any(_is_partial(w, len(images)) for run in seen.runs for w in run)):
        raise NoMapError(_why(seen, images, net))
    return found if layers is None else [found[k] for k in sorted({_index(found, wanted) for wanted in layers})]


def _global(run: Sequence[Weights], count: int) -> list[Layer]:
    layers = []
    for weights in run:
        shape = weights.probabilities.shape
        if len(shape) == 4 and shape[0] == count and shape[2] == shape[3]:
            grid = weights.seen.grid(shape[2])
            layers += [Layer(weights, grid)] if grid is not None else []
    return layers


def _in_windows(weights: Weights, count: int) -> bool:
    shape = weights.probabilities.shape
    return shape[-1] == shape[-2] > 1 and (len(shape) > 4 or (shape[0] > count and shape[0] % count == 0))


def _is_partial(weights: Weights, count: int) -> bool:
    """Whether patches attend to others of their window only, or to fewer and larger ones."""
    queries, keys = weights.probabilities.shape[-2:]
    reduced = queries != keys and min(queries, keys) > 1 and weights.seen.grid(queries) is not None
    return reduced or _in_windows(weights, count)


def _why(seen: Recording, images: Tensor, net: nn.Module) -> str:
    name, (height, width) = type(net).__name__, images.shape[-2:]
    mend = "Draw GradCam(layer=...) with one of its blocks, or any method of pixels, instead."
    every = [weights for run in seen.runs for weights in run]
    if not every:
        return (
            f"no attention was seen in {name}: it is a convolutional network, has linear attention or state-space "
            f"mixers, or computes attention in scripted code or a kernel of its own. {mend}"
        )
    first = next((w for w in every if _in_windows(w, len(images))), None)
    if first is not None:
        return (
            f"expected attention among all patches of the image, but {first.name or name!r} attends within windows of "
            f"{first.probabilities.shape[-1]} tokens: there is no map of the whole image. {mend}"
        )
    shapes = ", ".join(f"{tuple(w.probabilities.shape[-2:])} of {w.name or name!r}" for w in every[:3])
    return (
        f"expected attention among tokens (T, T) that hold the patches of the {height} x {width} image, received "
        f"{shapes}: the keys are fewer than the queries, or the tokens are no patches. {mend}"
    )


def _index(found: list[Layer], wanted: int | str) -> int:
    names = [layer.name for layer in found]
    if isinstance(wanted, int) and -len(found) <= wanted < len(found):
        return wanted % len(found)
    ends = [k for k, name in enumerate(names) if name == wanted or name.endswith(f".{wanted}")]
    if len(ends) != 1:
        raise ValueError(
            f"Expected layers= as indices from {-len(found)} to {len(found) - 1} or names of {names}, received "
            f"{wanted!r}, which is {'ambiguous' if ends else 'no layer'}."
        )
    return ends[0]
