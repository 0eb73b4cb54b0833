"""A laid table: several dishes of different foods, some of them partly eaten."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightning_viz.food11.drawn import table
from lightning_viz.food11.drawn.canvas import Canvas, Look, Pose
from lightning_viz.food11.drawn.menu import CLASSES, FOODS
from lightning_viz.food11.drawn.noise import Array
from lightning_viz.food11.drawn.scene import check_scene, expose
from lightning_viz.food11.drawn.shapes import box, circle, cut, moved

_SOUP = CLASSES.index("Soup")
_TABLES = 2
"""Behind seed and index, what a table starts from, so that it shares nothing with the pictures of single dishes."""

Mask = NDArray[np.bool_]


class LaidTable(NamedTuple):
    """One picture of D dishes, each of another class.

    Attributes:
        image: uint8 (size, size, 3), RGB.
        labels: The classes of the dishes, D indices into `CLASSES`.
        masks: bool (D, size, size), where each food lies (for soup, soup and bowl), but for what hides it.
        eaten: The share of all that was served that is eaten, in [0, 1), by area.
    """

    image: NDArray[np.uint8]
    labels: tuple[int, ...]
    masks: Mask
    eaten: float

    @property
    def boxes(self) -> NDArray[np.float32]:
        """The smallest box around each food, float32 (D, 4): left, top, right, bottom in pixels; 0 of hidden ones."""
        found = np.zeros((len(self.masks), 4), np.float32)
        for edges, mask in zip(found, self.masks, strict=True):
            if mask.any():
                rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
                edges[:] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
        return found


def draw_table(seed: int, index: int, size: int = 96) -> LaidTable:
    """Draw one table of two to four dishes; the same seed and index give the same table at every size.

    Args:
        seed: Which set, at least 0.
        index: Which table of the set, at least 0.
        size: Pixels per side, at least 32.

    Raises:
        ValueError: If size is below 32, or seed or index below 0.

    >>> laid = draw_table(0, 0)
    >>> [CLASSES[label] for label in laid.labels], laid.masks.shape, round(laid.eaten, 1)
    (['Noodles/Pasta', 'Seafood', 'Meat', 'Dessert'], (4, 96, 96), 0.2)
    """
    check_scene(seed, index, size)
    rng = np.random.default_rng((seed, index, _TABLES))
    canvas = Canvas(size, rng, zoom=rng.uniform(0.96, 1.06), tilt=rng.uniform(0.9, 1.0))
    table.surface(canvas)
    count = 2 + canvas.pick(2, 3, 2)
    labels, places = rng.permutation(len(CLASSES))[:count], rng.permutation(4)[:count]
    masks: list[Mask] = []
    served = left = 0
    for label, place in zip(labels.tolist(), places.tolist(), strict=True):
        mask, before, after = _dish(canvas, _place(canvas, place), label)
        masks = [*_below(canvas, masks), mask]
        served, left = served + before, left + after
    _cutlery(canvas)
    masks = _below(canvas, masks)
    return LaidTable(expose(canvas), tuple(labels.tolist()), np.stack(masks), 1 - left / served)


def _place(canvas: Canvas, place: int) -> Pose:
    """One of four places, where dishes do not touch."""
    (x, y), scale = canvas.rng.uniform(-0.05, 0.05, 2), canvas.rng.uniform(0.42, 0.48)
    turn = canvas.rng.uniform(-np.pi, np.pi)
    return Pose(float(x) + place % 2 - 0.5, float(y) + place // 2 - 0.5, float(scale), float(turn))


def _dish(canvas: Canvas, at: Pose, label: int) -> tuple[Mask, int, int]:
    """Draw a dish with its food; returns the mask of what is left, and the pixels of food before and after."""
    canvas.mask, canvas.painted = np.zeros_like(canvas.mask), np.zeros_like(canvas.mask)
    canvas.evidence = label == _SOUP
    china = (table.bowl if label == _SOUP else table.plate)(canvas, at)
    bowl, canvas.mask = canvas.mask, np.zeros_like(canvas.mask)
    painters, weights = zip(*FOODS[label], strict=True)
    scale = 1.0 if label == _SOUP else float(canvas.rng.uniform(0.76, 0.88))
    canvas.evidence = True
    painters[canvas.pick(*weights)](canvas, at.put(0, 0, 0, scale))
    canvas.evidence = False
    before = int(canvas.mask.sum())
    if canvas.chance(0.5):
        _eat(canvas, at, china, radius=0.86 if label == _SOUP else 1.0)
    return canvas.mask | bowl, before, int(canvas.mask.sum())


def _eat(canvas: Canvas, at: Pose, china: Array, *, radius: float) -> None:
    """Clear a part of a dish, from one side on."""
    gone = float(canvas.rng.uniform(-0.45, 0.2)) * radius
    side = moved(box(radius, 1.2 * radius), gone - radius, 0)
    look = Look(china * np.float32(0.97), bevel=0.08, dome=-0.04)
    canvas.paint(cut(circle(radius), side), at.put(0, 0, float(canvas.rng.uniform(-np.pi, np.pi))), look)


def _below(canvas: Canvas, masks: list[Mask]) -> list[Mask]:
    """What is left to be seen of masks below all that was painted since they were taken."""
    painted, canvas.painted = canvas.painted, np.zeros_like(canvas.painted)
    return [mask & ~painted for mask in masks]


def _cutlery(canvas: Canvas) -> None:
    """Now and then something lies between the dishes."""
    if canvas.chance(0.5):
        tool = (table.fork, table.knife, table.spoon)[canvas.pick(1, 1, 1)]
        tool(canvas, Pose(float(canvas.rng.normal(0, 0.03)), float(canvas.rng.uniform(-0.6, 0.6)), 0.3, 0.0))
