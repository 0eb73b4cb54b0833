"""The gallery's claims about the espresso, held against the maps themselves."""

import sys

import pytest
import torch

from gallery import photographs
from lightning_viz.explain.attribution.gradcam import grad_cam, upsampled
from lightning_viz.explain.attribution.gradients import input_gradient
from lightning_viz.explain.lime.explain import explain
from lightning_viz.explain.lime.masks import draw_masks
from lightning_viz.explain.lime.superpixels import superpixels
from lightning_viz.explain.network.defaults import default_layers
from lightning_viz.harness.network.spatial.shares import log_odds


@pytest.fixture(scope="module")
def espresso():
    """The network, the image as it takes it, its class, and where the cup is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path])
        photographs.reach()
        net, data = photographs.EfficientNetLite().eval().requires_grad_(False), photographs.Photographs()
    image, label = data[1]
    top, bottom, left, right = data.cup
    cup = torch.zeros(image.shape[1:])
    cup[top:bottom, left:right] = 1
    return net, image[None], label, cup


def share_inside(values, cup):
    """Share of what is positive in a map (H, W) that lies in the cup, in units of the cup's share of the image."""
    positive = values.clamp(min=0)
    return float((positive * cup).sum() / positive.sum() / cup.mean())


def test_the_network_says_espresso(espresso):
    net, image, label, _ = espresso
    assert net(image).softmax(1)[0, label] > 0.8


def test_grad_cam_finds_the_espresso_in_the_cup(espresso):
    net, image, label, cup = espresso
    layer = net.get_submodule(default_layers(net, net, image).spatial)
    maps = grad_cam(net, layer, image, torch.tensor([label]))
    found = upsampled(maps, cup.shape)[0]
    assert share_inside(found, cup) > 1.3
    assert cup.flatten()[found.flatten().topk(found.numel() // 10).indices].mean() > 0.95


def test_lime_finds_the_espresso_in_the_cup(espresso):
    net, image, label, cup = espresso
    data = photographs.Photographs
    pixels = (image * data.std + data.mean).clamp(0, 1)[0]
    segments = superpixels(pixels, segments=36)
    (found,) = explain(
        net,
        pixels,
        [label],
        segments=segments,
        masks=draw_masks(int(segments.max()) + 1, 128, seed=0),
        normalize=lambda x: (x - data.mean) / data.std,
        probabilities=log_odds,
    )
    assert share_inside(found.weights[segments], cup) > 1.5


def test_saliency_finds_the_espresso_in_the_cup(espresso):
    net, image, label, cup = espresso
    gradient = input_gradient(net, image, torch.tensor([label]))
    assert share_inside(gradient.abs().amax(1)[0], cup) > 1.15
