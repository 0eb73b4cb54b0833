"""The canvas: paints shapes with texture, relief, light and shadow, and keeps the evidence mask."""

from dataclasses import KW_ONLY, dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightning_viz.food11.drawn.noise import Array, sample
from lightning_viz.food11.drawn.shapes import Shape


class Pose(NamedTuple):
    """A place on the table: centre (the picture spans -1 to 1), size of one local unit, turn in radians."""

    x: float
    y: float
    scale: float
    turn: float = 0.0

    def put(self, u: float, v: float, turn: float = 0.0, scale: float = 1.0) -> "Pose":
        """The pose at (u, v) in this pose's own units, turned and scaled relative to it."""
        c, s = float(np.cos(self.turn)), float(np.sin(self.turn))
        x, y = self.x + self.scale * (c * u - s * v), self.y + self.scale * (s * u + c * v)
        return Pose(x, y, self.scale * scale, self.turn + turn)

    def upright(self) -> "Pose":
        """The same place without turn, for things that stand."""
        return self._replace(turn=0.0)


@dataclass(frozen=True)
class Look:
    """A material. Lengths are in local units; colours are float32 (3,) in [0, 1].

    `colour` mixes towards `other` by the tile's height; `bump` is the tile's relief, `bevel` the width and
    `dome` the height of the rounded border; `rim` is a border colour; `shadow` how far the shadow falls.
    """

    colour: Array
    other: Array | None = None
    tile: str = "cloud"
    grain: float = 1.0
    _: KW_ONLY
    bump: float = 0.0
    bevel: float = 0.2
    dome: float = 0.0
    gloss: float = 0.0
    rim: Array | None = None
    rim_width: float = 0.1
    shadow: float = 0.0
    alpha: float = 1.0
    wobble: float = 0.0


