"""Meat."""

import numpy as np

from lightning_viz.food11.drawn.canvas import Canvas, Look, Pose
from lightning_viz.food11.drawn.noise import Array
from lightning_viz.food11.drawn.shapes import arc, blob, box, cut, joined, moved


def steak(canvas: Canvas, at: Pose) -> None:
    """A grilled steak with a fat edge and grill marks."""
    phase = canvas.rng.uniform(0, 6)
    done = canvas.rng.uniform(0, 1)
    brown = canvas.tone(130 - 24 * done, 74 - 14 * done, 52 - 10 * done, 8)
    shape = blob(0.86, phase, 0.09, 0.72)
    fat = canvas.tone(232, 204, 166, 8)
    canvas.paint(
        shape,
        at,
        Look(
            brown * np.float32(0.75),
            brown,
            "mottle",
            0.7,
            bump=0.05,
            dome=0.14,
            gloss=0.5,
            rim=fat,
            rim_width=0.09,
            shadow=0.16,
        ),
    )
    bars = joined(*(moved(box(0.032, 1.2), 0.26 * i, 0, 0.0) for i in range(-3, 4)))
    inner = blob(0.74, phase, 0.09, 0.72)
    char = Look(canvas.tone(40, 24, 20, 4), alpha=0.85)
    canvas.paint(cut(inner, moved(bars, 0, 0, 0.7)), at, char)
    if canvas.chance(0.4):
        canvas.paint(cut(inner, moved(bars, 0, 0, -0.8)), at, char)


def sausages(canvas: Canvas, at: Pose) -> None:
    """Two or three bent sausages with dark marks."""
    count = 2 + canvas.pick(1, 1)
    base = (canvas.tone(160, 76, 46), canvas.tone(198, 104, 74), canvas.tone(128, 56, 38))[canvas.pick(1, 1, 1)]
    for i in range(count):
        here = at.put(0, (i - (count - 1) / 2) * 0.52 - 0.06, canvas.rng.uniform(-0.1, 0.1))
        canvas.paint(
            arc(1.6, 0.52, 0.22),
            here,
            Look(base * np.float32(0.86), base, "mottle", 0.5, bump=0.02, bevel=0.22, dome=0.2, gloss=0.8, shadow=0.13),
        )
        for a in (-0.3, -0.1, 0.1, 0.3):
            mark = here.put(1.6 * np.sin(a), 1.6 - 1.6 * np.cos(a), a + 0.5)
            canvas.paint(box(0.035, 0.14, 0.03), mark, Look(base * np.float32(0.4), alpha=0.8))


def roast(canvas: Canvas, at: Pose) -> None:
    """Slices of roast: pink inside, brown crust."""
    count = 3 + canvas.pick(1, 1)
    pink = (canvas.tone(196, 96, 86), canvas.tone(214, 140, 122), canvas.tone(172, 108, 84))[canvas.pick(2, 1, 1)]
    look = Look(
        pink * np.float32(0.84),
        pink,
        "fibre",
        0.5,
        bump=0.03,
        bevel=0.08,
        dome=0.06,
        gloss=0.3,
        rim=canvas.tone(92, 52, 36, 6),
        shadow=0.13,
    )
    for i in range(count):
        here = at.put((i - (count - 1) / 2) * 0.42, canvas.rng.uniform(-0.08, 0.08), canvas.rng.uniform(1.3, 1.7))
        canvas.paint(blob(0.66, 1.0 + 0.3 * i, 0.05, 0.72), here, look)


def bacon(canvas: Canvas, at: Pose) -> None:
    """Strips of bacon with bands of fat."""
    red, fat = canvas.tone(166, 56, 44, 8), canvas.tone(238, 190, 160, 8)
    for i in range(3 + canvas.pick(1, 1)):
        here = at.put(0, -0.68 + 0.44 * i, canvas.rng.uniform(-0.12, 0.12))
        canvas.paint(
            box(0.95, 0.19, 0.05),
            here,
            Look(
                red * np.float32(0.8),
                red,
                "fibre",
                0.4,
                bump=0.06,
                bevel=0.1,
                dome=0.06,
                gloss=0.4,
                shadow=0.1,
                wobble=0.08,
            ),
        )
        for v in (-0.1, 0.07):
            canvas.paint(box(0.93, 0.038, 0.02), here.put(0, v), Look(fat, tile="fibre", wobble=0.1))


def ribs(canvas: Canvas, at: Pose) -> None:
    """A rack of glazed ribs, bones standing out."""
    glaze: Array = canvas.tone(124, 46, 24, 8)
    bone = Look(canvas.tone(236, 222, 196, 6), bevel=0.07, dome=0.06, shadow=0.06)
    for u in (-0.72, -0.36, 0.0, 0.36, 0.72):
        canvas.paint(box(0.075, 0.78, 0.07), at.put(u, 0), bone)
    canvas.paint(
        box(0.98, 0.56, 0.12),
        at,
        Look(glaze * np.float32(0.7), glaze, "mottle", 0.5, bump=0.06, bevel=0.1, dome=0.1, gloss=0.8, shadow=0.12),
    )
    for u in (-0.72, -0.36, 0.0, 0.36, 0.72):
        canvas.paint(
            box(0.15, 0.52, 0.14),
            at.put(u, 0),
            Look(glaze, glaze * np.float32(1.4), "mottle", 0.6, bump=0.04, bevel=0.15, dome=0.12, gloss=0.9),
        )


MEAT = ((steak, 4), (sausages, 3), (roast, 2), (bacon, 1.5), (ribs, 1.5))
