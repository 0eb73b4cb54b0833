"""(score, label) pairs of a validation pass, without asking the user's module for anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from lightning_viz.explain.chunks import Chunks
from lightning_viz.harness.batches import unpack_batch
from lightning_viz.harness.quiet import quiet
from lightning_viz.harness.subject import Subject

_KEYS = ("preds", "logits")


class Predictions:
    """Watches one batch at a time: `watch` before the module's step, `collect` after it; any number of callers may.

    The scores come from the first of these that has them: the step's own output under `preds` or `logits`; the one call
    of the network that the step made; the network again, in isolation.

    Args:
        module: The user's LightningModule.
        subject: The network.
        unpack: The user's own way to images and labels of a batch.
        seed: Of the isolation.
    """

    def __init__(
        self, module: nn.Module, subject: Subject, unpack: Callable[..., Any] | None = None, *, seed: int = 0
    ) -> None:
        self._module = module
        self._subject = subject
        self._unpack = unpack
        self._seed = seed
        self._seen: list[Tensor] = []
        self._handle: RemovableHandle | None = None
        self._collected: tuple[Tensor, Tensor] | None = None

    def watch(self) -> None:
        """Listens to the calls of the network until `collect` or `close`."""
        self.close()
        # Compiled networks and scripted ones do not tell what they put out.
        if not any(_is_compiled(m) for m in (self._module, self._subject.net)):
            self._handle = self._subject.net.register_forward_hook(self._keep)

    def close(self) -> None:
        """Stops listening, and lets go of what was said."""
        if self._handle is not None:
            self._handle.remove()
        self._handle = None
        self._seen = []
        self._collected = None

    def collect(self, outputs: Any, batch: Any) -> tuple[Tensor, Tensor]:
        """What the network said in the step that has just ended; the second caller hears what the first one did.

        Args:
            outputs: What the step returned.
            batch: The batch it was given.

        Returns:
            Scores (N, K), or predicted classes (N,) where the step's output holds those, and labels (N,).

        Raises:
            ValueError: No images and labels are found in the batch, or the network returns no class scores.
        """
        if self._collected is None:
            self._collected = self._collect(outputs, batch)
        return self._collected

    def _collect(self, outputs: Any, batch: Any) -> tuple[Tensor, Tensor]:
        images, labels = unpack_batch(batch, self._unpack)
        own = _own(outputs, len(labels))
        seen = [t for t in self._seen if len(t) == len(labels)]
        self.close()
        if own is not None:
            return own, labels
        if len(seen) == 1:
            return seen[0], labels
        with quiet(self._module, seed=self._seed), torch.no_grad():
            return Chunks()(self._subject, images.clone()), labels

    def _keep(self, module: nn.Module, inputs: object, output: Any) -> None:
        # A wrapper such as DDP calls the module a second time with the step itself: only class scores count.
        if isinstance(output, Tensor) and output.ndim == 2 and output.shape[1] > 1 and output.is_floating_point():
            self._seen.append(output.detach().float())


def _is_compiled(module: nn.Module) -> bool:
    compiled = module._compiled_call_impl is not None or hasattr(module, "_orig_mod")
    return compiled or isinstance(module, torch.jit.ScriptModule)


def _own(outputs: Any, count: int) -> Tensor | None:
    if not isinstance(outputs, Mapping):
        return None
    for key in _KEYS:
        found = outputs.get(key)
        if isinstance(found, Tensor) and found.ndim in (1, 2) and len(found) == count:
            scores = found.ndim == 2 and found.shape[1] > 1
            if scores or not found.is_floating_point():
                return found.detach() if scores else found.detach().reshape(-1)
    return None
