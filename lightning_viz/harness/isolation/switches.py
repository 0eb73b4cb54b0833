"""What is global in a process: generators of random numbers, and torch's own switches."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import Context, ContextVar, copy_context

import numpy as np
import torch

from lightning_viz.explain.network.checkpointing import transparent_checkpoints

_OUTSIDE: ContextVar[torch.dtype | None] = ContextVar("outside", default=None)


@contextmanager
def switched(seed: int) -> Iterator[None]:
    """Inside, gradients can be taken and nothing is compiled, measured or left to chance; afterwards all is as before.

    Gradients are on, also where the Trainer turned them off; anomaly detection and the benchmarking of kernels are off;
    compiled networks run eagerly; checkpoints are transparent; the default dtype is float32, in which explanations
    compute. All global generators start from the seed (python, numpy, torch, CUDA, MPS).

    Args:
        seed: What the global generators start from.
    """
    with ExitStack() as stack:
        before = torch.get_default_dtype()
        stack.callback(_OUTSIDE.reset, _OUTSIDE.set(before))
        stack.callback(torch.set_default_dtype, before)
        torch.set_default_dtype(torch.float32)
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
        stack.enter_context(seeded(seed))
        stack.callback(_set_again, copy_context())
        yield


@contextmanager
def as_outside() -> Iterator[None]:
    """For what is the user's own, inside `switched`: the default dtype is the one that it has outside."""
    inside = torch.get_default_dtype()
    torch.set_default_dtype(_OUTSIDE.get() or inside)
    try:
        yield
    finally:
        torch.set_default_dtype(inside)


def _set_again(before: Context) -> None:
    """Gives every context variable the value that it had; one that had none its default."""
    for variable, value in copy_context().items():
        with suppress(LookupError):  # it has no default
            had = before[variable] if variable in before else Context().run(variable.get)
            if value is not had:
                variable.set(had)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, all global generators start from the seed; afterwards they stand where they stood."""
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
