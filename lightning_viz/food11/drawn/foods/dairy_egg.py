"""Dairy products and eggs."""

import numpy as np

from lightning_viz.food11.drawn.canvas import Canvas, Look, Pose
from lightning_viz.food11.drawn.shapes import blob, box, circle, convex, cut, ellipse, joined, moved, ring
from lightning_viz.food11.drawn.table import bowl


def milk(canvas: Canvas, at: Pose) -> None:
    """A tall glass of milk."""
    here = at.upright().put(0, 0.0, 0, 1.05)
    clear, white = canvas.tone(206, 216, 222, 6), canvas.tone(246, 244, 238, 5)
    canvas.paint(
        convex([(-0.52, -0.85), (0.52, -0.85), (0.42, 0.85), (-0.42, 0.85)], 0.06),
        here,
        Look(clear, bevel=0.2, dome=0.15, gloss=0.8, shadow=0.25, alpha=0.6),
    )
    level = canvas.rng.uniform(-0.65, -0.25)
    canvas.paint(
        convex([(-0.48, level), (0.48, level), (0.4, 0.78), (-0.4, 0.78)], 0.04),
        here,
        Look(white, rim=white * np.float32(0.86), rim_width=0.2),
    )
    canvas.paint(ellipse(0.51, 0.13), here.put(0, level), Look(white, rim=white * np.float32(0.84), rim_width=0.05))
    canvas.paint(ring(ellipse(0.57, 0.15), 0.025), here.put(0, -0.85), Look(canvas.tone(236, 242, 246, 5), alpha=0.9))
    canvas.paint(box(0.035, 0.5, 0.03), here.put(-0.33, 0.1, -0.05), Look(canvas.tone(252, 252, 252, 1), alpha=0.7))


def yoghurt(canvas: Canvas, at: Pose) -> None:
    """A cup of yoghurt with a swirl and some berries."""
    bowl(canvas, at)
    white = (canvas.tone(248, 244, 236, 5), canvas.tone(244, 200, 208, 8))[canvas.pick(3, 1)]
    cream = Look(white * np.float32(0.93), white, "cloud", 0.6, bump=0.12, dome=0.08, gloss=0.2)
    canvas.paint(circle(0.84), at, cream)
    for r in (0.55, 0.25):
        canvas.paint(ring(circle(r), 0.09), at.put(0.05, 0.03), Look(white, bevel=0.1, dome=0.1))
    for _ in range(canvas.pick(1, 1, 1, 1) + 1):
        berry = (canvas.tone(64, 66, 120), canvas.tone(200, 36, 60))[canvas.pick(1, 1)]
        place = at.put(*canvas.rng.uniform(-0.45, 0.45, 2))
        canvas.paint(circle(0.15), place, Look(berry, bevel=0.15, dome=0.13, gloss=0.7, shadow=0.05))


def cheese(canvas: Canvas, at: Pose) -> None:
    """A wedge of cheese with holes, at times two."""
    for i in range(1 + canvas.pick(2, 1)):
        here = at.upright().put(0.25 * i, 0.1 + 0.6 * i, 0.0, 1.15 - 0.5 * i)
        yellow = canvas.tone(244, 200, 84, 10)
        side = yellow * np.array([0.88, 0.8, 0.7], np.float32)
        canvas.paint(
            convex([(-1.0, -0.05), (0.95, 0.15), (0.95, 0.62), (-1.0, 0.42)], 0.04),
            here,
            Look(side, bevel=0.05, dome=0.03, shadow=0.2),
        )
        canvas.paint(
            convex([(-1.0, -0.05), (0.35, -0.7), (0.95, 0.12)], 0.05),
            here,
            Look(yellow, bevel=0.06, dome=0.05, gloss=0.3),
        )
        hole = Look(side * np.float32(0.78), bevel=0.1, dome=-0.12)
        for u, v, r in (
            (-0.25, -0.14, 0.13),
            (0.3, -0.36, 0.15),
            (0.5, -0.04, 0.1),
            (-0.55, 0.2, 0.1),
            (0.0, 0.3, 0.13),
            (0.6, 0.4, 0.12),
        ):
            du, dv, dr = canvas.rng.normal(0, 0.03, 3)
            canvas.paint(ellipse(r + dr, (r + dr) * 0.8), here.put(u + du, v + dv), hole)


