"""Folded batch normalisation against the network as it is."""

import pytest
import torch
from torch import nn

from lightning_viz.explain.folding import folded_norms
from lightning_viz.explain.layers import layer_gradient, layer_output
from lightning_viz.explain.weights import optimized


def learned(net, dtype=torch.float64):
    """Statistics and weights as training leaves them, in eval mode, frozen."""
    torch.manual_seed(0)
    for m in net.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            if m.running_mean is not None:
                m.running_mean.normal_()
                m.running_var.uniform_(0.1, 2)
            if m.affine:
                nn.init.normal_(m.weight)
                nn.init.normal_(m.bias)
    return net.to(dtype).eval().requires_grad_(False)


def chain():
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(inplace=True),
        nn.Sequential(
            nn.Conv2d(6, 8, 3, stride=2, groups=2, bias=False, padding=1, padding_mode="reflect"),
            nn.BatchNorm2d(8, affine=False),
        ),
        nn.BatchNorm2d(8),
        nn.Conv2d(8, 4, 1),
        nn.SyncBatchNorm(4),
        nn.Flatten(),
        nn.Linear(64, 5),
        nn.BatchNorm1d(5),
    )


class Residual(nn.Module):
    """A block that is no Sequential, whose convolution's output is used twice."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x):
        x = self.conv(x)
        return (x + self.norm(x).relu()).mean((2, 3))


class Walked(nn.Module):
    """Takes what it wants out of a Sequential, one by one."""

    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))

    def forward(self, x):
        first = self.cnn[0](x)
        return (first + self.cnn[1](first)).mean((2, 3))


class Shared(nn.Sequential):
    """A Sequential with a forward of its own."""

    def forward(self, x):
        return super().forward(x).mean((2, 3)) + self[0](x).mean((2, 3))


class Lent(nn.Module):
    """Computes with other parameters than its own."""

    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))

    def forward(self, x):
        other = {name: 2 * value for name, value in self.cnn.named_parameters()}
        return torch.func.functional_call(self.cnn, other, (x,)).mean((2, 3))


def images(dtype=torch.float64):
    return torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1), dtype=dtype)


def gradient(net, x):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(net(x)[:, 0].sum(), x)[0]


@pytest.mark.parametrize("make", [chain, Residual, Walked, Lent, lambda: Shared(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))])
def test_scores_and_gradients_are_those_of_the_network(make):
    net, x = learned(make()), images()
    scores, slope = net(x), gradient(net, x)
    with folded_norms(net):
        assert torch.allclose(net(x), scores, rtol=1e-10)
        assert torch.allclose(gradient(net, x), slope, rtol=1e-10)


def test_single_precision_is_kept_too():
    net, x = learned(chain(), torch.float32), images(torch.float32)
    scores = net(x)
    with optimized(net):
        assert torch.allclose(net(x), scores, atol=1e-5)


def test_normalisations_go_into_convolutions_or_become_one_operator():
    net, x = learned(chain()), images()

    def calls():
        with torch.profiler.profile() as profile:
            net(x)
        names = [event.name for event in profile.events()]
        return names.count("aten::batch_norm"), names.count("aten::addcmul")

    assert calls() == (5, 0)
    with folded_norms(net):
        assert calls() == (0, 2)  # behind the inner Sequential, and behind the linear layer
    assert calls() == (5, 0)


@pytest.mark.parametrize("name", ["0", "1", "2", "3", "3.0", "3.1", "4", "5", "9"])
def test_every_layer_puts_out_what_it_did(name):
    net, x, targets = learned(chain()), images(), torch.tensor([0, 3])
    layer = net.get_submodule(name)
    output = layer_output(net, layer, x)
    both = layer_gradient(net, layer, x, targets)
    with folded_norms(net):
        assert torch.allclose(layer_output(net, layer, x), output)
        for found, expected in zip(layer_gradient(net, layer, x, targets), both, strict=True):
            assert torch.allclose(found, expected)


@pytest.mark.parametrize("broken", [False, True])
def test_the_network_is_what_it_was_afterwards(broken):
    net, x = learned(chain()), images()
    scores = net(x)
    tensors = {name: (t, t.data_ptr(), t._version, t.clone()) for name, t in net.state_dict(keep_vars=True).items()}
    attributes = {name: dict(vars(m)) for name, m in net.named_modules()}
    try:
        with folded_norms(net):
            net(x)
            if broken:
                raise KeyError
    except KeyError:
        pass
    assert {name: vars(m) for name, m in net.named_modules()} == attributes
    for name, now in net.state_dict(keep_vars=True).items():
        own, pointer, version, values = tensors[name]
        assert now is own
        assert (now.data_ptr(), now._version) == (pointer, version)
        assert torch.equal(now, values)
    assert torch.equal(net(x), scores)


def hooked(net):
    net[0].register_forward_hook(lambda module, args, output: 2 * output)
    net[4].register_forward_pre_hook(lambda module, args: (3 * args[0],))


def normed(net):
    nn.utils.parametrizations.weight_norm(net[0])
    net[0].parametrizations.weight.original0.data *= 2


def training(net):
    net[1].train()


def without_statistics(net):
    net[1] = nn.BatchNorm2d(6, track_running_stats=False)


def own_forward(net):
    net[1].forward = lambda x: x + 1


@pytest.mark.parametrize("change", [hooked, normed, training, without_statistics, own_forward])
def test_what_is_special_stays(change):
    net, x = learned(chain()), images()
    change(net)
    net.double().requires_grad_(False)
    scores = net(x)
    with folded_norms(net):
        assert torch.allclose(net(x), scores, rtol=1e-10)


def test_parameters_that_are_to_learn_do():
    net, x = learned(chain()), images()
    with folded_norms(net):
        net.requires_grad_(True)
        inside = torch.autograd.grad(net(x)[:, 0].sum(), [*net.parameters()])
    for found, expected in zip(inside, torch.autograd.grad(net(x)[:, 0].sum(), [*net.parameters()]), strict=True):
        assert torch.equal(found, expected)


def test_autocast_computes_what_it_did():
    net, x = learned(chain(), torch.float32), images(torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = net(x)
        with folded_norms(net):
            assert torch.equal(net(x), scores)


def test_wrong_images_are_refused_as_before():
    net = learned(nn.Sequential(nn.BatchNorm2d(3)))
    with folded_norms(net):
        for wrong in (torch.zeros(2, 1, 4, 4), torch.zeros(2, 3, 4)):
            with pytest.raises((RuntimeError, ValueError)):
                net(wrong.double())
