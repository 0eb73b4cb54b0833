"""A log folder in a bucket: s3fs, against moto's server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from borrowed import FOLDER

PROGRAM = Path(__file__).with_name("on_s3.py")


def test_a_bucket_of_s3(tmp_path):
    """In a process of its own, since boto3 changes how TensorBoard reaches buckets."""
    if not (FOLDER / "moto").is_dir():
        pytest.fail(f"Expected moto in {FOLDER}: `make test` installs it.", pytrace=False)
    (tmp_path / "here").mkdir()
    ended = subprocess.run(
        [sys.executable, PROGRAM, tmp_path / "there"],
        cwd=tmp_path / "here",
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    found = json.loads(ended.stdout.splitlines()[-1])
    assert [step for step, _ in found["boto3"]] == [-1, 5]
    assert found["boto3"] == found["fsspec"] == found["replayed"]
    assert found["findings"]
    assert found["here"] == []  # no folder of the name "s3:"
    assert {
        "bucket/csv/explanations/probe_00_bread/saliency/5.jpg",
        "bucket/csv/films/probe_00_bread/film_saliency.webp",
        "bucket/csv/films/probe_00_bread/filmstrip.jpg",
        "bucket/csv/frames/index.jsonl",
        "bucket/csv/frames/probe_00_bread/saliency/5.npz",
        "bucket/boto3/snapshots/untrained.ckpt",
        "bucket/boto3/snapshots/epoch=0-step=6.ckpt",
        "bucket/boto3/snapshots/over",
    } <= set(found["files"])
