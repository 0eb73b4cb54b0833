"""A fused network against the network as it is."""

import copy

import pytest
import torch
from torch import nn

from lightning_viz.explain.network.fusing import fuse
from lightning_viz.explain.network.layers import layer_gradient, layer_output


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


def fused(net):
    """A copy that is fused, and what it has to be told of new weights by."""
    other = copy.deepcopy(net)
    return other, fuse(other)


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


def pooled():
    """Everything that may follow a convolution."""
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 6, 3, padding="same"),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=1, padding=1, ceil_mode=True),
        nn.Conv2d(6, 4, 2, dilation=2),
        nn.ReLU(),
        nn.Conv2d(4, 4, 1),
        nn.BatchNorm2d(4),
        nn.MaxPool2d(2),
        nn.Flatten(),
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
        self.cnn = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())

    def forward(self, x):
        first = self.cnn[0](x)
        return (first + self.cnn[2](self.cnn[1](first))).mean((2, 3))


class Shared(nn.Sequential):
    """A Sequential with a forward of its own."""

    def forward(self, x):
        return super().forward(x).mean((2, 3)) + self[0](x).mean((2, 3))


class Lent(nn.Module):
    """Computes with other parameters than its own."""

    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())

    def forward(self, x):
        other = {name: 2 * value for name, value in self.cnn.named_parameters()}
        return torch.func.functional_call(self.cnn, other, (x,)).mean((2, 3))


class Mapped(nn.Module):
    """Goes over its images one by one, by `torch.vmap`."""

    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten())

    def forward(self, x):
        return torch.vmap(lambda one: self.cnn(one[None])[0])(x)


def images(dtype=torch.float64):
    return torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1), dtype=dtype)


def gradient(net, x):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(net(x)[:, 0].sum(), x)[0]


NETS = [chain, pooled, Residual, Walked, Lent, Mapped, lambda: Shared(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))]


@pytest.mark.parametrize("make", NETS)
def test_scores_and_gradients_are_those_of_the_network(make):
    net, x = learned(make()), images()
    faster, _ = fused(net)
    assert torch.allclose(faster(x), net(x), rtol=1e-10)
    assert torch.allclose(gradient(faster, x), gradient(net, x), rtol=1e-10)


@pytest.mark.parametrize("make", NETS)
def test_single_precision_is_kept_too_with_gradients_and_without(make):
    net, x = learned(make(), torch.float32), images(torch.float32)
    faster, _ = fused(net)
    for size in (x, x[:1], x.repeat(3, 1, 1, 1)):
        assert torch.allclose(faster(size), net(size), atol=1e-5)
        with torch.no_grad():
            assert torch.allclose(faster(size), net(size), atol=1e-5)
    assert torch.allclose(gradient(faster, x), gradient(net, x), atol=1e-5)


@pytest.mark.parametrize("make", NETS)
def test_new_weights_are_heard_of(make):
    net, x = learned(make(), torch.float32), images(torch.float32)
    faster, parts = fused(net)
    for scale in (2.0, 0.5):
        with torch.no_grad():
            faster(x)
            for one, other in zip(net.state_dict().values(), faster.state_dict().values(), strict=True):
                one.copy_(one * scale)
                other.copy_(one)
            parts.update()
            assert torch.allclose(faster(x), net(x), atol=1e-5)
        assert torch.allclose(gradient(faster, x), gradient(net, x), atol=1e-5)


def calls(net, x):
    with torch.profiler.profile() as profile:
        net(x)
    return [event.name for event in profile.events()]


def test_normalisations_go_into_convolutions_or_become_one_operator():
    net, x = learned(chain()), images()
    faster, _ = fused(net)
    assert calls(net, x).count("aten::batch_norm") == 5
    names = calls(faster, x)
    assert names.count("aten::batch_norm") == 0
    assert names.count("aten::addcmul") == 2  # behind the inner Sequential, and behind the linear layer


def test_a_maximum_comes_before_the_relu():
    net, x = learned(pooled(), torch.float32), images(torch.float32)
    faster, _ = fused(net)
    names = [n for n in calls(faster, x.clone().requires_grad_()) if n in ("aten::max_pool2d", "aten::relu_")]
    assert names[:4] == ["aten::max_pool2d", "aten::relu_"] * 2


def test_the_cpu_s_own_convolution_has_its_weights_arranged_once():
    net, x = learned(pooled(), torch.float32), images(torch.float32)
    faster, _ = fused(net)
    with torch.no_grad():
        names = calls(faster, x)
        assert names.count("mkldnn::_convolution_pointwise") == 3  # not where the padding is a word
        assert names.count("mkldnn::_reorder_convolution_weight") == 3
        assert "mkldnn::_reorder_convolution_weight" not in calls(faster, x)


