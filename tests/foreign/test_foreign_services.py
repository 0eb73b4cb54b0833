"""Loggers of services: the real packages, offline or with the transport cut, in one training in a process apart."""

import importlib
import json
import multiprocessing
import os
import sys
import warnings
import zipfile
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from beside import Beside
from borrowed import FOLDER
from PIL import Image
from projects import fit
from pytorch_lightning.loggers import CometLogger, LitLogger, TensorBoardLogger

from lightning_viz import Films, SaliencyMaps

LIMIT = 60
"""Seconds after which the training hangs."""
SERVICES = FOLDER / "loggers"
TAG, FILM = "probe_00_bread/saliency", "probe_00_bread/film_saliency"


def comet(folder):
    """Offline: an archive, which `comet upload` would send. Lightning's own `online=False` would switch it off."""
    os.environ["COMET_START_ONLINE"] = "0"
    quiet = dict.fromkeys(("log_code", "log_env_details", "log_git_metadata", "parse_args"), False)
    logger = CometLogger(api_key="x", project="p", offline_directory=str(folder), display_summary_level=0, **quiet)

    def kept():
        logger.experiment.end()
        (file,) = folder.glob("*.zip")
        with zipfile.ZipFile(file) as archive:
            for line in archive.read("messages.json").decode().splitlines():
                message = json.loads(line)["payload"]
                if message.get("upload_type") == "visualization":
                    figure = message["additional_params"]
                    yield figure["figName"], figure["step"], archive.read(message["file_path"])

    return logger, kept


def aim(folder):
    """A repository in a folder, whose tables Aim makes in a process that has to find Alembic."""
    os.environ["PYTHONPATH"] = str(SERVICES)
    quiet = {"system_tracking_interval": None, "log_system_params": False, "capture_terminal_logs": False}
    logger = importlib.import_module("aim.pytorch_lightning").AimLogger(repo=str(folder), **quiet)

    def kept():
        sequence = importlib.import_module("aim.sdk.sequences.image_sequence").Images
        context = importlib.import_module("aim.storage.context").Context({})
        known = logger.experiment.collect_sequence_info(("images",))["images"]
        for tag in (one["name"] for one in known):
            steps, (images, *_) = sequence(tag, context, logger.experiment).data.items_list()
            for step, image in zip(steps, images, strict=True):
                buffer = BytesIO()
                image.to_pil_image().save(buffer, "png")
                yield tag, step, buffer.getvalue()

    return logger, kept


def clearml(folder):
    """Offline: a folder of what it would send, of what TensorBoard's logger writes."""
    os.environ.update(CLEARML_OFFLINE_MODE="1", CLEARML_CACHE_DIR=str(folder))
    quiet = dict.fromkeys(("auto_connect_arg_parser", "auto_connect_streams", "auto_resource_monitoring"), False)
    only = {"tensorboard": True, "pytorch": False, "matplotlib": False}
    task = importlib.import_module("clearml").Task.init("p", "t", auto_connect_frameworks=only, **quiet)

    def kept():
        task.flush(wait_for_uploads=True)  # `close` waits until it has analysed what is imported
        session = Path(task.get_offline_mode_folder())
        for line in (session / "metrics.jsonl").read_text().splitlines():
            for event in json.loads(line):
                if event["type"] == "training_debug_image":
                    (file,) = session.rglob(Path(event["url"]).name)
                    yield f"{event['metric']}/{event['variant']}", event["iter"], file.read_bytes()

    return TensorBoardLogger(folder / "log", "", ""), kept


