"""Superpixels of an image, the image with some of them blanked, and which of them to show."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_viz.explain.lime.merging import Image, Labels
from lightning_viz.explain.lime.segmentation import Method, check_method, cut, grid

FEWEST = 4
"""No picture is cut into fewer superpixels, unless it has fewer pixels: with less there is nothing to compare."""


def superpixels(
    pixels: Tensor,
    *,
    segments: int | None = None,
    compactness: float = 10.0,
    sigma: float = 1.0,
    method: Method | Callable[[Image], Labels] = "merged",
) -> Tensor:
    """Cuts one image into superpixels of similar colour, each of about four pixels or more.

    No random number is involved: the same image gives the same superpixels in every epoch. Where fewer than four are
    found (tiny images) the image is cut into a grid instead, at worst into its pixels.

    Args:
        pixels: (C, H, W), or a volume (C, D, H, W), in [0, 1]. One and two channels are read as grey, of more than
            three the first three count. Values that are not finite are read as the nearest ones, NaN as black.
        segments: Roughly how many superpixels. Default: 0.4 x sqrt(pixels), from 16 to 64 (51 at 128 x 128).
        compactness: Of SLIC: square superpixels (large) against superpixels that follow the colours (small).
        sigma: Width of the Gaussian blur before cutting, in pixels.
        method: `"merged"`, small ones merged by Ward's criterion (see `merging`), `"slic"` (Achanta et al. 2012),
            `"grid"`, or of flat images `"quickshift"` or `"felzenszwalb"`; or a function from an image (H, W, 3) or
            (D, H, W, 3) to whole numbers, one for each pixel.

    Returns:
        LongTensor (H, W) or (D, H, W) on the device of `pixels`, values 0 ... n - 1, each of them present.

    Raises:
        ValueError: If `pixels` is not one image, `segments` is below 4, or there is no such method.

    >>> superpixels(torch.zeros(3, 2, 2))
    tensor([[0, 1],
            [2, 3]])
    """
    _check_pixels(pixels)
    check_method(method)
    size, places = pixels.shape[1:], pixels[0].numel()
    wanted = min(max(round(0.4 * math.sqrt(places)), 16), 64) if segments is None else segments
    if wanted < FEWEST:
        raise ValueError(f"Expected segments to be {FEWEST} or more, received {segments}.")
    # A superpixel of one pixel has the mean colour of itself: to blank it would change nothing.
    wanted = min(wanted, max(places // 4, FEWEST))
    found = cut(_rgb(pixels), method, wanted, compactness=compactness, sigma=sigma)
    names, labels = np.unique(found, return_inverse=True)
    if len(names) < FEWEST:
        labels = grid(size, wanted)
    return torch.from_numpy(labels.reshape(size).astype(np.int64)).to(pixels.device)


def mean_fill(pixels: Tensor, segments: Tensor) -> Tensor:
    """The image with every superpixel painted in its mean colour, lime's way of blanking.

    Args:
        pixels: (C, H, W) or (C, D, H, W).
        segments: Of its size, superpixel of every pixel, 0 ... n - 1.

    Returns:
        Of the shape of `pixels`, of the type and on the device of `pixels`.

    >>> mean_fill(torch.tensor([[[0.0, 1.0], [0.2, 0.2]]]), torch.tensor([[0, 0], [1, 1]]))
    tensor([[[0.5000, 0.5000],
             [0.2000, 0.2000]]])
    """
    # On the CPU in double precision: sums by atomic additions on a GPU differ from one epoch to the next.
    where = segments.detach().cpu().flatten()
    values = pixels.detach().cpu().double().flatten(1)
    sums = torch.zeros(len(values), int(where.max()) + 1, dtype=values.dtype).index_add_(1, where, values)
    means = sums / where.bincount().clamp(min=1)
    return means[:, where].reshape(pixels.shape).to(pixels)


def perturb(pixels: Tensor, segments: Tensor, masks: Tensor, *, fill: float | Tensor | None = None) -> Tensor:
    """Copies of one image, each with some of its superpixels blanked.

    Args:
        pixels: (C, H, W) or (C, D, H, W) in [0, 1].
        segments: Of its size, superpixel of every pixel, 0 ... n - 1.
        masks: Bool (S, n): which superpixels stay.
        fill: What blanked pixels show: each superpixel's mean colour (None), a value or C values in [0, 1], or a
            whole image like `pixels`.

    Returns:
        (S, C, ...), of the type and on the device of `pixels`. What stays is untouched to the last bit.

    Raises:
        ValueError: If segments, masks or fill do not fit the image.
    """
    check_segments(pixels, segments, masks)
    stays = masks.to(pixels.device, pixels.dtype)[:, segments.to(pixels.device)]
    # Exact at 0 and 1, and on the CPU several times as fast as torch.where.
    return torch.lerp(fill_image(pixels, segments, fill), pixels, stays[:, None])


def fill_image(pixels: Tensor, segments: Tensor, fill: float | Tensor | None) -> Tensor:
    """What blanked pixels show, as an image like `pixels`; see `perturb`.

    Raises:
        ValueError: If `fill` is a tensor that does not fit the image.
    """
    if fill is None:
        return mean_fill(pixels, segments)
    colour = torch.as_tensor(fill, dtype=pixels.dtype, device=pixels.device)
    if colour.ndim == 1:
        colour = colour.view(-1, *[1] * segments.ndim)
    try:
        return colour.expand_as(pixels)
    except RuntimeError as error:
        shape, wanted = tuple(torch.as_tensor(fill).shape), tuple(pixels.shape)
        raise ValueError(f"Expected fill to be one value, one per channel, or {wanted}, received {shape}.") from error


def top_superpixels(
    weights: Tensor, *, count: int = 11, min_weight: float = 0.0, positive_only: bool = False
) -> Tensor:
    """The superpixels worth showing, as the lime package's `get_image_and_mask` chooses them.

    Args:
        weights: (n,).
        count: How many at most, the largest by absolute value.
        min_weight: Smallest absolute weight to show, in units of the score.
        positive_only: Leave out those that speak against the class. They take no place of `count` then.

    Returns:
        LongTensor (n,): 1 for the class, -1 against it, 0 not chosen. A weight of 0 is never chosen.

    >>> top_superpixels(torch.tensor([0.1, -0.5, 0.3, 0.0]), count=2)
    tensor([ 0, -1,  1,  0])
    """
    weights = weights.detach()
    strength = weights.clamp(min=0) if positive_only else weights.abs()
    chosen = torch.zeros_like(weights, dtype=torch.long)
    chosen[strength.argsort(descending=True, stable=True)[:count]] = 1
    chosen[strength < min_weight] = 0
    return chosen * strength.gt(0) * weights.sign().long()


def check_segments(pixels: Tensor, segments: Tensor, masks: Tensor) -> None:
    """Raises unless segments and masks belong to the image.

    Raises:
        ValueError: If `segments` is not of its size, or `masks` has not one column per superpixel.
    """
    if pixels.ndim not in (3, 4) or segments.shape != pixels.shape[1:]:
        raise ValueError(
            "Expected pixels (C, H, W) or (C, D, H, W), and segments of their size, received "
            f"{tuple(pixels.shape)}, {tuple(segments.shape)}."
        )
    count = int(segments.max()) + 1
    if masks.ndim != 2 or masks.shape[1] != count:
        raise ValueError(
            f"Expected masks to be (samples, {count}), one column per superpixel, received {tuple(masks.shape)}."
        )


def _check_pixels(pixels: Tensor) -> None:
    if pixels.ndim not in (3, 4) or not pixels.numel():
        raise ValueError(
            f"Expected pixels to be one image (C, H, W) or volume (C, D, H, W), received {tuple(pixels.shape)}."
        )


def _rgb(pixels: Tensor) -> NDArray[np.float64]:
    image = pixels.detach().cpu().double().nan_to_num(0.0).clamp(0, 1)
    # Grey as three channels: SLIC then works on lightness 0 ... 100, where `compactness` means the same.
    image = image[:3] if len(image) >= 3 else image.mean(0, keepdim=True).expand(3, *image.shape[1:])
    array: NDArray[np.float64] = image.movedim(0, -1).contiguous().numpy()
    return array
