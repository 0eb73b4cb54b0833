"""A network with checkpoints is explained as if it had none."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

from lightning_viz.explain.attribution.gradcam import grad_cam
from lightning_viz.explain.attribution.gradients import input_gradient, loss_gradient
from lightning_viz.explain.attribution.integrated import integrated_gradients
from lightning_viz.explain.attribution.smooth import smooth_gradient
from lightning_viz.explain.network.checkpointing import transparent_checkpoints
from lightning_viz.explain.network.layers import layer_output
from lightning_viz.explain.optimisation.dream import dream
from lightning_viz.explain.optimisation.filters import channel_outputs, maximise_channels

IMAGES = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 2])


class Network(nn.Module):
    """Checkpoints its middle, and the middle of that once more; its parameters are not frozen."""

    def __init__(self, **how):
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 4, 3)
        self.body = nn.Sequential(nn.ReLU(), nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 6, 3))
        self.head = nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 4))
        self.how = how
        self.eval()

    def forward(self, x):
        x = self.stem(x)
        return self.head(checkpoint(self.middle, x, **self.how) if self.how else self.body(x))

    def middle(self, x):
        return checkpoint_sequential(self.body, 2, x, **self.how)

    def features(self, name):
        return lambda images: layer_output(self, self.get_submodule(name), images)


METHODS = {
    "gradient": lambda net: input_gradient(net, IMAGES, LABELS),
    "loss": lambda net: loss_gradient(net, IMAGES, LABELS),
    "smoothgrad": lambda net: smooth_gradient(net, IMAGES, LABELS, samples=3),
    "integrated gradients": lambda net: integrated_gradients(net, IMAGES, LABELS, [0 * IMAGES], steps=3).values,
    "Grad-CAM": lambda net: grad_cam(net, net.stem, IMAGES, LABELS),
    "Grad-CAM inside": lambda net: grad_cam(net, net.body[1], IMAGES, LABELS),
    "Grad-CAM behind": lambda net: grad_cam(net, net.head[0], IMAGES, LABELS),
    "ascent": lambda net: maximise_channels(net.features("stem"), [0, 3], size=(16, 16), steps=4).pixels,
    "ascent inside": lambda net: maximise_channels(net.features("body.4"), [0, 3], size=(16, 16), steps=4).pixels,
    "ascent behind": lambda net: maximise_channels(net.features("head"), [0, 3], size=(16, 16), steps=4).pixels,
    "dream": lambda net: dream(net.features("body.4"), IMAGES, octaves=1, iterations=3),
    "activations": lambda net: channel_outputs(net.features("body.1"), IMAGES, [0, 5]),
}


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize("name", METHODS)
def test_checkpoints_change_nothing(name, reentrant):
    checkpointed = Network(use_reentrant=reentrant)
    found = METHODS[name](checkpointed)
    assert torch.allclose(found, METHODS[name](Network()), atol=1e-6)
    assert found.isfinite().all()
    assert all(p.grad is None for p in checkpointed.parameters())


def test_behind_the_context_checkpoints_are_what_they_were():
    net = Network(use_reentrant=True)

    def fails(images):
        raise RuntimeError("out of paper")

    with pytest.raises(RuntimeError, match="paper"), transparent_checkpoints():
        fails(IMAGES)
    images = IMAGES.clone().requires_grad_()
    with pytest.raises(RuntimeError, match="use_reentrant"):
        torch.autograd.grad(net(images).sum(), images)
    net(images).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
