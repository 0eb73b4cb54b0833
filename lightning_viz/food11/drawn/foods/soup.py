"""Soup."""

import numpy as np

from lightning_viz.food11.drawn.canvas import Canvas, Look, Pose
from lightning_viz.food11.drawn.garnish import basil, bits
from lightning_viz.food11.drawn.noise import Array
from lightning_viz.food11.drawn.shapes import arc, box, circle, cut, ring


def _broth(canvas: Canvas, at: Pose, tone: Array, gloss: float = 0.4) -> None:
    rim = tone * np.float32(0.8)
    look = Look(
        tone * np.float32(0.93),
        tone,
        "cloud",
        0.4,
        bump=0.02,
        bevel=0.14,
        dome=-0.03,
        gloss=gloss,
        rim=rim,
        rim_width=0.05,
    )
    canvas.paint(circle(0.83), at, look)


def cream_soup(canvas: Canvas, at: Pose) -> None:
    """Tomato, pumpkin, pea or mushroom cream with a swirl."""
    tones = ((206, 66, 30), (232, 138, 40), (118, 150, 62), (206, 184, 148), (214, 172, 84))
    _broth(canvas, at, canvas.tone(*tones[canvas.pick(3, 3, 2, 2, 1)]))
    cream = Look(canvas.tone(250, 240, 222, 5), alpha=0.85)
    if canvas.chance(0.7):
        turn = canvas.rng.uniform(0, 6)
        canvas.paint(arc(0.4, 1.9, 0.05, 0.5), at.put(0, -0.4, 0).put(0.0, 0.0, 0.0), cream)
        canvas.paint(arc(0.24, 2.0, 0.045, 0.6), at.put(0.05, -0.1, turn), cream)
    if canvas.chance(0.45):
        crouton = canvas.tone(222, 164, 84)
        for u, v in canvas.rng.uniform(-0.4, 0.4, (5, 2)):
            canvas.paint(box(0.1, 0.1, 0.02), at.put(u, v, 5 * u), Look(crouton, bevel=0.06, dome=0.06, shadow=0.05))
    if canvas.chance(0.6):
        basil(canvas, at.put(*canvas.rng.uniform(-0.2, 0.2, 2)))


def clear_soup(canvas: Canvas, at: Pose) -> None:
    """Broth with carrots, peas, rings of leek and eyes of fat."""
    _broth(canvas, at, canvas.tone(*((212, 164, 70), (190, 120, 50), (170, 70, 36))[canvas.pick(2, 1, 1)]), 0.7)
    for r, u, v in canvas.rng.uniform((0.04, -0.55, -0.55), (0.1, 0.55, 0.55), (9, 3)):
        canvas.paint(ring(circle(r), 0.014), at.put(u, v), Look(canvas.tone(248, 220, 140, 6), alpha=0.7))
    bits(
        canvas,
        at.put(0, 0, 0, 1.25),
        (canvas.tone(232, 118, 36), canvas.tone(96, 150, 60), canvas.tone(238, 226, 190)),
        12,
        0.4,
    )


def ramen(canvas: Canvas, at: Pose) -> None:
    """Broth with a few toppings: nori, leek, meat, some noodles below."""
    _broth(canvas, at, canvas.tone(188, 130, 66), 0.6)
    tone = canvas.tone(238, 206, 130, 6)
    for _ in range(5):
        u, v, turn = canvas.rng.uniform(-0.35, 0.35), canvas.rng.uniform(-0.3, 0.4), canvas.rng.uniform(0, 6)
        canvas.paint(arc(0.4, 0.9, 0.04), at.put(u, v, turn), Look(tone, bevel=0.04, dome=0.03, alpha=0.8))
    canvas.paint(
        cut(box(0.2, 0.34, 0.01), circle(0.9)), at.put(0.42, -0.42, 0.5), Look(canvas.tone(32, 44, 36, 4), shadow=0.05)
    )
    canvas.paint(
        circle(0.25),
        at.put(-0.35, -0.2),
        Look(
            canvas.tone(206, 150, 120),
            canvas.tone(150, 90, 66),
            "mottle",
            0.6,
            bump=0.02,
            rim=canvas.tone(120, 70, 46),
            rim_width=0.06,
            shadow=0.05,
        ),
    )
    bits(canvas, at.put(0.05, 0.3), (canvas.tone(120, 176, 80), canvas.tone(220, 230, 180)), 9, 0.35)


SOUP = ((cream_soup, 4), (clear_soup, 3), (ramen, 1.5))
