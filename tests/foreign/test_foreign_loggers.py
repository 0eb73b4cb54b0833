"""Loggers that live outside of Lightning, with the real package offline."""

import importlib

import numpy as np
import pytest
from beside import Beside
from borrowed import FOLDER, installed
from PIL import Image
from projects import fit

from lightning_viz import Films, SaliencyMaps


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::pydantic.warnings.PydanticDeprecatedSince20")
def test_swanlab_offline(tmp_path, monkeypatch):
    if not (FOLDER / "swanlab").is_dir():
        pytest.fail(f"Expected swanlab in {FOLDER}: `make test` installs it.", pytrace=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SWANLAB_SAVE_DIR", str(tmp_path / "home"))
    with installed():
        swanlab = importlib.import_module("swanlab")
        loggers = importlib.import_module("swanlab.integration.pytorch_lightning")
        settings = swanlab.Settings(hardware_monitor=False, console_proxy_type="none")
        logger = loggers.SwanLabLogger(
            project="p", mode="offline", log_dir=str(tmp_path / "log"), save_dir=tmp_path, settings=settings
        )
        beside = Beside()
        callbacks = [SaliencyMaps(on_error="raise", probes=1), Films(on_error="raise")]
        fit(tmp_path / "run", callbacks, logger=[logger, beside], default_root_dir=tmp_path / "run")
        swanlab.finish()
    kept = {}
    for file in tmp_path.glob("log/run-*/media/image/*.png"):
        with Image.open(file) as image:
            kept.setdefault(int(file.name.partition("-")[0]), []).append(np.asarray(image.convert("RGB")))
    drawn = [(max(step, 0), image) for _, step, image in beside.seen if not isinstance(image, str)]
    assert {0, 5, 11} <= {step for step, _ in drawn}
    for step, image in drawn:  # the untrained network's at step 0, since SwanLab drops -1
        assert any(np.array_equal(image, other) for other in kept[step])
    films = [key for key, _, image in beside.seen if isinstance(image, str) and "film_" in key]
    assert films  # of which SwanLab would keep the first frame alone: it has one picture more, the filmstrip
    assert sum(map(len, kept.values())) == len(drawn) + 1
