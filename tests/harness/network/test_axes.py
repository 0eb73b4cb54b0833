"""In which order the sides of volumes and clips stand."""

import pytest
import torch
from balls import ByFrame, Deep, Factored
from torch import nn

from lightning_viz.harness.network.axes import axes_of, channels_first


@pytest.mark.parametrize(
    ("net", "shape", "expected"),
    [
        (Deep(1), (1, 8, 16, 16), "CDHW"),
        (Deep(2), (2, 3, 16, 16), "CDHW"),
        (Factored(3), (3, 8, 16, 16), "CTHW"),
        (Factored(3), (3, 3, 16, 16), "CTHW"),
        (Factored(3), (8, 3, 16, 16), "TCHW"),  # as a video transformer that turns its clips itself
        (ByFrame(3), (8, 3, 16, 16), "TCHW"),
        (ByFrame(3), (3, 3, 16, 16), "TCHW"),
        (ByFrame(1), (8, 1, 16, 16), "TCHW"),
        (ByFrame(3), (3, 8, 16, 16), "CTHW"),
        (nn.Linear(4, 2), (1, 8, 16, 16), "CDHW"),
        (nn.Linear(4, 2), (8, 3, 16, 16), "TCHW"),
        (nn.Linear(4, 2), (3, 8, 16, 16), "CTHW"),
        (nn.Linear(4, 2), (8, 8, 16, 16), "CDHW"),
    ],
)
def test_the_first_convolution_tells_where_the_channels_are(net, shape, expected):
    assert axes_of(torch.zeros(2, *shape), net) == expected


def test_what_the_user_says_counts():
    assert axes_of(torch.zeros(2, 8, 3, 16, 16), ByFrame(), "CDHW") == "CDHW"


def test_flat_images_have_no_such_order():
    assert axes_of(torch.zeros(2, 3, 16, 16), Deep()) is None
    with pytest.raises(ValueError, match=r"leave axes= out for flat images"):
        axes_of(torch.zeros(2, 3, 16, 16), Deep(), "TCHW")


def test_channels_come_first_and_go_back():
    clips = torch.rand(2, 8, 3, 4, 5)
    turned = channels_first(clips, "TCHW")
    assert torch.equal(turned[:, 1, 2], clips[:, 2, 1])
    assert torch.equal(channels_first(turned, "TCHW"), clips)
    assert channels_first(clips, "CDHW") is clips
    assert channels_first(clips[:, 0], "TCHW").shape == (2, 3, 4, 5)
