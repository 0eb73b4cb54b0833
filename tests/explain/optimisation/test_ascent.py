import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lightning_viz.explain.optimisation.ascent import ascend
from lightning_viz.explain.optimisation.parametrise import FourierImage, PixelImage
from lightning_viz.explain.optimisation.redirect import RedirectedReLU


def distance(target):
    return lambda images: -(images - target).square().mean((1, 2, 3))


def test_finds_the_top_of_a_hill():
    target = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 0.6 + 0.2
    found = ascend(FourierImage.from_noise((3, 8, 8), [0, 0]), distance(target), steps=300, lr=0.05)
    assert torch.allclose(found.pixels, target, atol=0.1)
    assert (found.reached > -1e-3).all()
    assert torch.allclose(found.start, distance(target)(FourierImage.from_noise((3, 8, 8), [0, 0]).pixels()))
    assert torch.allclose(found.reached, distance(target)(found.pixels))
    assert (found.reached > found.start).all()


def test_is_adam_uphill():
    start, target = torch.rand(1, 1, 4, 4), torch.rand(1, 1, 4, 4)
    x = nn.Parameter(start.clone())
    adam = torch.optim.Adam([x], lr=0.1)
    for _ in range(20):
        adam.zero_grad()
        (x - target).square().sum().backward()
        adam.step()
    found = ascend(PixelImage(start), lambda x: -(x - target).square().sum((1, 2, 3)), steps=20, lr=0.1)
    assert torch.allclose(found.pixels, x, atol=1e-6)


def test_the_network_sees_normalised_and_transformed_pixels():
    seen = []

    def objective(images):
        seen.append(images.detach())
        return images.sum((1, 2, 3))

    start = torch.full((1, 1, 2, 2), 0.5)
    ascend(PixelImage(start), objective, steps=1, lr=0.1, transform=lambda x: x / 5, normalize=lambda x: x - 1)
    values = [images.mean().item() for images in seen]
    assert values == pytest.approx([-0.5, -0.9, -0.4], abs=1e-5)  # start; transformed; final without transform


def test_parameters_of_the_network_get_no_gradient():
    network = nn.Conv2d(3, 1, 3)
    ascend(PixelImage(torch.rand(1, 3, 8, 8)), lambda x: network(x).mean((1, 2, 3)), steps=2, lr=0.1)
    assert all(p.grad is None for p in network.parameters())


def test_non_finite_gradients_do_not_spoil_the_picture():
    found = ascend(PixelImage(torch.zeros(1, 1, 2, 2)), lambda x: x.sqrt().sum((1, 2, 3)), steps=3, lr=0.1)
    assert found.pixels.isfinite().all()


def test_bad_arguments():
    for wrong in ({"steps": -1, "lr": 0.1}, {"steps": 1, "lr": 0.0}):
        with pytest.raises(ValueError, match=r"steps >= 0 and lr > 0"):
            ascend(PixelImage(torch.zeros(1, 1, 2, 2)), distance(0), **wrong)
    with pytest.raises(ValueError, match=r"one objective per picture, \(1,\), received \(\)"):
        ascend(PixelImage(torch.zeros(1, 1, 2, 2)), torch.sum, steps=1, lr=0.1)


RELUS = [
    nn.ReLU(),
    nn.ReLU(inplace=True),
    F.relu,
    torch.relu,
    torch.Tensor.relu,
    lambda x: F.relu(x, True),
    lambda x: F.relu_(x),
    lambda x: torch.relu_(x),
    lambda x: x.relu_(),
]


@pytest.mark.parametrize("relu", RELUS)
def test_redirection_frees_dead_elements_and_leaves_living_ones_alone(relu):
    x = torch.tensor([[-1.0, -2.0, -3.0], [-1.0, 2.0, -3.0]], requires_grad=True)
    weight = torch.tensor([2.0, -1.0, 3.0])
    plain = torch.relu(x)
    with RedirectedReLU():
        out = relu(x * 1)
    assert torch.equal(out, plain)
    (gradient,) = torch.autograd.grad((out * weight).sum(), x)
    assert gradient.tolist() == [[2.0, 0.0, 3.0], [0.0, -1.0, 0.0]]


@pytest.mark.parametrize("inplace", [False, True])
def test_in_place_relu_changes_its_input_as_ever(inplace):
    x = torch.tensor([-1.0, 1.0])
    with RedirectedReLU():
        F.relu(x, inplace=inplace)
    assert x.tolist() == ([0.0, 1.0] if inplace else [-1.0, 1.0])


