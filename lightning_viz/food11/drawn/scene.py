"""A scene: table, dish, food of one class, company, then the camera."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightning_viz.food11.drawn import table
from lightning_viz.food11.drawn.canvas import Canvas, Look, Pose
from lightning_viz.food11.drawn.foods.bread import slice_of_bread
from lightning_viz.food11.drawn.foods.plants import citrus_slice
from lightning_viz.food11.drawn.menu import CLASSES, FOODS, SERVED
from lightning_viz.food11.drawn.shapes import blob, circle, leaf

MIN_SIZE = 32
_BREAD, _EGG, _SOUP = CLASSES.index("Bread"), CLASSES.index("Egg"), CLASSES.index("Soup")


class Drawing(NamedTuple):
    """One picture.

    Attributes:
        image: uint8 (size, size, 3), RGB.
        label: Index into `CLASSES`.
        mask: bool (size, size), the evidence: the food that gives the class (for soup, soup and bowl).
        props: What else is in the scene, sorted: "plate", "bowl", "bread", "butter", "fork" and so on.
    """

    image: NDArray[np.uint8]
    label: int
    mask: NDArray[np.bool_]
    props: tuple[str, ...]


def draw(seed: int, index: int, size: int = 64) -> Drawing:
    """Draw one picture; the same seed and index give the same scene at every size.

    Args:
        seed: Which set, at least 0.
        index: Which picture of the set, at least 0; its class is `index % 11`.
        size: Pixels per side, at least 32.

    Raises:
        ValueError: If size is below 32, or seed or index below 0.

    >>> drawing = draw(0, 9)
    >>> CLASSES[drawing.label], drawing.image.shape, "bowl" in drawing.props
    ('Soup', (64, 64, 3), True)
    """
    check_scene(seed, index, size)
    rng, label = np.random.default_rng((seed, index)), index % len(CLASSES)
    canvas = Canvas(size, rng, zoom=rng.uniform(0.88, 1.12), tilt=rng.uniform(0.86, 1.0))
    _compose(canvas, label)
    return Drawing(expose(canvas), label, canvas.mask, tuple(sorted(set(canvas.props))))


def check_scene(seed: int, index: int, size: int) -> None:
    """Checks what names a picture.

    Raises:
        ValueError: If size is below 32, or seed or index below 0.
    """
    if size < MIN_SIZE:
        raise ValueError(f"Expected size to be at least {MIN_SIZE} pixels for the food to be seen, received {size}")
    if seed < 0 or index < 0:
        raise ValueError(f"Expected seed and index of 0 or more, received seed={seed} and index={index}")


def _compose(canvas: Canvas, label: int) -> None:
    rng = canvas.rng
    table.surface(canvas)
    x, y = rng.normal(0, 0.14, 2).clip(-0.35, 0.35)
    at = Pose(float(x), float(y), float(rng.uniform(0.74, 0.98)), float(rng.uniform(-np.pi, np.pi)))
    table.setting(canvas, at)
    well = _serve(canvas, at, label)
    if label == _EGG and canvas.chance(0.74):
        well = _toast(canvas, well)
    if label not in (_SOUP, _EGG):
        _side(canvas, at)
    painters, weights = zip(*FOODS[label], strict=True)
    canvas.evidence = True
    painters[canvas.pick(*weights)](canvas, well)
    canvas.evidence = False
    if label == _BREAD and canvas.chance(0.6):
        _topping(canvas, well)
    _in_front(canvas, at)


def _serve(canvas: Canvas, at: Pose, label: int) -> Pose:
    """Draw the dish and return the pose of the food on it."""
    kind = canvas.pick(*SERVED[label])
    canvas.evidence = label == _SOUP
    dishes = (table.plate, table.bowl, table.board, table.paper)
    if kind < len(dishes):
        dishes[kind](canvas, at)
    canvas.evidence = False
    if label == _SOUP:
        return at
    scale = (0.76, 0.86, 0.76, 0.78, 0.84)[kind] * canvas.rng.uniform(0.9, 1.08)
    du, dv = canvas.rng.normal(0, 0.04, 2)
    return at.put(du, dv, 0, scale)


def _toast(canvas: Canvas, well: Pose) -> Pose:
    """Put bread beside or beneath an egg; returns the pose of the egg, smaller upon the bread."""
    canvas.props.append("bread")
    if canvas.chance(0.65):
        slice_of_bread(canvas, well.put(-0.1, 0.0, canvas.rng.uniform(-0.5, 0.5), 1.6))
        return well.put(-0.08, 0.02, 0, canvas.rng.uniform(0.58, 0.85))
    a = canvas.rng.uniform(0, 6.28)
    for turn in (0.0, 0.75)[: 1 + canvas.pick(1, 1)]:
        place = well.put(1.0 * np.cos(a + turn), 1.0 * np.sin(a + turn), canvas.rng.uniform(-0.5, 0.5), 1.15)
        slice_of_bread(canvas, place)
    return well._replace(scale=well.scale * 0.84)


def _topping(canvas: Canvas, well: Pose) -> None:
    """A yellowish round on or beside bread: butter or cheese, at times on a melted smear."""
    u, v = canvas.rng.uniform(-0.3, 0.3, 2)
    here = well.put(u, v, canvas.rng.uniform(0, 6))
    if canvas.chance(0.4):
        pale = canvas.tone(252, 224, 146, 6)
        smear = blob(canvas.rng.uniform(0.4, 0.6), canvas.rng.uniform(0, 6), 0.12)
        canvas.paint(smear, here, Look(pale, bevel=0.14, dome=0.06, alpha=0.65))
    tone = canvas.tone(250, 200, 70, 10)
    butter = Look(tone, bevel=0.16, dome=0.09, gloss=0.8, shadow=0.05, wobble=0.03)
    canvas.paint(circle(canvas.rng.uniform(0.22, 0.34)), here, butter)
    canvas.props.append("butter")


def _side(canvas: Canvas, at: Pose) -> None:
    """A small companion at the dish's edge: a slice of lemon, a leaf, a tomato."""
    if not canvas.chance(0.22):
        return
    a, kind = canvas.rng.uniform(0, 6.28), canvas.pick(1, 2, 1)
    here = at.put(0.72 * np.cos(a), 0.72 * np.sin(a), a, 0.24)
    if kind == 0:
        citrus_slice(canvas, here, (246, 214, 50), (252, 236, 140))
    elif kind == 1:
        for turn in (0.0, 1.2, 2.3):
            canvas.paint(
                leaf(0.9, 0.4), here.put(0, 0, turn), Look(canvas.tone(88, 146, 56), bevel=0.3, dome=0.2, shadow=0.2)
            )
    else:
        canvas.paint(circle(0.7), here, Look(canvas.tone(210, 48, 34), bevel=0.6, dome=0.5, gloss=1.0, shadow=0.2))


