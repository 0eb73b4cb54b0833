"""Everything that is no food: surfaces, plates, bowls, boards, cutlery, napkins."""

import numpy as np

from lightning_viz.food11.drawn.canvas import Canvas, Look, Pose
from lightning_viz.food11.drawn.noise import Array, sample
from lightning_viz.food11.drawn.shapes import box, circle, ellipse, joined, moved, ring

_WOODS = (((150, 104, 64), (94, 58, 34)), ((206, 170, 124), (168, 126, 82)), ((88, 66, 52), (54, 38, 30)))
_CLOTHS = ((226, 222, 212), (178, 62, 58), (86, 118, 156), (110, 136, 96), (66, 70, 82), (216, 180, 112))
_STONES = (((206, 206, 204), (166, 166, 168)), ((84, 88, 92), (52, 54, 60)), ((232, 228, 222), (196, 190, 186)))


def surface(canvas: Canvas) -> None:
    """Cover the picture with wood, cloth (plain or checked) or stone."""
    kind = canvas.pick(4, 3, 2, 2)
    if kind == 0:
        light, dark = _WOODS[canvas.pick(2, 2, 1)]
        _spread(canvas, "wood", canvas.tone(*dark), canvas.tone(*light), canvas.rng.uniform(0.25, 0.45))
    elif kind == 3:
        light, dark = _STONES[canvas.pick(1, 1, 1)]
        _spread(canvas, "mottle", canvas.tone(*dark, 6), canvas.tone(*light, 6), 0.5)
    else:
        base = canvas.tone(*_CLOTHS[canvas.pick(1, 1, 1, 1, 1, 1)])
        other = canvas.tone(236, 232, 224) if kind == 2 else base * np.float32(0.86)
        _spread(canvas, "checks" if kind == 2 else "weave", base, other, 0.5 if kind == 2 else 0.8)


def _spread(canvas: Canvas, tile: str, first: Array, second: Array, grain: float) -> None:
    turn, phase = canvas.rng.uniform(-0.7, 0.7) + np.pi / 2 * canvas.pick(1, 1), canvas.rng.random(2)
    c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    x, y = canvas.x[None, :], canvas.y[:, None]
    u, v = grain * (c * x + s * y) + phase[0], grain * (c * y - s * x) + phase[1]
    values = sample(tile, u, v, canvas.step[0] * grain)
    canvas.pixels[:] = first[:, None, None] + (second - first)[:, None, None] * values


def _china(canvas: Canvas) -> Array:
    tones = ((238, 236, 230), (226, 220, 206), (74, 88, 112), (128, 146, 140), (58, 56, 58), (190, 128, 96))
    return canvas.tone(*tones[canvas.pick(6, 3, 1, 1, 1, 1)], 7)


def plate(canvas: Canvas, at: Pose) -> Array:
    """A round plate of radius 1 with a sunken well, at times with a coloured rim; returns its colour."""
    china = _china(canvas)
    canvas.paint(circle(1.0), at, Look(china, bevel=0.1, dome=0.06, shadow=0.14, gloss=0.3))
    if canvas.chance(0.3):
        canvas.paint(ring(circle(0.93), 0.025), at, Look(canvas.tone(110, 96, 130, 50)))
    canvas.paint(circle(0.72), at, Look(china * np.float32(0.97), bevel=0.1, dome=-0.07))
    canvas.props.append("plate")
    return china


def bowl(canvas: Canvas, at: Pose) -> Array:
    """A round bowl of radius 1, its body seen below, a hollow of radius 0.88; returns its colour."""
    china = _china(canvas) if canvas.chance(0.6) else canvas.tone(150, 110, 90, 45)
    base = at.upright()
    body = Look(china * np.float32(0.84), bevel=0.4, dome=0.25, shadow=0.2)
    canvas.paint(circle(0.86), base.put(0, 0.2), body)
    canvas.paint(circle(1.0), base, Look(china, bevel=0.07, dome=0.1, gloss=0.5))
    canvas.paint(circle(0.9), base, Look(china * np.float32(0.86), bevel=0.3, dome=-0.25))
    canvas.props.append("bowl")
    return china


