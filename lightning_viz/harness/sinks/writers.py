"""How each kind of logger takes a picture; a folder takes it where no logger does."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from lightning_viz.harness.folders import Place
from lightning_viz.harness.names import fitting
from lightning_viz.harness.sinks.events import add_summary, experiment_of, waits
from lightning_viz.harness.sinks.results import Film, Picture
from lightning_viz.harness.sinks.room import write_whole

Write = Callable[[Picture, int], None]
WriteFilm = Callable[[Film, Path, int], None]


def image_writer(logger: Any) -> Write | None:
    """The logger's own way to take a picture at a step; `None` where it has none.

    Known by what they can do, since each logger exists in two namespaces: TensorBoard and what has its `add_image`,
    Weights & Biases, SwanLab and what has their `log_image`, MLflow, Comet, Aim, LitLogger.
    """
    experiment = experiment_of(logger)
    if (own := _OF_THEIR_OWN.get(_package(experiment))) is not None:
        return lambda picture, step: own(experiment, picture.tag, Image.fromarray(picture.image), step)
    if hasattr(experiment, "add_image"):
        return lambda picture, step: _tensorboard(experiment, picture, step)
    if hasattr(logger, "log_image"):
        return lambda picture, step: logger.log_image(
            key=picture.tag, images=[picture.image], step=_counted(experiment, step)
        )
    if hasattr(experiment, "log_image") and hasattr(logger, "run_id"):
        return lambda picture, step: experiment.log_image(
            logger.run_id, picture.image, key=plain(picture.tag), step=step
        )
    if hasattr(experiment, "log_image"):  # Comet's takes what is in a file as it is
        return lambda picture, step: experiment.log_image(BytesIO(picture.encoded), name=picture.tag, step=step)
    return None


def film_writer(logger: Any) -> WriteFilm | None:
    """The logger's own way to take a film that lies in a file already; `None` where it has none."""
    experiment = experiment_of(logger)
    if hasattr(experiment, "_get_file_writer"):
        return lambda film, file, step: _summary(experiment, film.tag, film.encoded, film.size, step)
    if hasattr(logger, "log_image") and not hasattr(experiment, "add_image"):
        return lambda film, file, step: _logged_film(logger, film, file, step)
    if hasattr(experiment, "log_artifact") and hasattr(logger, "run_id"):
        return lambda film, file, step: experiment.log_artifact(
            logger.run_id, str(file), str(Path("films", plain(film.tag)).parent)
        )
    if (own := _OF_THEIR_OWN.get(_package(experiment))) is not None:
        return lambda film, file, step: own(experiment, film.tag, str(file), step) if _takes(experiment, film) else None
    if hasattr(experiment, "log_image"):
        return lambda film, file, step: experiment.log_image(str(file), name=film.tag, step=step)
    return None


def _logged_film(logger: Any, film: Film, file: Path, step: int) -> None:
    if _takes(experiment_of(logger), film):
        logger.log_image(key=film.tag, images=[str(file)], step=step)


def _takes(experiment: Any, film: Film) -> bool:
    """Whether all of a film would be kept: of what moves, some keep the first frame alone."""
    return not (film.animated and _package(experiment) in {"aim", "swanlab"})


def _package(experiment: Any) -> str:
    return type(experiment).__module__.partition(".")[0]


def _litlogger(experiment: Any, tag: str, image: Image.Image | str, step: int) -> None:
    from litlogger import Image as Logged

    experiment[tag].append(Logged(image), step=step)


def _aim(experiment: Any, tag: str, image: Image.Image | str, step: int) -> None:
    from aim import Image as Logged

    experiment.track(Logged(image), name=tag, step=step)


_OF_THEIR_OWN: dict[str, Callable[[Any, str, Image.Image | str, int], None]] = {"aim": _aim, "litlogger": _litlogger}
"""How experiments take an image or a file of one that have a class for it, by their package."""


def _counted(experiment: Any, step: int) -> int:
    """The step as a logger counts it: SwanLab drops whatever is before 0."""
    return max(step, 0) if _package(experiment) == "swanlab" else step


def write_scalars(logger: Any, scalars: dict[str, float], step: int) -> None:
    """Writes figures, under the names that a logger takes.

    Raises:
        Exception: What the logger raises.
    """
    if waits(experiment_of(logger)):  # else they would end the thread that writes the user's own, once that is away
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        add_summary(experiment_of(logger), Summary(value=values), step)
        return
    named = {plain(tag): value for tag, value in scalars.items()} if hasattr(logger, "run_id") else scalars
    logger.log_metrics(named, step=_counted(experiment_of(logger), step))


def plain(tag: str) -> str:
    """A tag of the signs that every system takes in names.

    Example:
        >>> plain("probe_00_crème/lime")
        'probe_00_cr_me/lime'
    """
    return re.sub(r"[^a-zA-Z0-9_/. -]", "_", tag)


class Folder:
    """Writes pictures as files, `<folder>/explanations/<tag>/<step>.jpg`, flat ones as `.png`.

    Args:
        folder: The log folder.
    """

    def __init__(self, folder: Place) -> None:
        self.root = folder / "explanations"

    def __call__(self, picture: Picture, step: int) -> None:
        """Writes one picture.

        Raises:
            OSError: The folder cannot be written to.
        """
        write_whole(self.root / as_path(picture.tag) / f"{step}.{picture.suffix}", picture.encoded)


def as_path(tag: str) -> Path:
    """A tag as folders that stay below theirs, of signs that every file system takes.

    Example:
        >>> as_path("../probe_00_crème/what?").as_posix()
        '_/probe_00_crème/what_'
    """
    return Path(*(fitting(re.sub(r"[^\w. -]", "_", part).lstrip("."), 180) or "_" for part in tag.split("/")))


def _tensorboard(experiment: Any, picture: Picture, step: int) -> None:
    if not hasattr(experiment, "_get_file_writer"):
        experiment.add_image(picture.tag, picture.image, step, dataformats="HWC")
        return
    # `add_image` knows PNG only: for photographs several times slower and larger.
    height, width = picture.image.shape[:2]
    _summary(experiment, picture.tag, picture.encoded, (width, height), step)


def _summary(experiment: Any, tag: str, encoded: bytes, size: tuple[int, int], step: int) -> None:
    from tensorboard.compat.proto.summary_pb2 import Summary

    image = Summary.Image(width=size[0], height=size[1], colorspace=3, encoded_image_string=encoded)
    add_summary(experiment, Summary(value=[Summary.Value(tag=tag, image=image)]), step)