def test_no_parameter_or_buffer_is_touched():
    net = learned(chain())
    before = [(t, t.data_ptr(), t.stride()) for t in net.state_dict(keep_vars=True).values()]
    fuse(net)
    for (tensor, where, stride), now in zip(before, net.state_dict(keep_vars=True).values(), strict=True):
        assert tensor is now
        assert (now.data_ptr(), now.stride()) == (where, stride)


@pytest.mark.parametrize("where", ["0.weight", "1.running_mean"])
def test_nan_is_put_out_as_nan(where):
    """A network that has diverged is no sound one."""
    net, x = learned(pooled(), torch.float32), images(torch.float32)
    net.state_dict()[where].fill_(float("nan"))
    faster, _ = fused(net)
    with torch.no_grad():
        assert net(x).isnan().all()
        assert faster(x).isnan().all()


def moved_statistics(net):
    net[1].running_mean.add_(1)


def statistics_of_another_kind(net):
    net[1].running_var = net[1].running_var * 3


def another_epsilon(net):
    net[1].eps = 1.0


def another_child(net):
    net[0] = nn.Conv2d(3, 6, 3, padding=1).requires_grad_(False)


def another_stride(net):
    net[0].stride, net[0].padding = (2, 2), (0, 0)


def one_less(net):
    del net[2]


@pytest.mark.parametrize(
    "change", [moved_statistics, statistics_of_another_kind, another_epsilon, another_child, another_stride, one_less]
)
def test_what_a_forward_changes_in_its_network_counts_at_once(change):
    net = learned(nn.Sequential(*list(chain())[:3]), torch.float32)
    x = images(torch.float32)
    faster, _ = fused(net)
    with torch.no_grad():
        faster(x)
        for one in (net, faster):
            torch.manual_seed(3)
            change(one)
        assert torch.allclose(faster(x), net(x), atol=1e-5)
    assert torch.allclose(gradient(faster, x), gradient(net, x), atol=1e-5)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # by torch itself
def test_derivatives_forward_are_those_of_the_network():
    net, x = learned(pooled(), torch.float32), images(torch.float32)
    faster, _ = fused(net)
    with torch.no_grad():
        found, expected = (torch.func.jvp(one, (x,), (torch.ones_like(x),))[1] for one in (faster, net))
    assert expected.any()
    assert torch.allclose(found, expected, atol=1e-5)


def test_a_part_first_run_in_inference_mode_has_gradients_later():
    net, x = learned(chain(), torch.float32), images(torch.float32)
    faster, _ = fused(net)
    with torch.inference_mode():
        faster(x)
    assert torch.allclose(gradient(faster, x), gradient(net, x), atol=1e-5)


def test_a_network_that_was_used_can_be_copied():
    net, x = learned(pooled(), torch.float32), images(torch.float32)
    faster, _ = fused(net)
    with torch.no_grad():
        faster(x)
        other = copy.deepcopy(faster)
        other[0].weight.mul_(2)
        other[0].bias.mul_(2)
        twice = copy.deepcopy(net)
        twice[0].weight.mul_(2)
        twice[0].bias.mul_(2)
        assert torch.allclose(other(x), twice(x), atol=1e-5)
        assert torch.allclose(faster(x), net(x), atol=1e-5)


@pytest.mark.parametrize("make", [chain, pooled])
def test_every_layer_puts_out_what_it_did(make):
    net, x, targets = learned(make()), images(), torch.tensor([0, 3])
    faster, _ = fused(net)
    for name, layer in net.named_modules():
        if name and not isinstance(layer, nn.Flatten):
            other = faster.get_submodule(name)
            assert torch.allclose(layer_output(faster, other, x), layer_output(net, layer, x)), name
            both = layer_gradient(net, layer, x, targets)
            for found, expected in zip(layer_gradient(faster, other, x, targets), both, strict=True):
                assert torch.allclose(found, expected), name


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
    net[1].forward = torch.exp


@pytest.mark.parametrize("change", [hooked, normed, training, without_statistics, own_forward])
def test_what_is_special_stays(change):
    net, x = learned(chain()), images()
    change(net)
    net.double().requires_grad_(False)
    faster, _ = fused(net)
    assert torch.allclose(faster(x), net(x), rtol=1e-10)


def test_parameters_that_are_to_learn_do():
    net, x = learned(chain()), images()
    faster, _ = fused(net)
    found, expected = (
        torch.autograd.grad(one.requires_grad_(True)(x)[:, 0].sum(), [*one.parameters()]) for one in (faster, net)
    )
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-10)


def test_autocast_computes_what_it_did():
    net, x = learned(chain(), torch.float32), images(torch.float32)
    faster, _ = fused(net)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.allclose(faster(x), net(x), rtol=0.05, atol=0.05)


def test_wrong_images_are_refused_as_before():
    faster, _ = fused(learned(nn.Sequential(nn.BatchNorm2d(3))))
    for wrong in (torch.zeros(2, 1, 4, 4), torch.zeros(2, 3, 4)):
        with pytest.raises((RuntimeError, ValueError)):
            faster(wrong.double())
