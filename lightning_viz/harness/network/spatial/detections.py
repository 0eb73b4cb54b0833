"""Boxes and their scores out of whatever a network returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_viz.harness.network.extras import Sizes
from lightning_viz.harness.network.outputs import LOGITS, NoScoresError, are_boxes
from lightning_viz.harness.tensors import plain

MOST = 100
"""Boxes of an image that are kept, the surest first, as COCO's evaluation keeps them."""


class Detections(NamedTuple):
    """What a network finds in one image.

    Attributes:
        boxes: Float32 (M, 4): left, top, right and bottom in pixels.
        scores: Float32 (M, K), the probability of every class for every box.
    """

    boxes: Tensor
    scores: Tensor


def find_detections(output: Any, sizes: Sizes, name: str, *, classes: int, sigmoid: bool = False) -> list[Detections]:
    """Finds the boxes in a network's output.

    Args:
        output: As torchvision's detectors in eval mode a mapping with `boxes` (M, 4), left, top, right and bottom in
            pixels, `labels` (M,) and `scores` (M,) in [0, 1] for each image; or as those of DETR (arXiv:2005.12872,
            2020) one mapping with `logits` (N, Q, K + 1), the last of which is no object, and `pred_boxes` (N, Q, 4),
            centre, width and height as shares of the image.
        sizes: Height and width of each image.
        name: What the network is called in errors.
        classes: K; labels from there on are left out.
        sigmoid: Whether the logits (N, Q, K) are each by itself (Deformable DETR, arXiv:2010.04159, 2020).

    Returns:
        For each image, differentiable.

    Raises:
        NoScoresError: There are none.
    """
    if not are_boxes(output):
        received = f"{type(output).__name__}{f' of {list(output)}' if isinstance(output, Mapping) else ''}"
        raise NoScoresError(
            f"Expected boxes from the forward of {name} in eval mode, a list with a dict of boxes, labels and scores "
            f"for each image, or a dict of logits and pred_boxes, received {received}: pass net= with the module that "
            "returns them, or probes=Probes(scores=...), a function from what it returns to one of these."
        )
    if isinstance(output, Mapping):
        return _of_queries(output, sizes, sigmoid=sigmoid)
    return [_of_one(found, classes) for found in output]


def kept(output: Any) -> Any:
    """What `find_detections` needs of an output, apart from the graph and from what becomes of the output."""
    if isinstance(output, Mapping):
        return {key: output[key].detach().clone() for key in (*LOGITS, "pred_boxes") if key in output}
    return [{key: one[key].detach().clone() for key in ("boxes", "scores", "labels")} for one in output]


def logits_of(output: Any) -> Tensor | None:
    """The class logits of a network like DETR, (N, Q, K + 1); None of another."""
    if not isinstance(output, Mapping):
        return None
    return next((plain(output[key]) for key in LOGITS if key in output), None)


def rows_of(found: Sequence[Detections]) -> Tensor:
    """What is found in images as rows, each box with its likeliest class, the surest first.

    Args:
        found: For each image.

    Returns:
        Float32 (N, M, 6): left, top, right, bottom, class and score; behind the last box of an image its class is -1.
    """
    return stacked([_sorted(one) for one in found])


def stacked(rows: Sequence[Tensor]) -> Tensor:
    """Rows of images, (M, C) each with the class in the fifth column, as one tensor; the class of no row is -1.

    >>> stacked([torch.ones(1, 5), torch.ones(0, 5)])[:, :, 4].tolist()
    [[1.0], [-1.0]]
    """
    most = max((len(one) for one in rows), default=0)
    padded = [F.pad(one, (0, 0, 0, most - len(one))) for one in rows]
    for one, own in zip(padded, rows, strict=True):
        one[len(own) :, 4] = -1
    return torch.stack(padded)


def _sorted(found: Detections) -> Tensor:
    if not len(found.boxes):
        return found.boxes.new_zeros(0, 6)
    best = found.scores.max(1)
    rows = torch.cat([found.boxes, best.indices[:, None].to(found.boxes), best.values[:, None]], dim=1).detach()
    return rows[best.values.argsort(descending=True, stable=True)[:MOST]].clone()


def _of_one(found: Mapping[str, Any], classes: int) -> Detections:
    boxes, scores, labels = (plain(found[key]) for key in ("boxes", "scores", "labels"))
    known = labels < classes
    columns = F.one_hot(labels[known].long(), classes).to(scores.device)
    return Detections(boxes[known].float().reshape(-1, 4), columns * scores[known].float()[:, None])


def _of_queries(output: Mapping[str, Any], sizes: Sizes, *, sigmoid: bool) -> list[Detections]:
    logits = logits_of(output)
    assert logits is not None, "are_boxes has seen them"
    scores = logits.float().sigmoid() if sigmoid else logits.float().softmax(2)[:, :, :-1]
    boxes = plain(output["pred_boxes"]).float()
    return [Detections(corners(b, size), s) for b, s, size in zip(boxes, scores, sizes, strict=True)]


def corners(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Boxes (M, 4) given by centre, width and height as shares of an image, as left, top, right and bottom in pixels.

    Args:
        boxes: In [0, 1].
        size: Height and width of the image.

    >>> corners(torch.tensor([[0.5, 0.5, 0.5, 1.0]]), (10, 20)).tolist()
    [[5.0, 0.0, 15.0, 10.0]]
    """
    centre, half = boxes[:, :2], boxes[:, 2:] / 2
    scale = boxes.new_tensor([size[1], size[0]] * 2)
    return torch.cat([centre - half, centre + half], dim=1) * scale