class Canvas:
    """A picture in the making.

    Args:
        size: Pixels per side.
        rng: The scene's generator. What is drawn from it never depends on the size.
        zoom: Table units per picture unit; above 1 shows more table.
        tilt: Foreshortening of the table along y, 1 seen from above.
    """

    def __init__(self, size: int, rng: np.random.Generator, *, zoom: float = 1.0, tilt: float = 1.0) -> None:
        ticks = (np.arange(size, dtype=np.float32) + 0.5) * (2 / size) - 1
        self.size, self.rng = size, rng
        self.x, self.y = ticks * zoom, ticks * (zoom / tilt)
        self.step = (2 * zoom / size, 2 * zoom / tilt / size)
        self.pixels: Array = np.zeros((3, size, size), np.float32)
        self.mask: NDArray[np.bool_] = np.zeros((size, size), bool)
        self.painted: NDArray[np.bool_] = np.zeros((size, size), bool)
        self.evidence = False
        self.props: list[str] = []
        angle = rng.uniform(-2.6, -0.5)
        self.light = (float(np.cos(angle)), float(np.sin(angle)))

    def tone(self, red: float, green: float, blue: float, spread: float = 14) -> Array:
        """A colour near (red, green, blue) in 0..255: brightness and hue vary by about spread."""
        jitter = self.rng.standard_normal(4) * spread
        values = np.array([red, green, blue]) + jitter[0] + 0.4 * jitter[1:]
        result: Array = (np.clip(values, 4, 252) / 255).astype(np.float32)
        return result

    def pick(self, *weights: float) -> int:
        """A random index, by weight."""
        edges = np.cumsum(weights)
        return int(np.searchsorted(edges, self.rng.uniform(0, edges[-1])))

    def chance(self, probability: float) -> bool:
        """True that often."""
        return bool(self.rng.random() < probability)

    def paint(self, shape: Shape, pose: Pose, look: Look) -> None:
        """Draw one shape; it adds to the evidence, or covers it, as `self.evidence` says."""
        phase = self.rng.random(2)
        reach = (shape.reach + look.wobble + look.shadow) * pose.scale + 2 * self.step[1]
        window = self._window(pose, reach)
        if window is None:
            return
        u, v = self._local(window, pose)
        pixel = self.step[0] / pose.scale
        if look.shadow:
            self._shadow(shape, pose, look, window)
        texture = None
        if look.bump or look.other is not None or look.wobble:
            texture = sample(look.tile, u * look.grain + phase[0], v * look.grain + phase[1], pixel * look.grain)
        distance = shape.distance(u, v)
        if look.wobble and texture is not None:
            distance = distance + look.wobble * (texture - 0.5)
        cover = np.clip(0.5 - distance / pixel, 0, 1)
        self._blend(self._colour(look, distance, texture, pixel), cover * look.alpha, window)
        solid = cover > 0.5
        self.painted[window] |= solid
        held = self.mask[window]
        self.mask[window] = held | solid if self.evidence else held & ~solid

    def _window(self, pose: Pose, reach: float) -> tuple[slice, slice] | None:
        spans = []
        for ticks, step, centre in ((self.y, self.step[1], pose.y), (self.x, self.step[0], pose.x)):
            first = max(int((centre - reach - ticks[0]) / step), 0)
            last = min(int((centre + reach - ticks[0]) / step) + 2, self.size)
            if last - first < 2:
                return None
            spans.append(slice(first, last))
        return spans[0], spans[1]

    def _local(
        self, window: tuple[slice, slice], pose: Pose, shift: tuple[float, float] = (0.0, 0.0)
    ) -> tuple[Array, Array]:
        x = (self.x[window[1]] - np.float32(pose.x + shift[0])) * np.float32(1 / pose.scale)
        y = ((self.y[window[0]] - np.float32(pose.y + shift[1])) * np.float32(1 / pose.scale))[:, None]
        c, s = np.float32(np.cos(pose.turn)), np.float32(np.sin(pose.turn))
        return c * x + s * y, c * y - s * x

    def _shadow(self, shape: Shape, pose: Pose, look: Look, window: tuple[slice, slice]) -> None:
        fall = look.shadow * pose.scale * 0.6
        u, v = self._local(window, pose, (-fall * self.light[0], -fall * self.light[1]))
        dark = np.clip(0.5 - shape.distance(u, v) / look.shadow, 0, 1)
        self.pixels[:, window[0], window[1]] *= 1 - 0.55 * look.alpha * dark * dark * (3 - 2 * dark)

    def _colour(self, look: Look, distance: Array, texture: Array | None, pixel: float) -> Array:
        colour = look.colour[:, None, None]
        if texture is not None and look.other is not None:
            colour = colour + (look.other - look.colour)[:, None, None] * texture
        if look.rim is not None:
            edge = np.clip(1 + distance / look.rim_width, 0, 1)
            colour = colour + (look.rim[:, None, None] - colour) * edge
        if not (look.dome or look.bump):
            return colour
        slope = self._slope(look, distance, texture, pixel)
        lit = colour * np.clip(1 + 0.36 * slope, 0.5, 1.35)
        return lit + look.gloss * np.clip(slope - 0.35, 0, 0.6) if look.gloss else lit

    def _slope(self, look: Look, distance: Array, texture: Array | None, pixel: float) -> Array:
        """How much the surface leans towards the light: rise per length, about -1 to 1."""
        height = np.zeros_like(distance)
        if look.dome:
            inner = np.clip(distance * (-1 / look.bevel), 0, 1)
            height = inner * (2 - inner) * look.dome
        if texture is not None and look.bump:
            height = height + (0.6 * look.bump) * texture
        slope = np.zeros_like(height)
        slope[:, 1:-1] = (self.light[0] * -0.5 / pixel) * (height[:, 2:] - height[:, :-2])
        slope[1:-1] += (self.light[1] * -0.5 / pixel) * (height[2:] - height[:-2])
        return slope

    def _blend(self, colour: Array, cover: Array, window: tuple[slice, slice]) -> None:
        patch = self.pixels[:, window[0], window[1]]
        patch += (colour - patch) * cover
