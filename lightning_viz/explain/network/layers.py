"""What a layer puts out for images, and how the scores react to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn


def layer_output(call: Callable[[Tensor], object], layer: nn.Module, images: Tensor, *, stop: bool = True) -> Tensor:
    """Runs `call(images)` and returns what `layer` put out on the way, differentiable in `images`.

    A layer that runs more than once counts with its first run, a tuple or dict with its first tensor. What
    comes back is a copy, so a following in-place operation (`ReLU(inplace=True)`) cannot change it.

    Args:
        call: Runs the network; what it returns is ignored.
        layer: A module that `call` runs.
        images: (N, C, H, W).
        stop: End the forward pass at the layer: cheaper, and free of the input size that fixed heads ask for.

    Returns:
        The layer's output in float32, mostly (N, D, h, w) or (N, D).

    Raises:
        ValueError: If the layer did not run or put out no tensor, or is scripted or traced.
    """
    _check_visible(layer)
    seen: list[Tensor | None] = []

    def keep(module: nn.Module, inputs: object, output: object) -> None:
        if not seen:
            found = first_tensor(output)
            seen.append(None if found is None else found.clone())
            if stop:
                raise _LayerReached

    handle = layer.register_forward_hook(keep)
    try:
        call(images)
    except _LayerReached:
        pass
    finally:
        handle.remove()
    return _checked(seen, layer)


def layer_gradient(
    call: Callable[[Tensor], Tensor], layer: nn.Module, images: Tensor, targets: Tensor
) -> tuple[Tensor, Tensor]:
    """What a layer puts out for images, and the gradient of each image's target score with respect to it.

    Nothing is differentiated below the layer. One that runs more than once counts with the first run that the scores
    depend on, a tuple or dict with its first tensor.

    Args:
        call: Images (N, C, H, W) -> class scores (N, K), parameters frozen.
        layer: A module that `call` runs.
        images: (N, C, H, W).
        targets: (N,) class indices.

    Returns:
        The layer's output and the gradient, both in float32 and of the same shape.

    Raises:
        ValueError: If the layer did not run or put out no tensor, is scripted or traced, or has no say in the scores.
    """
    _check_visible(layer)
    outputs: list[Tensor] = []

    def begin_here(module: nn.Module, inputs: object, output: object) -> Tensor | None:
        found = first_tensor(output)
        if found is None:
            return None
        if not found.requires_grad:
            found = (found.detach() if found is output else found).requires_grad_()
        outputs.append(found)
        # A copy, so a following in-place operation cannot change it.
        return found.clone() if isinstance(output, Tensor) else None

    handle = layer.register_forward_hook(begin_here)
    try:
        scores = call(images)
        if not scores.requires_grad:  # a forward for inference may still open to images that ask for gradients
            scores = call(images.detach().clone().requires_grad_())
        # With the hook in place: a checkpoint runs the layer again, and must find what it found before.
        return _first_with_gradient(scores, list(outputs), layer, targets)
    finally:
        handle.remove()


def _first_with_gradient(
    scores: Tensor, outputs: list[Tensor], layer: nn.Module, targets: Tensor
) -> tuple[Tensor, Tensor]:
    _checked(list(outputs), layer)
    gradients: tuple[Tensor | None, ...] = (None,)
    if scores.requires_grad:
        value = scores.gather(1, targets[:, None].to(scores.device)).sum()
        gradients = torch.autograd.grad(value, outputs, allow_unused=True)
    for output, gradient in zip(outputs, gradients, strict=False):
        if gradient is not None:
            return output.detach().float(), gradient.float()
    raise ValueError(
        f"The scores do not depend on the layer {type(layer).__name__} in a way that can be differentiated: choose "
        "another one."
    )


# No Exception: an `except Exception` in somebody's forward must not swallow it.
class _LayerReached(BaseException):
    """Ends a forward pass at the layer of interest."""


def _check_visible(layer: nn.Module) -> None:
    if isinstance(layer, torch.jit.ScriptModule):
        raise ValueError(
            f"The layer {layer.original_name} is scripted or traced, so what it puts out stays hidden: choose one that "
            "is not, or leave torch.jit until after the training."
        )


def _checked(seen: list[Tensor | None], layer: nn.Module) -> Tensor:
    kind = type(layer).__name__
    if not seen:
        raise ValueError(f"The layer {kind} did not run: choose one that the forward pass calls.")
    if seen[0] is None:
        raise ValueError(f"The layer {kind} put out no tensor: choose a layer inside it, or behind it.")
    return seen[0].float()


def first_tensor(output: object) -> Tensor | None:
    """The first tensor in any nesting of tuples and dicts, if there is one."""
    if isinstance(output, Tensor):
        return output
    parts = output.values() if isinstance(output, Mapping) else output
    if not isinstance(parts, Iterable) or isinstance(parts, (str, bytes)):
        return None
    return next((tensor for part in parts if (tensor := first_tensor(part)) is not None), None)