def litlogger(folder):
    """Its own client, of which what would reach the service is kept here."""
    client = importlib.import_module("litlogger.experiment")
    told, sent, store = [], {}, SimpleNamespace(id="1", name="n", cluster_id=None)

    class Service:
        """Answers what the service would."""

        client = property(lambda self: self)
        get_or_create_experiment_metrics = lambda _, **__: (store, True)
        get_last_steps = lambda *_: {}
        append_experiment_metrics = update_experiment_metrics = lambda *_, **__: True
        lit_logger_service_update_lit_logger_media = lambda *_, **__: None

        def lit_logger_service_create_lit_logger_media(self, body, **_):
            told.append((body.name, body.step, body.content_hash))
            media = SimpleNamespace(id="1", name=body.name, cluster_id=None, storage_path=body.content_hash)
            return SimpleNamespace(media=media, already_exists=False)

    def upload(*, file_path, remote_path, **_):
        sent[remote_path] = Path(file_path).read_bytes()

    space = SimpleNamespace(id="1", name="s", owner=SimpleNamespace(name="o"))
    space.list_models, space._teamspace_api = list, SimpleNamespace(upload_file=upload)
    client.AuthApi.authenticate = client.get_accessible_url = lambda *_, **__: None
    client.MetricsApi = client.ArtifactsApi = Service
    client._resolve_teamspace = lambda _: space
    return LitLogger(folder, save_logs=False), lambda: [(name, step, sent[key]) for name, step, key in told]


ALL = (comet, aim, clearml, litlogger)


def train(folder, pipe):
    """Trains with all; sends what each has kept, as (tag, step, bytes of a file), and what a logger beside them saw."""
    warnings.simplefilter("ignore")
    sys.path += [str(FOLDER), str(SERVICES)]
    os.environ["HOME"] = str(folder)
    os.chdir(folder)
    loggers, kept = zip(*[make(folder / make.__name__) for make in ALL], strict=True)
    beside = Beside()
    callbacks = [SaliencyMaps(on_error="raise", probes=1), Films(on_error="raise")]
    fit(folder, callbacks, logger=[*loggers, beside], default_root_dir=folder)
    found = {make.__name__: list(keeps()) for make, keeps in zip(ALL, kept, strict=True)}
    pipe.send((found, [seen for seen in beside.seen if not isinstance(seen[2], str)]))
    os._exit(0)  # else each waits once more for a service that is not there


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """What each has kept, and what a logger beside them saw.

    In a fork, since Comet hooks into what is imported after it, and all that is theirs ends with it.
    """
    if not SERVICES.is_dir():
        pytest.fail(f"Expected loggers in {SERVICES}: `make test` installs them.", pytrace=False)
    forked = multiprocessing.get_context("fork")
    here, there = forked.Pipe(duplex=False)
    process = forked.Process(target=train, args=(tmp_path_factory.mktemp("services"), there))
    process.start()
    there.close()
    try:
        assert here.poll(LIMIT), "the training hangs"
        return here.recv()
    except EOFError:
        pytest.fail("Expected what the loggers kept, received nothing: what was raised is told above.", pytrace=False)
    finally:
        process.join(10)
        process.kill()


def pictures(found, tag):
    """Of a tag: step -> array (H, W, 3)."""
    return {
        step: np.asarray(Image.open(BytesIO(file)).convert("RGB"), float) for name, step, file in found if name == tag
    }


@pytest.mark.parametrize("name", [make.__name__ for make in ALL])
def test_every_picture_arrives_with_its_caption_at_its_step(kept, name):
    found, seen = kept
    drawn = {step: np.asarray(image, float) for tag, step, image in seen if tag == TAG}
    arrived = pictures(found[name], TAG)
    assert sorted(arrived) == sorted(drawn) == [-1, 5, 11]
    for step, image in arrived.items():
        others = {other: abs(image - drawn[other]).mean() for other in drawn}
        assert image.shape == drawn[step].shape  # the caption is a strip of the picture
        assert others[step] == min(others.values()) < 8, others  # some write JPEG anew


def test_films_are_films_where_their_service_takes_files(kept):
    found, _ = kept
    films = {name: [file for tag, _, file in arrived if tag == FILM] for name, arrived in found.items()}
    assert {name: [Image.open(BytesIO(file)).n_frames for file in files] for name, files in films.items()} == {
        "comet": [3],
        "aim": [],  # which would keep the first frame alone
        "clearml": [],
        "litlogger": [3],
    }
