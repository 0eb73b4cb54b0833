"""Trains with log folders in a bucket of S3, which a server on this machine stands for; says what lies there then."""

import json
import logging
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path += [str(HERE.parent), str(HERE.parents[1] / ".foreign")]
os.environ.update(AWS_ACCESS_KEY_ID="key", AWS_SECRET_ACCESS_KEY="secret", AWS_DEFAULT_REGION="us-east-1")

from moto.server import ThreadedMotoServer  # noqa: E402

logging.getLogger("werkzeug").setLevel(logging.ERROR)
SERVER = ThreadedMotoServer(port=0, verbose=False)
SERVER.start()
os.environ["AWS_ENDPOINT_URL"] = os.environ["S3_ENDPOINT"] = "http://{}:{}".format(*SERVER.get_host_and_port())

import fsspec  # noqa: E402
from projects import Project, events, fit, loaders, trainer  # noqa: E402
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger  # noqa: E402
from tensorboard.compat.tensorflow_stub.io import gfile  # noqa: E402

from lightning_viz import Films, SaliencyMaps, Snapshots, findings, replay  # noqa: E402


def maps():
    """The pictures of one probe."""
    return SaliencyMaps(on_error="raise", probes=1)


def board(url, *callbacks):
    """What TensorBoard reads of a run that was logged there."""
    fit(Path(), [maps(), *callbacks], logger=TensorBoardLogger(url, "", ""), max_epochs=1)
    log = events(url)
    return [[event.step, len(event.encoded_image_string)] for event in log.Images("probe_00_bread/saliency")]


def main(folder):
    """Trains with files, with TensorBoard in both of its ways to a bucket, and draws the checkpoints once more."""
    store = fsspec.filesystem("s3")
    store.mkdir("bucket")
    films = Films(on_error="raise", keep_frames=True)
    fit(Path(folder), [maps(), films], logger=CSVLogger("s3://bucket/csv", "", ""), max_epochs=1)
    found = {"boto3": board("s3://bucket/boto3", Snapshots())}
    gfile._REGISTERED_FILESYSTEMS.pop("s3")  # as without boto3
    found["fsspec"] = board("s3://bucket/fsspec")
    replay(trainer(Path(folder), [maps()]), Project(), "s3://bucket/boto3/snapshots/*.ckpt", **loaders())
    replayed = events(Path(folder)).Images("probe_00_bread/saliency")
    found["replayed"] = [[event.step, len(event.encoded_image_string)] for event in replayed]
    found["findings"] = findings("s3://bucket/fsspec").text()
    store.invalidate_cache()
    found["files"] = sorted(store.find("bucket"))
    found["here"] = os.listdir()
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
    SERVER.stop()
