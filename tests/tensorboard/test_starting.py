"""TensorBoard starts whatever state our installation is in, and quickly."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

import lightning_viz

PACKAGE = Path(lightning_viz.__file__).parent
ENTRY = "[tensorboard_plugins]\nlightning_viz = lightning_viz.tensorboard.loader:ExplanationsLoader\n"


def installed(site):
    """A copy of the viewer, installed as pip does it, with its entry point."""
    shutil.copytree(PACKAGE / "tensorboard", site / "lightning_viz/tensorboard")
    shutil.copy(PACKAGE / "__init__.py", site / "lightning_viz")
    about = site / "lightning_viz-0.2.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: lightning-viz\nVersion: 0.2.0\n")
    (about / "entry_points.txt").write_text(ENTRY)
    return site / "lightning_viz/tensorboard"


class Running:
    """`tensorboard` in a process of its own, with `site` before all other packages."""

    def __init__(self, site, logs):
        command = [sys.executable, "-m", "tensorboard.main", f"--logdir={logs}", "--port=0", "--load_fast=false"]
        environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONWARNINGS": "ignore"}
        self._process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, cwd=site)
        self._timer = threading.Timer(60, self._process.kill)
        self._timer.start()

    def plugins(self):
        """What it said before it served, and the tabs that it lists."""
        lines = []
        for line in self._process.stderr:
            lines.append(line)
            if address := re.search(r"at (http://\S+)", line):
                with urllib.request.urlopen(f"{address[1]}data/plugins_listing") as answer:
                    return lines, json.load(answer)
        raise AssertionError("".join(lines))

    def stop(self):
        self._timer.cancel()
        self._process.kill()
        self._process.communicate()


@pytest.mark.parametrize("state", ["whole", "lacking", "garbled"])
def test_tensorboard_starts_with_any_installation(tmp_path, state):
    viewer = installed(tmp_path)
    if state == "lacking":
        (viewer / "log.py").unlink()
    elif state == "garbled":
        (viewer / "plugin.py").write_text("class ExplanationsPlugin(\n")
    running = Running(tmp_path, tmp_path / "logs")
    try:
        lines, plugins = running.plugins()
    finally:
        running.stop()
    ours = [line for line in lines if "lightning_viz" in line]
    assert "images" in plugins
    assert "up to 500 pictures per tag" in ours[0]
    assert ("lightning_viz" in plugins) == (state == "whole")
    assert ["no Explanations tab" in line for line in ours[1:]] == ([] if state == "whole" else [True])
    assert "Traceback" not in "".join(lines)


def test_the_viewer_needs_neither_torch_nor_lightning_nor_the_other_rooms():
    code = """
import sys
from lightning_viz.tensorboard import export, loader, plugin
heavy = {"torch", "pytorch_lightning", "lightning", "torchmetrics", "matplotlib", "sklearn", "skimage", "tensorflow"}
rooms = {f"lightning_viz.{room}" for room in ("explain", "render", "harness", "callbacks", "food11")}
print({*heavy, *rooms} & set(sys.modules))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert run.stdout.strip() == "set()"
