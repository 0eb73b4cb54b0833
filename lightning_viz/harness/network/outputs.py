"""Class scores out of whatever a network returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from lightning_viz.harness.tensors import are_bytes, named_tensors, plain

NAMES = (
    "logits", "logit", "scores", "score", "preds", "pred", "predictions", "prediction", "y_hat", "y_pred",
    "log_probs", "probs", "probabilities", "output", "outputs", "out",
)  # fmt: skip
"""What class scores are called, the surest first."""


LOGITS = ("logits", "pred_logits")
"""What the class scores of boxes are called beside `pred_boxes`."""


class RefusedError(ValueError):
    """A forward fails with the images that it is given."""


class NoScoresError(ValueError):
    """The network's output holds no class scores."""


class BoxesError(NoScoresError):
    """The network's output holds boxes, each with scores of its own."""


class AmbiguousError(NoScoresError):
    """More than one part of the network's output could be the class scores."""


def as_scores(found: object, count: int, name: str) -> Tensor:
    """What a function of the user's has made of a network's output, if it is class scores.

    Args:
        found: What it returned.
        count: How many images the network was given.
        name: What the network is called in errors.

    Returns:
        (count, K), or a single output per image, (count,).

    Raises:
        NoScoresError: It is something else.
    """
    if isinstance(found, Tensor) and found.is_floating_point() and found.ndim in (1, 2) and len(found) == count:
        return plain(found)
    check_no_boxes(found, name)
    received = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
    raise NoScoresError(
        f"Expected probes=Probes(scores=...) to make class scores ({count}, classes) of what {name} returns, received "
        f"{received}."
    )


def find_scores(output: object, count: int, name: str) -> Tensor:
    """Finds the class scores in a network's output.

    Args:
        output: A tensor, or any nesting of tuples, lists, mappings and dataclasses.
        count: How many images the network was given.
        name: What the network is called in errors.

    Returns:
        (count, K) with K > 1, or a single output per image, (count,) or (count, 1): what is named as scores are, else
        the only one.

    Raises:
        NoScoresError: There is none.
        BoxesError: They are scores of boxes.
        AmbiguousError: There are several, and no name tells them apart.
    """
    check_no_boxes(output, name)
    tensors = [(key, t) for key, t in named_tensors(output) if t.is_floating_point()]
    found = [(key, t) for key, t in tensors if t.ndim == 2 and len(t) == count and t.shape[1] > 1]
    found = found or [(key, t) for key, t in tensors if t.shape in ((count,), (count, 1))]
    if not found:
        raise NoScoresError(
            f"Expected class scores of shape ({count}, classes) from the forward of {name}, received "
            f"{[tuple(t.shape) for _, t in tensors] or type(output).__name__}: "
            "pass net= with the dotted path of the module that returns them."
        )
    if (named := by_name(found)) is not None:
        return named
    if len({id(t) for _, t in found}) > 1:
        raise AmbiguousError(
            f"Expected class scores, but the forward of {name} returns {len(found)} outputs that could be them, "
            f"{' and '.join(f'{key} {tuple(t.shape)}'.strip() for key, t in found)}: pass probes=Probes(scores=...), a "
            "function from what it returns to the scores, such as lambda output: output[1]."
        )
    return found[0][1]


def check_no_boxes(output: object, name: str) -> None:
    """Raises where a network's output is one of boxes.

    Raises:
        BoxesError: It is.
    """
    if are_boxes(output):
        raise BoxesError(
            f"Expected class scores from the forward of {name}, received boxes with scores of their own, which "
            "task='boxes' explains: pass probes=Probes(task='boxes'), and unpack= where the batch's targets are not "
            "found."
        )


def are_boxes(output: object) -> bool:
    """Whether a network puts out boxes: a mapping for each image as torchvision's, or one for all as those of DETR."""
    if isinstance(output, (list, tuple)) and output:
        return all(isinstance(one, Mapping) and {"boxes", "scores", "labels"} <= one.keys() for one in output)
    return isinstance(output, Mapping) and "pred_boxes" in output and any(key in output for key in LOGITS)


def by_name(found: Sequence[tuple[str, Tensor]]) -> Tensor | None:
    """Of tensors and their names, the one whose name says most clearly that it holds scores; None where none does."""
    named = sorted((NAMES.index(key.lower()), i) for i, (key, _) in enumerate(found) if key.lower() in NAMES)
    return found[named[0][1]][1] if named else None


def check_bytes(scores: Callable[[Tensor], Tensor], images: Tensor) -> None:
    """Checks that a network reads whole numbers as floats the way it reads them as bytes: gradients need floats.

    Args:
        scores: The network: images (N, C, H, W) -> (N, K).
        images: Float32 (N, C, H, W).

    Raises:
        ValueError: It does not.
    """
    if not are_bytes(images):
        return
    with torch.no_grad():
        try:
            as_bytes = scores(images.byte())
        except Exception:  # it takes floats, as most networks do
            return
        if not torch.allclose(scores(images), as_bytes, rtol=1e-3, atol=1e-3):
            raise ValueError(
                "The network reads uint8 images otherwise than the same numbers as floats, and gradients need floats: "
                "divide by 255 whatever the type, or make floats of them in on_after_batch_transfer."
            )


class LastSigmoid(TorchFunctionMode):
    """While open, notes what the last sigmoid put out.

    Whether a single output is a logit or a probability already is not to be seen in its values, only in its origin.

    >>> with LastSigmoid() as last:
    ...     p = torch.zeros(2, 1).sigmoid()
    >>> last.returned(p.reshape(-1)), last.returned(p + 1)
    (True, False)
    >>> last.logits(p), last.logits(p + 1)
    (tensor([[0.],
            [0.]]), tensor([[1.5000],
            [1.5000]]))
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: Tensor | None = None
        self._given: Tensor | None = None

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Calls the function, and keeps what it returns if it is a sigmoid."""
        result = func(*args, **(kwargs or {}))
        if func in _SIGMOIDS:
            self._last = result
            self._given = None if func in _IN_PLACE else next(iter([*args, *(kwargs or {}).values()]), None)
        return result

    def returned(self, tensor: Tensor) -> bool:
        """Whether a tensor is what the last sigmoid put out, in whatever shape."""
        if self._last is None:
            return False
        same: bool = tensor.untyped_storage().data_ptr() == self._last.untyped_storage().data_ptr()
        return same

    def logits(self, outputs: Tensor) -> Tensor:
        """What outputs were before the last sigmoid, where they are what it put out; else the outputs themselves."""
        if not self.returned(outputs):
            return outputs
        if self._given is None or self._given.numel() != outputs.numel():
            return outputs.logit(1e-6)
        return self._given.reshape(outputs.shape).float()


_IN_PLACE = (torch.sigmoid_, torch.Tensor.sigmoid_)
_SIGMOIDS = (torch.sigmoid, torch.Tensor.sigmoid, torch.special.expit, *_IN_PLACE)
