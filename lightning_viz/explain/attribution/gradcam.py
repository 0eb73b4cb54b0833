"""Grad-CAM: which places of a layer speak for a class."""

from __future__ import annotations

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
        layer: One that puts out (N, D, h, w), or tokens for the patches of the image.
        images: (N, C, H, W), as the network takes them.
        targets: (N,) class indices.
        method: `"gradcam"` or `"gradcam++"`.
        batch_size: Most images in one forward pass; None is as many as go fastest.

    Returns:
        (N, h, w), not below 0; all 0 where nothing in the layer speaks for the class.

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
        outputs, gradients = (_spatial(part, layer, seen) for part in found)
        if method == "gradcam":
            weights = gradients.mean((2, 3))
        else:
            # alpha relu(g) with alpha = g^2 / (2 g^2 + sum(A) g^3), cancelled so that nothing is divided by 0
            above, mass = gradients.relu(), outputs.relu().sum((2, 3), keepdim=True)
            weights = (above / (2 + mass * above)).sum((2, 3))
        return torch.einsum("nd,ndhw->nhw", weights, outputs).relu()

    return gradient_chunks(images, batch_size)(some, images, targets)


def upsampled(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps (N, h, w) at the size of the images, (N, H, W), bilinearly.

    >>> upsampled(torch.tensor([[[0.0, 4.0]]]), (1, 4))
    tensor([[[0., 1., 3., 4.]]])
    """
    return F.interpolate(maps[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]


def _spatial(found: Tensor, layer: nn.Module, seen: PatchesSeen) -> Tensor:
    maps = arranged(found, layer, seen, maps=True)
    if maps.ndim != 4 or len(maps) != seen.count:
        raise ValueError(
            "Expected a layer with a spatial output: (N, channels, height, width), or as many tokens as patches of one "
            f"size make of the image, received {('N', *found.shape[1:])}: choose a convolution, what follows one, or a "
            "transformer's block."
        )
    return maps
