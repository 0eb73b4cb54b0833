"""Bread."""

import numpy as np

from lightning_viz.food11.drawn.canvas import Canvas, Look, Pose
from lightning_viz.food11.drawn.noise import Array
from lightning_viz.food11.drawn.shapes import box, circle, ellipse, joined, moved


def _crust(canvas: Canvas) -> tuple[Array, Array]:
    return canvas.tone(150, 88, 38), canvas.tone(212, 154, 84)


def slice_of_bread(canvas: Canvas, at: Pose) -> None:
    """One slice of toast: pale crumb, brown crust."""
    toast = canvas.rng.uniform(0, 1)
    crumb = canvas.tone(240 - 34 * toast, 214 - 50 * toast, 166 - 62 * toast, 7)
    shape = joined(moved(box(0.52, 0.46, 0.14), 0, 0.08), moved(box(0.57, 0.27, 0.24), 0, -0.3))
    rim = canvas.tone(158, 94, 44, 10)
    look = Look(
        crumb * np.float32(0.84),
        crumb,
        "crumb",
        0.9,
        bump=0.05,
        bevel=0.08,
        dome=0.05,
        rim=rim,
        rim_width=0.12,
        shadow=0.1,
    )
    canvas.paint(shape, at, look)


def slices(canvas: Canvas, at: Pose) -> None:
    """One to three slices, one upon the other."""
    count = 1 + canvas.pick(2, 3, 1)
    for i in range(count):
        offset = (i - (count - 1) / 2) * 0.5
        slice_of_bread(canvas, at.put(offset, canvas.rng.uniform(-0.15, 0.15), canvas.rng.uniform(-0.3, 0.3), 1.05))


def loaf(canvas: Canvas, at: Pose) -> None:
    """A round or long loaf with slashes."""
    dark, light = _crust(canvas)
    long = canvas.rng.uniform(0.9, 1.25)
    look = Look(dark, light, "mottle", 0.5, bump=0.06, bevel=0.5, dome=0.42, gloss=0.3, shadow=0.2)
    canvas.paint(box(long, 0.62, 0.58), at, look)
    pale, edge = canvas.tone(236, 204, 150, 8), canvas.tone(176, 114, 60, 8)
    for u in np.linspace(-0.6, 0.6, 3 + canvas.pick(1, 1)) * long:
        slash = at.put(float(u), 0, 0.5)
        canvas.paint(
            ellipse(0.11, 0.42),
            slash,
            Look(pale * np.float32(0.86), pale, "crumb", 1, bump=0.04, bevel=0.1, dome=-0.06, rim=edge, rim_width=0.05),
        )


def baguette(canvas: Canvas, at: Pose) -> None:
    """One or two baguettes with slanted cuts."""
    count = 1 + canvas.pick(2, 3)
    for i in range(count):
        dark, light = _crust(canvas)
        here = at.put(0, (i - (count - 1) / 2) * 0.72, canvas.rng.uniform(-0.12, 0.12))
        canvas.paint(
            ellipse(1.5, 0.34),
            here,
            Look(dark, light, "mottle", 0.6, bump=0.05, bevel=0.3, dome=0.28, gloss=0.3, shadow=0.15),
        )
        for u in np.linspace(-0.9, 0.9, 5):
            cut_at = here.put(float(u), 0, 0.9)
            canvas.paint(ellipse(0.22, 0.07), cut_at, Look(canvas.tone(240, 212, 160, 8), rim=light, rim_width=0.05))


def croissant(canvas: Canvas, at: Pose) -> None:
    """A crescent of overlapping segments."""
    dark, light = _crust(canvas)
    here = at.put(0, -0.3)
    for a in (-1.35, 1.35, -1.0, 1.0, -0.66, 0.66, -0.33, 0.33, 0.0):
        width = 0.46 * (1 - 0.42 * (a / 1.35) ** 2)
        place = here.put(0.82 * np.sin(a), 0.82 - 0.82 * np.cos(a), a)
        look = Look(
            light,
            dark,
            "fibre",
            0.7,
            bump=0.03,
            bevel=0.24,
            dome=0.2,
            gloss=0.35,
            rim=dark,
            rim_width=0.07,
            shadow=0.08,
        )
        canvas.paint(ellipse(0.25, width), place, look)


def buns(canvas: Canvas, at: Pose) -> None:
    """Two or three round buns, most with sesame."""
    count = 2 + canvas.pick(1, 1)
    seeds, sesame = canvas.tone(246, 226, 176, 6), canvas.chance(0.7)
    for i in range(count):
        dark, light = _crust(canvas)
        a = 2 * np.pi * i / count
        here = at.put(0.52 * np.cos(a), 0.52 * np.sin(a), 0.0, 0.56)
        canvas.paint(
            circle(1.0), here, Look(dark, light, "cloud", 0.5, bump=0.1, bevel=0.95, dome=0.75, gloss=0.35, shadow=0.2)
        )
        for u, v in canvas.rng.normal(0, 0.38, (9 if sesame else 0, 2)).clip(-0.62, 0.62):
            canvas.paint(ellipse(0.1, 0.055), here.put(u, v, 9 * u), Look(seeds))


BREAD = ((slices, 8), (loaf, 1.5), (baguette, 1), (croissant, 1.5), (buns, 1.5))
