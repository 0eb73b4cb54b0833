"""Numbers to colours: scaling, colour maps, overlays. Arrays in, uint8 images (H, W, 3) out."""

from __future__ import annotations

from functools import cache
from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from numpy.typing import ArrayLike, NDArray

from lightning_viz.render.size import Floats, Picture

FOR, AGAINST = (255, 150, 30), (70, 140, 255)
"""Orange speaks for, blue against: on a dark ground, in every picture. The colour-blind tell them apart as well."""

_DIVERGING = (
    "#2166ac", "#4393c3", "#92c5de", "#d1e5f0", "#f7f7f7", "#fee0b6", "#fdb863", "#e08214", "#b35806",
)  # fmt: skip
"""ColorBrewer's blues and oranges (Harrower and Brewer 2003), as light on either side."""


def to_uint8(pixels: ArrayLike) -> Picture:
    """An image for the eye. Values outside [0, 1] are clipped, values that are not finite hatched.

    Args:
        pixels: (C, H, W) or (H, W) in [0, 1]. One and two channels are shown as grey (two by their mean), of more
            than three the first three are shown.

    Returns:
        uint8 (H, W, 3).

    Raises:
        ValueError: If `pixels` is not an image.

    >>> to_uint8([[0.0, 1.0]]).tolist()
    [[[0, 0, 0], [255, 255, 255]]]
    """
    values = np.asarray(pixels, dtype=np.float64)
    values = values[None] if values.ndim == 2 else values
    if values.ndim != 3 or 0 in values.shape:
        raise ValueError(f"Expected an image (C, H, W) or (H, W), received {values.shape}.")
    values = values[:3] if len(values) >= 3 else np.repeat(values.mean(0, keepdims=True), 3, axis=0)
    known: NDArray[np.bool_] = np.all(np.isfinite(values), axis=0)
    image = np.rint(np.clip(np.nan_to_num(values), 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    return _hatched(image, known)


def minmax(values: ArrayLike) -> Floats:
    """Stretches one map, or one image's channels together, to [0, 1].

    Args:
        values: Any shape. What is not finite stays NaN and has no say in the scale.

    Returns:
        float64, the same shape. All zero if the values are all the same.

    >>> minmax([2.0, 3.0, 4.0]).tolist(), minmax([7.0, 7.0]).tolist()
    ([0.0, 0.5, 1.0], [0.0, 0.0])
    """
    clean = _finite_or_nan(values)
    if not np.isfinite(clean).any():
        return clean
    low, high = np.nanmin(clean), np.nanmax(clean)
    # Halved before the difference, which could overflow.
    stretched: Floats = (clean / 2 - low / 2) / ((high / 2 - low / 2) or 1.0)
    return stretched


def symmetric(values: ArrayLike, *, scale: float | None = None, percentile: float = 99.0) -> tuple[Floats, float]:
    """Divides one map by its scale and clips to [-1, 1]; 0 stays 0. A map without negative values lands in [0, 1].

    Args:
        values: Any shape. What is not finite stays NaN.
        scale: The value that becomes 1. Pass a fixed one to compare epochs.
        percentile: Without `scale`, this percentile of the absolute values is the scale, or the largest one where
            the percentile is 0.

    Returns:
        The scaled map, float64, and its scale: 0 for a map of zeros, which stays as it is.

    Raises:
        ValueError: If `scale` is negative.

    >>> symmetric([-2.0, 0.0, 1.0, 9.0], scale=2.0)
    (array([-1. ,  0. ,  0.5,  1. ]), 2.0)
    """
    clean = _finite_or_nan(values)
    if scale is None:
        scale = _scale(np.abs(clean[np.isfinite(clean)]), percentile)
    if not 0 <= scale < np.inf:
        raise ValueError(f"Expected scale to be a finite number from 0, received {scale}.")
    return np.clip(clean / (scale or 1.0), -1, 1), float(scale)


def diverging(values: ArrayLike) -> Picture:
    """Colours a signed map: blue -1, white 0, orange 1, hatched where it is not finite.

    Args:
        values: (H, W) in [-1, 1], from `symmetric`.

    Returns:
        uint8 (H, W, 3).

    Raises:
        ValueError: If `values` is not (H, W).
    """
    return _colour((_map(values) + 1) / 2, "diverging")


def sequential(values: ArrayLike) -> Picture:
    """Colours a map of magnitudes: black 0, purple, orange, pale yellow 1, hatched where it is not finite.

    Args:
        values: (H, W) in [0, 1].

    Returns:
        uint8 (H, W, 3).

    Raises:
        ValueError: If `values` is not (H, W).
    """
    return _colour(_map(values), "inferno")


def overlay(pixels: ArrayLike, heat: ArrayLike, *, signed: bool = False, alpha: float = 0.9) -> Picture:
    """Lays a map over its image. The image fades to dark grey, so that colour always means the map.

    Args:
        pixels: (C, H, W) in [0, 1].
        heat: (H, W) in [0, 1], or in [-1, 1] if signed. The larger, the more opaque.
        signed: Orange above 0 and blue below, instead of purple to yellow. Not guessed from the values: the colours
            would then change their meaning in an epoch without negative ones.
        alpha: Opacity at 1, from 0 to 1.

    Returns:
        uint8 (H, W, 3).

    Raises:
        ValueError: If the map is not of the image's size, or has negative values and is not `signed`.
    """
    image, values = to_uint8(pixels), _map(heat)
    if image.shape[:2] != values.shape:
        raise ValueError(f"Expected a map of the image's size {image.shape[:2]}, received {values.shape}.")
    grey = np.repeat(image @ np.array([0.299, 0.587, 0.114])[:, None], 3, axis=2) * 0.5
    if not signed:
        check_unsigned(values)
    colours = np.where(values[..., None] > 0, FOR, AGAINST) if signed else _colour(0.25 + 0.75 * values, "inferno")
    weight = alpha * np.abs(np.nan_to_num(values))[..., None] ** 0.7
    return _hatched(np.rint(grey * (1 - weight) + colours * weight).astype(np.uint8), np.isfinite(values))


def check_unsigned(values: Floats) -> None:
    """Raises if a map to be shown as magnitudes has negative values.

    Raises:
        ValueError: If there is a value below 0.
    """
    if (values < 0).any():
        raise ValueError(f"Expected magnitudes, got values down to {np.nanmin(values):.3g}: pass signed=True.")


def hatch(height: int, width: int) -> Picture:
    """Grey diagonal stripes: no value here."""
    stripes = (np.arange(height)[:, None] + np.arange(width)) % 6 < 3
    return np.where(stripes[..., None], 150, 100).astype(np.uint8).repeat(3, axis=2)


def _finite_or_nan(values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(array), array, np.nan)


def _scale(magnitudes: Floats, percentile: float) -> float:
    if magnitudes.size == 0:
        return 0.0
    return float(np.percentile(magnitudes, percentile)) or float(magnitudes.max())


def _map(values: ArrayLike) -> Floats:
    array = _finite_or_nan(values)
    if array.ndim != 2:
        raise ValueError(f"Expected a map (H, W), received {array.shape}.")
    return array


@cache
def _table(name: str) -> NDArray[np.uint8]:
    own = LinearSegmentedColormap.from_list("diverging", _DIVERGING) if name == "diverging" else None
    colours: Any = (own or matplotlib.colormaps[name])(np.linspace(0, 1, 256), bytes=True)
    return np.asarray(colours[:, :3])


def _colour(values: Floats, name: str) -> Picture:
    level = np.rint(np.clip(np.nan_to_num(values), 0, 1) * 255).astype(np.intp)
    return _hatched(_table(name)[level], np.isfinite(values))


def _hatched(image: Picture, known: NDArray[np.bool_]) -> Picture:
    return np.where(known[..., None], image, hatch(*known.shape))
