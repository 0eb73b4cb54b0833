"""Shapes as signed distances (negative inside) in local units, where a dish has radius 1."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from lightning_viz.food11.drawn.noise import Array


class Shape(NamedTuple):
    """A signed distance `distance(u, v)` and the radius `reach` around the origin that holds the shape."""

    distance: Callable[[Array, Array], Array]
    reach: float


def circle(radius: float) -> Shape:
    """A disc."""
    return Shape(lambda u, v: np.sqrt(u * u + v * v) - radius, radius)


def ellipse(a: float, b: float) -> Shape:
    """An ellipse of half axes a and b (distance to first order)."""

    def distance(u: Array, v: Array) -> Array:
        p, q = u / a, v / b
        near = np.sqrt(p * p + q * q) + 1e-6
        p, q = p / a, q / b
        slope = np.sqrt(p * p + q * q) + 1e-6
        return near * (near - 1) / slope

    return Shape(distance, max(a, b))


def box(a: float, b: float, corner: float = 0.0) -> Shape:
    """A rectangle of half sides a and b with round corners."""

    def distance(u: Array, v: Array) -> Array:
        p, q = np.abs(u) - (a - corner), np.abs(v) - (b - corner)
        outside = np.sqrt(np.maximum(p, 0) ** 2 + np.maximum(q, 0) ** 2)
        result: Array = outside + np.minimum(np.maximum(p, q), 0) - corner
        return result

    return Shape(distance, float(np.hypot(a, b)))


def convex(points: Sequence[tuple[float, float]], corner: float = 0.0) -> Shape:
    """A convex polygon, its points in clockwise order as seen (y points down), its sides moved out by corner."""
    corners = np.asarray(points, np.float32)
    edges = np.roll(corners, -1, axis=0) - corners
    normals = np.stack([edges[:, 1], -edges[:, 0]], 1) / np.hypot(*edges.T)[:, None]
    offsets = (normals * corners).sum(1)
    planes = [(float(n[0]), float(n[1]), float(o)) for n, o in zip(normals, offsets, strict=True)]

    def distance(u: Array, v: Array) -> Array:
        out = planes[0][0] * u + planes[0][1] * v - planes[0][2]
        for p, q, offset in planes[1:]:
            out = np.maximum(out, p * u + q * v - offset)
        return out - corner

    return Shape(distance, float(np.hypot(*corners.T).max()) + 3 * corner)


def arc(radius: float, half_angle: float, width: float, taper: float = 0.0) -> Shape:
    """A bent bar around (0, radius): half_angle in radians, half width, thinner to the ends by taper in [0, 1]."""

    def distance(u: Array, v: Array) -> Array:
        w = radius - v
        angle = np.arctan2(u, w)
        held = np.clip(angle, -half_angle, half_angle)
        p, q = u - radius * np.sin(held), w - radius * np.cos(held)
        result: Array = np.sqrt(p * p + q * q) - width * (1 - taper * (held / half_angle) ** 2)
        return result

    tip = np.hypot(radius * np.sin(half_angle), radius * (1 - np.cos(half_angle)))
    return Shape(distance, float(max(tip, 2 * radius if half_angle > 1.5 else 0)) + width)


def leaf(length: float, width: float) -> Shape:
    """A pointed oval, half length and half width: where two discs meet."""
    h = (length * length - width * width) / (2 * width)
    r = h + width

    def distance(u: Array, v: Array) -> Array:
        q = np.abs(v) + h
        return np.sqrt(u * u + q * q) - r

    return Shape(distance, length)


def blob(radius: float, phase: float, amount: float = 0.08, squash: float = 1.0) -> Shape:
    """A disc with a wavy outline; squash shortens it along v."""

    def distance(u: Array, v: Array) -> Array:
        v = v / squash
        f = 3.4 / radius
        wave = np.sin(f * u + phase) * np.cos(0.8 * f * v + 2.1 * phase) + 0.6 * np.sin(1.5 * f * (u - v) + 3 * phase)
        return (np.sqrt(u * u + v * v) - radius * (1 + amount * wave)) * min(squash, 1.0)

    return Shape(distance, radius * (1 + 2 * amount) * max(squash, 1.0))


def ring(shape: Shape, half_width: float) -> Shape:
    """The band around a shape's outline."""
    return Shape(lambda u, v: np.abs(shape.distance(u, v)) - half_width, shape.reach + half_width)


def joined(*shapes: Shape) -> Shape:
    """The union."""
    return Shape(lambda u, v: np.minimum.reduce([s.distance(u, v) for s in shapes]), max(s.reach for s in shapes))


def cut(shape: Shape, *others: Shape) -> Shape:
    """The part of a shape that lies inside all the others."""
    return Shape(
        lambda u, v: np.maximum.reduce([shape.distance(u, v)] + [s.distance(u, v) for s in others]), shape.reach
    )


def moved(shape: Shape, du: float, dv: float, turn: float = 0.0) -> Shape:
    """The shape turned by an angle (radians), then shifted."""
    c, s = float(np.cos(turn)), float(np.sin(turn))

    def distance(u: Array, v: Array) -> Array:
        p, q = u - du, v - dv
        return shape.distance(c * p + s * q, c * q - s * p)

    return Shape(distance, shape.reach + float(np.hypot(du, dv)))
