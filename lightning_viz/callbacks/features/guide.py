"""The picture that a dream is guided by."""

from os import PathLike
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from lightning_viz.harness.arguments import is_whole, refusal
from lightning_viz.harness.probes.files import read_image
from lightning_viz.harness.run.scene import Scene


class Guide(NamedTuple):
    """A picture to dream towards.

    Attributes:
        name: What it is called: the class of a probe, or the name of a file.
        pixels: (1, C, H, W) in [0, 1], of the probes' size.
    """

    name: str
    pixels: Tensor


def check_guide(guide: int | str | PathLike[str]) -> int | str:
    """The position of a probe, or the path of an image file.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(guide, (str, PathLike)) and str(guide):
        return str(guide)
    if not is_whole(guide) or int(guide) < 0:  # type: ignore[arg-type]
        raise refusal("guide", "the position of a probe, from 0 on, or the path of an image file", guide, none=True)
    return int(guide)  # type: ignore[arg-type]


def find_guide(scene: Scene, guide: int | str | None) -> Guide | None:
    """The guide: a probe by its position, or an image file, cut to the shape of the probes.

    Raises:
        ValueError: There is no such probe, or no image of as many channels in such a file.
    """
    if guide is None:
        return None
    if isinstance(guide, str):
        return Guide(Path(guide).stem, read_image(Path(guide), scene.probes.images))
    if not 0 <= guide < len(scene.probes):
        raise ValueError(
            f"Expected guide= as the position of a probe, 0 to {len(scene.probes) - 1}, or the path of an image file, "
            f"received {guide}."
        )
    return Guide(scene.probes.label_name(guide), scene.probes.pixels[guide : guide + 1])
