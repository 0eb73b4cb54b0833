"""Periodic texture tiles: height maps in [0, 1], made once per process from fixed seeds."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # float32 throughout
SIDE = 256


def _filtered(seed: int, low: float, high: float, stretch: float = 1.0) -> Array:
    """Periodic noise whose frequencies (cycles per tile) lie around [low, high]; stretched along x."""
    spectrum = np.fft.fft2(np.random.default_rng((71, seed)).standard_normal((SIDE, SIDE)))
    fy, fx = np.meshgrid(np.fft.fftfreq(SIDE, 1 / SIDE), np.fft.fftfreq(SIDE, 1 / SIDE), indexing="ij")
    f = np.hypot(fx * stretch, fy)
    band = np.exp(-((f / high) ** 2)) * (1 - np.exp(-((f / low) ** 2)))
    return _stretch_range(np.fft.ifft2(spectrum * band / np.maximum(f, 1) ** 0.5).real)


def _stretch_range(values: NDArray[np.floating]) -> Array:
    low, high = np.percentile(values, [1, 99])
    result: Array = np.clip((values - low) / max(high - low, 1e-9), 0, 1).astype(np.float32)
    return result


def _stamp(tile: Array, centre: tuple[float, float], patch: Array, *, over: bool = False) -> None:
    """Put a patch of heights (0 = nothing) onto the periodic tile, on top of it or where it is higher."""
    half = patch.shape[0] // 2
    rows = (int(centre[0]) + np.arange(patch.shape[0]) - half) % SIDE
    cols = (int(centre[1]) + np.arange(patch.shape[1]) - half) % SIDE
    below = tile[np.ix_(rows, cols)]
    tile[np.ix_(rows, cols)] = np.where(patch > 0, patch, below) if over else np.maximum(below, patch)


def _bump(length: float, width: float, angle: float) -> Array:
    """Height of half an ellipsoid, 1 at the top, 0 outside."""
    r = int(np.ceil(max(length, width)))
    y, x = np.mgrid[-r : r + 1, -r : r + 1].astype(np.float32)
    u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    result: Array = np.sqrt(np.clip(1 - (u / length) ** 2 - (v / width) ** 2, 0, 1)).astype(np.float32)
    return result


def _slab(width: float, angle: float) -> Array:
    """A short piece of a round strand along the angle, 1 on its ridge."""
    r = int(np.ceil(width)) + 1
    y, x = np.mgrid[-r : r + 1, -r : r + 1].astype(np.float32)
    u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    return np.where(np.abs(u) < 2.5, np.sqrt(np.clip(1 - (v / width) ** 2, 0, 1)), 0).astype(np.float32)


def _grains(count: int, length: float, width: float) -> Array:
    rng = np.random.default_rng((72, count))
    tile = np.zeros((SIDE, SIDE), np.float32)
    for y, x, turn in zip(*rng.uniform(0, SIDE, (2, count)), rng.uniform(0, np.pi, count), strict=True):
        lift = np.float32(rng.uniform(0.65, 1.0))
        _stamp(tile, (y, x), _bump(length, width, turn) * lift, over=True)
    return tile


def _strands(count: int, width: float) -> Array:
    """Tangled strands: each a slow random walk of a round profile, drawn over the earlier ones."""
    rng = np.random.default_rng((73, count))
    tile = np.zeros((SIDE, SIDE), np.float32)
    for _ in range(count):
        (y, x), turn, bend = rng.uniform(0, SIDE, 2), rng.uniform(0, 2 * np.pi), rng.uniform(-0.06, 0.06)
        lift = np.float32(rng.uniform(0.7, 1.0))
        for _ in range(60):
            _stamp(tile, (y, x), _slab(width, turn) * lift, over=True)
            y, x, turn = y + 3 * np.sin(turn), x + 3 * np.cos(turn), turn + bend
    return tile


def _lumps(count: int, small: float, large: float) -> Array:
    rng = np.random.default_rng((74, count))
    tile = np.zeros((SIDE, SIDE), np.float32)
    for y, x, r in zip(*rng.uniform(0, SIDE, (2, count)), rng.uniform(small, large, count), strict=True):
        _stamp(tile, (y, x), _bump(r, r, 0.0) * np.float32(0.4 + 0.6 * r / large))
    return tile


def _wood() -> Array:
    grain, warp = _filtered(4, 2, 60, 14.0), _filtered(5, 1, 4, 3.0)
    rows = np.arange(SIDE, dtype=np.float32)[:, None] / SIDE
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * (6 * rows + 1.6 * warp))
    return (0.55 * grain + 0.45 * rings).astype(np.float32)


def _weave() -> Array:
    t = np.sin(np.arange(SIDE, dtype=np.float32) * 2 * np.pi * 32 / SIDE)
    weave = 0.5 + 0.25 * (t[:, None] + t[None, :])
    return (0.7 * weave + 0.3 * _filtered(6, 4, 40)).astype(np.float32)


def _checks() -> Array:
    band = (np.arange(SIDE) * 8 // SIDE % 2).astype(np.float32)
    return (0.5 * band[:, None] + 0.5 * band[None, :]).astype(np.float32)


def _ripple() -> Array:
    """Parallel wavy bands along x, as in salmon or a waffle cone."""
    warp = _filtered(7, 1, 4)
    rows = np.arange(SIDE, dtype=np.float32)[:, None] / SIDE
    return (0.5 + 0.5 * np.cos(2 * np.pi * (8 * rows + 0.9 * warp))).astype(np.float32) ** 3


_MAKERS: dict[str, Callable[[], Array]] = {
    "cloud": lambda: _filtered(1, 1, 8),
    "mottle": lambda: _filtered(2, 6, 24),
    "speckle": lambda: _filtered(3, 20, 90),
    "fibre": lambda: _filtered(8, 4, 60, 6.0),
    "crumb": lambda: np.clip(1.6 * _filtered(9, 10, 40), 0, 1).astype(np.float32),
    "ridge": lambda: (1 - np.abs(2 * _filtered(10, 3, 14) - 1)).astype(np.float32),
    "wood": _wood,
    "weave": _weave,
    "checks": _checks,
    "ripple": _ripple,
    "rice": lambda: _grains(900, 13, 5),
    "noodle": lambda: _strands(60, 8),
    "lumps": lambda: _lumps(700, 5, 14),
    "florets": lambda: _lumps(420, 9, 18),
}


@cache
def tile(name: str) -> tuple[Array, ...]:
    """The named tile and its coarser halves: (256, 256), (128, 128), ... (8, 8), heights in [0, 1]."""
    levels = [_MAKERS[name]()]
    while levels[-1].shape[0] > 8:
        half = levels[-1].shape[0] // 2
        levels.append(levels[-1].reshape(half, 2, half, 2).mean((1, 3)))
    return tuple(levels)


def sample(name: str, u: Array, v: Array, pixel: float) -> Array:
    """The tile's heights at (u, v), one tile per unit, at the level that fits a pixel of that many units."""
    levels = tile(name)
    level = int(np.clip(np.floor(np.log2(max(pixel * SIDE, 1e-6)) + 0.25), 0, len(levels) - 1))
    side = SIDE >> level
    rows = np.floor(v * side).astype(np.int32) & (side - 1)
    cols = np.floor(u * side).astype(np.int32) & (side - 1)
    result: Array = np.take(levels[level].ravel(), rows * side + cols)
    return result
