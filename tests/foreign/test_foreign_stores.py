"""A log folder in a bucket: s3fs, against moto's server."""

import json
import multiprocessing
import os
import warnings

import pytest
from borrowed import FOLDER


def trained(folder):
    """Trains with buckets as programs do, which know nothing of tests."""
    warnings.resetwarnings()
    os.chdir(folder / "here")
    import on_s3

    (folder / "found.json").write_text(json.dumps(on_s3.main(folder / "there")))


def test_a_bucket_of_s3(tmp_path):
    """In a fork, since boto3 changes how TensorBoard reaches buckets."""
    if not (FOLDER / "moto").is_dir():
        pytest.fail(f"Expected moto in {FOLDER}: `make test` installs it.", pytrace=False)
    (tmp_path / "here").mkdir()
    process = multiprocessing.get_context("fork").Process(target=trained, args=(tmp_path,))
    process.start()
    process.join(200)
    process.kill()
    process.join()
    assert process.exitcode == 0
    found = json.loads((tmp_path / "found.json").read_text())
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
