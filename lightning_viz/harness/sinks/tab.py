"""What the Explanations tab gets of a run, in logs of TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any
from weakref import WeakKeyDictionary

from PIL import Image

from lightning_viz.harness.probes.spec import ProbeBatch
from lightning_viz.harness.sinks.events import add_summary, experiment_of
from lightning_viz.harness.sinks.results import (
    ClassTable,
    Counts,
    Film,
    Logged,
    Map,
    Picture,
    Pixels,
    Places,
    Prediction,
    Seen,
)
from lightning_viz.harness.sinks.thumbnails import SLICES
from lightning_viz.harness.steps import BEFORE

GRAINED, LARGEST = 128, 512
"""Pixels on the longer side of a probe's image: up to which it is kept to the bit, and how many are logged at most."""


class Manifest:
    """What is known of one log, in all runs of a Trainer that write to it.

    Attributes:
        content: As in `lightning_viz.harness.sinks.log_format`.
        written: The last one in the log.
        originals: Files of the probes' images and their masks, by the probes' tags, those that are not in the log yet.
    """

    def __init__(self) -> None:
        self.content: dict[str, Any] = {"classes": [], "class_tags": [], "probes": {}, "pictures": {}}
        self.written: Any = None
        self.originals: dict[str, tuple[list[bytes], Mapping[str, Any] | None]] = {}

    def introduce(self, probes: ProbeBatch, seen: Sequence[Seen]) -> None:
        """Tells of classes, by the first names that they are given, and of the probes, if they are given."""
        if not self.content["classes"]:
            self.content |= {"classes": [*probes.class_names], "class_tags": [*probes.class_tags]}
        for i, one in enumerate(seen):
            about: dict[str, Any] = {"item": int(probes.indices[i]), "print": probes.prints[i][:12]}
            about |= {"outlined": True} if probes.task.places or probes.task.counts == "boxes" else {}
            about |= _depth(probes.images.shape[2]) if probes.images.ndim > 4 else {}
            about |= {"clip": True} if probes.are_clips else {}
            about |= {"masked": True} if one.mask is not None else {}
            if self.content["probes"].get(probes.tag(i), {}).get("print") != about["print"]:
                files = [original(image, _slices(probes) if k else 1) for k, image in enumerate(one.images)]
                self.originals[probes.tag(i)] = files, one.mask
            self.content["probes"][probes.tag(i)] = probes.task.about(probes.labels[i]) | about

    def note(self, picture: Picture | Film) -> None:
        """Tells of a picture or a film that is in the log."""
        film = {"film": True} if isinstance(picture, Film) else {}
        entry = self.content["pictures"].setdefault(picture.tag, {})
        entry.update(caption=picture.caption, **film)
        if isinstance(picture, Picture) and picture.channels:
            entry.update(channels=[*picture.channels], columns=picture.columns)

    def note_counts(self, counts: Counts | ClassTable) -> None:
        """Tells of what was counted where it is no images, beside the picture of the same counts."""
        if counts.about:
            self.content["pictures"].setdefault(f"confusion/{counts.loader}", {"caption": 0}).update(counts.about)

    def note_map(self, shown: Map) -> None:
        """Tells of what a picture shows as colours."""
        colours = {} if shown.colours is None else {"colours": shown.colours}
        striped = {"striped": True} if shown.striped else {}
        sliced = _depth(shown.depth) if shown.depth else {}
        about = {"unit": shown.unit, **colours, **striped, **sliced}
        self.content["pictures"].setdefault(shown.picture, {"caption": 0}).update(about)


def _depth(depth: int) -> dict[str, int]:
    return {"slices": min(depth, SLICES), "depth": depth}


def _slices(probes: ProbeBatch) -> int:
    return min(probes.images.shape[2], SLICES)


def original(pixels: Pixels, slices: int = 1) -> bytes:
    """The file of a probe's image, at its own size where that is at most 512 pixels on a side.

    Small ones are kept to the bit, since each pixel is seen where they are enlarged. Of so many slices below each
    other, which take more room, each counts by itself, and half as many pixels are small.
    """
    image, buffer = Image.fromarray(pixels), BytesIO()
    side = max(image.width, image.height // slices)
    if side <= (GRAINED if slices == 1 else GRAINED // 2):
        image.save(buffer, "png")
    else:
        image.thumbnail((LARGEST, LARGEST * slices))
        image.save(buffer, "jpeg", quality=88)
    return buffer.getvalue()


_MANIFESTS: WeakKeyDictionary[Any, Manifest] = WeakKeyDictionary()


class Tab:
    """Writes beside the pictures of one run what they do not tell, see `lightning_viz.harness.sinks.log_format`.

    Args:
        experiment: TensorBoard's writer, as the logger has it.
    """

    def __init__(self, experiment: Any) -> None:
        self._experiment = experiment
        self.manifest = _MANIFESTS.setdefault(experiment, Manifest())
        self._last = BEFORE - 1, 0

    def write(self, results: Sequence[Logged], step: int, epoch: int) -> None:
        """Writes the epoch of a new step, predictions and maps, and the manifest where it is not what it was."""
        from lightning_viz.harness.sinks import log_format

        if self._experiment._get_file_writer() is None:  # where Lightning only pretends to log
            return
        values = [log_format.original(probe, *kept) for probe, kept in self.manifest.originals.items()]
        for picture in (result for result in results if isinstance(result, Picture)):
            self.manifest.note(picture)
            values += [log_format.caption(picture.tag, picture.words)] if picture.words else []
        values += [log_format.prediction(r.probe, r.index, r.probability) for r in results if isinstance(r, Prediction)]
        values += [log_format.places(r.probe, r.content) for r in results if isinstance(r, Places)]
        for counts in (result for result in results if isinstance(result, (Counts, ClassTable))):
            self.manifest.note_counts(counts)
            if isinstance(counts, Counts):
                values.append(log_format.counts(counts.loader, counts.table))
            else:
                values.append(log_format.class_table(counts.loader, counts.table))
        for shown in (result for result in results if isinstance(result, Map)):
            self.manifest.note_map(shown)
            values += log_format.map_values(shown.picture, shown.values, shown.bound, shown.titles)
        # Never back to an earlier step, as that of a film may be: TensorBoard would drop what is later.
        if (step, epoch) > self._last:
            values.append(log_format.epoch(epoch))
        if values:
            add_summary(self._experiment, log_format.summary(values), step)
        self.manifest.originals.clear()
        self._last = max(self._last, (step, epoch))
        manifest = log_format.manifest(self.manifest.content)
        if manifest != self.manifest.written:
            add_summary(self._experiment, log_format.summary([manifest]), self._last[0])
            self.manifest.written = manifest


def tab_of(logger: Any) -> Tab | None:
    """What writes for the Explanations tab into this logger's log; `None` where it is not one of TensorBoard."""
    return Tab(experiment_of(logger)) if hasattr(experiment_of(logger), "_get_file_writer") else None
