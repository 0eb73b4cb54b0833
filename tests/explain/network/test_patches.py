"""Where the patches are among the tokens, seen in forwards of many kinds."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lightning_viz.explain.network.fusing import fuse
from lightning_viz.explain.network.patches import Grid, PatchesSeen

IMAGES = torch.rand(2, 3, 48, 96)
CONVOLUTION = nn.Conv2d(3, 5, 16, stride=16).eval().requires_grad_(False)


def convolved(x):
    return CONVOLUTION(x).flatten(2).transpose(1, 2)


def strided(x):
    """A stem of convolutions, and one of 1 x 1 behind it."""
    for _ in range(4):
        x = F.conv2d(x, torch.ones(3, 3, 3, 3), stride=2, padding=1)
    return F.conv2d(x, torch.ones(5, 3, 1, 1)).flatten(2).transpose(1, 2)


def unfolded(x):
    return F.unfold(x, 16, stride=16).transpose(1, 2)


def overlapping(x):
    return nn.Unfold(17, padding=8, stride=16)(x).transpose(1, 2)


def cut(x):
    return x.unfold(2, 16, 16).unfold(3, 16, 16).permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)


def reshaped(x):
    """As `rearrange(x, "n c (h p) (w q) -> n (h w) (p q c)", p=16, q=16)` does."""
    return x.reshape(2, 3, 3, 16, 6, 16).permute(0, 2, 4, 3, 5, 1).reshape(2, 18, 768)


def channels_last(x):
    return CONVOLUTION(x).permute(0, 2, 3, 1).reshape(2, 18, 5)


CUTTERS = [convolved, strided, unfolded, overlapping, cut, reshaped, channels_last]


@pytest.mark.parametrize("cutter", CUTTERS, ids=lambda f: f.__name__)
@pytest.mark.parametrize(("before", "after"), [(0, 0), (1, 0), (4, 0), (5, 0), (1, 4), (30, 0)])
def test_patches_and_what_stands_beside_them_are_counted(cutter, before, after):
    with PatchesSeen(IMAGES) as seen:
        patches = cutter(IMAGES)
        beside = [torch.zeros(2, count, patches.shape[2]) for count in (before, after)]
        tokens = torch.cat([beside[0], patches, beside[1]], dim=1)
    assert seen.grid(tokens.shape[1]) == Grid(3, 6, before, after)


def test_registers_may_come_behind_the_class_token_later_on():
    with PatchesSeen(IMAGES) as seen:
        tokens = torch.cat((torch.zeros(2, 1, 5), convolved(IMAGES)), dim=1)
        torch.cat((tokens[:, :1], torch.zeros(2, 4, 5), tokens[:, 1:]), dim=1)
    assert seen.grid(23) == Grid(3, 6, before=5)
    assert seen.grid(19) == Grid(3, 6, before=1)
    assert seen.grid(18) == Grid(3, 6)


def test_tokens_first_and_images_second():
    with PatchesSeen(IMAGES) as seen:
        torch.cat([torch.zeros(2, 2, 5), convolved(IMAGES).transpose(0, 1)])
    assert seen.grid(20) == Grid(3, 6, before=2)


def test_tokens_that_are_written_beside_the_patches_stand_in_front():
    with PatchesSeen(IMAGES) as seen:
        tokens = torch.zeros(2, 20, 5)
        tokens[:, 2:] = convolved(IMAGES)
    assert seen.grid(20) == Grid(3, 6, before=2)


def test_every_stage_has_a_grid_of_its_own():
    with PatchesSeen(IMAGES) as seen:
        maps = F.conv2d(IMAGES, torch.ones(4, 3, 8, 8), stride=8)
        torch.cat([torch.zeros(2, 1, 4), maps.flatten(2).transpose(1, 2)], dim=1)
        F.conv2d(maps, torch.ones(5, 4, 2, 2), stride=2)
    assert seen.grid(73) == Grid(6, 12, before=1)
    assert seen.grid(18) == Grid(3, 6)


def test_heads_and_their_channels_are_no_patches():
    with PatchesSeen(IMAGES) as seen:
        tokens = convolved(IMAGES)
        torch.zeros(2, 18, 2, 9).reshape(2, 18, 18)
    assert seen.grid(tokens.shape[1]) == Grid(3, 6)


@pytest.mark.parametrize("count", [7, 17, 36, 49])
def test_so_many_tokens_were_not_made_of_the_image(count):
    with PatchesSeen(IMAGES) as seen:
        convolved(IMAGES)
    assert seen.grid(count) is None


def test_a_fused_convolution_is_seen_where_it_is_flattened():
    stem = nn.Sequential(nn.Conv2d(3, 5, 16, stride=16), nn.BatchNorm2d(5), nn.ReLU()).eval().requires_grad_(False)
    fuse(stem)
    with torch.no_grad(), PatchesSeen(IMAGES) as seen:
        stem(IMAGES).flatten(2)
    assert seen.grid(18) == Grid(3, 6)


def test_values_are_laid_out_line_by_line():
    grid = Grid(2, 3, before=1, after=2)
    assert grid.laid_out(torch.arange(9)).tolist() == [[1, 2, 3], [4, 5, 6]]
