"""Homework 3's augmentation, for a whole batch at a time and on its device."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def flip_and_rotate(images: Tensor, degrees: float = 15.0) -> Tensor:
    """Mirrors every second image on average, then turns each by a random angle.

    The homework's `RandomHorizontalFlip` and `RandomRotation(15)`: nearest neighbour, black corners. The
    draws come from torch's global generator on the CPU, so `seed_everything` repeats them on any device.

    Args:
        images: float (N, C, S, S).
        degrees: Angles are uniform in [-degrees, degrees].

    Returns:
        The same shape and range.

    Example:
        >>> flip_and_rotate(torch.rand(2, 3, 8, 8)).shape
        torch.Size([2, 3, 8, 8])
    """
    mirrored = torch.rand(len(images)) < 0.5
    angles = (torch.rand(len(images)) * 2 - 1) * degrees
    return transform(images, mirrored, angles)


def transform(images: Tensor, mirrored: Tensor, angles: Tensor) -> Tensor:
    """Mirrors, then turns counter-clockwise about the centre.

    Args:
        images: float (N, C, S, S), square.
        mirrored: bool (N,).
        angles: float (N,), degrees.

    Returns:
        float (N, C, S, S); what comes from outside the image is 0.

    Example:
        >>> image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
        >>> transform(image, torch.tensor([False]), torch.tensor([90.0])).tolist()
        [[[[2.0, 4.0], [1.0, 3.0]]]]
    """
    radians = angles * (math.pi / 180)
    cos, sin, zero = radians.cos(), radians.sin(), torch.zeros_like(radians)
    sign = torch.where(mirrored, -1.0, 1.0)
    # Rows give the source x and y of an output pixel: undo the turn, then undo the mirroring.
    rows = [torch.stack([sign * cos, sign * -sin, zero], 1), torch.stack([sin, cos, zero], 1)]
    theta = torch.stack(rows, 1).to(images)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="nearest", padding_mode="zeros", align_corners=False)
