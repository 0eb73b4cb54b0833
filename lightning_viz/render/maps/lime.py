"""LIME's superpixels drawn into their image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageFilter

from lightning_viz.render.color import AGAINST, FOR, to_uint8
from lightning_viz.render.size import WIDTH, Floats, Picture, enlarge

PALE = 0.35
"""How much of its colour a superpixel keeps whose sign is uncertain."""

STRIPES = 29
"""Stripes against a class: so many fit beside each other into a picture."""


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
    """The image with its chosen superpixels tinted orange (for the class) or blue (against it), pale where uncertain.

    Those against it are striped too, so that print without colours and the colour-blind tell them apart. The rest
    fades to grey. The outlines are drawn after the enlargement, one pixel wide between superpixels and two in colour
    around chosen ones, so that they stay fine at any input size.

    Args:
        pixels: (C, H, W) in [0, 1].
        segments: (H, W) superpixel of every pixel, 0 ... n - 1.
        weights: (n,) how much each superpixel speaks for the class; sets how strong the tint is.
        selection: (n,) 1, -1 or 0: shown orange, blue or not at all.
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
    shares = np.clip(strength / (top or 1.0), 0, 1)
    tint = np.where(signs == 0, 0.0, ink * tints(shares))
    base = _grey(picture)
    return _outlined(tinted(base, signs[labels], tint[labels]), base, labels, signs * ink * np.sqrt(shares))


def tints(shares: Floats) -> Floats:
    """How opaque a superpixel is whose weight is this share of the full one: a hundredth of it is hardly seen."""
    found: Floats = 0.75 * np.sqrt(shares)
    return found


def tinted(base: Floats, signs: NDArray[np.int64], tint: Floats) -> Floats:
    """Colours over grey: orange where the sign is above 0, blue and striped where it is below.

    Args:
        base: (H, W, 3) in [0, 255].
        signs: (H, W).
        tint: (H, W) in [0, 1], how opaque.

    Returns:
        float64 (H, W, 3) in [0, 255].
    """
    speaks_for, left = signs > 0, 1 - tint
    # Darker in any place: what is blue is never so dark that this could not be seen.
    stripes = np.where(_stripes(*signs.shape) & (signs < 0), left, 1.0)
    mixed = np.empty((3, *signs.shape))  # NumPy is slow where the last axis is short
    for k, (orange, blue) in enumerate(zip(FOR, AGAINST, strict=True)):
        np.multiply(base[..., k], left, out=mixed[k])
        mixed[k] += np.where(speaks_for, orange, blue) * tint
        mixed[k] *= stripes
    return np.moveaxis(mixed, 0, 2)


def _check(image: Picture, labels: NDArray[np.int64], signs: NDArray[np.int64], strength: Floats) -> None:
    if labels.shape != image.shape[:2]:
        raise ValueError(f"Expected segments to be of the image's size {image.shape[:2]}, received {labels.shape}.")
    count = int(labels.max()) + 1
    if signs.shape != (count,) or strength.shape != (count,):
        raise ValueError(
            f"Expected {count} weights and selections, one per superpixel, received {strength.shape}, {signs.shape}."
        )


def _resized(labels: NDArray[np.int64], size: tuple[int, ...]) -> NDArray[np.int64]:
    rows, columns = (np.arange(new) * old // new for new, old in zip(size, labels.shape, strict=True))
    resized: NDArray[np.int64] = labels[rows[:, None], columns]
    return resized


def _grey(picture: Picture) -> Floats:
    # Grey everywhere, so that colour always means LIME. Never black, where stripes would be lost, nor white.
    light: Floats = 30 + picture @ np.array([0.299, 0.587, 0.114])[:, None] * 0.6
    return np.broadcast_to(light, picture.shape)


def _stripes(height: int, width: int) -> NDArray[np.bool_]:
    """Where the stripes are that fall to the left; a third of the area."""
    period = max(max(height, width) // STRIPES, 6)
    across = np.arange(height)[:, None] + np.arange(width)
    return across % period < period // 3


def _outlined(picture: Floats, base: Floats, labels: NDArray[np.int64], ink: Floats) -> Picture:
    edges = _edges(labels)
    # Light on what is dark and dark on what is bright, by the surroundings, so that lines are not broken.
    blurred = Image.fromarray(base[..., 0].astype(np.uint8)).filter(ImageFilter.BoxBlur(8))
    away = np.where(np.asarray(blurred) < 100, 75.0, -75.0)
    picture[edges] += away[edges][:, None]
    chosen = ink[labels]
    around = _edges(chosen)
    around[:-1] |= around[1:]
    around[:, :-1] |= around[:, 1:]
    for share, colour in ((PALE, FOR), (-PALE, AGAINST), (1, FOR), (-1, AGAINST)):  # the certain ones on top
        here = around & _grown(chosen == share)
        picture[here] += abs(share) * (np.array(colour) - picture[here])
    np.clip(picture, 0, 255, out=picture)  # in place: new memory takes longer than the arithmetic
    return np.rint(picture, out=picture).astype(np.uint8, order="C")


def _edges(labels: NDArray[Any]) -> NDArray[np.bool_]:
    edges = np.zeros(labels.shape, dtype=np.bool_)
    edges[1:] |= labels[1:] != labels[:-1]
    edges[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    return edges


def _grown(area: NDArray[np.bool_]) -> NDArray[np.bool_]:
    padded = np.pad(area, 1)
    grown: NDArray[np.bool_] = area | padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
    return grown
