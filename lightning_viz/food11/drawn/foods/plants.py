"""Vegetables and fruit."""

import numpy as np

from lightning_viz.food11.drawn.canvas import Canvas, Look, Pose
from lightning_viz.food11.drawn.shapes import arc, blob, box, circle, convex, cut, ellipse, joined, leaf, moved


def tomatoes(canvas: Canvas, at: Pose) -> None:
    """Two to four tomatoes with a green star."""
    count = 2 + canvas.pick(1, 1, 1)
    for i in range(count):
        a = 2 * np.pi * i / count + 0.5
        here = at.put(0.5 * np.cos(a), 0.5 * np.sin(a), a, 0.54 if count < 4 else 0.46)
        red = canvas.tone(212, 40, 28, 9)
        canvas.paint(circle(0.95), here, Look(red, bevel=0.9, dome=0.7, gloss=1.2, shadow=0.2))
        star = joined(*(moved(leaf(0.24, 0.07), 0.2 * np.cos(t), 0.2 * np.sin(t), t) for t in np.arange(5) * 1.257))
        canvas.paint(star, here, Look(canvas.tone(64, 116, 44), shadow=0.06))


def broccoli(canvas: Canvas, at: Pose) -> None:
    """Florets on pale stems."""
    for i in range(3):
        here = at.upright().put((-0.48, 0.5, 0.0)[i], (-0.3, -0.26, 0.38)[i], canvas.rng.uniform(-0.5, 0.5), 0.68)
        stem, green = canvas.tone(150, 182, 100), canvas.tone(70, 128, 48)
        canvas.paint(box(0.2, 0.5, 0.1), here.put(0, 0.4), Look(stem, bevel=0.2, dome=0.16, shadow=0.12))
        crown = joined(moved(circle(0.42), -0.36, 0.0), moved(circle(0.42), 0.36, 0.0), moved(circle(0.5), 0, -0.26))
        canvas.paint(
            crown,
            here,
            Look(
                green * np.float32(0.5),
                green * np.float32(1.15),
                "florets",
                0.55,
                bump=0.2,
                bevel=0.4,
                dome=0.3,
                gloss=0.2,
                shadow=0.12,
                wobble=0.14,
            ),
        )


def salad(canvas: Canvas, at: Pose) -> None:
    """Leaves with tomato halves and cucumber."""
    for i in range(9):
        a, r = 2.4 * i, 0.7 * (1 - i / 12)
        green = canvas.tone(96, 158, 54, 16)
        look = Look(
            green * np.float32(0.66),
            green * np.float32(1.15),
            "ridge",
            0.8,
            bump=0.16,
            dome=0.1,
            gloss=0.3,
            shadow=0.1,
            wobble=0.16,
        )
        canvas.paint(blob(0.4, a, 0.14), at.put(r * np.cos(a), r * np.sin(a), a), look)
    for i in range(4):
        here = at.put(*canvas.rng.uniform(-0.5, 0.5, 2))
        red = i % 2 == 0
        skin, flesh = (
            (canvas.tone(200, 40, 32), canvas.tone(232, 92, 66))
            if red
            else (canvas.tone(66, 120, 50), canvas.tone(206, 226, 160))
        )
        canvas.paint(
            circle(0.2), here, Look(flesh, rim=skin, rim_width=0.05, bevel=0.1, dome=0.05, gloss=0.4, shadow=0.08)
        )


def apples(canvas: Canvas, at: Pose) -> None:
    """One apple or two, with stem and leaf."""
    count = 1 + canvas.pick(1, 1)
    for i in range(count):
        here = at.upright().put((i - (count - 1) / 2) * 0.98, 0.15 * i, 0.0, 0.86 if count == 1 else 0.58)
        red, streak = (
            (canvas.tone(190, 30, 34), canvas.tone(214, 66, 48)),
            (canvas.tone(140, 182, 54), canvas.tone(160, 194, 66)),
        )[canvas.pick(2, 1)]
        body = joined(moved(circle(0.66), -0.22, 0), moved(circle(0.66), 0.22, 0), moved(ellipse(0.6, 0.78), 0, 0.1))
        canvas.paint(body, here, Look(red, streak, "fibre", 0.4, bump=0.02, bevel=0.7, dome=0.6, gloss=1.0, shadow=0.2))
        canvas.paint(ellipse(0.2, 0.08), here.put(0, -0.5), Look(red * np.float32(0.5)))
        canvas.paint(box(0.035, 0.22, 0.03), here.put(0.05, -0.68, 0.25), Look(canvas.tone(84, 56, 34)))
        canvas.paint(leaf(0.26, 0.11), here.put(0.3, -0.75, -0.3), Look(canvas.tone(84, 146, 54), bevel=0.1, dome=0.05))


