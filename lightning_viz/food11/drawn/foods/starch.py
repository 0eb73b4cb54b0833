"""Noodles and rice."""

import numpy as np

from lightning_viz.food11.drawn.canvas import Canvas, Look, Pose
from lightning_viz.food11.drawn.garnish import basil, bits
from lightning_viz.food11.drawn.noise import Array
from lightning_viz.food11.drawn.shapes import arc, blob, box, convex, ellipse


def _tangle(canvas: Canvas, at: Pose, radius: float) -> None:
    tone = canvas.tone(244, 212, 134, 9)
    dark = tone * np.array([0.5, 0.42, 0.3], np.float32)
    look = Look(
        dark,
        tone * np.float32(1.04),
        "noodle",
        canvas.rng.uniform(0.27, 0.36),
        bump=0.2,
        bevel=radius * 0.8,
        dome=0.3,
        gloss=0.25,
        shadow=0.12,
        wobble=0.14,
    )
    canvas.paint(blob(radius, canvas.rng.uniform(0, 6), 0.05), at.put(0, 0, canvas.rng.uniform(0, 6)), look)
    for _ in range(7):
        a, r = canvas.rng.uniform(0, 6.28), canvas.rng.uniform(0.3, 0.7) * radius
        strand = at.put(r * np.cos(a), r * np.sin(a), a + canvas.rng.uniform(0, 3))
        canvas.paint(
            arc(canvas.rng.uniform(0.3, 0.6), canvas.rng.uniform(0.6, 1.2), 0.045),
            strand,
            Look(tone, bevel=0.045, dome=0.05, rim=dark, rim_width=0.02, shadow=0.03),
        )


def spaghetti(canvas: Canvas, at: Pose) -> None:
    """A tangle of spaghetti with red sauce, meatballs or none."""
    _tangle(canvas, at, 0.88)
    if canvas.chance(0.75):
        sauce = (canvas.tone(186, 46, 24), canvas.tone(140, 62, 34), canvas.tone(92, 124, 44))[canvas.pick(3, 2, 1)]
        canvas.paint(
            blob(0.46, canvas.rng.uniform(0, 6), 0.14),
            at,
            Look(
                sauce * np.float32(0.75),
                sauce,
                "lumps",
                0.6,
                bump=0.1,
                bevel=0.3,
                dome=0.2,
                gloss=0.5,
                shadow=0.06,
                wobble=0.1,
            ),
        )
        bits(canvas, at, (canvas.tone(244, 226, 170, 6),), 6, 0.3)
    if canvas.chance(0.6):
        basil(canvas, at)


def noodle_bowl(canvas: Canvas, at: Pose) -> None:
    """Asian noodles with spring onion and strips of vegetables."""
    _tangle(canvas, at, 0.86)
    bits(canvas, at, (canvas.tone(90, 150, 60), canvas.tone(226, 110, 40), canvas.tone(196, 50, 40)), 9, 0.5)


def penne(canvas: Canvas, at: Pose) -> None:
    """Short tubes in sauce."""
    sauce = (canvas.tone(200, 64, 30), canvas.tone(240, 222, 180), canvas.tone(110, 138, 56))[canvas.pick(2, 1, 1)]
    canvas.paint(
        blob(0.85, canvas.rng.uniform(0, 6), 0.06),
        at,
        Look(sauce * np.float32(0.8), sauce, "mottle", 0.6, bump=0.05, bevel=0.3, dome=0.1),
    )
    for u, v in canvas.rng.normal(0, 0.36, (15, 2)).clip(-0.65, 0.65):
        tone = canvas.tone(242, 204, 122, 8) * np.float32(0.8) + sauce * np.float32(0.2)
        here = at.put(u, v, canvas.rng.uniform(0, 3.14))
        canvas.paint(
            box(0.27, 0.095, 0.02),
            here,
            Look(tone, bevel=0.09, dome=0.1, gloss=0.3, rim=tone * np.float32(0.75), rim_width=0.03, shadow=0.07),
        )
        canvas.paint(ellipse(0.04, 0.07), here.put(0.25, 0), Look(tone * np.float32(0.4)))
    if canvas.chance(0.5):
        basil(canvas, at)


def _mound(canvas: Canvas, at: Pose, tone: Array, radius: float) -> None:
    dark = tone * np.array([0.8, 0.78, 0.74], np.float32)
    look = Look(
        dark,
        tone,
        "rice",
        canvas.rng.uniform(0.75, 0.95),
        bump=0.055,
        bevel=radius * 0.9,
        dome=0.4,
        gloss=0.2,
        shadow=0.1,
        wobble=0.07,
    )
    canvas.paint(blob(radius, canvas.rng.uniform(0, 6), 0.04), at, look)


def steamed_rice(canvas: Canvas, at: Pose) -> None:
    """A mound of white rice, sesame or herbs on top."""
    _mound(canvas, at, canvas.tone(250, 248, 240, 4), 0.84)
    if canvas.chance(0.6):
        bits(
            canvas,
            at.put(0, 0, 0, 0.6),
            ((canvas.tone(40, 36, 34), canvas.tone(80, 130, 56), canvas.tone(190, 40, 50)))[canvas.pick(1, 1, 1) :],
            6,
            0.5,
        )


def fried_rice(canvas: Canvas, at: Pose) -> None:
    """Golden rice with peas, carrot and egg."""
    _mound(canvas, at, canvas.tone(238, 206, 138, 8), 0.88)
    bits(
        canvas,
        at,
        (canvas.tone(92, 156, 58), canvas.tone(232, 116, 36), canvas.tone(250, 216, 96), canvas.tone(206, 80, 60)),
        18,
        0.58,
    )


def rice_and_curry(canvas: Canvas, at: Pose) -> None:
    """Half rice, half brown sauce."""
    sauce = (canvas.tone(164, 96, 36), canvas.tone(196, 128, 40), canvas.tone(120, 66, 36))[canvas.pick(1, 1, 1)]
    canvas.evidence = False
    canvas.paint(
        blob(0.86, canvas.rng.uniform(0, 6), 0.05),
        at.put(0.08, 0),
        Look(sauce * np.float32(0.85), sauce, "mottle", 0.5, bump=0.05, dome=0.08, gloss=0.6),
    )
    bits(canvas, at.put(0.4, 0), (canvas.tone(226, 120, 40), canvas.tone(220, 190, 120)), 5, 0.35)
    canvas.evidence = True
    _mound(canvas, at.put(-0.32, 0), canvas.tone(250, 248, 240, 4), 0.56)


def onigiri(canvas: Canvas, at: Pose) -> None:
    """Two rice triangles with a strip of nori."""
    for i in range(2):
        here = at.upright().put((i - 0.5) * 1.0, 0.2 * (i - 0.5), 0.2 * (i - 0.5), 1.0)
        tone = canvas.tone(250, 248, 240, 4)
        shape = convex([(-0.36, 0.36), (0.0, -0.36), (0.36, 0.36)], 0.16)
        canvas.paint(
            shape,
            here,
            Look(tone * np.float32(0.74), tone, "rice", 0.8, bump=0.05, bevel=0.14, dome=0.1, gloss=0.2, shadow=0.14),
        )
        canvas.paint(
            box(0.2, 0.22, 0.02),
            here.put(0, 0.32),
            Look(canvas.tone(34, 46, 36, 5), canvas.tone(56, 66, 50, 5), "speckle", 0.6, bump=0.02),
        )


NOODLES = ((spaghetti, 4), (noodle_bowl, 2), (penne, 2))
RICE = ((steamed_rice, 4), (fried_rice, 2.5), (rice_and_curry, 2), (onigiri, 1.5))
