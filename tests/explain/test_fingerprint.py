"""A network's fingerprint: it changes with whatever the call depends on, and with nothing else."""

import pytest
import torch
from projects import Net
from torch import nn

from lightning_viz.explain.fingerprint import fingerprint
from lightning_viz.explain.layers import layer_output

BLACK = torch.zeros(2, 3, 16, 16)


@pytest.fixture
def net():
    torch.manual_seed(0)
    return Net().eval().requires_grad_(False)


def mark(net, layer=None, images=BLACK):
    return fingerprint(net if layer is None else lambda some: layer_output(net, layer, some), images)


def test_it_stays_where_the_network_does(net):
    assert mark(net) == mark(net)


@pytest.mark.parametrize("name", [name for name, _ in Net().state_dict().items() if "num_batches" not in name])
def test_it_changes_with_every_parameter_and_statistic_up_to_the_layer(name, net):
    behind = name.startswith("9")
    before, whole = mark(net, net[5]), mark(net)
    found = net.state_dict()[name]
    found.copy_(found.nextafter(found + 1))
    assert (mark(net, net[5]) == before) == behind
    assert mark(net) != whole


def test_dead_units_hide_nothing(net):
    net[4].bias.fill_(-1e6)
    before = mark(net, net[5])
    net[4].weight.add_(1)
    assert not layer_output(net, net[5], BLACK).any()
    assert mark(net, net[5]) != before


class Tempered(nn.Module):
    """With a number that is neither parameter nor buffer, and a weight that another module reads."""

    def __init__(self, net):
        super().__init__()
        self.net = net
        self.attention = nn.MultiheadAttention(3, 1, batch_first=True)
        self.temperature = 1.0

    def forward(self, x):
        scores = self.net(x)[:, None]
        return self.attention(scores, scores, scores)[0] / self.temperature


def test_numbers_and_weights_of_all_kinds_count(net):
    tempered = Tempered(net).eval().requires_grad_(False)
    before = mark(tempered)
    tempered.temperature = 2.0
    cooler = mark(tempered)
    tempered.attention.out_proj.weight.add_(1)
    assert len({before, cooler, mark(tempered)}) == 3


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("make", [torch.jit.script, lambda part: torch.jit.trace(part, BLACK)])
def test_scripted_and_traced_parts_are_read_too(make, net):
    whole = nn.Sequential(make(nn.Sequential(*list(net)[:4])), *list(net)[4:])
    before = mark(whole)
    assert {mark(whole) for _ in range(3)} == {before}
    next(whole.parameters()).add_(1)
    assert mark(whole) != before


class Chooses(nn.Module):
    """Another way for bright images."""

    def __init__(self):
        super().__init__()
        self.dark, self.bright = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 1)

    def forward(self, x):
        return self.bright(x) if x.mean() > 0.5 else self.dark(x)


def test_every_image_finds_its_own_way():
    net = Chooses().requires_grad_(False)
    both = torch.stack([torch.zeros(3, 4, 4), torch.ones(3, 4, 4)])
    dark, before = mark(net, images=both[:1]), mark(net, images=both)
    net.bright.weight.add_(1)
    assert mark(net, images=both[:1]) == dark
    assert mark(net, images=both) != before


def test_of_half_precision_and_of_no_weight_at_all():
    half = nn.Conv2d(3, 2, 1).to(torch.bfloat16).requires_grad_(False)
    before = mark(half, images=BLACK.bfloat16())
    half.bias.add_(1)
    assert mark(half, images=BLACK.bfloat16()) != before
    assert mark(nn.ReLU()) != mark(nn.Sigmoid())