def _in_front(canvas: Canvas, at: Pose) -> None:
    """Now and then cutlery or a napkin lies over the food's edge."""
    if canvas.chance(0.14):
        a = canvas.rng.uniform(-0.9, 0.9) + np.pi * canvas.pick(1, 1)
        tool = (table.fork, table.spoon)[canvas.pick(1, 1)]
        tool(canvas, Pose(at.x + 1.05 * np.sin(a), at.y + 1.05 * np.cos(a), 0.75, -a))
    elif canvas.chance(0.08):
        a = canvas.rng.uniform(0, 6.28)
        table.napkin(canvas, Pose(at.x + 1.15 * np.cos(a), at.y + 1.15 * np.sin(a), 1.1, a))


def expose(canvas: Canvas) -> NDArray[np.uint8]:
    """The camera: falling light, white balance, contrast, noise of the sensor; uint8 (size, size, 3)."""
    rng, pixels = canvas.rng, canvas.pixels
    lean = rng.uniform(0.0, 0.16)
    gain = rng.uniform(0.9, 1.08) * np.exp(rng.normal(0, 0.03, 3)).astype(np.float32)
    gamma, noise, black = rng.uniform(0.92, 1.1), rng.uniform(0.008, 0.03), rng.uniform(0, 0.03)
    x, y = canvas.x[None, :], canvas.y[:, None]
    fall = 1 + lean * (canvas.light[0] * x + canvas.light[1] * y)
    lit = np.clip(pixels * (gain.astype(np.float32)[:, None, None] * fall), 0, 1) ** np.float32(gamma)
    grain = rng.standard_normal(lit.shape, np.float32)
    out = np.clip(black + (1 - black) * lit + np.float32(noise) * grain, 0, 1)
    return np.ascontiguousarray((out * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0))
