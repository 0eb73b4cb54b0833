"""What is known of probes with boxes, and what is asked of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor, nn

from lightning_viz.harness.names import printable
from lightning_viz.harness.network.outputs import check_bytes
from lightning_viz.harness.network.spatial.boxed import Boxed
from lightning_viz.harness.network.spatial.detections import logits_of
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.probes.metadata import Metadata, class_names
from lightning_viz.harness.probes.spec import ProbeBatch, Probes
from lightning_viz.harness.tasks.boxes import Boxes
from lightning_viz.harness.tasks.nothing import Nothing

_MANY = 2**15
"""More classes than any network has, to see which it says."""
_NOTHING = "background"


def of_boxes(
    probes: ProbeBatch, boxes: Tensor | None, *, known: Metadata, spec: Probes, subject: Subject
) -> ProbeBatch:
    """The probes with their task, labels and names, where a network puts out boxes.

    Args:
        probes: The images.
        boxes: What is true of them, (N, B, 5); None where nothing is known.
        known: What others tell.
        spec: What is asked for.
        subject: The network, with what stands beside the images.

    Raises:
        ValueError: The user asks for it, and it does not fit labels and outputs.
        NoScoresError: The user asks for it, and the network puts out no boxes.
    """
    true = probes.images.new_zeros(len(probes), 0, 5) if boxes is None else boxes.to(probes.images.device)
    try:
        counts, given = [*map(len, known.names), *sorted(known.counts)], spec.class_names
        task = box_task(subject, probes.images, true, counts, given=None if given is None else len(given))
        names = _names(task, known, spec)
    except ValueError as error:  # which concerns whoever asks for scores
        if spec.task is not None:
            raise
        nothing = Nothing(str(error))
        return replace(probes, task=nothing, labels=nothing.read(None, len(probes)).to(probes.images.device))
    check_bytes(task.subject(subject, probes.images).outputs, probes.images)
    if spec.task is None:
        sizes = subject.extras is not None and len(set(subject.extras.sizes or ())) > 1
        several = ", in images of several sizes, which pictures show with a rim" if sizes else ""
        rank_zero_info(
            f"The network's outputs are explained as task='boxes': boxes with labels and scores, for targets of "
            f"that kind{several}. Probes(task=...) says else."
        )
    return replace(probes, task=task, labels=true, class_names=names)


def box_task(
    subject: Subject, images: Tensor, true: Tensor, counts: Sequence[int] = (), *, given: int | None = None
) -> Boxes:
    """The task, by what a network puts out for some images.

    Args:
        subject: The network, with what stands beside the images.
        images: (N, C, H, W).
        true: (N, B, 5).
        counts: How many classes somebody says that there are, the surest first.
        given: How many the user names.

    Raises:
        ValueError: There are labels that are no class.
        NoScoresError: The network puts out no boxes.
    """
    size = (images.shape[-2], images.shape[-1])
    most = int(true[..., 4].max()) + 1 if true.numel() else 1
    with torch.no_grad():
        output = subject.of(0).answer(images[:1])
    if (logits := logits_of(output)) is not None:
        width, known = logits.shape[2], {*counts, given}
        sigmoid = most == width or (width in known and width - 1 not in known)
        task = Boxes(width if sigmoid else width - 1, sigmoid=sigmoid, size=size)
    else:
        found = Boxed.like(subject, classes=_MANY).of(0).found(images[:1])[..., 4]
        used = max(most, int(found.max()) + 1 if found.numel() else 1)
        exact = _width(subject.net)
        # torchvision counts the background as class 0, which is no label and for which few have a name.
        first = used - 1 in (counts if given is None else [given]) and not bool((true[..., 4] == 0).any())
        others = next((count for count in counts if count >= used), used) if given is None else given
        task = Boxes(exact or (used if first else others), background=exact is not None or first, size=size)
    _check(most, task.classes)
    return task


def _names(task: Boxes, known: Metadata, spec: Probes) -> tuple[str, ...]:
    """A name for each class, where the background has none too."""
    found = known.names if spec.class_names is None else [list(spec.class_names)]
    short = next((names for names in found if len(names) == task.classes - 1), None)
    if task.background and short is not None:
        return (_NOTHING, *(printable(str(name)) for name in short))
    return class_names(known, spec, task.classes)


def _check(used: int, classes: int) -> None:
    if used > classes:
        raise ValueError(
            f"Expected labels 0 to {classes - 1} of boxes for {classes} classes, received up to {used - 1}: pass "
            "probes=Probes(unpack=...) where other numbers are the labels, or class_names=[...] with a name for each."
        )


def _width(net: nn.Module) -> int | None:
    """How many classes a detector of torchvision's has, the background included, which only its layers know."""
    layers = [layer for name, layer in net.named_modules() if name.rpartition(".")[2] == "cls_score"]
    return layers[0].out_features if layers and isinstance(layers[0], nn.Linear) else None
