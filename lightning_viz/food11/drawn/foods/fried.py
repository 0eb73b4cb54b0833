"""Fried food."""

from dataclasses import replace

import numpy as np

from lightning_viz.food11.drawn.canvas import Canvas, Look, Pose
from lightning_viz.food11.drawn.shapes import blob, box, circle, convex, ellipse, joined, moved, ring


def fries(canvas: Canvas, at: Pose) -> None:
    """A heap of fries, at times in a red carton."""
    carton = canvas.chance(0.4)
    here = at.put(0, -0.25)._replace(turn=canvas.rng.uniform(-0.3, 0.3)) if carton else at
    for i in range(15):
        turn = canvas.rng.normal(np.pi / 2, 0.22) if carton else canvas.rng.uniform(0, np.pi)
        u, v = (
            (canvas.rng.uniform(-0.5, 0.5), canvas.rng.uniform(-0.3, 0.15))
            if carton
            else canvas.rng.normal(0, 0.36, 2).clip(-0.6, 0.6)
        )
        tone = canvas.tone(240, 192, 86, 12)
        look = Look(
            tone,
            canvas.tone(214, 150, 52, 6),
            "fibre",
            0.5,
            bump=0.01,
            bevel=0.05,
            dome=0.05,
            gloss=0.2,
            rim=tone * np.float32(0.82),
            rim_width=0.04,
            shadow=0.06,
        )
        canvas.paint(box(0.56 - 0.008 * i, 0.085, 0.02), here.put(u, v, turn), look)
    if carton:
        canvas.evidence = False
        red = canvas.tone(200, 36, 34)
        canvas.paint(
            convex([(-0.62, 0.1), (0.62, 0.1), (0.48, 1.05), (-0.48, 1.05)], 0.04),
            here,
            Look(red, bevel=0.1, dome=0.05, shadow=0.1),
        )
        canvas.evidence = True


def _coat(canvas: Canvas, shade: float = 1.0) -> Look:
    tone, dark = canvas.tone(228 * shade, 148 * shade, 50 * shade), canvas.tone(150 * shade, 74 * shade, 16 * shade)
    return Look(dark, tone, "lumps", 0.75, bump=0.09, bevel=0.3, dome=0.28, gloss=0.3, shadow=0.14, wobble=0.09)


def nuggets(canvas: Canvas, at: Pose) -> None:
    """Five or six breaded nuggets."""
    count = 5 + canvas.pick(1, 1)
    look = _coat(canvas)
    for i in range(count):
        a, r = 2 * np.pi * i / (count - 1), 0.0 if i == count - 1 else 0.62
        here = at.put(r * np.cos(a), r * np.sin(a), canvas.rng.uniform(0, 6))
        canvas.paint(blob(0.37, a, 0.06, 0.82), here, replace(look, wobble=0.05))


def drumsticks(canvas: Canvas, at: Pose) -> None:
    """Breaded drumsticks, the bone in sight."""
    count = 2 + canvas.pick(2, 1)
    look = _coat(canvas, canvas.rng.uniform(0.8, 1.0))
    bone = Look(canvas.tone(240, 228, 204, 6), bevel=0.08, dome=0.06, shadow=0.08)
    for i in range(count):
        here = at.put(0.1, (i - (count - 1) / 2) * 0.62, -0.35 + 0.35 * i, 0.9)
        canvas.paint(
            joined(
                moved(box(0.35, 0.075, 0.06), 0.7, 0), moved(circle(0.11), 1.02, 0.07), moved(circle(0.11), 1.02, -0.07)
            ),
            here,
            bone,
        )
        canvas.paint(joined(moved(ellipse(0.52, 0.42), -0.3, 0), moved(ellipse(0.55, 0.24), 0.2, 0)), here, look)


def rings(canvas: Canvas, at: Pose) -> None:
    """Battered rings."""
    look = replace(_coat(canvas, 1.06), bevel=0.12, dome=0.13, wobble=0.06, shadow=0.09)
    for i in range(5):
        a, r = 2 * np.pi * i / 4 + 0.4, 0.0 if i == 4 else 0.55
        canvas.paint(ring(ellipse(0.34, 0.3), 0.11), at.put(r * np.cos(a), r * np.sin(a), a), look)


FRIED = ((fries, 6), (nuggets, 2), (drumsticks, 3), (rings, 1))
