"""The isolation context: whatever happens inside, training goes on as if it had not."""

from __future__ import annotations

import random
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from lightning_viz.explain.checkpoints import transparent_checkpoints
from lightning_viz.harness.generators import held_generators
from lightning_viz.harness.spread import spread

_CONTAINERS = (list, deque, set, dict, OrderedDict, defaultdict, Counter)
_TORCHS = frozenset(vars(nn.Module()))
"""Attributes that are torch's own: parameters, hooks, what a sharded module swaps when it runs."""


@contextmanager
def quiet(module: nn.Module, *, seed: int = 0) -> Iterator[None]:
    """Isolates an explanation from the training run around it.

    Inside, the module is in eval mode with frozen parameters, gradients can be taken with `torch.autograd.grad` (also
    where the Trainer turned them off, or the network is checkpointed), compiled networks run eagerly, `self.log` is
    mute and every global generator starts from `seed`. On leaving, also by an exception, all of that is bit for bit as
    it was before: generators (python, numpy, torch, CUDA, MPS), the mode of every submodule, `requires_grad` and
    `.grad` of every parameter, buffers, what modules keep as attributes and in containers, the default dtype and the
    deterministic switches.

    Args:
        module: The module that may be touched, usually the whole LightningModule.
        seed: What the global generators start from inside.
    """
    with ExitStack() as stack:
        _switches(stack)  # first, so that what the guards keep are no tensors of an inference mode
        for guard in (
            spread(module),
            _generators(seed),
            _modes(module),
            _parameters(module),
            _buffers(module),
            _state(module),
            _muted(module),
        ):
            stack.enter_context(guard)
        yield


@contextmanager
def _generators(seed: int) -> Iterator[None]:
    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    # A CUDA that nobody has used yet has no state to keep, and asking for it would start it.
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None  # type: ignore[no-untyped-call]
    mps = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    try:
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        torch.default_generator.manual_seed(seed)
        if cuda is not None:
            torch.cuda.manual_seed_all(seed)
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        torch.set_rng_state(cpu)
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)
        if mps is not None:
            torch.mps.set_rng_state(mps)


@contextmanager
def _modes(module: nn.Module) -> Iterator[None]:
    # Set and restored one by one: `eval()` followed by `train()` would thaw a frozen BatchNorm.
    before = [(m, m.training) for m in module.modules()]
    try:
        for m, _ in before:
            m.training = False
        yield
    finally:
        for m, training in before:
            m.training = training


@contextmanager
def _parameters(module: nn.Module) -> Iterator[None]:
    before = [(p, p.requires_grad, p.grad) for p in module.parameters() if not is_lazy(p)]
    try:
        for p, _, _ in before:
            p.requires_grad_(False)
            p.grad = None  # out of reach of whoever unfreezes and accumulates
        yield
    finally:
        for p, requires_grad, grad in before:
            p.requires_grad_(requires_grad)
            p.grad = grad


@contextmanager
def _buffers(module: nn.Module) -> Iterator[None]:
    # Compared by value: batch normalisation updates its statistics without bumping the tensors' version.
    before = [(owner._buffers, dict(owner._buffers.items())) for owner in module.modules()]
    kept = [b for _, own in before for b in own.values() if b is not None and not is_lazy(b)]
    tensors = [(b, b.detach().clone()) for b in kept]
    try:
        yield
    finally:
        for buffers, own in before:
            for late in [name for name in buffers.keys() if name not in own]:  # noqa: SIM118  # scripted modules have no other
                del buffers[late]
            for name, buffer in own.items():
                if name not in buffers or buffers[name] is not buffer:
                    buffers[name] = buffer
        _copy_back(tensors)


@contextmanager
def _state(module: nn.Module) -> Iterator[None]:
    """Keeps what modules remember beside parameters and buffers: counters, states of metrics, their own generators."""
    before = [(vars(m), {k: v for k, v in vars(m).items() if k not in _TORCHS}) for m in module.modules()]
    values = [v for _, own in before for v in own.values()]
    containers = [(v, v.copy()) for v in values if type(v) in _CONTAINERS]
    values += [v for _, kept in containers for v in (kept.values() if isinstance(kept, dict) else kept)]
    tensors = [(v, v.detach().clone()) for v in values if isinstance(v, Tensor)]
    with held_generators(*(thing for now, _ in before for thing in now.values())):
        try:
            yield
        finally:
            for now, own in before:
                for late in [name for name in now if name not in own and name not in _TORCHS]:
                    del now[late]
                now.update(own)
            for container, kept in containers:
                container.clear()
                (container.update if isinstance(container, (dict, set)) else container.extend)(kept)
            _copy_back(tensors)


def _copy_back(tensors: list[tuple[Tensor, Tensor]]) -> None:
    with torch.no_grad():
        for tensor, values in tensors:
            if not torch.equal(tensor, values):
                tensor.resize_(values.shape).copy_(values)


@contextmanager
def _muted(module: nn.Module) -> Iterator[None]:
    """Silences `self.log` and `self.log_dict` of every LightningModule inside, which a `forward` may call."""
    loggers = [m for m in module.modules() if hasattr(type(m), "log_dict")]
    before: list[dict[str, object]] = [{k: vars(m)[k] for k in ("log", "log_dict") if k in vars(m)} for m in loggers]
    try:
        for m in loggers:
            vars(m).update(log=_ignore, log_dict=_ignore)
        yield
    finally:
        for m, own in zip(loggers, before, strict=True):
            for name in ("log", "log_dict"):
                del vars(m)[name]
            vars(m).update(own)


def _ignore(*args: object, **kwargs: object) -> None:
    """Stands in for `self.log`."""


def _switches(stack: ExitStack) -> None:
    """Enters torch's own switches: gradients on, compilation and anomaly detection off, no benchmarking of kernels."""
    stack.callback(torch.set_default_dtype, torch.get_default_dtype())
    if torch.are_deterministic_algorithms_enabled():
        warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
        stack.callback(torch.use_deterministic_algorithms, True, warn_only=warn_only)
        # Some operators of an explanation have no deterministic kernel on a GPU; that must not end the run.
        torch.use_deterministic_algorithms(True, warn_only=True)
    stack.callback(setattr, torch.backends.cudnn, "benchmark", torch.backends.cudnn.benchmark)
    torch.backends.cudnn.benchmark = False
    stack.enter_context(torch.inference_mode(False))
    stack.enter_context(torch.enable_grad())
    stack.enter_context(torch.autograd.set_detect_anomaly(False))
    stack.enter_context(transparent_checkpoints())  # also for methods that call no `Chunks`
    if "torch._dynamo" in sys.modules:  # nothing can have been compiled without it, and importing it takes seconds
        stack.enter_context(torch.compiler.set_stance("force_eager"))