def butter(canvas: Canvas, at: Pose) -> None:
    """A block of butter, some pats cut off."""
    here = at.upright()
    pale = canvas.tone(248, 224, 132, 8)
    side = pale * np.array([0.9, 0.85, 0.72], np.float32)
    for u in (0.72, 0.98)[: canvas.pick(1, 1, 1)]:
        canvas.paint(box(0.1, 0.36, 0.03), here.put(u, 0.2, 0.12), Look(pale, rim=side, rim_width=0.05, shadow=0.1))
    canvas.paint(
        convex([(-0.95, 0.1), (0.5, 0.1), (0.5, 0.58), (-0.95, 0.58)], 0.04),
        here,
        Look(side, bevel=0.06, dome=0.03, shadow=0.2),
    )
    canvas.paint(
        convex([(-0.7, -0.4), (0.68, -0.4), (0.5, 0.1), (-0.95, 0.1)], 0.04),
        here,
        Look(pale, tile="cloud", bump=0.04, bevel=0.08, dome=0.05, gloss=0.5),
    )


def fried(canvas: Canvas, at: Pose) -> None:
    """One fried egg, or two."""
    two = canvas.chance(0.35)
    for i in range(1 + two):
        here = (
            at.put((i - 0.5) * 0.95, 0.35 * (i - 0.5), canvas.rng.uniform(0, 6), 0.78)
            if two
            else at.put(0, 0, canvas.rng.uniform(0, 6))
        )
        white = canvas.tone(248, 246, 238, 5)
        look = Look(
            white,
            white * np.float32(0.95),
            "cloud",
            0.5,
            bump=0.12,
            bevel=0.14,
            dome=0.08,
            gloss=0.4,
            rim=canvas.tone(214, 170, 110),
            rim_width=0.05,
            shadow=0.08,
        )
        canvas.paint(blob(0.8, canvas.rng.uniform(0, 6), 0.1), here, look)
        yolk(canvas, here.put(*canvas.rng.uniform(-0.15, 0.15, 2)), canvas.rng.uniform(0.3, 0.38))


def yolk(canvas: Canvas, at: Pose, radius: float) -> None:
    """A glossy yolk."""
    tone = canvas.tone(250, 176, 32, 10)
    canvas.paint(
        circle(radius),
        at,
        Look(tone, rim=tone * np.float32(0.88), rim_width=0.06, bevel=radius, dome=radius * 0.6, gloss=0.5),
    )


def boiled(canvas: Canvas, at: Pose) -> None:
    """Halves of boiled eggs."""
    count = 2 + canvas.pick(2, 2, 1)
    for i in range(count):
        a = 2 * np.pi * (i + 0.3) / count
        here = at.put(0.52 * np.cos(a), 0.5 * np.sin(a), a + canvas.rng.uniform(-0.5, 0.5), 0.6 if count < 4 else 0.52)
        white = canvas.tone(250, 248, 242, 4)
        canvas.paint(
            joined(ellipse(0.9, 0.68), moved(circle(0.68), -0.12, 0)),
            here,
            Look(white, rim=white * np.float32(0.9), rim_width=0.1, bevel=0.2, dome=0.14, gloss=0.3, shadow=0.16),
        )
        tone = canvas.tone(248, 190, 60, 10)
        canvas.paint(
            circle(0.4),
            here.put(-0.1, 0),
            Look(tone, tone * np.float32(0.9), "speckle", 0.5, bump=0.02, rim=tone * np.float32(0.84), rim_width=0.07),
        )


def omelette(canvas: Canvas, at: Pose) -> None:
    """A folded omelette with browned patches and chives."""
    tone = canvas.tone(250, 206, 84, 8)
    half = cut(ellipse(1.0, 0.95), moved(box(2, 1, 0), 0, 0.75))
    look = Look(
        tone,
        canvas.tone(206, 132, 48),
        "mottle",
        0.35,
        bump=0.03,
        bevel=0.35,
        dome=0.25,
        gloss=0.3,
        shadow=0.14,
        wobble=0.06,
    )
    canvas.paint(half, at.put(0, -0.3, 0), look)
    _herbs(canvas, at, 9)


def scrambled(canvas: Canvas, at: Pose) -> None:
    """Soft yellow curds."""
    for u, v in canvas.rng.normal(0, 0.33, (11, 2)).clip(-0.6, 0.6):
        tone = canvas.tone(252, 214, 92, 10)
        look = Look(tone * np.float32(0.9), tone, "cloud", 0.9, bump=0.12, dome=0.2, gloss=0.4, shadow=0.06)
        canvas.paint(blob(0.32, 9 * u, 0.14), at.put(u, v), look)
    _herbs(canvas, at, 8)


def _herbs(canvas: Canvas, at: Pose, count: int) -> None:
    green = canvas.tone(74, 128, 50)
    for u, v in canvas.rng.uniform(-0.5, 0.5, (count, 2)):
        canvas.paint(box(0.06, 0.03), at.put(u, v, 9 * u), Look(green))


DAIRY = ((milk, 3), (yoghurt, 2), (cheese, 3), (butter, 2))
EGG = ((fried, 5), (boiled, 4), (omelette, 1.5), (scrambled, 1))
