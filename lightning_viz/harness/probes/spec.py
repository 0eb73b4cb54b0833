"""Which images are explained: `Probes` is the spec, `ProbeBatch` the images."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from hashlib import sha1
from typing import Any, Literal, Optional, Union, get_args

import torch
from torch import Tensor

from lightning_viz.harness.arguments import is_number, is_whole, number, one_of, refusal, whole
from lightning_viz.harness.names import fitting
from lightning_viz.harness.network.axes import Axes
from lightning_viz.harness.network.extras import Extras
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.tasks.classes import Classes
from lightning_viz.harness.tasks.similarity import Similarity
from lightning_viz.harness.tasks.task import Kind, Task

Split = Literal["train", "val", "test"]
Guide = Union[int, str, Sequence[float], dict[str, Sequence[float]]]  # noqa: UP007
"""The position of a probe, the path of an image, a vector, or vectors by name."""

CLASSES = Classes()
"""The task of whoever says nothing of it."""


@dataclass(frozen=True)
class Probes:
    """Which images to explain, and how to read them.

    Equal specs share one selection within a Trainer. What is not given is discovered: names and normalisation from the
    data module, then from the data set (`class_names` or `classes`; `mean` and `std`).

    Attributes:
        count: How many images, spread over the classes.
        split: Which loader they come from; `None` is validation, or training where there is no validation.
        indices: Exactly these items of the split's data set instead.
        per_class: This many of every class instead.
        class_names: A name per class, in the order of the network's outputs.
        mean: What the images were normalised with: one value, or one per channel.
        std: Likewise.
        unpack: Takes a batch, returns its images (N, C, H, W) and labels, and if the network takes more than images a
            tuple of what follows them, or a dict of it by name; tensors with N rows go with their images. Or images
            alone. Needed only where images and labels are not found in the batch.
        task: What the outputs mean: `"classes"`, one per image; `"labels"`, several at once; `"values"`;
            `"regions"`, classes of places; `"boxes"`, of things; `"similarity"`, of embeddings; or `"none"`, images
            alone. `None` recognises it from labels and outputs.
        ignore: For regions, the label that stands for no class; `None` takes what the module's losses leave out, and
            255 where that is no class.
        guide: For similarity, what images are held against instead of each other: the position of a probe, the path of
            an image file, a vector (D,), or vectors by name, such as the embeddings of texts.
        loader: Which of several loaders of the split, by its name or its number; `None` is the first with images and
            labels.
        scores: Takes what the network returns, returns its scores (N, K), differentiable; for regions (N, K, h, w),
            for boxes a mapping for each image. Needed only where they are not found. In YAML it is a dotted path, as
            `unpack` is.
        axes: The order of the sides of volumes, `"CDHW"`, and of clips, `"TCHW"` or `"CTHW"`, behind the number of
            images. `None` finds it by the network's first convolution.

    Raises:
        ValueError: A count below 1, an empty list, more than one of `indices` and `per_class`, only one of `mean`
            and `std`, or anything of another type.
    """

    count: int = 8
    split: Optional[Split] = None  # noqa: UP045
    indices: Optional[Sequence[int]] = None  # noqa: UP045
    per_class: Optional[int] = None  # noqa: UP045
    class_names: Optional[Sequence[str]] = None  # noqa: UP045
    mean: Optional[Union[float, Sequence[float]]] = None  # noqa: UP007, UP045
    std: Optional[Union[float, Sequence[float]]] = None  # noqa: UP007, UP045
    unpack: Optional[Callable[..., Any]] = None  # noqa: UP045
    task: Optional[Kind] = None  # noqa: UP045
    ignore: Optional[int] = None  # noqa: UP045
    guide: Optional[Guide] = None  # noqa: UP045
    loader: Optional[Union[int, str]] = None  # noqa: UP007, UP045
    scores: Optional[Callable[..., Any]] = None  # noqa: UP045
    axes: Optional[Axes] = None  # noqa: UP045

    def __post_init__(self) -> None:
        for field in fields(self):  # tuples, so that equal specs are equal keys
            value = getattr(self, field.name)
            if isinstance(value, dict):
                value = [(str(key), _flat(one)) for key, one in value.items()]
            value = _flat(value)
            if isinstance(value, (list, tuple, range)):
                object.__setattr__(self, field.name, tuple(value))
        whole("count", self.count)
        whole("per_class", self.per_class, none=True)
        if self.split not in (None, "train", "val", "test"):
            raise refusal("split", "'train', 'val' or 'test'", self.split, none=True)
        if self.task is not None:
            one_of("task", self.task, get_args(Kind))
        if self.axes is not None:
            one_of("axes", self.axes, get_args(Axes))
        whole("ignore", self.ignore, least=0, none=True)
        if self.guide is not None:
            check_guide(self.guide, self.task)
        self._check_ways()
        self._check_items()
        self._check_values()

    def _check_ways(self) -> None:
        loader = self.loader
        if loader is not None and not isinstance(loader, str) and not (is_whole(loader) and loader >= 0):
            raise refusal("loader", "the name of a loader, or its number from 0 on", loader, none=True)
        ways = {"unpack": "a batch to images and labels", "scores": "what the network returns to class scores"}
        for name, does in ways.items():
            if getattr(self, name) is not None and not callable(getattr(self, name)):
                raise refusal(name, f"a function from {does}", getattr(self, name), none=True)

    def _check_items(self) -> None:
        if self.indices is not None:
            fit = isinstance(self.indices, tuple) and all(is_whole(i) and i >= 0 for i in self.indices)
            if not fit or not self.indices:
                raise refusal("indices", "a list of whole numbers from 0 on", self.indices, none=True)
            object.__setattr__(self, "indices", tuple(dict.fromkeys(self.indices)))  # one picture of each
            if self.per_class is not None:
                raise ValueError(f"Expected indices= or per_class=, received {self.indices} and {self.per_class}.")
        names = self.class_names
        if names is not None and not (isinstance(names, tuple) and all(isinstance(name, str) for name in names)):
            raise refusal("class_names", "a list of texts", names, none=True)

    def _check_values(self) -> None:
        if (self.mean is None) != (self.std is None):
            raise ValueError(f"Expected mean and std together, received {self.mean} and {self.std}.")
        for name, above in {"mean": float("-inf"), "std": 0.0}.items():
            value = getattr(self, name)
            for one in value if isinstance(value, tuple) else (value,):
                number(name, one, above=above, none=value is None)

    @property
    def looks(self) -> int:
        """How many items to look at where only loading an item tells its label."""
        return 256 if self.per_class is not None else 8 * self.count


@dataclass(frozen=True)
class ProbeBatch:
    """The images that are explained.

    Attributes:
        images: Float32 (N, C, H, W) on the network's device, as the network takes them; of volumes and clips
            (N, C, D, H, W), whatever their order is in front of the network.
        labels: As the task keeps them: of classes long (N,), of several labels bool (N, K), of values float (N, M), of
            places float (N, H, W) or (N, K, H, W), of volumes with one side more.
        class_names: One per score of the network.
        numbers: The number each image carries in its tags; the same image has one number in all callbacks.
        indices: The index of each image in its data set.
        mean: Float32 (C, 1, 1), of volumes (C, 1, 1, 1).
        std: Likewise.
        masks: Where the evidence of each image's class lies, bool (N, H, W) on the CPU, if the data set knows; or that
            of each of several labels, (N, K, H, W); of volumes with one side more.
        task: What the scores mean.
        titles: What each image is called where its label does not tell.
        extras: What the network is given beside the images, if it takes more.
        axes: Of volumes and clips, the order of their sides in front of the network; None of flat images.
    """

    images: Tensor
    labels: Tensor
    class_names: tuple[str, ...]
    numbers: tuple[int, ...]
    indices: tuple[int, ...]
    mean: Tensor
    std: Tensor
    masks: Tensor | None = None
    task: Task = CLASSES
    titles: tuple[str, ...] = ()
    extras: Extras | None = None
    axes: Axes | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def are_clips(self) -> bool:
        """Whether the first of their three sides is time."""
        return self.axes is not None and "T" in self.axes

    @property
    def pixels(self) -> Tensor:
        """The images without their normalisation, (N, C, ...) in [0, 1]."""
        return self.unnormalized(self.images)

    def normalize(self, pixels: Tensor) -> Tensor:
        """Makes images for the network from pixels in [0, 1], both (N, C, ...)."""
        return (pixels - self.mean) / self.std

    def unnormalized(self, images: Tensor) -> Tensor:
        """Pixels in [0, 1] of images as the network takes them, of one (C, ...) or several (N, C, ...)."""
        return (images * self.std + self.mean).clamp(0, 1)

    def to(self, device: torch.device) -> ProbeBatch:
        """The same images on another device."""
        tensors = {name: getattr(self, name).to(device) for name in ("images", "labels", "mean", "std")}
        return replace(self, **tensors, extras=None if self.extras is None else self.extras.to(device))

    def shown_to(self, subject: Subject) -> Subject:
        """A network as one that takes these images, with what stands beside them."""
        return replace(subject.beside(self.extras), axes=self.axes)

    def first(self) -> ProbeBatch:
        """The first image alone."""
        masks = None if self.masks is None else self.masks[:1]
        extras = None if self.extras is None else self.extras.rows([0])
        return replace(self, images=self.images[:1], labels=self.labels[:1], masks=masks, extras=extras)

    def numbered(self, numbers: tuple[int, ...]) -> ProbeBatch:
        """The same images with the numbers that their tags carry."""
        found = replace(self, numbers=numbers)
        if not (isinstance(self.task, Similarity) and self.task.between):
            return found
        return replace(found, class_names=tuple(f"probe {n} ({found.label_name(i)})" for i, n in enumerate(numbers)))

    @cached_property
    def prints(self) -> tuple[str, ...]:
        """What tells each image from any other, in another run too."""
        return tuple(sha1(image.float().cpu().numpy().tobytes()).hexdigest() for image in self.images)

    def label_name(self, i: int) -> str:
        """What is true of probe `i`, for example the name of its class."""
        return self.titles[i] if self.titles else self.task.title(self.labels[i], self.class_names)

    @property
    def class_tags(self) -> tuple[str, ...]:
        """Every class name as a part of a tag, each another."""
        return slugs(self.class_names)

    def tag(self, i: int) -> str:
        """The first part of all tags of probe `i`, for example `probe_03_egg`."""
        called = self.titles[i] if self.titles else self.task.slug(self.labels[i], self.class_names)
        return f"probe_{self.numbers[i]:02d}_{slug(called)}"


def check_guide(guide: Any, task: Kind | None) -> None:
    """Raises unless it is one, and the task is one of similarity.

    Raises:
        ValueError: It is not.
    """
    vectors = [v for _, v in guide] if is_by_name(guide) else [guide]
    vector = all(isinstance(v, tuple) and v and all(is_number(x) for x in v) for v in vectors)
    if not (vector or (isinstance(guide, str) and guide) or (is_whole(guide) and guide >= 0)):
        raise refusal(
            "guide",
            "the position of a probe, the path of an image file, a vector, or vectors by name",
            guide,
            none=True,
        )
    if task not in (None, "similarity"):
        raise ValueError(f"Expected guide= with task='similarity', received task={task!r}: leave one of them out.")


def is_by_name(guide: Any) -> bool:
    """Whether a guide holds vectors by name."""
    return isinstance(guide, tuple) and bool(guide) and all(isinstance(one, tuple) and len(one) == 2 for one in guide)


def _flat(value: Any) -> Any:
    """A tensor or an array as numbers, and lists as tuples, which can be compared."""
    value = value.reshape(-1).tolist() if hasattr(value, "reshape") else value
    return tuple(value) if isinstance(value, (list, range)) else value


def shorten(layer: str, length: int = 20) -> str:
    """The end of a layer's dotted name, which tells more than its beginning.

    Example:
        >>> shorten("net.backbone.features.12.conv")
        '…ne.features.12.conv'
    """
    return layer if len(layer) <= length else f"…{layer[1 - length :].lstrip('.')}"


def slug(name: str) -> str:
    """A name as a part of a tag: lower case, anything but letters and digits as one underscore, not too long for files.

    Example:
        >>> slug("Noodles/Pasta"), slug("tiger shark, " * 20)
        ('noodles_pasta', 'tiger_shark_tiger_shark_tiger_shark_tiger_shark_tiger_aac4b6')
    """
    return fitting(re.sub(r"\W+", "_", name.lower()).strip("_") or "class", 60)


def slugs(names: Sequence[str]) -> tuple[str, ...]:
    """Names as parts of tags; where two would be the same, their numbers tell them apart.

    Example:
        >>> slugs(["C", "C++", "Go"])
        ('c_0', 'c_1', 'go')
    """
    count = Counter(plain := [slug(name) for name in names])
    return tuple(f"{s}_{k}" if count[s] > 1 else s for k, s in enumerate(plain))
