"""The browser of these tests."""

import os
import subprocess
import sys

from gallery.browser import ROOT


def test_where_there_is_none_it_says_how_to_get_one(tmp_path):
    elsewhere = {"PATH": str(tmp_path), "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path)}
    code = "from gallery.browser import chromium\nwith chromium():\n    pass"
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, env={**os.environ, **elsewhere}, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 1
    assert "apt-get install chromium-headless-shell" in run.stderr
    assert "playwright install --with-deps --only-shell chromium" in run.stderr
