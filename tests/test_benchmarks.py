"""The benchmark runs and fills its table; how fast anything is, is no matter of a test."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
QUICK = ["--size", "32", "--width", "2", "--samples", "16", "--repetitions", "1", "--images", "22"]


def test_every_line_has_a_positive_ratio():
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks", *QUICK]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}  # so small a network only loses by more
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=one_thread)
    assert run.returncode == 0, run.stderr
    about, _, _, head, rule, *lines = run.stdout.splitlines()
    assert "cores" in about
    assert "torch" in about
    assert [cell.strip() for cell in head.strip("|").split("|")] == ["what", "time", "against", "its time", "ratio"]
    assert set(rule) == set("|- ")
    assert len(lines) == 22 + (ROOT / ".foreign" / "lucent").is_dir()
    for line in lines:
        assert len(line) == len(head)
        assert float(line.strip("|").split("|")[-1]) > 0
