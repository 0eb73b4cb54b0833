"""All callbacks of the package, small enough to be quick, and one that relies on the isolation."""

import random
from contextlib import contextmanager

import numpy as np
import torch
from found import CALLBACKS, OF_ATTENTION, OF_VOLUMES, quick

from lightning_viz import AttentionMaps, ExplanationCallback, SaliencyMaps


class Reckless(ExplanationCallback):
    """Explains as a first draft would: in train mode, with gradients in the parameters and random numbers."""

    per_probe = False

    def draw(self, scene):
        scene.subject.net.train()
        scene.subject.net.requires_grad_(True)
        scene.subject(scene.probes.images).sum().backward()
        random.random(), np.random.rand(), torch.rand(1)
        yield from ()


class Unisolated(Reckless):
    """The same in the midst of the training run."""

    @contextmanager
    def isolation(self, run, buffers=()):
        with torch.enable_grad():
            yield run.module


def everything(*, attends: bool = False, deep: bool = False, background: bool = False) -> list[ExplanationCallback]:
    """Every public callback at the end of an epoch, one in the midst of it, and what only the isolation makes safe.

    Args:
        attends: Also those that need a network with attention, in every method.
        deep: Only those that draw volumes.
        background: Whether they draw beside the training.
    """
    common = {"probes": 2, "on_error": "raise", "background": background}
    chosen = [*CALLBACKS, *OF_ATTENTION[1:]] if attends else OF_VOLUMES if deep else CALLBACKS
    in_midst = SaliencyMaps(method="smoothgrad", samples=2, every_n_steps=2, **common)
    more = [AttentionMaps(method=m, **common) for m in ("rollout", "heads", "relevance", "legrad")] if attends else []
    return [*more, *(quick(cls, **common) for cls in chosen), in_midst, Reckless(**common)]


def unisolated() -> list[ExplanationCallback]:
    """The negative control."""
    return [Unisolated(on_error="raise")]
