"""What a layer puts out passes through maps of the places, and nothing else changes."""

import pytest
import torch
from torch import nn

from lightning_viz.explain.network.patches import Grid
from lightning_viz.explain.network.places import Places, find_places, laid_out_behind

OUTPUTS = {
    "tokens": (Places(Grid(3, 4, before=2, after=1)), (2, 15, 5)),
    "channels at the end": (Places(None), (2, 3, 4, 5)),
}
each_output = pytest.mark.parametrize(("places", "shape"), OUTPUTS.values(), ids=OUTPUTS)


@each_output
def test_laid_out_and_put_back_is_the_same(places, shape):
    output = torch.rand(shape)
    maps = places.laid_out(output)
    assert maps.shape == (2, 5, 3, 4)
    assert torch.equal(places.put_back(maps, output), output)


@each_output
def test_what_is_set_in_the_maps_goes_on_and_the_rest_stays(places, shape):
    output, layer = torch.rand(shape), nn.Identity()
    with laid_out_behind(layer, places) as maps:
        with maps.register_forward_hook(lambda module, inputs, seen: torch.zeros_like(seen)):
            changed = layer(output)
        same = layer(output)
    assert torch.equal(same, output)
    assert not places.laid_out(changed).any()
    if places.grid is not None:
        assert torch.equal(changed[:, [0, 1, 14]], output[:, [0, 1, 14]])
    assert not layer._forward_hooks


def test_of_several_outputs_the_first_is_laid_out():
    class Both(nn.Module):
        def forward(self, x):
            return x, "beside"

    layer, output = Both(), torch.rand(2, 15, 5)
    with laid_out_behind(layer, Places(Grid(3, 4, before=2, after=1))) as maps:
        seen = []
        maps.register_forward_hook(lambda module, inputs, out: seen.append(out.shape))
        found, beside = layer(output)
    assert torch.equal(found, output)
    assert beside == "beside"
    assert seen == [(2, 5, 3, 4)]


def test_the_grid_is_that_of_the_forward():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.layer = nn.Conv2d(3, 5, 4, stride=4), nn.Linear(5, 5)

        def forward(self, x):
            x = self.embed(x).flatten(2).transpose(1, 2)
            return self.layer(torch.cat([torch.zeros(len(x), 4, 5), x], dim=1))

    net, images = Tokens(), torch.rand(1, 3, 12, 24)
    assert find_places(net, net.layer, images) == Places(Grid(3, 6, before=4))
    assert find_places(net, net.embed, images) is None
