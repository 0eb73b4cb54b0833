"""Ways to cut an image into superpixels, for about a given number of them, by means of scikit-image."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, get_args

import numpy as np
from skimage.segmentation import felzenszwalb, quickshift, slic

from lightning_viz.explain.lime.merging import Image, Labels, merged

Method = Literal["merged", "slic", "quickshift", "felzenszwalb", "grid"]


def cut(image: Image, method: Method | Callable[[Image], Labels], segments: int, **options: float) -> Labels:
    """Cuts one image.

    Args:
        image: (H, W, 3), or a volume (D, H, W, 3), in [0, 1].
        method: The name of a way, or a function from the image to labels, as lime's `segmentation_fn`.
        segments: About how many superpixels; a function decides by itself.
        options: `compactness` (slic alone) and `sigma` (not of a grid).

    Returns:
        Labels (H, W) or (D, H, W), any whole numbers.

    Raises:
        ValueError: If there is no such method for the image, or what a function returns is no whole number per pixel.
    """
    if callable(method):
        return _checked(np.asarray(method(image)), image.shape[:-1])
    if method == "grid":
        return grid(image.shape[:-1], segments)
    if method == "slic":
        return slic(image, segments, start_label=0, channel_axis=-1, **options)  # type: ignore[no-any-return]
    check_method(method)
    if image.ndim > 3 and method != "merged":
        raise ValueError(
            f"Expected segmentation= as 'merged', 'slic', 'grid' or a function for volumes, received {method!r}, which "
            "cuts flat images alone."
        )
    ways = {"merged": merged, "quickshift": _quickshift, "felzenszwalb": _felzenszwalb}
    return ways[method](image, segments, options["sigma"])


def check_method(method: object) -> None:
    """Raises unless it is a way to cut an image.

    Raises:
        ValueError: It is neither a known name nor a function.
    """
    if not callable(method) and method not in get_args(Method):
        names = ", ".join(map(repr, get_args(Method)))
        raise ValueError(f"Expected segmentation= as one of {names}, or a function, received {method!r}.")


def grid(size: Sequence[int], segments: int) -> Labels:
    """Rectangles, as near to squares as may be, or boxes near to cubes.

    >>> grid((2, 4), 2).tolist()
    [[0, 0, 1, 1], [0, 0, 1, 1]]
    """
    labels: Labels = np.zeros((), dtype=np.intp)
    for k, length in enumerate(size):
        sides = len(size) - k
        share = segments * length**sides / math.prod(size[k:])
        parts = min(max(math.ceil(segments) if sides == 1 else round(share ** (1 / sides)), 1), length)
        labels = labels[..., None] * parts + np.arange(length) * parts // length
        segments = math.ceil(segments / parts)
    return labels


def _quickshift(image: Image, segments: int, sigma: float) -> Labels:
    """Quick shift (Vedaldi and Soatto 2008): every pixel hangs on a denser one nearby; the longest links are cut."""
    near = max(0.2 * math.sqrt(image.shape[0] * image.shape[1] / segments), 1.0)
    options = {"kernel_size": near, "max_dist": np.inf, "return_tree": True, "sigma": sigma, "rng": 0}
    _, parents, lengths = quickshift(image, channel_axis=-1, **options)  # type: ignore[no-untyped-call]
    parent, length = np.array(parents).ravel(), np.array(lengths).ravel()
    length[parent == np.arange(parent.size)] = np.inf  # what hangs on nothing is a superpixel in any case
    roots = np.argsort(-length, kind="stable")[: max(segments, int(np.isinf(length).sum()))]
    parent[roots] = roots
    while (above := parent[parent]).tolist() != parent.tolist():
        parent = above
    labels: Labels = parent.reshape(image.shape[:2])
    return labels


def _felzenszwalb(image: Image, segments: int, sigma: float) -> Labels:
    """Felzenszwalb and Huttenlocher (2004), at the scale that comes nearest to the wanted number."""
    least = max(image.shape[0] * image.shape[1] // (4 * segments), 1)
    low, high = 0.0, 16.0  # powers of two
    found: list[tuple[int, Labels]] = []
    for _ in range(10):
        middle = (low + high) / 2
        labels = felzenszwalb(image, scale=2**middle, sigma=sigma, min_size=least, channel_axis=-1)
        count = int(labels.max()) + 1
        found.append((abs(count - segments), labels))
        low, high = (middle, high) if count > segments else (low, middle)
    return min(found, key=lambda pair: pair[0])[1]


def _checked(labels: Labels, size: tuple[int, ...]) -> Labels:
    if labels.shape != size or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"Expected the segmentation to return whole numbers {size}, received {labels.dtype} {labels.shape}: "
            f"it takes an image ({'D, ' * (len(size) - 2)}H, W, 3) in [0, 1] and returns a label for each pixel."
        )
    return labels
