"""All public callbacks at once, on one project: what they drew, and whether training noticed."""

import pytorch_lightning as pl
import torch
from found import CALLBACKS, quick
from projects import events, trainer
from torch import nn
from zoo import Learner, loaders

from lightning_viz import (
    ConfusionMatrixPanel,
    ConfusionPanels,
    FilterAscent,
    GradCam,
    Occlusion,
    Picture,
    SaliencyMaps,
    Scalar,
)

ONE_OF_A_KIND = [SaliencyMaps, GradCam, Occlusion, FilterAscent, ConfusionMatrixPanel, ConfusionPanels]
"""By gradients, by a layer, by masked images, by a layer without scores, and two that listen to the validation.

The second of those explains by LIME.

Enough for more of a kind of outputs or labels of which one has been tried with all callbacks.
"""
READING = [SaliencyMaps, ConfusionMatrixPanel]
"""One that draws probes, and one that counts every batch.

Enough where outputs or labels are the same but for their form.
"""
FEWER = {ConfusionPanels: {"confusions": 1}}
"""Settings with which a callback draws no more of the same."""


class Drawn:
    """What a run drew.

    Attributes:
        pictures: By class of callback, the pictures by tag.
        scalars: By tag.
        scene: What the last drawing about probes saw.
        module: The trained module.
    """

    def __init__(self):
        self.pictures, self.scalars, self.scene, self.module = {}, {}, None, None


def keeping(cls, drawn, options):
    """A callback of this class that also notes what it draws."""

    class Keeping(cls):
        def draw(self, scene):
            drawn.scene = scene if self.per_probe else drawn.scene
            for result in super().draw(scene):
                if isinstance(result, Picture):
                    drawn.pictures.setdefault(cls.__name__, {})[result.tag] = result.image
                if isinstance(result, Scalar):
                    drawn.scalars[result.tag] = result.value
                yield result

    Keeping.__name__ = Keeping.__qualname__ = cls.__name__
    return quick(Keeping, **{**FEWER.get(cls, {}), **options})


def train(folder, net, callbacks, *, learner=Learner, num_sanity_val_steps=1, **data):
    """One epoch from a fixed seed; returns the trained module."""
    pl.seed_everything(7, verbose=False)
    run = trainer(folder, callbacks, max_epochs=1, num_sanity_val_steps=num_sanity_val_steps)
    run.fit(learner(net()), **loaders(**data))
    return run.lightning_module


def draw_everything(folder, net, *, only=CALLBACKS, options=None, common=None, **project):
    """Trains with all callbacks and without any, and holds the runs against each other.

    Args:
        folder: Where to log.
        net: Makes the network.
        only: These callbacks.
        options: By class of callback, its arguments.
        common: Arguments of all callbacks.
        project: Those of `train`.

    Returns:
        What was drawn, every callback something.
    """
    drawn = Drawn()
    wishes = [keeping(cls, drawn, {**(common or {}), **(options or {}).get(cls.__name__, {})}) for cls in only]
    drawn.module = train(folder / "with", net, wishes, **project)
    without = train(folder / "without", net, [], **project)
    ours, theirs = drawn.module.state_dict(), without.state_dict()
    assert [k for k in theirs if not torch.equal(ours[k], theirs[k])] == []
    assert [m.training for m in drawn.module.modules()] == [m.training for m in without.modules()]
    assert set(drawn.pictures) == {cls.__name__ for cls in only}
    tags = {tag for pictures in drawn.pictures.values() for tag in pictures}
    assert tags <= set(events(folder / "with").Tags()["images"])
    return drawn


@torch.no_grad()
def outputs_of(module: nn.Module, images):
    """What a trained module says of images, in eval mode."""
    return module.eval()(images)
