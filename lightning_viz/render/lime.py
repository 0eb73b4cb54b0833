"""LIME's superpixels drawn into their image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lightning_viz.render.color import to_uint8
from lightning_viz.render.size import WIDTH, Floats, Picture, enlarge

FOR, AGAINST = np.array([30.0, 200.0, 60.0]), np.array([235.0, 40.0, 40.0])
"""Green speaks for the class, red against it, as in the lime package."""

PALE = 0.35
"""How much of its colour a superpixel keeps whose sign is uncertain."""


def superpixel_picture(
    pixels: ArrayLike,
    segments: ArrayLike,
    weights: ArrayLike,
    selection: ArrayLike,
    *,
    certain: ArrayLike | None = None,
    scale: float | None = None,
    width: int = WIDTH,
) -> Picture:
    """The image with its chosen superpixels tinted green (for the class) or red (against it), pale where uncertain.

    The rest fades to grey. The outlines are drawn after the enlargement, one pixel wide between superpixels and
    two in colour around chosen ones, so that they stay fine at any input size.

    Args:
        pixels: (C, H, W) in [0, 1].
        segments: (H, W) superpixel of every pixel, 0 ... n - 1.
        weights: (n,) how much each superpixel speaks for the class; sets how strong the tint is.
        selection: (n,) 1, -1 or 0: shown green, red or not at all.
        certain: (n,) whether the sign of each weight is certain; all are if None.
        scale: The absolute weight with the full tint. The largest one if None; pass a fixed one to compare epochs.
        width: Longer side of the picture, in pixels.

    Returns:
        uint8 (H', W', 3).

    Raises:
        ValueError: If the parts do not fit each other.
    """
    image, labels = to_uint8(pixels), np.asarray(segments)
    signs, strength = np.asarray(selection), np.abs(np.asarray(weights, dtype=np.float64))
    ink = np.where(np.ones_like(signs) if certain is None else np.asarray(certain), 1.0, PALE)
    _check(image, labels, signs, strength)
    picture = enlarge(image, width)
    labels = _resized(labels, picture.shape[:2])
    top = float(strength.max()) if scale is None else scale
    # A tint too faint to tell from grey would hide that the superpixel was chosen.
    tint = np.where(signs == 0, 0.0, ink * (0.15 + 0.5 * np.clip(strength / (top or 1.0), 0, 1)))
    return _outlined(_tinted(picture, signs[labels], tint[labels]), labels, signs * ink)


def _check(image: Picture, labels: NDArray[np.int64], signs: NDArray[np.int64], strength: Floats) -> None:
    if labels.shape != image.shape[:2]:
        raise ValueError(f"segments must be of the image's size {image.shape[:2]}, got {labels.shape}.")
    count = int(labels.max()) + 1
    if signs.shape != (count,) or strength.shape != (count,):
        raise ValueError(
            f"expected {count} weights and selections, one per superpixel, got {strength.shape}, {signs.shape}."
        )


def _resized(labels: NDArray[np.int64], size: tuple[int, ...]) -> NDArray[np.int64]:
    rows, columns = (np.arange(new) * old // new for new, old in zip(size, labels.shape, strict=True))
    resized: NDArray[np.int64] = labels[rows[:, None], columns]
    return resized


def _tinted(picture: Picture, signs: NDArray[np.int64], tint: Floats) -> Floats:
    # Grey everywhere, so that colour always means LIME: a yellow yolk would turn a green tint olive.
    base = np.repeat(picture @ np.array([0.299, 0.587, 0.114])[:, None], 3, axis=2) * 0.7
    colour = np.where(signs[..., None] > 0, FOR, AGAINST)
    mixed: Floats = base * (1 - tint[..., None]) + colour * tint[..., None]
    return mixed


def _outlined(picture: Floats, labels: NDArray[np.int64], ink: Floats) -> Picture:
    edges = _edges(labels)
    picture[edges] = picture[edges] * 0.5 + 95
    chosen = ink[labels]
    around = _edges(chosen)
    around[:-1] |= around[1:]
    around[:, :-1] |= around[:, 1:]
    for share, colour in ((PALE, FOR), (-PALE, AGAINST), (1, FOR), (-1, AGAINST)):  # the certain ones on top
        here = around & _grown(chosen == share)
        picture[here] += abs(share) * (colour - picture[here])
    return np.rint(np.clip(picture, 0, 255)).astype(np.uint8)


def _edges(labels: NDArray[Any]) -> NDArray[np.bool_]:
    edges = np.zeros(labels.shape, dtype=np.bool_)
    edges[1:] |= labels[1:] != labels[:-1]
    edges[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    return edges


def _grown(area: NDArray[np.bool_]) -> NDArray[np.bool_]:
    padded = np.pad(area, 1)
    grown: NDArray[np.bool_] = area | padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
    return grown
