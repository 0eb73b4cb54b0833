"""(score, label) pairs of a validation pass, without asking the user's module for anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lightning_viz.harness.isolation.isolation import Isolation
from lightning_viz.harness.network.calls import with_extras
from lightning_viz.harness.network.extras import Extras
from lightning_viz.harness.network.maps import Maps, heard_maps, maps_end_in_sigmoid
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.probes.batches import Unpacked, unpacked
from lightning_viz.harness.tasks.labels import ends_in_sigmoid
from lightning_viz.harness.tasks.recognise import Evidence, recognise
from lightning_viz.harness.tasks.task import Task
from lightning_viz.harness.tensors import plain

_KEYS = ("preds", "logits")


class Predictions:
    """Watches one batch at a time: `watch` before the module's step, `collect` after it; any number of callers may.

    The scores come from the first of these that has them: the step's own output under `preds` or `logits`; the one call
    of the network that the step made; the network again, in isolation.

    Args:
        module: The user's LightningModule.
        subject: The network, a part of it.
        isolation: Where the network is asked once more.
        unpack: The user's own way to images and labels of a batch.
        task: What the outputs mean; None recognises it in the first batch.
        seed: Of the isolation.

    Attributes:
        task: What the outputs mean, known from the first batch on.
    """

    def __init__(
        self,
        module: nn.Module,
        subject: Subject,
        isolation: Isolation,
        unpack: Callable[..., Any] | None = None,
        *,
        task: Task | None,
        seed: int = 0,
    ) -> None:
        self.task = task
        self._module = module
        self._subject = subject
        self._isolation = isolation
        self._unpack = unpack
        self._seed = seed
        self._takes_images_alone = False
        self._ear: _Ear | None = None
        self._collected: tuple[Tensor, Tensor] | None = None

    def watch(self) -> None:
        """Listens to the calls of the network until `collect` or `close`."""
        self.close()
        # Compiled networks and scripted ones do not tell what they put out.
        if not any(_is_compiled(m) for m in (self._module, self._subject.net)):
            self._ear = _Ear.at(self._subject.net)

    def close(self) -> None:
        """Stops listening, and lets go of what it heard."""
        if self._ear is not None:
            self._ear.leave()
        self._ear = None
        self._collected = None

    def collect(self, outputs: Any, batch: Any) -> tuple[Tensor, Tensor]:
        """What the network predicted in the step that has just ended; the second caller hears what the first one did.

        Args:
            outputs: What the step returned.
            batch: The batch it was given.

        Returns:
            Scores (N, K) as the task has them, or predicted classes (N,) where the step's output holds those; of places
            what is predicted, (N, H, W) or (N, K, H, W); and labels as the task keeps them.

        Raises:
            ValueError: No images and labels are found in the batch, or the network returns no scores.
        """
        if self._collected is None:
            self._collected = self._collect(outputs, batch)
        return self._collected

    def _collect(self, outputs: Any, batch: Any) -> tuple[Tensor, Tensor]:
        found = unpacked(batch, self._unpack)
        images, heard = found.images, [] if self._ear is None else self._ear.heard
        self.close()
        task = self.task = self.task or self._recognised(found)
        dims = 4 if task.places else 2
        seen = [t for t in heard if len(t) == len(images) and t.ndim == dims and self._subject.scores is None]
        known = task.read(found.places if task.places else found.labels, len(images)).to(images.device)
        own = _own(outputs, len(images), task)
        if own is not None:
            return task.settled(own, known), known
        if len(seen) == 1:
            return task.settled(task.scores(seen[0]), known), known
        with self._isolation(seed=self._seed) as module, torch.no_grad():
            subject = self._beside(module, images, found.extras)
            return task.settled(task.asked_anew(subject, images.clone()), known), known

    def _beside(self, module: nn.Module, images: Tensor, around: Extras) -> Subject:
        """The network, with what it takes beside the images: tried once where it takes nothing."""
        subject = self._subject.within(module)
        if self._takes_images_alone:
            return subject
        found = with_extras(subject, images, around)
        self._takes_images_alone = found.extras is None
        return found

    def _recognised(self, found: Unpacked) -> Task:
        with self._isolation(seed=self._seed) as module, torch.no_grad():
            images = found.images[:1].clone()
            subject = self._beside(module, found.images, found.extras)
            if found.labels is None and found.places is not None:
                maps = Maps.like(subject)
                channels, in_sigmoid = maps.of(0).maps(images).shape[1], maps_end_in_sigmoid(maps, images)
                return recognise(None, Evidence(None, None, (), lambda: in_sigmoid, found.places, channels))[0]
            columns = subject.of(0).outputs(images).shape[1]
            in_sigmoid = ends_in_sigmoid(subject, images)
        return recognise(None, Evidence(found.labels, columns, (), lambda: in_sigmoid))[0]


class _Ear:
    """Hears what the calls of a module return, from the place where `torch.compile` would put its own.

    A hook would be found by whoever scripts, exports, copies or saves the module meanwhile; of this, nothing gets into
    any of them.

    Args:
        module: One that is not compiled.

    Attributes:
        heard: Class scores (N, K), and the first two of places (N, K, h, w), as they came.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._listeners = 0
        self.heard: list[Tensor] = []

    @classmethod
    def at(cls, module: nn.Module) -> _Ear:
        """The one that hears a module, for one listener more."""
        there: Any = module._compiled_call_impl
        ear = there if isinstance(there, cls) else cls(module)
        module._compiled_call_impl = ear
        ear._listeners += 1
        return ear

    def leave(self) -> None:
        """Stops listening when nobody listens any more."""
        self._listeners -= 1
        if not self._listeners and self._module._compiled_call_impl is self:
            del self._module._compiled_call_impl  # which every module has by its class

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the module."""
        output = self._module._call_impl(*args, **kwargs)  # type: ignore[no-untyped-call]
        if torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None:  # nothing of ours gets in there
            return output
        # A wrapper such as DDP calls the module a second time with the step itself: only class scores count.
        if isinstance(output, Tensor) and output.ndim == 2 and output.shape[1] > 1 and output.is_floating_point():
            self.heard.append(plain(output.detach()).float())
        elif sum(t.ndim == 4 for t in self.heard) < 2 and (maps := heard_maps(output)) is not None:
            self.heard.append(maps)  # of several it is not known which one counts, and they are large
        return output

    def __deepcopy__(self, memo: dict[int, Any]) -> None:
        """Nothing, which is what a module has that is not compiled."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Likewise."""
        return type(None), ()


def _is_compiled(module: nn.Module) -> bool:
    called: Any = module._compiled_call_impl
    compiled = called is not None and not isinstance(called, _Ear)
    whole = getattr(module, "_compiler_ctx", None) is not None  # a LightningModule, steps and all
    return compiled or whole or hasattr(module, "_orig_mod") or isinstance(module, torch.jit.ScriptModule)


def _own(outputs: Any, count: int, task: Task) -> Tensor | None:
    if not isinstance(outputs, Mapping):
        return None
    for key in _KEYS:
        found = outputs.get(key)
        dims = (3, 4) if task.places else (1, 2)
        if isinstance(found, Tensor) and found.ndim in dims and len(found) == count:
            own = task.own(plain(found.detach()))
            if own is not None:
                return own
    return None
