"""LIME at equal samples, against the network alone and against the lime package."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator

import numpy as np
import torch
from lime.lime_image import LimeImageExplainer

from benchmarks.measure import Line, side_by_side
from benchmarks.network import Settings, Subject, best
from lightning_viz.explain.lime import explain
from lightning_viz.explain.masks import draw_masks
from lightning_viz.explain.superpixels import superpixels
from lightning_viz.harness.quiet import quiet

BATCH = 64


def lines(settings: Settings) -> Iterator[Line]:
    """One image, one class, the same superpixels for all."""
    subject, samples = Subject(settings), settings.samples
    batch = subject.images[:1].repeat(min(BATCH, samples), 1, 1, 1)
    floors = {name: _repeated(run, samples / len(batch)) for name, run in subject.floors(batch, gradient=False).items()}
    peer = "lime package, batches of 10"
    calls = {"ours": lambda: _ours(subject, samples), peer: lambda: _theirs(subject, samples), **floors}
    seconds = side_by_side(calls, settings.repetitions)
    what = f"LIME of 1 image, {samples} samples"
    yield Line(what, seconds["ours"], *best(seconds))
    yield Line(what, seconds["ours"], peer, seconds[peer])


def _repeated(call: Callable[[], object], times: float) -> Callable[[], None]:
    def run() -> None:
        for _ in range(round(times)):
            call()

    return run


def _ours(subject: Subject, samples: int) -> None:
    pixels = subject.images[0]
    with quiet(subject.net):
        segments = superpixels(pixels)
        masks = draw_masks(int(segments.max()) + 1, samples, seed=0)
        explain(subject.net, pixels, [0], segments=segments, masks=masks, normalize=lambda x: x, batch_size=BATCH)


def _theirs(subject: Subject, samples: int) -> None:
    @torch.no_grad()
    def scores(images: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(np.asarray(images)).permute(0, 3, 1, 2).float()
        found: np.ndarray = subject.net(batch).numpy()
        return found

    image = subject.images[0].permute(1, 2, 0).double().numpy()
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
        LimeImageExplainer().explain_instance(
            image,
            scores,
            labels=(0,),
            top_labels=None,
            num_samples=samples,
            segmentation_fn=lambda x: superpixels(torch.from_numpy(x).permute(2, 0, 1).float()).numpy(),
        )
