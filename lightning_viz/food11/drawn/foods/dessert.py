"""Dessert."""

import numpy as np

from lightning_viz.food11.drawn.canvas import Canvas, Look, Pose
from lightning_viz.food11.drawn.shapes import box, circle, convex, cut, ellipse, joined, moved, ring


def cake(canvas: Canvas, at: Pose) -> None:
    """A slice of layer cake from the side, a berry on top."""
    here = at.upright()
    sponge, cream = (
        (canvas.tone(92, 54, 36), canvas.tone(240, 222, 200)),
        (canvas.tone(232, 186, 110), canvas.tone(250, 244, 236)),
        (canvas.tone(150, 36, 40), canvas.tone(250, 240, 232)),
    )[canvas.pick(1, 1, 1)]
    icing = (cream, canvas.tone(84, 46, 30), canvas.tone(240, 150, 176))[canvas.pick(2, 1, 1)]
    front = convex([(-0.95, -0.15), (0.85, -0.15), (0.85, 0.75), (-0.95, 0.75)], 0.02)
    canvas.paint(front, here, Look(sponge * np.float32(0.85), sponge, "crumb", 0.8, bump=0.05, shadow=0.2))
    for v in (0.12, 0.43):
        canvas.paint(box(0.91, 0.065, 0.02), here.put(-0.05, v), Look(cream, bevel=0.05, dome=0.03))
    canvas.paint(
        convex([(-0.9, -0.18), (0.25, -0.75), (0.82, -0.18)], 0.07), here, Look(icing, bevel=0.1, dome=0.06, gloss=0.3)
    )
    canvas.paint(box(0.93, 0.09, 0.05), here.put(-0.05, -0.1), Look(icing * np.float32(0.95), bevel=0.07, dome=0.06))
    berry = Look(
        canvas.tone(206, 28, 44),
        canvas.tone(240, 90, 80),
        "speckle",
        0.6,
        bump=0.02,
        bevel=0.16,
        dome=0.15,
        gloss=0.9,
        shadow=0.06,
    )
    canvas.paint(circle(0.18), here.put(0.1, -0.5), berry)


def cupcake(canvas: Canvas, at: Pose) -> None:
    """A pleated paper cup under a swirl of frosting."""
    here = at.upright().put(0, 0.05, 0, 1.1)
    cup = canvas.tone(176, 110, 120, 50)
    canvas.paint(
        convex([(-0.62, 0.05), (0.62, 0.05), (0.44, 0.85), (-0.44, 0.85)], 0.04),
        here,
        Look(cup, bevel=0.4, dome=0.2, shadow=0.2),
    )
    for u in (-0.42, -0.21, 0.0, 0.21, 0.42):
        canvas.paint(box(0.035, 0.4), here.put(u, 0.45, u * 0.45), Look(cup * np.float32(0.72)))
    top = (
        canvas.tone(246, 168, 190),
        canvas.tone(250, 240, 226),
        canvas.tone(100, 58, 38),
        canvas.tone(150, 206, 200),
    )[canvas.pick(3, 2, 2, 1)]
    for v, width in ((0.02, 0.76), (-0.26, 0.58), (-0.52, 0.38), (-0.72, 0.18)):
        canvas.paint(
            ellipse(width, 0.24),
            here.put(0, v),
            Look(top, rim=top * np.float32(0.78), rim_width=0.08, bevel=0.22, dome=0.2, gloss=0.3),
        )
    for u, v in canvas.rng.uniform((-0.45, -0.6), (0.45, 0.15), (9, 2)):
        canvas.paint(box(0.07, 0.028, 0.02), here.put(u, v, 7 * u), Look(canvas.tone(180, 120, 120, 90)))


def ice_cream(canvas: Canvas, at: Pose) -> None:
    """Scoops upon a waffle cone."""
    here = at.put(0, -0.1, 0.0, 1.05)._replace(turn=canvas.rng.uniform(-0.6, 0.6))
    waffle, line = canvas.tone(214, 160, 94), canvas.tone(150, 96, 46)
    cone = convex([(-0.4, 0.1), (0.4, 0.1), (0.0, 1.1)], 0.04)
    canvas.paint(cone, here, Look(waffle, bevel=0.3, dome=0.1, shadow=0.2))
    for k in (-1, 1):
        bars = joined(*(moved(box(1.2, 0.022), 0.15 * i * k, 0.4, k * 1.0) for i in range(-3, 4)))
        canvas.paint(cut(cone, bars), here, Look(line))
    flavours = ((248, 224, 180), (240, 150, 170), (108, 64, 42), (176, 214, 160), (250, 246, 236))
    for u, v in ((-0.3, -0.05), (0.3, -0.05), (0.0, -0.45))[canvas.pick(2, 1) :]:
        scoop = canvas.tone(*flavours[canvas.pick(1, 1, 1, 1, 1)])
        canvas.paint(
            circle(0.44),
            here.put(u, v),
            Look(
                scoop * np.float32(0.9),
                scoop,
                "mottle",
                0.7,
                bump=0.06,
                bevel=0.42,
                dome=0.35,
                gloss=0.3,
                shadow=0.1,
                wobble=0.07,
            ),
        )


def donuts(canvas: Canvas, at: Pose) -> None:
    """One large or two small iced rings with sprinkles."""
    two = canvas.chance(0.4)
    for i in range(1 + two):
        here = at.put((i - 0.5) * 1.15, 0.3 * (i - 0.5), 1.0 * i, 0.66) if two else at
        dough = canvas.tone(206, 142, 74)
        canvas.paint(
            ring(circle(0.62), 0.36),
            here,
            Look(
                dough * np.float32(0.85), dough, "mottle", 0.5, bump=0.03, bevel=0.3, dome=0.3, gloss=0.2, shadow=0.16
            ),
        )
        tones = ((244, 140, 176), (84, 46, 30), (248, 240, 230), (150, 190, 226))
        icing = canvas.tone(*tones[canvas.pick(3, 3, 1, 1)])
        canvas.paint(
            ring(circle(0.62), 0.27), here, Look(icing, tile="cloud", bevel=0.25, dome=0.22, gloss=0.8, wobble=0.12)
        )
        for a, r in canvas.rng.uniform((0, 0.46), (6.28, 0.78), (16, 2)):
            canvas.paint(
                box(0.075, 0.026, 0.02),
                here.put(r * np.cos(a), r * np.sin(a), 5 * r + a),
                Look(canvas.tone(190, 150, 120, 90)),
            )


DESSERT = ((cake, 3), (cupcake, 2), (ice_cream, 2), (donuts, 3))