BOUNDED = [
    nn.ReLU6(),
    nn.ReLU6(inplace=True),
    F.relu6,
    nn.Hardtanh(0, 6),
    nn.Hardtanh(0, 6, inplace=True),
    lambda x: F.hardtanh(x, 0, 6),
    lambda x: F.hardtanh(x, 0.0, 6.0, True),
    lambda x: F.hardtanh_(x, min_val=0, max_val=6),
]


@pytest.mark.parametrize("bounded", BOUNDED)
def test_redirection_pushes_saturated_units_back_from_either_side(bounded):
    x = torch.tensor([[-1.0, -2.0, 7.0, 8.0], [-1.0, 2.0, 7.0, -3.0]], requires_grad=True)
    weight = torch.tensor([2.0, -1.0, 3.0, -4.0])
    with RedirectedReLU():
        out = bounded(x * 1)
    assert torch.equal(out, x.clamp(0, 6))
    (gradient,) = torch.autograd.grad((out * weight).sum(), x)
    assert gradient.tolist() == [[2.0, 0.0, 0.0, -4.0], [0.0, -1.0, 0.0, 0.0]]


def test_a_plain_hardtanh_keeps_its_own_bounds():
    x = torch.tensor([[-3.0, 0.5, 3.0]], requires_grad=True)
    with RedirectedReLU():
        out = nn.Hardtanh()(x)
    assert out.tolist() == [[-1.0, 0.5, 1.0]]
    assert torch.autograd.grad(out.sum(), x)[0].tolist() == [[0.0, 1.0, 0.0]]


@pytest.mark.parametrize("unit", [torch.relu, F.relu6])
def test_ascent_escapes_a_dead_relu(unit):
    def dead(images):
        return unit(images.mean((1, 2, 3)) - 0.7)

    found = ascend(PixelImage(torch.full((1, 1, 4, 4), 0.2)), dead, steps=16, lr=0.1)
    assert found.start == 0
    assert found.reached > 0.5


def test_ascent_escapes_where_the_threshold_is_many_steps_away():
    found = ascend(
        PixelImage(torch.full((1, 1, 4, 4), 0.2)), lambda x: torch.relu(x.mean((1, 2, 3)) - 0.7), steps=64, lr=0.015
    )
    assert found.start == 0
    assert found.reached > 0.1


def test_ascent_escapes_a_saturated_relu6():
    """What is to be lowered lies above 6 everywhere."""
    found = ascend(PixelImage(torch.full((1, 1, 4, 4), 8.0)), lambda x: -F.relu6(x).mean((1, 2, 3)), steps=60, lr=0.1)
    assert found.start == -6
    assert found.reached > -4


def test_a_stuck_picture_is_freed_without_changing_its_neighbour():
    unit = lambda x: torch.relu(x - 0.5).mean((1, 2, 3))
    start = torch.cat([torch.full((1, 1, 2, 2), 0.2), torch.tensor([[[[0.1, 0.6], [0.9, 0.2]]]])])
    both = ascend(PixelImage(start), unit, steps=5, lr=0.05)
    alone = ascend(PixelImage(start[1:]), unit, steps=5, lr=0.05)
    assert torch.equal(both.pixels[1:], alone.pixels)
    assert (both.pixels[0] > start[0]).all()


def test_settling_steps_get_shorter_and_shorter():
    """On a slope Adam's steps are as long as its learning rate, so the way is the sum of the rates."""
    for steps, rates in ((4, [1, 0.75, 0.5, 0.25]), (2, [0.5, 0.25]), (6, [1, 1, 1, 0.75, 0.5, 0.25])):
        found = ascend(PixelImage(torch.zeros(1, 1, 1, 1)), lambda x: x.sum((1, 2, 3)), steps=steps, lr=0.1, settling=4)
        assert found.pixels.item() == pytest.approx(0.1 * sum(rates), abs=1e-5)


def test_a_step_of_several_views_is_their_mean():
    signs = iter([1.0, -3.0, 5.0, -1.0])
    picture = PixelImage(torch.zeros(1, 1, 1, 1))
    ascend(picture, lambda x: x.sum((1, 2, 3)), steps=2, lr=0.1, transform=lambda x: x * next(signs), views=2)
    assert picture.coefficients.grad.item() == -2.0
    assert next(signs, None) is None
