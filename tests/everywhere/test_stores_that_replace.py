"""TensorBoard's log on a file system that cannot add to a file, and replaces it instead: Google's, by gcsfs."""

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from projects import fit
from pytorch_lightning.loggers import TensorBoardLogger

from lightning_viz import SaliencyMaps


class Replacing(MemoryFileSystem):
    protocol = "replacing"
    store, pseudo_dirs = {}, [""]

    def open(self, path, mode="rb", **more):
        return super().open(path, mode.replace("a", "w"), **more)

    @classmethod
    def _strip_protocol(cls, path):
        return MemoryFileSystem._strip_protocol(path.replace("replacing://", "memory://"))


def test_what_the_log_would_lose_is_files_here_and_told_once(tmp_path, monkeypatch):
    fsspec.register_implementation("replacing", Replacing, clobber=True)
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match="(?s)adds to files.*did not take pictures") as told:
        run = fit(tmp_path, [SaliencyMaps(probes=1)], logger=TensorBoardLogger("replacing://bucket/run", "", ""))
    assert run.current_epoch == 2
    assert len([one for one in told if "did not take" in str(one.message)]) == 1
    kept = tmp_path / "lightning_viz_unsent" / "bucket" / "run" / "explanations" / "probe_00_bread" / "saliency"
    assert sorted(file.name for file in kept.iterdir()) == ["-1.jpg", "11.jpg", "5.jpg"]
