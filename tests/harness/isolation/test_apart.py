"""What a process has in common with its parent even so is its own while it reads."""

import multiprocessing
import os
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import torch
from projects import Stripes

from lightning_viz.harness.isolation.forks import elsewhere as module
from lightning_viz.harness.isolation.forks.elsewhere import elsewhere

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are forked on Linux alone")


def test_a_file_goes_on_where_it_stood(tmp_path):
    path = tmp_path / "images.bin"
    path.write_bytes(bytes(range(256)))
    with path.open("rb", buffering=0) as file:
        file.seek(10)
        assert elsewhere(lambda: [*file.read(2)]) == [10, 11]
        assert file.tell() == 10
        assert elsewhere(lambda: file.seek(100)) == 100
        assert [*file.read(1)] == [10]


def test_what_is_appended_to_a_file_is_appended(tmp_path):
    with (tmp_path / "log.txt").open("ab", buffering=0) as file:
        file.write(b"one ")
        elsewhere(lambda: None)
        file.write(b"two")
    assert (tmp_path / "log.txt").read_bytes() == b"one two"


def test_nothing_of_a_connection_gets_lost():
    ours, theirs = socket.socketpair()
    reading, writing = os.pipe()
    with ours, theirs:
        theirs.sendall(b"hello")
        os.write(writing, b"you")

        def use():
            with suppress(OSError):
                ours.recv(5)
            return os.read(reading, 3)

        assert elsewhere(use) == b""
        assert (ours.recv(5), os.read(reading, 3)) == (b"hello", b"you")
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("kind", ["tensor", "value", "storage in a file"])
def test_shared_memory_counts_for_itself(kind, tmp_path):
    if kind == "value":
        counter = multiprocessing.Value("i", 0)

        def count():
            counter.value += 1
            return counter.value
    else:
        size = 4
        path = str(tmp_path / "numbers")
        stored = torch.UntypedStorage.from_file(path, shared=True, nbytes=4 * size)
        numbers = torch.tensor([], dtype=torch.float32).set_(stored) if "file" in kind else torch.zeros(size)
        numbers.share_memory_()
        numbers.zero_()

        def count():
            numbers.add_(1)
            return int(numbers[0])

    assert [elsewhere(count), elsewhere(count)] == [1, 1]
    assert count() == 1
    assert elsewhere(count) == 2


class Pool(Stripes):
    """Reads with threads, which a forked process has not."""

    def __init__(self):
        super().__init__()
        self.pool = ThreadPoolExecutor(1)
        self.pool.submit(int).result()

    def __getitem__(self, i):
        return self.pool.submit(super().__getitem__, i).result()


def test_what_works_with_threads_is_read_here_without_waiting(monkeypatch, caplog):
    monkeypatch.setattr(module, "_TOLD", set())
    data = {"wrapped": [Pool()]}
    with caplog.at_level("INFO"):
        image, label = elsewhere(lambda: data["wrapped"][0][2], data)
    assert (image.shape, label) == ((3, 16, 16), 2)
    assert "work with threads (ThreadPoolExecutor)" in caplog.text


def test_after_a_process_that_hung_there_is_no_other(monkeypatch, caplog):
    parent, forks = os.getpid(), []
    monkeypatch.setattr(module, "_HUNG", [])
    monkeypatch.setattr(module, "_TOLD", set())
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    monkeypatch.setattr(os, "fork", lambda fork=os.fork: forks.append(1) or fork())

    def read():
        if os.getpid() != parent:
            multiprocessing.Event().wait()
        return "here"

    assert [elsewhere(read) for _ in range(3)] == ["here"] * 3
    assert forks == [1]
