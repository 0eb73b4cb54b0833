"""Garnishes that several foods share."""

import numpy as np

from lightning_viz.food11.drawn.canvas import Canvas, Look, Pose
from lightning_viz.food11.drawn.noise import Array
from lightning_viz.food11.drawn.shapes import box, circle, leaf


def bits(canvas: Canvas, at: Pose, tones: tuple[Array, ...], count: int, spread: float) -> None:
    """Scatter small dice and balls of the tones over a square of half side spread."""
    for u, v in canvas.rng.uniform(-spread, spread, (count, 2)):
        tone = tones[canvas.pick(*(1,) * len(tones))]
        shape = (circle(0.07), box(0.075, 0.06, 0.02))[canvas.pick(1, 1)]
        canvas.paint(shape, at.put(u, v, 7 * u), Look(tone, bevel=0.06, dome=0.05, shadow=0.03))


def basil(canvas: Canvas, at: Pose) -> None:
    """Two or three basil leaves."""
    green = canvas.tone(62, 122, 44)
    for turn in (0.3, 2.0, 4.1)[: 2 + canvas.pick(1, 1)]:
        canvas.paint(
            leaf(0.2, 0.1),
            at.put(0.14 * np.cos(turn), 0.14 * np.sin(turn), turn),
            Look(green, bevel=0.1, dome=0.07, gloss=0.3, shadow=0.05),
        )
