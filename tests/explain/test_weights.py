import pytest
import torch
from torch import nn

from lightning_viz.explain.weights import channels_last_weights


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3, groups=2), nn.Flatten(), nn.Linear(64, 2))


def test_the_network_computes_the_same_and_gets_its_weights_back():
    net, images = network(), torch.rand(2, 3, 8, 8)
    before = net(images)
    own = [(p.data_ptr(), p.stride(), p._version) for p in net.parameters()]
    with channels_last_weights(net):
        assert net[0].weight.is_contiguous(memory_format=torch.channels_last)
        assert net[0].weight.stride() != own[0][1]
        assert torch.allclose(net(images), before, atol=1e-6)
    assert [(p.data_ptr(), p.stride(), p._version) for p in net.parameters()] == own
    assert torch.equal(net(images), before)


def test_the_weights_come_back_after_an_error_too():
    net = network()
    pointer = net[0].weight.data_ptr()
    with pytest.raises(KeyError), channels_last_weights(net):
        raise KeyError
    assert net[0].weight.data_ptr() == pointer


def test_a_graph_of_before_keeps_its_weights():
    net, images = network(), torch.rand(2, 3, 8, 8)
    (expected,) = torch.autograd.grad(net(images).sum(), net[0].weight)
    value = net(images).sum()
    with channels_last_weights(net), torch.no_grad():
        net(images)
    assert torch.equal(torch.autograd.grad(value, net[0].weight)[0], expected)


def test_weights_of_another_kind_stay():
    class Own(nn.Parameter):
        pass

    net = nn.Conv2d(3, 8, 3)
    net.weight = Own(net.weight.data)
    with channels_last_weights(net):
        assert net.weight.is_contiguous()
