"""Seafood."""

import numpy as np

from lightning_viz.food11.drawn.canvas import Canvas, Look, Pose
from lightning_viz.food11.drawn.shapes import arc, blob, box, circle, convex, ellipse, joined, leaf, moved


def shrimps(canvas: Canvas, at: Pose) -> None:
    """Three to five curled shrimps with stripes and a tail."""
    count = 3 + canvas.pick(1, 1, 1)
    for i in range(count):
        a = 2 * np.pi * i / count
        here = at.put(0.5 * np.cos(a), 0.5 * np.sin(a), a + canvas.rng.uniform(-0.6, 0.6), 0.95)
        pink, band = canvas.tone(248, 164, 124, 8), canvas.tone(226, 92, 56, 8)
        red = Look(band, bevel=0.08, dome=0.05, shadow=0.08)
        tail = 1.75
        end = here.put(0.3 * np.sin(tail), -0.02 - 0.3 * np.cos(tail), tail)
        for turn in (-0.4, 0.4):
            canvas.paint(leaf(0.17, 0.08), end.put(0.12, 0.12 * turn, turn), red)
        canvas.paint(
            arc(0.3, 1.75, 0.17, 0.45),
            here.put(0, -0.32),
            Look(pink, bevel=0.17, dome=0.17, gloss=0.7, rim=band, rim_width=0.05, shadow=0.12),
        )
        for b in (-1.2, -0.7, -0.2, 0.3, 0.8, 1.3):
            stripe = here.put(0.33 * np.sin(b), -0.02 - 0.33 * np.cos(b), b)
            canvas.paint(box(0.024, 0.12, 0.02), stripe, Look(band, alpha=0.75))


def fish(canvas: Canvas, at: Pose) -> None:
    """A whole fish with scales, fins, gill and eye."""
    tones = (((150, 160, 170), (214, 220, 222)), ((196, 112, 84), (236, 190, 160)), ((120, 136, 120), (204, 204, 180)))
    dark, light = (canvas.tone(*tone) for tone in tones[canvas.pick(3, 1, 1)])
    here = at.put(-0.05, 0, canvas.rng.uniform(-0.3, 0.3), 1.15)
    fin = Look(dark * np.float32(0.75), dark, "fibre", 0.8, bump=0.03, shadow=0.1)
    canvas.paint(convex([(0.6, 0.0), (1.12, -0.38), (1.12, 0.38)], 0.03), here, fin)
    canvas.paint(convex([(-0.3, -0.3), (0.1, -0.52), (0.45, -0.22)], 0.03), here, fin)
    canvas.paint(convex([(0.3, 0.2), (0.2, 0.48), (-0.1, 0.28)], 0.03), here, fin)
    body = joined(leaf(1.0, 0.4), moved(ellipse(0.45, 0.33), -0.4, 0))
    canvas.paint(
        body,
        here.put(-0.12, 0),
        Look(dark, light, "lumps", 1.3, bump=0.05, bevel=0.36, dome=0.32, gloss=0.7, shadow=0.15),
    )
    canvas.paint(arc(0.34, 0.75, 0.02), here.put(-0.3, 0, 1.57 + np.pi), Look(dark * np.float32(0.6), alpha=0.7))
    canvas.paint(circle(0.1), here.put(-0.68, -0.09), Look(canvas.tone(244, 240, 226, 5)))
    canvas.paint(circle(0.058), here.put(-0.68, -0.09), Look(canvas.tone(20, 20, 24, 3)))


def mussels(canvas: Canvas, at: Pose) -> None:
    """Open mussels: dark shells, orange flesh."""
    for i in range(6):
        a, r = 2 * np.pi * i / 5, 0.0 if i == 5 else 0.66
        here = at.put(r * np.cos(a), r * np.sin(a), a + canvas.rng.uniform(-0.7, 0.7), 1.15)
        shell = canvas.tone(38, 42, 60, 6)
        shape = joined(moved(ellipse(0.34, 0.24), 0.06, 0), moved(ellipse(0.3, 0.14), -0.2, 0))
        canvas.paint(
            shape,
            here,
            Look(
                shell,
                canvas.tone(70, 78, 104, 6),
                "fibre",
                0.6,
                bump=0.02,
                bevel=0.08,
                dome=0.1,
                gloss=0.9,
                rim=shell,
                rim_width=0.06,
                shadow=0.13,
            ),
        )
        canvas.paint(
            ellipse(0.3, 0.16), here.put(0.04, 0), Look(canvas.tone(170, 174, 190, 8), bevel=0.1, dome=-0.08, gloss=0.5)
        )
        flesh = canvas.tone(236, 150, 60)
        canvas.paint(
            blob(0.19, a, 0.1, 0.62),
            here.put(0.06, 0),
            Look(flesh, flesh * np.float32(0.8), "cloud", bump=0.08, bevel=0.12, dome=0.1, gloss=0.8),
        )


def salmon(canvas: Canvas, at: Pose) -> None:
    """Salmon: pink with pale lines, as a fillet or in slices."""
    pink = canvas.tone(244, 124, 82, 9)
    pale = pink * np.float32(0.45) + np.float32(0.5)
    count = 1 + 2 * canvas.pick(1, 1)
    for i in range(count):
        here = at.put((i - (count - 1) / 2) * 0.55, 0.1 * i - 0.1, 0.25 if count > 1 else 0.0)
        shape = box(0.34, 0.66, 0.16) if count > 1 else joined(box(0.82, 0.46, 0.2), moved(ellipse(0.5, 0.4), 0.5, 0))
        canvas.paint(
            shape,
            here,
            Look(
                pink,
                pale,
                "ripple",
                0.62,
                bump=0.02,
                bevel=0.14,
                dome=0.1,
                gloss=0.5,
                rim=pink * np.float32(0.9),
                rim_width=0.06,
                shadow=0.14,
            ),
        )


SEAFOOD = ((shrimps, 4), (fish, 4), (mussels, 2), (salmon, 2))
