"""One log folder for all tests of the viewer, and one TensorBoard over it on each data loader."""

from types import SimpleNamespace

import pytest
from board import Board
from written import SOURCES, everything

from lightning_viz.tensorboard import front


@pytest.fixture(scope="package")
def log(tmp_path_factory):
    """The log folder, and by run the pictures and maps in it."""
    folder = tmp_path_factory.mktemp("logs")
    return SimpleNamespace(folder=folder, blobs=everything(folder))


@pytest.fixture(scope="package")
def static(tmp_path_factory):
    """The page's files, in place of those of the package."""
    folder = tmp_path_factory.mktemp("static")
    for name, source in {**SOURCES, "notes.txt": "no file of the page"}.items():
        (folder / name).write_text(source, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(front, "FOLDER", folder)
        yield folder


@pytest.fixture(scope="package", params=["rust", "python"])
def loader(request):
    return request.param


@pytest.fixture(scope="package")
def board(loader, log, static):
    """TensorBoard as `tensorboard --logdir LOG` starts it, all epochs read."""
    with Board(loader, log.folder) as board:
        yield board
