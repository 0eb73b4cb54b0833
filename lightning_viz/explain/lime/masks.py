"""Which superpixels to blank in which sample, and what the network says then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from lightning_viz.explain.lime.hadamard import hadamard, hadamard_order
from lightning_viz.explain.lime.regression import fewest_samples
from lightning_viz.explain.lime.superpixels import check_segments, fill_image, perturb
from lightning_viz.explain.network.chunks import Chunks, fastest
from lightning_viz.explain.network.layout import channels_last


def draw_masks(
    n: int, samples: int, *, seed: int, design: Literal["independent", "hadamard"] = "independent"
) -> Tensor:
    """Which superpixels stay in which sample.

    Args:
        n: How many superpixels. Where there are no more than `samples` different masks, they are listed instead.
        samples: How many masks.
        seed: The same seed gives the same masks, and fewer of them are the first ones of more.
        design: `"independent"` fair coins behind the whole image, as lime draws them, or `"hadamard"`: columns of
            Hadamard matrices in random order, flipped at random, and each mask followed by its complement (fold-over,
            Box and Wilson 1951), so that effects of pairs do not leak into the weights. Each mask is as random as
            fair coins, and every block of `block_size` masks is balanced in itself. For the same answer it needs
            about half as many.

    Returns:
        Bool (samples, n) on the CPU, at most 2^n of them, and an even number of a hadamard design.

    Raises:
        ValueError: If `n` is below 1 or there are too few samples, or `design` is unknown.

    >>> draw_masks(2, 100, seed=0, design="hadamard").int().tolist()
    [[1, 1], [0, 0], [1, 0], [0, 1]]
    """
    least = 2 if design == "hadamard" else 1
    if n < 1 or samples < least:
        raise ValueError(f"Expected at least 1 superpixel and {least} samples, received {n} and {samples}.")
    if design not in ("independent", "hadamard"):
        raise ValueError(f'Expected design "independent" or "hadamard", received {design!r}.')
    random = torch.Generator().manual_seed(seed)
    if 2**n <= samples:
        return _listed(n, random)
    if design == "hadamard":
        return torch.cat([_block(n, random) for _ in range(-(-samples // block_size(n)))])[: samples // 2 * 2]
    return torch.cat([torch.ones(1, n, dtype=torch.bool), torch.rand(samples - 1, n, generator=random) < 0.5])


def block_size(n: int) -> int:
    """How many masks of a Hadamard design are balanced together: each superpixel, and each pair, as often as not.

    It is the smallest design that shows how far off the weights are.

    >>> block_size(31), block_size(40), block_size(53)
    (80, 120, 136)
    """
    return 2 * hadamard_order(max(n + 1, fewest_samples(n, paired=True) // 2))


@torch.no_grad()
def masked_scores(
    scores: Callable[[Tensor], Tensor],
    pixels: Tensor,
    segments: Tensor,
    masks: Tensor,
    *,
    normalize: Callable[[Tensor], Tensor],
    fill: float | Tensor | None = None,
    chunks: Chunks | None = None,
    probabilities: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Class scores of one image under every mask.

    Args:
        scores: The network: images (N, C, H, W) -> (N, K).
        pixels: (C, H, W) or (C, D, H, W) in [0, 1]; the computation runs on its device.
        segments: (H, W) or (D, H, W), superpixel of every pixel, 0 ... n - 1.
        masks: Bool (S, n): which superpixels stay.
        normalize: Pixels (N, C, H, W) in [0, 1] -> images as the network takes them.
        fill: What blanked pixels show, see `perturb`.
        chunks: How many masked images go through the network at once. By default as many as go fastest.
        probabilities: Applied to the scores (N, K), a softmax for example. LIME on logits if None.

    Returns:
        Float32 (S, K) on the device of `pixels`.

    Raises:
        ValueError: If the parts do not fit each other, or a score is not finite.
    """
    check_segments(pixels, segments, masks)
    background = fill_image(pixels, segments, fill)
    ask = channels_last(scores)
    outputs = (chunks or Chunks(together(pixels)))(
        lambda some: ask(normalize(perturb(pixels, segments, some, fill=background))), masks
    )
    return finite(outputs, probabilities)


def finite(scores: Tensor, probabilities: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """The scores (S, K) in float32, through `probabilities` if there is such a function.

    Raises:
        ValueError: If one is not finite.
    """
    outputs = (scores if probabilities is None else probabilities(scores)).float()
    if not torch.isfinite(outputs).all():
        raise ValueError("The network's scores of masked images are not all finite: nothing to fit.")
    return outputs


def together(pixels: Tensor) -> int:
    """How many masked copies of an image go through a network fastest in one call, where no gradient is wanted.

    >>> together(torch.zeros(3, 64, 64)), together(torch.zeros(3, 128, 128)), together(torch.zeros(3, 224, 224))
    (16, 4, 2)
    """
    # Each layer's output is used once and given back: on a CPU, few at a time find theirs still in the cache.
    # Two cores, fused (see `fusing`): of 2, 4, 8 and 16 at 128 px, 4 are the fastest.
    size = fastest(pixels[None])
    return max(size // 2, 2 if pixels.ndim == 3 else 1) if pixels.device.type == "cpu" else size


def _listed(n: int, random: torch.Generator) -> Tensor:
    # Those with the first superpixel, the whole image first, and each followed by its complement.
    codes = torch.cat([torch.zeros(1, dtype=torch.long), 1 + torch.randperm(2 ** (n - 1) - 1, generator=random)])
    half = (2 * codes[:, None] >> torch.arange(n)) % 2 == 0
    return _folded(half)


def _block(n: int, random: torch.Generator) -> Tensor:
    table = hadamard(block_size(n) // 2)
    # The first column never changes. Flips keep the design, and make each mask as random as fair coins.
    columns = 1 + torch.randperm(len(table) - 1, generator=random)[:n]
    half = table[:, columns] ^ (torch.rand(n, generator=random) < 0.5)
    return _folded(half[torch.randperm(len(table), generator=random)])


def _folded(half: Tensor) -> Tensor:
    return torch.stack([half, ~half], 1).flatten(0, 1)
