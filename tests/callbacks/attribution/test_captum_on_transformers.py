"""captum's methods of a layer, where that layer puts out tokens: they are laid out as the patches of the image."""

import pytest
import torch
from projects import Project, events, fit
from torch import nn
from torch.nn import functional as F

from lightning_viz import CaptumAttribution

FRONT = 4  # a class token and three registers: more than can be guessed from the number of tokens
ABOVE = {"arguments": {"relu_attributions": True}}
METHODS = {
    "LayerGradCam": ABOVE,
    "LayerActivation": {},
    "LayerGradientXActivation": {},
    "LayerIntegratedGradients": {"arguments": {"n_steps": 4}},
    "LayerConductance": {"arguments": {"n_steps": 4}},
    "LayerDeepLift": {},
    "LayerFeatureAblation": {},
    "GuidedGradCam": {},
}


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.mlp, self.act = nn.Linear(8, 24), nn.Linear(8, 8), nn.GELU()

    def forward(self, x):
        x = x + F.scaled_dot_product_attention(*self.qkv(x).chunk(3, dim=-1))
        return x + self.act(self.mlp(x))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.front = nn.Conv2d(3, 8, 4, stride=4), nn.Parameter(torch.randn(1, FRONT, 8))
        self.blocks, self.head = nn.Sequential(Block(), Block()), nn.Linear(8, 3)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        return self.head(self.blocks(torch.cat([self.front.expand(len(x), -1, -1), x], dim=1))[:, 0])


class Attending(Project):
    def __init__(self):
        super().__init__()
        self.net = Transformer()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """An epoch with every method, its log, and by method what the last drawing was asked, and its answer."""
    answers, folder = {}, tmp_path_factory.mktemp("run")

    class Keeping(CaptumAttribution):
        def attribute(self, subject, images, targets):
            layer = subject.net.net.blocks[0]
            with torch.enable_grad():
                expected = grad_cam(subject.net, layer, images, targets), activation(subject.net, layer, images)
            found = super().attribute(subject, images, targets)
            answers[self.method.split(".")[-1]] = found, *expected, len(layer._forward_hooks)
            return found

    callbacks = [
        Keeping(f"captum.attr.{name}", layer="blocks.0", probes=2, on_error="raise", **options)
        for name, options in METHODS.items()
    ]
    fit(folder, callbacks, module=Attending, max_epochs=1)
    return answers, events(folder)


def output(net, layer, image):
    """What a layer puts out, and the scores, with their graph."""
    kept = []
    with layer.register_forward_hook(lambda module, inputs, out: kept.append(out)):
        scores = net(image.detach().clone().requires_grad_())
    return kept[0], scores


def enlarged(rows):
    """Values of the 16 patches, line by line, at the size of the image."""
    return F.interpolate(torch.tensor(rows).reshape(1, 1, 4, 4), (16, 16), mode="bilinear")[0, 0]


def grad_cam(net, layer, images, targets):
    """The paper's formula, patch by patch."""
    maps = []
    for image, target in zip(images, targets, strict=True):
        tokens, scores = output(net, layer, image[None])
        (gradient,) = torch.autograd.grad(scores[0, target], tokens)
        weights = [float(gradient[0, FRONT:, d].mean()) for d in range(8)]
        rows = [sum(weights[d] * float(token[d]) for d in range(8)) for token in tokens[0, FRONT:].detach()]
        maps.append(enlarged([max(value, 0.0) for value in rows]))
    return torch.stack(maps)


def activation(net, layer, images):
    """The sum over the channels of every patch."""
    found = [output(net, layer, image[None])[0][0, FRONT:].detach() for image in images]
    return torch.stack([enlarged([float(token.sum()) for token in tokens]) for tokens in found])


@pytest.mark.parametrize("method", METHODS)
def test_every_method_of_a_layer_gives_a_map(method, run):
    answers, log = run
    found, *_, hooks = answers[method]
    assert found.shape == (2, 16, 16)
    assert bool(found.isfinite().all())
    assert bool(found.any())
    assert hooks == 0
    assert f"probe_00_bread/captum_{method.lower()}_net_blocks_0" in log.Tags()["images"]


def test_grad_cam_is_that_of_the_patches(run):
    found, expected, *_ = run[0]["LayerGradCam"]
    assert torch.allclose(found, expected, atol=1e-5)


def test_activations_are_those_of_the_patches(run):
    found, _, expected, _ = run[0]["LayerActivation"]
    assert torch.allclose(found, expected, atol=1e-5)