def bananas(canvas: Canvas, at: Pose) -> None:
    """A hand of bananas."""
    for i in range(2 + canvas.pick(1, 1)):
        here = at.put(0.05 * i, -0.4 + 0.32 * i, 0.12 * i)
        yellow = canvas.tone(248, 208, 52, 8)
        canvas.paint(
            arc(1.0, 1.0, 0.2, 0.55),
            here.put(0, 0.4, np.pi),
            Look(yellow, yellow * np.float32(0.84), "fibre", 0.3, bump=0.01, dome=0.2, gloss=0.3, shadow=0.12),
        )
        for a in (-1.02, 1.02):
            canvas.paint(
                box(0.09, 0.05, 0.03), here.put(-np.sin(a), -0.6 + np.cos(a), a + np.pi), Look(canvas.tone(96, 74, 32))
            )


def citrus(canvas: Canvas, at: Pose) -> None:
    """Slices of orange, lemon or grapefruit."""
    peel, flesh = (
        ((244, 140, 20), (252, 176, 70)),
        ((246, 214, 50), (252, 236, 140)),
        ((244, 150, 90), (240, 110, 100)),
    )[canvas.pick(2, 1, 1)]
    for i in range(3):
        a = 2.1 * i + 0.6
        here = at.put(0.5 * np.cos(a), 0.5 * np.sin(a), a, 0.58)
        citrus_slice(canvas, here, peel, flesh)


def citrus_slice(canvas: Canvas, at: Pose, peel: tuple[int, int, int], flesh: tuple[int, int, int]) -> None:
    """One slice: peel, white ring, wedges."""
    white, pulp = canvas.tone(250, 240, 214, 5), canvas.tone(*flesh, 8)
    canvas.paint(
        circle(0.95), at, Look(white, rim=canvas.tone(*peel, 8), rim_width=0.1, bevel=0.1, dome=0.06, shadow=0.14)
    )
    spokes = joined(*(moved(box(0.9, 0.035), 0, 0, t) for t in np.arange(4) * np.pi / 4))
    canvas.paint(circle(0.76), at, Look(pulp * np.float32(0.94), pulp, "speckle", 0.5, bump=0.02, gloss=0.4))
    canvas.paint(cut(spokes, circle(0.8)), at, Look(white))


def carrots(canvas: Canvas, at: Pose) -> None:
    """Carrots with their greens."""
    for i in range(2 + canvas.pick(1, 1)):
        here = at.put(0, -0.5 + 0.5 * i, canvas.rng.uniform(-0.15, 0.15), 1.05)
        for turn in (-0.35, 0.0, 0.35):
            canvas.paint(
                leaf(0.32, 0.09),
                here.put(-1.0, 0.35 * turn, turn),
                Look(canvas.tone(78, 142, 52), bevel=0.08, dome=0.05, shadow=0.05),
            )
        orange = canvas.tone(238, 120, 32, 8)
        canvas.paint(
            convex([(-0.7, -0.16), (0.85, -0.01), (0.85, 0.01), (-0.7, 0.16)], 0.07),
            here,
            Look(orange * np.float32(0.86), orange, "ripple", 0.35, bump=0.02, dome=0.2, gloss=0.5, shadow=0.12),
        )


PLANTS = ((tomatoes, 2), (broccoli, 2.5), (salad, 3), (apples, 2), (bananas, 1.5), (citrus, 2), (carrots, 1.2))
