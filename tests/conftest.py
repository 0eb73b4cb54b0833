import ctypes
import gc
import sys
from functools import cache
from pathlib import Path

import pytest
import torch
from lightning_fabric.utilities import registry

from lightning_viz.harness.run import background

registry.entry_points = cache(registry.entry_points)  # which every Trainer asks for, through all that is installed
torch.set_num_threads(1)  # the networks here are too small for more
background._NICE = 0  # what yields to a training would also yield to all other tests, while its own waits for it

TOGETHER = ("tests/tab/",), ("tests/callbacks/films/test_films", "tests/everywhere/test_loggers")
"""What one worker tests, since any other would start a browser and a TensorBoard, or import services, of its own."""
FIRST = (
    *("tests/tab", "tests/processes", "tests/matrix", "tests/test_benchmarks", "tests/contract"),
    *("tests/foreign/test_foreign_vision", "tests/foreign/test_foreign_projects", "tests/foreign/test_imagenet"),
)
"""What takes longest: where several workers share the tests, the last of them should not wait for it."""
LAST = ("tests/callbacks/films/test_films", "tests/everywhere/test_loggers", "tests/foreign")
"""What imports so much that every later fork would take up to three times as long; what imports most comes last."""
LARGE = 2**21
"""Bytes of a large page."""


@pytest.hookimpl(optionalhook=True)  # pytest-xdist's, which not everyone tests with
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid):
            together = (some[0] for some in TOGETHER if any(one in nodeid for one in some))
            return next(together, None) or super()._split_scope(nodeid)

    return ByFile(config, log)


def pytest_collection_modifyitems(items):
    def place(item):
        early = min((i for i, folder in enumerate(FIRST) if folder in item.nodeid), default=len(FIRST))
        late = next((i for i, folder in enumerate(LAST, 1) if folder in item.nodeid), 0)
        return late, early

    items.sort(key=place)


def pytest_collection_finish(session):
    """What is imported stays: without it in their way, collections are quick, come in time, and keep forks small."""
    gc.collect()
    gc.freeze()
    if sys.platform == "linux":
        in_large_pages()


def in_large_pages():
    """Moves the heaps to large pages where there are such: every training forks, which copies a table of all pages."""
    advise, collapse = ctypes.CDLL(None).madvise, 25  # MADV_COLLAPSE, of Linux 6.1
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, rights, *_, name = line.split(maxsplit=5)
        if rights == "rw-p" and not name.startswith("/"):
            start, end = (int(address, 16) for address in addresses.split("-"))
            start += -start % LARGE
            if start + LARGE <= end:
                advise(ctypes.c_void_p(start), ctypes.c_size_t((end - start) // LARGE * LARGE), collapse)


@pytest.fixture(autouse=True, scope="module")
def slim():
    """Gives memory back that no file's tests need any more, since a fork takes as long as there are pages to copy."""
    yield
    gc.collect()
    if sys.platform == "linux":
        getattr(ctypes.CDLL(None), "malloc_trim", lambda pad: None)(0)  # glibc's


@pytest.fixture(autouse=True)
def as_it_was():
    """A Trainer with `deterministic=True` switches the whole process."""
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    yield
    torch.use_deterministic_algorithms(before[0], warn_only=before[1])
