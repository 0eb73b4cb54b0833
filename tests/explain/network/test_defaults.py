"""Layers that are taken by default: those that a reader of the forward would name."""

import copy

import pytest
import torch
from projects import UNet
from torch import nn

from lightning_viz.explain.network.defaults import Defaults, default_layers


def found(net, size=16, scores=None):
    torch.manual_seed(0)
    net = net.eval().requires_grad_(False)
    return default_layers(scores or net, net, torch.rand(1, 3, size, size))


def conv(i, o, **more):
    return nn.Conv2d(i, o, 3, padding=1, **more)


class Gate(nn.Module):
    """Squeeze and excitation, of convolutions."""

    def __init__(self, width):
        super().__init__()
        self.down, self.up = nn.Conv2d(width, 2, 1), nn.Conv2d(2, width, 1)

    def forward(self, x):
        return x * self.up(self.down(x.mean((2, 3), keepdim=True)).relu()).sigmoid()


class Residual(nn.Module):
    """Its shortcut, a convolution too, runs last."""

    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(conv(8, 8, stride=2), nn.ReLU(), conv(8, 16), Gate(16))
        self.shortcut = nn.Conv2d(8, 16, 1, stride=2)

    def forward(self, x):
        main = self.main(x)
        return (main + self.shortcut(x)).relu_()


class Sides(nn.Module):
    """Beside what the scores come from: an averaged copy, an auxiliary head, a decoder, and a layer that never runs."""

    def __init__(self):
        super().__init__()
        self.stem, self.block, self.head = conv(3, 8), Residual(), nn.Linear(16, 3)
        self.auxiliary, self.decoder = conv(8, 8), nn.ConvTranspose2d(16, 3, 2, 2)
        self.copy, self.unused = copy.deepcopy(self.block), conv(8, 8)

    def forward(self, x):
        stem = self.stem(x).relu()
        places = self.block(stem)
        self.copy(stem)
        return {"out": self.head(places.mean((2, 3))), "aux": self.auxiliary(stem), "image": self.decoder(places)}


def test_gates_shortcuts_copies_heads_and_decoders_do_not_count():
    net = Sides()
    assert found(net, scores=lambda x: net(x)["out"]) == Defaults("block.main.2", "block.main.2")


def test_a_map_of_one_place_is_none():
    net = nn.Sequential(conv(3, 4), nn.MaxPool2d(8), conv(4, 4), nn.MaxPool2d(2), conv(4, 4), nn.Flatten())
    assert found(net).spatial == "2"
    assert found(net, size=32).spatial == "4"


@pytest.mark.parametrize(("count", "deep"), [(1, 0), (3, 2), (5, 3), (6, 4)])
def test_the_deep_one_is_two_thirds_down(count, deep):
    net = nn.Sequential(*[conv(3, 3) for _ in range(count)], nn.Conv2d(3, 3, 1), nn.Flatten())
    assert found(net) == Defaults(str(count), str(deep))


class Lambda(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def transformer(pool, depth=3):
    blocks = [nn.TransformerEncoderLayer(8, 2, 16, batch_first=True) for _ in range(depth)]
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 8, 4, 4), Lambda(lambda x: x.flatten(2).transpose(1, 2))),
        Lambda(lambda x: torch.cat([x[:, :1], x], 1)),
        nn.Sequential(*blocks),
        nn.LayerNorm(8),
        Lambda(pool),
        nn.Linear(8, 3),
    )


def test_where_scores_are_of_places_the_layer_before_that_of_the_scores_and_dreams_of_the_deepest():
    net = UNet()
    assert default_layers(net, net, torch.zeros(1, 3, 16, 16))[:2] == ("leave.0", "down.1")
    flat = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 2, 1))
    assert default_layers(flat, flat, torch.zeros(1, 3, 8, 8))[:2] == ("2", "2")
    alone = nn.Sequential(nn.Conv2d(3, 2, 3, padding=1))
    assert default_layers(alone, alone, torch.zeros(1, 3, 8, 8))[:2] == ("0", "0")


def test_of_a_transformer_the_last_block_whose_patches_have_a_say():
    assert found(transformer(lambda x: x.mean(1))) == Defaults("2.2", "2.2")
    assert found(transformer(lambda x: x[:, 0])) == Defaults("2.1", "2.1")


class Mixer(nn.Module):
    def __init__(self):
        super().__init__()
        self.places, self.channels = nn.Linear(16, 16), nn.Linear(8, 8)

    def forward(self, x):
        x = x + self.places(x.transpose(1, 2)).transpose(1, 2).relu()
        return x + self.channels(x).relu()


@pytest.mark.parametrize("patches", [nn.Conv2d(3, 8, 4, 4), nn.Sequential(nn.PixelUnshuffle(4), nn.Conv2d(48, 8, 1))])
def test_of_a_mixer_the_last_block(patches):
    tokens = Lambda(lambda x: x.flatten(2).transpose(1, 2))
    net = nn.Sequential(patches, tokens, Mixer(), Mixer(), Lambda(lambda x: x.mean(1)), nn.Linear(8, 3))
    assert found(net) == Defaults("3", "3")


def test_a_convolution_behind_attention_is_taken():
    """A hybrid: convolutions, attention over the places, a last convolution of 1 x 1."""

    class Hybrid(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.attention = conv(3, 8), nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
            self.last, self.head = nn.Conv2d(8, 16, 1), nn.Linear(16, 3)

        def forward(self, x):
            x = self.first(x)
            tokens = self.attention(x.flatten(2).transpose(1, 2)).transpose(1, 2)
            return self.head(self.last(tokens.unflatten(2, x.shape[2:])).mean((2, 3)))

    assert found(Hybrid()).spatial == "last"


def test_without_places_the_last_hidden_layer():
    net = nn.Sequential(nn.Flatten(), nn.Linear(768, 9), nn.ReLU(), nn.Linear(9, 8), nn.ReLU(), nn.Linear(8, 3))
    assert found(net) == Defaults(hidden="3")
    assert found(nn.Sequential(nn.Flatten(), nn.Linear(768, 3))) == Defaults(hidden="1")
    assert found(nn.Flatten()) == Defaults()


def test_where_no_gradient_tells_the_last_that_ran_is_taken():
    net = nn.Sequential(conv(3, 4), conv(4, 4), nn.Flatten())
    assert found(net, scores=lambda x: net(x.detach())).spatial == "1"


def test_nothing_stays_on_the_network():
    net = Sides()
    found(net, scores=lambda x: net(x)["out"])
    assert not any(module._forward_hooks for module in net.modules())
