"""What a callback is given to draw."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from torch import Tensor, nn

from lightning_viz.harness.run.run import Run
from lightning_viz.harness.run.scene import Scene

if TYPE_CHECKING:
    from lightning_viz.callbacks.base.callback import ExplanationCallback


def scene_of(callback: ExplanationCallback, run: Run, module: nn.Module, step: int, epoch: int) -> Scene:
    """The network and the probes of a callback, at this moment; in a rehearsal one probe alone.

    Args:
        callback: What draws.
        run: The run.
        module: What is explained instead of the user's module.
        step: At which it is logged.
        epoch: The epoch.
    """
    subject = run.subject(module, callback.net, callback.probes)
    probes, few = run.probes(callback.probes, subject, module), callback.rehearsal

    def predict() -> Tensor:
        found = run.predictions(callback.probes, subject, step)
        return found[:1] if few else found

    asked = probes.task.subject(probes.shown_to(subject), probes.images, probes.labels)
    shown = (asked.of(0), probes.first()) if few else (asked, probes)
    layers = partial(run.defaults, subject, probes)
    return Scene(*shown, predict, epoch, step, run.processes.share, run.isolation, layers)
