"""One confusion as a picture: images that were mistaken, what spoke for the one class and what for the other."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lightning_viz.callbacks.attribution.maps import FLOOR, PARTS
from lightning_viz.callbacks.attribution.painting import flattened, painted, slices_of
from lightning_viz.callbacks.attribution.superpixels import Lime, fidelity, largest, shown
from lightning_viz.callbacks.base.captions import captioned, instead, sliced
from lightning_viz.callbacks.validation.outlines import confused
from lightning_viz.explain.attribution.baselines import baseline
from lightning_viz.explain.attribution.integrated import integrated_gradients
from lightning_viz.harness.network.contrast import contrast
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Picture, Pixels
from lightning_viz.harness.tasks.task import Task, first_name, named, percent
from lightning_viz.harness.validation.boxes import NO_BOX
from lightning_viz.harness.validation.changes import Confusion, Report
from lightning_viz.harness.validation.mistakes import Mistake
from lightning_viz.render.charts.changes import TAKEN, Row, changes_picture
from lightning_viz.render.color import symmetric, to_uint8
from lightning_viz.render.maps.slices import Slices, middle, sheet_size
from lightning_viz.render.panel import SMALL, grid, in_a_row, notice
from lightning_viz.render.text import channels_shown, elide

ROWS = 10
"""Confusions that are listed as changed."""

_TILES, _LINES = 4, 5


GRAIN = 1 / 32
"""Standard deviation of the blur over the contrast, as a share of the shorter side."""


class Explained(NamedTuple):
    """One mistaken image: four pictures, what stands above them, the values of full colour, and which slices."""

    tiles: list[Pixels]
    titles: list[str]
    scale: str
    superpixels: str
    slices: list[str]


def explain(scene: Scene, mistake: Mistake, confusion: Confusion, *, lime: Lime, steps: int, few: bool) -> Explained:
    """The image, what makes the lead of the predicted class over the true one, and LIME for both.

    Args:
        scene: The scene.
        mistake: The image that was mistaken.
        confusion: For what.
        lime: How LIME explains.
        steps: Points of the integrated gradients.
        few: Whether the smallest number of masked copies will do.
    """
    true, predicted = confusion.true, confusion.predicted
    sides = None if mistake.places is None else confused(scene.task, mistake.places, true, predicted)
    own = alone(scene, mistake, None if sides is None else sides.both)
    names = [named(scene.probes.class_names[k], 15) for k in (true, predicted)]
    map_, scale, slices = lead(own, true, predicted, steps)
    superpixels = lime.cut(own.probes.pixels[0], few=few, enough=True)
    found = lime.weights(own, 0, superpixels, (true, predicted))
    full = max(largest(found), FLOOR)
    image = shown(own.probes.pixels[0], superpixels, slices)
    tiles = [lime.painted(image, one, full) for one in found]
    fits = [f"{name}, R² {fidelity(one)}" for name, one in zip(names, found, strict=True)]
    share = percent(_confidence(own, mistake, predicted))
    title = f"{names[1]} on {share}" if sides is not None else f"says {elide(names[1], 96, SMALL)} {share}"
    seen = to_uint8(image.pixels) if sides is None else sides.drawn(image.pixels, slices)
    titles = [title, f"{names[1]} over {names[0]}", *fits]
    return Explained([seen, map_, *tiles], titles, scale, f"{full:.2g}", sliced(scene.probes, slices))


def explain_error(scene: Scene, mistake: Mistake, *, lime: Lime, steps: int, few: bool) -> Explained:
    """The image, what makes its value, and LIME for that.

    Args:
        scene: The scene.
        mistake: An image whose value was predicted wrongly.
        lime: How LIME explains.
        steps: Points of the integrated gradients.
        few: Whether the smallest number of masked copies will do.
    """
    own = alone(scene, mistake, None)
    map_, scale, slices = shares(
        own, own.subject, torch.zeros(1, dtype=torch.long, device=own.probes.images.device), steps
    )
    superpixels = lime.cut(own.probes.pixels[0], few=few, enough=True)
    (found,) = lime.weights(own, 0, superpixels, (0,))
    image, full = shown(own.probes.pixels[0], superpixels, slices), largest([found])
    tiles = [to_uint8(image.pixels), map_, lime.painted(image, found, full)]
    titles = ["", scene.probes.class_names[0], f"R² {fidelity(found)}"]
    return Explained(tiles, titles, scale, f"{full:.2g}", sliced(scene.probes, slices))


def error_panel(scene: Scene, tag: str, mistake: Mistake, explained: Explained) -> Picture:
    """The picture of one error: of the first value, where there are several."""
    caption = [
        _missed_by(scene, mistake),
        *explained.slices,
        f"orange raises it, blue lowers it: full {explained.scale}" + channels_shown(scene.probes.images.shape[1]),
        f"LIME: orange raises it, blue lowers it: full {explained.superpixels}",
    ]
    return captioned(tag, explained.tiles, caption, titles=explained.titles, columns=3, lines=_lines(scene))


def _missed_by(scene: Scene, mistake: Mistake) -> str:
    """What is predicted, and what is true."""
    true, predicted = mistake.values or (0.0, 0.0)
    return f"{scene.when} · says {predicted:.3g}, true {true:.3g}"


def alone(scene: Scene, mistake: Mistake, area: Tensor | None) -> Scene:
    """The scene with nothing but one image in it, and what stands beside it, of which nothing is known; or an area."""
    device = scene.probes.images.device
    image, labels = mistake.image[None].to(device), scene.probes.labels[:1]
    extras = None if mistake.extras is None else mistake.extras.to(device)
    probes = replace(scene.probes, images=image, labels=labels, numbers=(0,), indices=(0,), extras=extras)
    subject = scene.subject.beside(extras)
    subject = subject if area is None else scene.task.over(subject, area.to(device))
    return replace(scene, subject=subject, probes=probes)


def lead(scene: Scene, true: int, predicted: int, steps: int) -> tuple[Pixels, str, Slices]:
    """Where the lead of the predicted class over the true one comes from in the one image of a scene; see `shares`."""
    probes = scene.probes
    targets, rivals = (torch.tensor([k], device=probes.images.device) for k in (predicted, true))
    return shares(scene, *contrast(scene.subject, targets, rivals, len(probes.class_names)), steps)


def shares(scene: Scene, subject: Subject, column: Tensor, steps: int) -> tuple[Pixels, str, Slices]:
    """How the pixels of the one image of a scene share a score out among themselves, the scale, and which slices."""
    probes = scene.probes
    black, white = (probes.normalize(probes.mean.new_full((), value)) for value in (0, 1))
    start = baseline("blurred", probes.images, black=black, white=white)
    values = integrated_gradients(subject, probes.images, column, [start], steps=steps)[0][0]
    if not bool(values.isfinite().all()):
        return instead("not finite", probes.images.shape[2:]), "not finite", middle(probes.images.shape[2:])
    drawn = flattened(values, sides=probes.images.ndim - 2, signed=True, grain=GRAIN)
    floor = FLOOR * PARTS / drawn.numel() if scene.task.unit.startswith("log-odds") else 0.0
    full = max(symmetric(drawn.cpu().numpy())[1], floor)
    slices = slices_of(drawn)
    return painted(probes.pixels[0], drawn, full, signed=True, slices=slices)[-1], f"{full:.2g} {_unit(scene)}", slices


def confusion_panel(
    scene: Scene, tag: str, confusion: Confusion, explained: Sequence[Explained], images: int
) -> Picture:
    """The picture of one confusion; the first line of its caption tells which one.

    Args:
        scene: The scene.
        tag: Of the picture.
        confusion: Which one.
        explained: Images that were mistaken so, the surest first.
        images: How many there is room for: the height depends on nothing but this and the images' shape.
    """
    true, predicted = _names(scene, confusion)
    missing = images - len(explained)
    said_so = notice("no other image is kept", 176, 176)
    tiles = [tile for one in explained for tile in one.tiles] + missing * [said_so, *_blank(scene, _TILES - 1)]
    titles = [title for one in explained for title in one.titles] + missing * _TILES * [""]
    real = [k for k in (confusion.true, confusion.predicted) if k < len(scene.probes.class_names)]
    sides = f"orange {predicted}, blue {true}"
    if len(real) < 2:  # a box that is missed, or false
        sides = f"orange for {named(names_of(scene)[real[0]])}, blue against"
    caption = [
        _mixed_up(scene, confusion),
        *(explained[0].slices if len(explained) == 1 else []),
        f"{sides}: full {', '.join(one.scale for one in explained)}" + channels_shown(scene.probes.images.shape[1]),
        f"LIME: orange for, blue against: full {', '.join(one.superpixels for one in explained)} {_unit(scene)}",
    ]
    return captioned(tag, tiles, caption, titles=titles, columns=2, lines=_lines(scene))


def _mixed_up(scene: Scene, confusion: Confusion) -> str:
    """What is taken for what, how often, and how often it was before."""
    was = "" if confusion.was in (None, confusion.count) else f" (was {confusion.was})"
    mix_up = _mix_up(scene, *_names(scene, confusion))
    kind = " pixels" if scene.task.places else ""
    return f"{scene.when} · {mix_up}: {confusion.count} of {confusion.of}{was}{kind}"


def _names(scene: Scene, confusion: Confusion) -> tuple[str, str]:
    names = names_of(scene)
    return named(names[confusion.true]), named(names[confusion.predicted])


def notice_panel(scene: Scene, tag: str, text: str, images: int) -> Picture:
    """A picture of the same height that says why there is no confusion; it has no words, for there is none to tell."""
    blank = _blank(scene, _TILES * images)
    titles = [""] * len(blank)
    whole = captioned(tag, blank, [scene.when], titles=titles, columns=2, lines=_lines(scene))
    body = grid(blank, columns=in_a_row(blank, 2), titles=titles)
    said = np.concatenate([notice(text, body.shape[1], body.shape[0]), whole.image[len(body) :]])
    return replace(whole, image=said, words=())


def changes(scene: Scene, loader: str, found: Report) -> Pixels:
    """The list of what changed since the last drawing."""
    was = "" if found.was_wrong is None else f" (was {found.was_wrong})"
    wrong = (
        f"{found.wrong} of {found.total}{counted(scene.task)} wrong"
        if scene.task.takes_for
        else f"{found.wrong} mix-ups"
    )
    head = [f"{scene.when} · {loader} · {wrong}{was}", _since(found, scene.epoch)]
    if found.left_out:
        head.append("left out: " + ", ".join(f"{count} {reason}" for reason, count in found.left_out.items()))
    names = [first_name(name) for name in names_of(scene)]
    rows = [Row(names[one.true], names[one.predicted], *_movement(one)) for one in found.moved]
    return changes_picture(head, rows, lines=3, most=ROWS, between=TAKEN if scene.task.takes_for else MISSED)


MISSED = " missed, said: "


def names_of(scene: Scene) -> list[str]:
    """What may be confused: the classes, and of boxes nothing at all."""
    return [*scene.probes.class_names, *([NO_BOX] if scene.task.counts == "boxes" else [])]


def counted(task: Task) -> str:
    """What was counted, where that is no image."""
    return {"regions": " pixels", "boxes": " boxes"}.get(task.counts or "", "")


def _unit(scene: Scene) -> str:
    return scene.task.unit.removesuffix(" per pixel")


def _mix_up(scene: Scene, true: str, predicted: str) -> str:
    return f"{true} taken for {predicted}" if scene.task.takes_for else f"{true} missed where {predicted} is said"


def _since(found: Report, epoch: int) -> str:
    if found.since is None:
        return "the first validation" + ("; its most frequent confusions:" if found.moved else "")
    since = f"since epoch {found.since}" if found.since != epoch else "since the one before"
    counts = ", ".join(f"{count} {kind}" for kind, count in found.kinds.items() if count)
    return f"{since}: {counts or 'no confusion has changed'}"


def _movement(one: Confusion) -> tuple[str, int]:
    if one.was is None:
        return str(one.count), 0
    return f"{one.was} → {one.count}", one.count - one.was


def _confidence(scene: Scene, mistake: Mistake, predicted: int) -> float:
    if mistake.confidence is not None:
        return mistake.confidence
    with torch.no_grad():
        return float(scene.task.predictions(scene.subject(scene.probes.images))[0, predicted])


def _lines(scene: Scene) -> int:
    """Of a caption, one more where it tells of slices."""
    return _LINES + (scene.probes.images.ndim > 4)


def _blank(scene: Scene, count: int) -> list[Pixels]:
    # Of the probes' shape, which the height of the picture follows.
    return [np.full((*sheet_size(scene.probes.images.shape[2:]), 3), 24, np.uint8)] * count
