"""A browser, and a TensorBoard with the tab of this very checkout: for the screenshots, and for the tests."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Error, sync_playwright

ROOT = Path(__file__).parents[1]

COMMANDS = "chromium-headless-shell", "chromium"
"""The system's browsers, the better first: without windows and profiles a page takes half the processor time."""
FLAGS = [
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",  # no other machine is ever asked
    "--force-color-profile=srgb",  # pixels as they are in the files
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, else the one that playwright has installed.

    Raises:
        FileNotFoundError: There is neither.
    """
    with sync_playwright() as playwright:
        try:
            system = next(filter(None, map(shutil.which, COMMANDS)), None)
            browser = playwright.chromium.launch(executable_path=system, args=FLAGS)
        except Error as error:
            if "Executable doesn't exist" not in str(error):
                raise
            own = Path(sys.executable).with_name("playwright")
            raise FileNotFoundError(
                f"Expected a Chromium, found none: install the system's (apt-get install {COMMANDS[0]}), "
                f"or playwright's ({own} install --with-deps --only-shell chromium)"
            ) from None
        yield browser
        browser.close()


def installed(folder: Path) -> Path:
    """Installs the package as pip would from this checkout, entry point included, whatever the environment holds.

    Args:
        folder: An empty one.

    Returns:
        Where Python finds it.
    """
    from hatchling.builders.wheel import WheelBuilder

    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    site = folder / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


@contextmanager
def tensorboard(site: Path, logs: Path, *options: str) -> Iterator[str]:
    """`tensorboard --logdir LOGS` in a process of its own.

    Args:
        site: Where it finds the package, see `installed`.
        logs: The log folder.
        options: More of its options.

    Returns:
        Its address, which ends with a slash.

    Raises:
        RuntimeError: It did not start.
    """
    command = [sys.executable, "-m", "tensorboard.main", f"--logdir={logs.resolve()}", "--port=0", *options]
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(command, cwd=site, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield _address(process)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:  # its handler's SystemExit was lost, as in the midst of a finalizer
                process.kill()


def _address(process: subprocess.Popen[str]) -> str:
    told = []
    for line in process.stderr or ():
        told.append(line)
        if found := re.search(r"at (http://\S+)", line):
            return found[1]
    raise RuntimeError(f"TensorBoard did not start:\n{''.join(told)}")


def runs(address: str) -> dict[str, Any]:
    """What the tab of a TensorBoard has to show now, by run."""
    with urllib.request.urlopen(f"{address}data/plugin/lightning_viz/runs") as answer:
        found: dict[str, Any] = json.load(answer)["runs"]
    return found


def loaded(address: str, seconds: float = 60) -> str:
    """Waits until a TensorBoard has read its log folder: it has runs, and a moment later the same.

    Args:
        address: That of `tensorboard`, which is returned.
        seconds: How long at most.

    Raises:
        TimeoutError: There are no runs with pictures.
    """
    before: dict[str, Any] = {}
    for _ in range(int(seconds / 0.2)):
        found = runs(address)
        if found and found == before:
            return address
        before = found
        time.sleep(0.2)
    raise TimeoutError(f"Expected runs with pictures within {seconds:.0f} s, found {sorted(before)}.")
