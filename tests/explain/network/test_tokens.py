"""Channels come second, and tokens stand where their patches are."""

import pytest
import torch
from torch import nn

from lightning_viz.explain.network.tokens import channels_second

SQUARE, WIDE = torch.zeros(2, 3, 16, 16), torch.zeros(2, 3, 13, 22)


def out(output, images, layer=None, **how):
    return channels_second(lambda x: output, layer or nn.Identity(), **how)(images)


@pytest.mark.parametrize("extra", [0, 1, 2, 5])
@pytest.mark.parametrize(("images", "size"), [(SQUARE, (4, 4)), (WIDE, (3, 5)), (WIDE, (4, 7))])
def test_tokens_are_laid_out_without_those_that_are_no_patches(extra, images, size):
    tokens = torch.rand(2, extra + size[0] * size[1], 7)
    maps = out(tokens, images, maps=True)
    assert maps.shape == (2, 7, *size)
    assert torch.equal(maps[1, 3, 2, 1], tokens[1, extra + 2 * size[1] + 1, 3])


def test_tokens_in_a_row_keep_them_all():
    tokens = torch.rand(2, 17, 7)
    assert torch.equal(out(tokens, SQUARE), tokens.transpose(1, 2)[..., None])


@pytest.mark.parametrize("count", [7, 13, 19, 23])
def test_tokens_that_are_no_patches_stay(count):
    tokens = torch.rand(2, count, 7)
    assert out(tokens, SQUARE, maps=True) is tokens


def test_a_convolution_over_one_dimension_has_its_channels_second():
    output = torch.rand(2, 5, 16)
    assert torch.equal(out(output, SQUARE, nn.Conv1d(3, 5, 1)), output[..., None])
    assert out(output, SQUARE, nn.Conv1d(3, 5, 1), maps=True) is output


def test_channels_at_the_end_move_only_where_the_shape_says_so():
    last = torch.rand(2, 3, 5, 96)
    assert torch.equal(out(last, WIDE), last.permute(0, 3, 1, 2))
    for same in (torch.rand(2, 96, 3, 5), torch.rand(2, 4, 4, 4), torch.rand(2, 9, 1, 1), torch.rand(2, 9)):
        assert out(same, SQUARE if same.shape[-1] == 4 else WIDE) is same
    narrow = torch.rand(2, 8, 8, 1)
    assert out(narrow, SQUARE, nn.Conv2d(1, 8, 1)) is narrow
