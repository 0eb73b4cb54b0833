"""What a drawing yields: pictures, figures, and what is kept for the next one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from statistics import fmean
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image
from torch import Tensor

Pixels = npt.NDArray[np.uint8]

_ENCODING: dict[str, dict[str, Any]] = {
    "png": {"format": "png"},
    "jpg": {"format": "jpeg", "quality": 70, "optimize": True},
}
"""JPEG keeps blocks of 16 pixels for themselves. WebP, a quarter smaller at equal quality, weighs all of a picture at
once: of 40 pictures of food whose caption alone changed, it changed every one, by 1.4 of 255 on average."""


@dataclass(frozen=True)
class Picture:
    """One picture of one epoch.

    Attributes:
        tag: Its name in the logger, `/` separates groups.
        image: Uint8 (H, W, 3).
        flat: Whether it is drawn rather than photographic, and so kept without loss.
        caption: How many rows at its lower end hold the caption, which a filmstrip leaves out.
        words: What the caption says, by lines, for viewers that write it themselves.
        full: The value that it shows in full colour, if it is painted from `source`.
        source: What a film paints it anew from, on the scale of the whole run; arrays without objects, by name.
        channels: Of a wall of small pictures the channel that each is of, by rows.
        columns: How many of these are in a row.
    """

    tag: str
    image: Pixels
    flat: bool = False
    caption: int = 0
    words: tuple[str, ...] = ()
    full: float = 0.0
    source: Mapping[str, npt.NDArray[Any]] | None = None
    channels: tuple[int, ...] = ()
    columns: int = 0

    @property
    def suffix(self) -> str:
        """That of its file: `png` if it is flat, else `jpg`."""
        return "png" if self.flat else "jpg"

    @cached_property
    def encoded(self) -> bytes:
        """The bytes of its file."""
        buffer = BytesIO()
        Image.fromarray(self.image).save(buffer, **_ENCODING[self.suffix])
        return buffer.getvalue()


@dataclass(frozen=True)
class Film:
    """What has become of many pictures: an animated one, or one that shows several.

    Attributes:
        tag: Its name in the logger.
        encoded: The bytes of its file.
        suffix: That of its file.
        size: Width and height in pixels.
        caption: How many rows at its lower end hold captions.
        animated: Whether it moves.
    """

    tag: str
    encoded: bytes
    suffix: str
    size: tuple[int, int]
    caption: int = 0
    animated: bool = False


@dataclass(frozen=True)
class Scalar:
    """One figure of one epoch, under its name in the logger."""

    tag: str
    value: float


@dataclass(frozen=True)
class Mean:
    """One probe's part of a figure that is the mean over all probes, whatever process draws them."""

    tag: str
    value: float


@dataclass(frozen=True)
class Map:
    """The values that a picture shows as colours, for the Explanations tab.

    Attributes:
        picture: The tag of the picture.
        values: Finite, float32 (P, h, w), thumbnails of the maps that stand side by side; of volumes (P, d, h, w).
        bound: The magnitude at which the colours are full, from 0.
        unit: What the values are measured in.
        colours: How the tab paints them; where that is `None`, it shows the picture.
        titles: What each map is called, or none.
        striped: Whether regions against are striped in the picture, as the tab does then too.
        depth: Of volumes how many slices they had before; of flat maps 0.
    """

    picture: str
    values: npt.NDArray[np.float32]
    bound: float
    unit: str = ""
    colours: Literal["signed", "sequential"] | None = None
    titles: tuple[str, ...] = ()
    striped: bool = False
    depth: int = 0

    @property
    def tag(self) -> str:
        """What tells it from all other results."""
        return f"map of {self.picture}"


@dataclass(frozen=True)
class Prediction:
    """What the network says of a probe, for the Explanations tab.

    Attributes:
        probe: The first part of the probe's tags.
        index: Of the predicted class; -1 where the scores are not finite.
        probability: Of that class, in [0, 1]; of places the share that is right.
    """

    probe: str
    index: int
    probability: float

    @property
    def tag(self) -> str:
        """What tells it from all other results."""
        return f"prediction of {self.probe}"


