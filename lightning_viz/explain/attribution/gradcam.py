"""Grad-CAM: which places of a layer speak for a class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_viz.explain.attribution.gradients import Scores, gradient_chunks
from lightning_viz.explain.network.layers import layer_gradient
from lightning_viz.explain.network.layout import channels_last
from lightning_viz.explain.network.patches import PatchesSeen
from lightning_viz.explain.network.tokens import arranged

Method = Literal["gradcam", "gradcam++"]


def grad_cam(
    scores: Scores,
    layer: nn.Module,
    images: Tensor,
    targets: Tensor,
    *,
    method: Method = "gradcam",
    batch_size: int | None = None,
) -> Tensor:
    """Grad-CAM (arXiv:1610.02391, 2016) or Grad-CAM++ (arXiv:1710.11063, 2017) of a layer.

    Both weigh the layer's channels and keep what of their sum is above 0. Grad-CAM weighs a channel by its mean
    gradient. Grad-CAM++ follows the paper for a score behind an exponential, without that exponential as a factor of
    the whole map, and counts channels as they are above 0, which the paper takes for granted.

    Args:
        scores: The network in eval mode, its parameters frozen.
        layer: One that puts out (N, D, h, w), or tokens for the patches of the image; for volumes (N, D, d, h, w), or
            every slice, or frame, in a row of its own.
        images: (N, C, H, W) or (N, C, D, H, W), as the network takes them.
        targets: (N,) class indices.
        method: `"gradcam"` or `"gradcam++"`.
        batch_size: Most images in one forward pass; None is as many as go fastest.

    Returns:
        (N, h, w) or (N, d, h, w), not below 0; all 0 where nothing in the layer speaks for the class.

    Raises:
        ValueError: If the method is unknown, the layer did not run, has no say in the scores, or its output is not
            spatial.

    >>> network = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.Flatten(), nn.Linear(4, 2, bias=False))
    >>> for p in network.parameters(): _ = p.requires_grad_(False).fill_(1.0)
    >>> grad_cam(network, network[0], torch.tensor([[[[1.0, 2.0], [3.0, -4.0]]]]), torch.tensor([0]))
    tensor([[[1., 2.],
             [3., 0.]]])
    """
    if method not in get_args(Method):
        raise ValueError(f"Expected method 'gradcam' or 'gradcam++', received {method!r}.")
    call = channels_last(scores)

    def some(batch: Tensor, classes: Tensor) -> Tensor:
        with PatchesSeen(batch) as seen:
            found = layer_gradient(call, layer, batch.detach().clone(), classes)
        outputs, gradients = (_spatial(part, layer, seen, batch.ndim - 2) for part in found)
        if method == "gradcam":
            weights = gradients.flatten(2).mean(2)
        else:
            # alpha relu(g) with alpha = g^2 / (2 g^2 + sum(A) g^3), cancelled so that nothing is divided by 0
            above, mass = gradients.flatten(2).relu(), outputs.flatten(2).relu().sum(2, keepdim=True)
            weights = (above / (2 + mass * above)).sum(2)
        return torch.einsum("nd,nd...->n...", weights, outputs).relu()

    # Of one volume at a time, rows of a layer that has its slices there are these in any case.
    return gradient_chunks(images, 1 if images.ndim > 4 else batch_size)(some, images, targets)


def upsampled(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Maps (N, h, w) or (N, d, h, w) at the size of the images, bilinearly or trilinearly.

    >>> upsampled(torch.tensor([[[0.0, 4.0]]]), (1, 4))
    tensor([[[0., 1., 3., 4.]]])
    """
    mode = "bilinear" if maps.ndim == 3 else "trilinear"
    return F.interpolate(maps[:, None], size=tuple(size), mode=mode, align_corners=False)[:, 0]


def _spatial(found: Tensor, layer: nn.Module, seen: PatchesSeen, sides: int) -> Tensor:
    maps = arranged(found, layer, seen, maps=True)
    if maps.ndim != sides + 2 or len(maps) != seen.count:
        wanted = f"(N, channels, {'depth, ' * (sides - 2)}height, width)"
        raise ValueError(
            f"Expected a layer with a spatial output: {wanted}, or as many tokens as patches of one size make of the "
            f"image, received {('N', *found.shape[1:])}: choose a convolution, what follows one, or a transformer's "
            "block."
        )
    return maps
