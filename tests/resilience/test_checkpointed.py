"""Networks that save memory by checkpoints, while they train."""

from io import BytesIO

import numpy as np
import torch
from PIL import Image
from projects import Project, events, fit
from torch import nn
from torch.utils.checkpoint import checkpoint

from lightning_viz import AttributionCallback, DeepDream, FilterAscent, SaliencyMaps


class Checkpointed(Project):
    """The last convolution runs in a reentrant checkpoint; no batch normalisation, which would learn twice as fast."""

    def forward(self, x):
        layers = list(self.net)
        x = checkpoint(nn.Sequential(*layers[3:6]), nn.Sequential(*layers[:3])(x).requires_grad_(), use_reentrant=True)
        return nn.Sequential(*layers[6:])(x)


class ByHand(AttributionCallback):
    """What a user writes with torch alone."""

    def attribute(self, subject, images, targets):
        images = images.clone().requires_grad_()
        scores = subject(images).gather(1, targets[:, None])
        return torch.autograd.grad(scores.sum(), images)[0]


def callbacks():
    common = {"probes": 2, "on_error": "raise"}
    return [
        SaliencyMaps(**common),
        SaliencyMaps(method="smoothgrad", samples=3, **common),
        FilterAscent(steps=3, channels=2, on_error="raise"),
        DeepDream(octaves=2, iterations=2, **common),
        ByHand(**common),
    ]


def state(run):
    return {k: v.numpy().tobytes() for k, v in run.lightning_module.state_dict().items()}


def test_a_checkpointed_network_draws_the_same_and_trains_the_same(tmp_path):
    run = fit(tmp_path / "checkpointed", callbacks(), module=Checkpointed, max_epochs=1)
    assert state(run) == state(fit(tmp_path / "without", module=Checkpointed, max_epochs=1))
    fit(tmp_path / "plain", callbacks(), max_epochs=1)
    found, expected = pictures(tmp_path / "checkpointed"), pictures(tmp_path / "plain")
    assert found.keys() == expected.keys()
    kinds = {tag.rpartition("/")[2] for tag, _ in found}
    assert kinds >= {"saliency", "smoothgrad", "byhand", "deep_dream"}
    assert [tag for tag, _ in found if tag.startswith("filters/")]
    for key, picture in found.items():
        assert np.abs(picture - expected[key]).max() <= 8, key  # one level of rounding, as JPEG spreads it


def pictures(folder):
    log = events(folder)
    seen = {(tag, e.step): e.encoded_image_string for tag in log.Tags()["images"] for e in log.Images(tag)}
    return {key: np.array(Image.open(BytesIO(picture))).astype(int) for key, picture in seen.items()}
