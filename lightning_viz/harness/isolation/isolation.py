"""Where the explanations of a run happen: on a copy of the user's module, or on itself under a guard."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

import torch
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor, nn

from lightning_viz.explain.network.chunks import is_out_of_memory
from lightning_viz.explain.network.reading import address, read_by
from lightning_viz.harness.isolation.copies.model_copy import ModelCopy, NoCopyError
from lightning_viz.harness.isolation.forks.elsewhere import NotThereError, forked
from lightning_viz.harness.isolation.in_place.classes import held_classes
from lightning_viz.harness.isolation.in_place.guard import guarded
from lightning_viz.harness.isolation.in_place.watch import Watch
from lightning_viz.harness.isolation.switches import seeded, switched
from lightning_viz.harness.isolation.things.reach import modules_within

_PATIENCE = 30.0
"""Seconds that a forward on one image may take."""
_ROUNDING = 0.01
"""By how much, of the largest score, scores may differ that are computed in another order."""


class Isolation:
    """Whatever happens inside, training goes on as if it had not.

    Args:
        module: The user's module, usually the whole LightningModule.
        refusal: Why there can be no copy, if that is known beforehand.
    """

    def __init__(self, module: nn.Module, *, refusal: str | None = None) -> None:
        self._module = module
        self._copy: ModelCopy | None = None
        self._watch: Watch | None = None
        self._refusal = refusal
        if refusal is not None:
            _report(refusal)

    @contextmanager
    def __call__(self, *, seed: int = 0, buffers: Sequence[Tensor] = ()) -> Iterator[nn.Module]:
        """Isolates an explanation from the training run around it.

        Inside, gradients can be taken with `torch.autograd.grad` (also where the Trainer turned them off, or the
        network is checkpointed), compiled networks run eagerly, `self.log` is mute and every global generator starts
        from `seed`. Afterwards the process and the module are bit for bit what they were, also after an exception.

        Args:
            seed: What the global generators start from inside.
            buffers: Values to be taken instead of the module's own buffers, in their order; all of them, or none.

        Yields:
            What is to be explained instead of the module: in eval mode, parameters frozen.
        """
        with switched(seed), held_classes(self._module):
            copy = self._brought_up_to_date(buffers)
            if copy is not None:
                try:
                    with _muted(self._module):  # which a forward may find by its Trainer
                        yield copy.module
                finally:
                    copy.restore()
                return
            with guarded(self._module), _muted(self._module):
                if self._watch is not None:
                    self._watch.update()
                for own, other in zip(self._module.buffers(), buffers, strict=False):
                    own.copy_(other)
                yield self._module

    def refresh(self) -> None:
        """Brings the copy up to date, for a drawing in a process that is forked from this one."""
        with switched(0), held_classes(self._module):
            if self._brought_up_to_date(()) is None:
                self._watch = self._watch or Watch(self._module)
                self._watch.update()

    def leave_copy(self, why: str) -> bool:
        """From now on the module itself is explained, under a guard; whether that is something new."""
        if self._copy is None:
            return False
        self._copy, self._refusal = None, why
        _report(why)
        return True

    def verify(self, run: Callable[[nn.Module], Tensor]) -> None:
        """Leaves the copy where it does not put out what the module does in eval mode.

        The module is asked in a process of its own. Where there can be none, on a GPU for example, the copy is trusted.

        Args:
            run: What is put out by the module that it is given.
        """
        if any(tensor.device.type != "cpu" for tensor in [*self._module.parameters(), *self._module.buffers()]):
            return
        with self() as explained, torch.no_grad():
            if self._copy is None:
                return
            with seeded(0):
                own = run(explained)
            try:
                other = forked(lambda: _in_eval(self._module, run), _PATIENCE)
            except NotThereError:
                return
        if not _close(own, other):
            self.leave_copy("a copy puts out other scores")

    def reads(self, call: Callable[[Tensor], object], images: Tensor) -> frozenset[str]:
        """The names of parameters and buffers that a call depends on; ask inside.

        Args:
            call: Images (1, C, H, W) -> anything.
            images: (N, C, H, W).
        """
        if self._copy is None and self._watch is None:
            self._watch = Watch(self._module)
        tensors, modules = (self._copy or self._watch).named()  # type: ignore[union-attr]
        read = read_by(call, images)
        if any(hasattr(t, "to_local") for _, t in tensors):  # it is gathered into other memory to be read
            ran = {name for name, module in modules if module in read.modules}
            return frozenset(name for name, _ in tensors if name.rpartition(".")[0] in ran)
        return frozenset(name for name, tensor in tensors if address(tensor) in read.memory)

    def since(self, part: Collection[str]) -> int:
        """The moment since which some tensors of the network are what they are now: 0 is when it was first looked at.

        Args:
            part: What `reads` returned.
        """
        looked = self._copy or self._watch
        return 0 if looked is None else looked.changes.since(part)

    def is_still(self, part: Collection[str], moment: int) -> bool:
        """Whether these tensors are now, outside of any drawing, what they were at a moment.

        Args:
            part: What `reads` returned.
            moment: What `since` returned then.
        """
        looked = self._copy or self._watch
        return looked is not None and looked.changes.since(part) == moment and looked.agrees(part)

    def _brought_up_to_date(self, buffers: Sequence[Tensor]) -> ModelCopy | None:
        if self._refusal is None:
            try:
                self._copy = self._copy or ModelCopy(self._module)
                self._copy.update(buffers)
            except NoCopyError as error:
                self._refusal = str(error)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._refusal = "there is no memory for a copy"
            if self._refusal is not None:
                self._copy = None
                _report(self._refusal)
        return self._copy


def _in_eval(module: nn.Module, run: Callable[[nn.Module], Tensor]) -> Tensor:
    module.eval()
    for part in modules_within(module):
        part.training = False
    with seeded(0):
        return run(module)


def _close(one: Tensor, other: Tensor) -> bool:
    largest = float(other.abs().nan_to_num(0, 0).max()) if other.numel() else 0.0
    return one.shape == other.shape and torch.allclose(one, other, _ROUNDING, _ROUNDING * largest, equal_nan=True)


def _report(refusal: str) -> None:
    rank_zero_info(
        "The network is explained in its place and put back to what it was each time, since no copy of it can be had: "
        f"{refusal.splitlines()[0]}"
    )


@contextmanager
def _muted(module: nn.Module) -> Iterator[None]:
    """Silences `self.log` and `self.log_dict` of every LightningModule inside, which a `forward` may call."""
    loggers = [m for m in module.modules() if hasattr(type(m), "log_dict")]
    before: list[dict[str, object]] = [{k: vars(m)[k] for k in ("log", "log_dict") if k in vars(m)} for m in loggers]
    try:
        for m in loggers:
            vars(m).update(log=ignore, log_dict=ignore)
        yield
    finally:
        for m, own in zip(loggers, before, strict=True):
            for name in ("log", "log_dict"):
                del vars(m)[name]
            vars(m).update(own)


def ignore(*args: object, **kwargs: object) -> None:
    """Stands in for `self.log`."""
