"""Which superpixels to blank in which sample, and what the network says then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from lightning_viz.explain.chunks import Chunks
from lightning_viz.explain.superpixels import check_segments, fill_image, perturb


def draw_masks(
    n: int, samples: int, *, seed: int, design: Literal["independent", "hadamard"] = "independent"
) -> Tensor:
    """Which superpixels stay in which sample.

    Args:
        n: How many superpixels. Up to 10, the different masks are listed (at most 2^n) instead of drawn.
        samples: How many masks.
        seed: The same seed gives the same masks.
        design: `"independent"` fair coins, as lime does, or `"hadamard"`: columns of a Hadamard matrix, each mask
            with its complement, so that effects of pairs do not leak into the weights. It needs more than 2 n
            samples, and about half as many as independent masks for the same answer.

    Returns:
        Bool (samples, n) on the CPU, the first row all true.

    Raises:
        ValueError: If `n` or `samples` is below 1, or `design` is unknown or has too few samples.

    >>> draw_masks(2, 100, seed=0).shape
    torch.Size([4, 2])
    """
    if n < 1 or samples < 1:
        raise ValueError(f"at least 1 superpixel and 1 sample are needed, got {n} and {samples}.")
    if design not in ("independent", "hadamard"):
        raise ValueError(f'design must be "independent" or "hadamard", got {design!r}.')
    random = torch.Generator().manual_seed(seed)
    if n <= 10:
        return _listed(n, random)[:samples]
    drawn = _balanced(n, samples, random) if design == "hadamard" else _coins(n, samples, random)
    return torch.cat([torch.ones(1, n, dtype=torch.bool), drawn])[:samples]


@torch.no_grad()
def masked_scores(
    scores: Callable[[Tensor], Tensor],
    pixels: Tensor,
    segments: Tensor,
    masks: Tensor,
    *,
    normalize: Callable[[Tensor], Tensor],
    fill: float | Tensor | None = None,
    batch_size: int = 64,
    probabilities: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Class scores of one image under every mask.

    Args:
        scores: The network: images (N, C, H, W) -> (N, K).
        pixels: (C, H, W) in [0, 1]; the computation runs on its device.
        segments: (H, W) superpixel of every pixel, 0 ... n - 1.
        masks: Bool (S, n): which superpixels stay.
        normalize: Pixels (N, C, H, W) in [0, 1] -> images as the network takes them.
        fill: What blanked pixels show, see `perturb`.
        batch_size: How many masked images go through the network at once.
        probabilities: Applied to the scores (N, K), a softmax for example. LIME on logits if None.

    Returns:
        Float32 (S, K) on the device of `pixels`.

    Raises:
        ValueError: If the parts do not fit each other, or a score is not finite.
    """
    check_segments(pixels, segments, masks)
    background = fill_image(pixels, segments, fill)
    outputs = Chunks(batch_size)(
        lambda some: scores(normalize(perturb(pixels, segments, some, fill=background))), masks
    )
    outputs = (outputs if probabilities is None else probabilities(outputs)).float()
    if not torch.isfinite(outputs).all():
        raise ValueError("the network's scores of masked images are not all finite: nothing to fit.")
    return outputs


def _listed(n: int, random: torch.Generator) -> Tensor:
    codes = torch.arange(2**n)
    # Shuffled behind the whole image: where only some are wanted, they are a fair choice.
    codes = torch.cat([codes[-1:], codes[:-1][torch.randperm(2**n - 1, generator=random)]])
    return (codes[:, None] >> torch.arange(n)) % 2 == 1


def _coins(n: int, samples: int, random: torch.Generator) -> Tensor:
    return torch.rand(samples, n, generator=random) < 0.5


def _balanced(n: int, samples: int, random: torch.Generator) -> Tensor:
    order = 1 << (samples // 2).bit_length() - 1
    if order <= n:
        raise ValueError(
            f"a hadamard design of {n} superpixels needs {2 << n.bit_length()} samples, got {samples}: "
            "pass samples= with as many, segments= with fewer, or design='independent'."
        )
    blocks = [_block(n, order, random) for _ in range(-(-samples // (2 * order)))]
    return torch.cat(blocks)


def _block(n: int, order: int, random: torch.Generator) -> Tensor:
    table = torch.ones(1, 1, dtype=torch.bool)
    while len(table) < order:
        table = torch.cat([torch.cat([table, table], 1), torch.cat([table, ~table], 1)])
    # The first column never changes. Flipped columns keep the design but not its all-blank row.
    columns = 1 + torch.randperm(order - 1, generator=random)[:n]
    half = table[:, columns] ^ (torch.rand(n, generator=random) < 0.5)
    half = half[torch.randperm(order, generator=random)]
    return torch.stack([half, ~half], 1).flatten(0, 1)
