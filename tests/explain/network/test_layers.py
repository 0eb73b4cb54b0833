import pytest
import torch
from torch import nn

from lightning_viz.explain.network.layers import layer_output
from lightning_viz.explain.network.naming import find_layer


def network():
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2))
    return nn.Sequential(body, nn.Flatten(), nn.Linear(36, 2)).eval()


class Wrapped(nn.Module):
    def __init__(self, **parts):
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x):
        return self.layer(self.layer(x))


def hooks_left(root):
    return sum(len(module._forward_hooks) for module in root.modules())


def test_full_name_wins_over_the_same_ending_elsewhere():
    root = network()
    assert find_layer(root, "2") == ("2", root[2])


def test_unique_ending_gives_the_full_name():
    root = Wrapped(model=Wrapped(backbone=network()))
    name, layer = find_layer(root, "backbone.0.2")
    assert (name, layer) == ("model.backbone.0.2", root.model.backbone[0][2])


def test_ambiguous_ending_lists_the_choices():
    with pytest.raises(ValueError, match=r"ends several.*'a\.0', 'b\.0'"):
        find_layer(Wrapped(a=network()[0], b=network()[0]), "0")


def test_a_module_under_two_names_is_not_ambiguous():
    shared = nn.Sequential(nn.ReLU())
    assert find_layer(Wrapped(a=shared, b=shared), "0")[1] is shared[0]


def test_wrong_name_suggests_close_ones():
    with pytest.raises(ValueError, match="Did you mean 'features'"):
        find_layer(Wrapped(features=nn.ReLU()), "feature")


@pytest.mark.parametrize("name", ["", "zzz"])
def test_hopeless_name_lists_the_layers(name):
    with pytest.raises(ValueError, match=r"'0', '0\.0'"):
        find_layer(network(), name)


@pytest.mark.parametrize("stop", [True, False])
def test_output_is_that_of_the_layer_even_before_an_in_place_relu(stop):
    root, x = network(), torch.rand(2, 3, 8, 8)
    expected = root[0][1](root[0][0](x))
    assert torch.equal(layer_output(root, root[0][1], x, stop=stop), expected)
    assert expected.min() < 0
    assert not hooks_left(root)


def test_output_is_differentiable():
    root, x = network(), torch.rand(1, 3, 8, 8, requires_grad=True)
    (gradient,) = torch.autograd.grad(layer_output(root, root[0][0], x).sum(), x)
    (expected,) = torch.autograd.grad(root[0][0](x).sum(), x)
    assert torch.equal(gradient, expected)


def test_stopping_frees_from_the_fixed_head():
    root = network()
    assert layer_output(root, root[0], torch.rand(1, 3, 20, 30)).shape == (1, 4, 9, 14)
    with pytest.raises(RuntimeError):
        layer_output(root, root[0], torch.rand(1, 3, 20, 30), stop=False)
    assert not hooks_left(root)


def test_a_forward_that_catches_everything_does_not_swallow_the_stop():
    layer = nn.ReLU()

    def careless(x):
        try:
            layer(x)
        except Exception:
            return
        pytest.fail("went on behind the layer")

    assert torch.equal(layer_output(careless, layer, -torch.ones(1)), torch.zeros(1))


def test_first_run_counts():
    root = Wrapped(layer=nn.Conv2d(1, 1, 1))
    x = torch.rand(1, 1, 2, 2)
    assert torch.equal(layer_output(root, root.layer, x, stop=False), root.layer(x))


@pytest.mark.parametrize("pack", [lambda x: (x, None), lambda x: [None, {"a": x}], lambda x: {"a": 1, "b": x}])
def test_first_tensor_of_nested_outputs(pack):
    class Packs(nn.Module):
        def forward(self, x):
            return pack(x)

    layer, x = Packs(), torch.rand(2, 2)
    assert torch.equal(layer_output(layer, layer, x), x)


def test_output_is_float32():
    layer = nn.Linear(2, 2).bfloat16()
    assert layer_output(layer, layer, torch.rand(1, 2).bfloat16()).dtype == torch.float32


def test_layer_that_does_not_run_or_has_no_tensor():
    with pytest.raises(ValueError, match="ReLU did not run"):
        layer_output(lambda x: x, nn.ReLU(), torch.zeros(1))
    nothing = nn.Module()
    nothing.forward = lambda x: "text"
    with pytest.raises(ValueError, match="put out no tensor"):
        layer_output(nothing, nothing, torch.zeros(1))
    assert not hooks_left(nothing)