@dataclass(frozen=True)
class Places:
    """What is true and what is predicted of places in a probe, for the Explanations tab, which draws it over pictures.

    Attributes:
        probe: The first part of the probe's tags.
        content: As in `lightning_viz.harness.sinks.log_format`.
    """

    probe: str
    content: Mapping[str, Any]

    @property
    def tag(self) -> str:
        """What tells it from all other results."""
        return f"places of {self.probe}"


@dataclass(frozen=True)
class Seen:
    """A probe as it is, for the Explanations tab, which is told of it once.

    Attributes:
        images: Uint8 (H, W, 3): what its picture shows, of volumes also their slices below each other.
        mask: Where its evidence lies, as in `lightning_viz.harness.sinks.log_format`, if its data set knows.
    """

    images: Sequence[Pixels]
    mask: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Counts:
    """What a validation has counted, for the Explanations tab and for findings.

    Attributes:
        loader: Of the validation.
        table: Whole numbers (K, K): how often each class, a row, was predicted as each, a column. Of boxes the last row
            and column are for where there is none.
        of: What was counted.
        first: The first class that there is: of boxes class 0 may be the background.
    """

    loader: str
    table: npt.NDArray[np.int64]
    of: Literal["images", "pixels", "boxes"] = "images"
    first: int = 0

    @property
    def tag(self) -> str:
        """What tells it from all other results."""
        return f"counts of {self.loader}"

    @property
    def about(self) -> dict[str, Any]:
        """What the manifest tells of it, beside the picture of the same counts."""
        counted = {"counted": self.of} if self.of != "images" else {}
        return counted | ({"first": self.first} if self.first else {})


@dataclass(frozen=True)
class ClassTable:
    """What a validation has counted of each class by itself, or measured of each value, for the Explanations tab.

    Attributes:
        loader: Of the validation.
        table: (K, 3), how often each class was found, missed and predicted falsely; of values (K, 1), the mean absolute
            error of each.
        of: What was counted.
    """

    loader: str
    table: npt.NDArray[np.float64]
    of: Literal["labels", "label pixels", "values"]

    @property
    def tag(self) -> str:
        """What tells it from all other results."""
        return f"table of {self.loader}"

    @property
    def about(self) -> dict[str, Any]:
        """What the manifest tells of it, beside the picture of the same counts."""
        return {"counted": self.of}


@dataclass(frozen=True)
class Keep:
    """What no logger gets, but the callback keeps: until the next under this tag, also in a resumed run.

    Attributes:
        tag: Its name in the callback, and in the run's checkpoints.
        value: On the CPU.
    """

    tag: str
    value: Tensor


Logged = Picture | Scalar | Map | Prediction | Places | Counts | ClassTable
"""What loggers get, each what it takes."""

Result = Logged | Mean | Keep
"""What a drawing yields."""

Charts = dict[str, str]
"""Charts of several scalars each: by their titles, a regular expression that the tags of the scalars match."""


def averaged(results: Iterable[Result]) -> list[Logged]:
    """What is for loggers, with the parts of each figure as one, in the place of the first of them.

    >>> averaged([Mean("a", 1.0), Scalar("b", 5.0), Mean("a", 2.0)])
    [Scalar(tag='a', value=1.5), Scalar(tag='b', value=5.0)]
    """
    parts: dict[str, list[float]] = {}
    found: dict[str, Logged] = {}
    for result in results:
        if isinstance(result, Mean):
            parts.setdefault(result.tag, []).append(result.value)
            found[result.tag] = Scalar(result.tag, fmean(parts[result.tag]))
        elif not isinstance(result, Keep):
            found.setdefault(result.tag, result)  # several processes may draw the same
    return [*found.values()]


def kept(parts: Iterable[Iterable[Result]]) -> dict[str, Tensor]:
    """What is kept of the results of several processes, by tag."""
    return {result.tag: result.value for part in parts for result in part if isinstance(result, Keep)}