def board(canvas: Canvas, at: Pose) -> None:
    """A wooden board or a slate."""
    light, dark = _WOODS[canvas.pick(1, 2, 1)]
    if canvas.chance(0.2):
        light, dark = (78, 80, 84), (58, 60, 64)
    look = Look(canvas.tone(*dark), canvas.tone(*light), "wood", grain=0.4, bevel=0.05, dome=0.05, shadow=0.12)
    canvas.paint(box(1.12, 0.86, 0.12), at, look)
    canvas.props.append("board")


def paper(canvas: Canvas, at: Pose) -> None:
    """A sheet of crumpled paper."""
    tone = canvas.tone(232, 224, 208) if canvas.chance(0.6) else canvas.tone(190, 152, 108)
    look = Look(tone, tone * np.float32(0.9), "ridge", grain=0.5, bump=0.06, shadow=0.06, wobble=0.06)
    canvas.paint(box(1.0, 0.9, 0.03), at, look)
    canvas.props.append("paper")


def napkin(canvas: Canvas, at: Pose) -> None:
    """A folded napkin."""
    tone = canvas.tone(*_CLOTHS[canvas.pick(2, 1, 1, 1, 0, 1)])
    look = Look(tone, tone * np.float32(0.9), "weave", bevel=0.04, dome=0.03, shadow=0.06)
    canvas.paint(box(0.5, 0.5, 0.03), at, look)
    canvas.paint(box(0.5, 0.012), at, Look(tone * np.float32(0.75)))
    canvas.props.append("napkin")


def _steel(canvas: Canvas) -> Look:
    return Look(canvas.tone(186, 188, 194), bevel=0.06, dome=0.07, gloss=0.7, shadow=0.07)


def fork(canvas: Canvas, at: Pose) -> None:
    """A fork, about 2 long, its tines towards -v."""
    tines = [moved(box(0.018, 0.2, 0.015), 0.065 * (i - 1.5), -0.85) for i in range(4)]
    neck = moved(box(0.13, 0.1, 0.08), 0, -0.6)
    canvas.paint(joined(box(0.045, 0.95, 0.04), neck, *tines), at, _steel(canvas))
    canvas.props.append("fork")


def knife(canvas: Canvas, at: Pose) -> None:
    """A knife, about 2 long."""
    blade = moved(box(0.075, 0.5, 0.07), 0, -0.5)
    canvas.paint(joined(box(0.05, 0.95, 0.05), blade), at, _steel(canvas))
    canvas.props.append("knife")


def spoon(canvas: Canvas, at: Pose) -> None:
    """A spoon, about 2 long, its bowl towards -v."""
    canvas.paint(
        joined(moved(box(0.045, 0.75, 0.04), 0, 0.25), moved(ellipse(0.16, 0.25), 0, -0.65)), at, _steel(canvas)
    )
    canvas.props.append("spoon")


def glass(canvas: Canvas, at: Pose) -> None:
    """A glass of water from above."""
    canvas.paint(
        circle(0.34), at, Look(canvas.tone(196, 206, 212), bevel=0.06, dome=0.08, gloss=0.8, shadow=0.2, alpha=0.6)
    )
    canvas.paint(circle(0.27), at, Look(canvas.tone(170, 186, 196), bevel=0.2, dome=-0.1, gloss=0.8, alpha=0.7))


def setting(canvas: Canvas, at: Pose) -> None:
    """Now and then a napkin, cutlery or a glass beside the dish."""
    if canvas.chance(0.3):
        side = 1 if canvas.chance(0.5) else -1
        napkin(
            canvas,
            Pose(
                at.x + side * 1.1 * at.scale, at.y + canvas.rng.uniform(-0.5, 0.5), 0.9, canvas.rng.uniform(-0.6, 0.6)
            ),
        )
    if canvas.chance(0.4):
        side = 1 if canvas.chance(0.5) else -1
        tool = (fork, knife, spoon)[canvas.pick(2, 2, 1)]
        tool(canvas, Pose(at.x + side * 1.08 * at.scale, at.y, 0.7, canvas.rng.uniform(-0.25, 0.25)))
    if canvas.chance(0.12):
        side = 1 if canvas.chance(0.5) else -1
        glass(canvas, Pose(at.x + side * 0.95 * at.scale, at.y - 0.85 * at.scale, 0.8))
