"""TensorBoard on either of its data loaders, without its socket."""

import json
import time
import warnings
from argparse import Namespace

from tensorboard import default, program
from tensorboard.backend import application
from tensorboard.backend.event_processing.data_ingester import LocalDataIngester
from tensorboard.data import server_ingester
from werkzeug.test import Client
from written import DEMO, RUNS, STEPS

from lightning_viz.tensorboard.loader import ExplanationsLoader

HERE = "/data/plugin/lightning_viz"


def configured(*flags):
    """TensorBoard with its flags read, ours among them, and our changes made."""
    board = program.TensorBoard([*default.get_static_plugins(), ExplanationsLoader], assets_zip_provider=lambda: None)
    board.configure(["tensorboard", *flags])
    return board


class Board:
    """What `tensorboard --logdir FOLDER` serves once it has read all.

    Args:
        loader: "rust" or "python".
        folder: The log folder.
        flags: More flags.
        ready: Whether a listing of runs holds all of the log.
    """

    def __init__(self, loader, folder, *flags, ready=None):
        self._ready = ready or _holds_all
        once = ["--reload_interval=0", *(["--reload_task=blocking"] if loader == "python" else [])]
        self._board = configured(f"--logdir={folder}", *once, *flags)
        self._ingester = ingester(loader, self._board.flags)
        self.client = self.client_of()

    def client_of(self, **flags):
        """Asks the same data under other flags."""
        board = self._board
        flags = Namespace(**{**vars(board.flags), **flags})
        provider = self._ingester.data_provider
        return Client(application.TensorBoardWSGIApp(flags, board.plugin_loaders, provider))

    def __enter__(self):
        for _ in range(200):
            if self._ready(self.runs()):
                return self
            time.sleep(0.05)
        raise TimeoutError(f"read within 10 s: {sorted(self.runs())}")

    def __exit__(self, *_):
        if isinstance(self._ingester, server_ingester.SubprocessServerDataIngester):
            self._ingester._stdin_handle.close()  # it lives as long as this is open

    def get(self, path, **query):
        return self.client.get(HERE + path, query_string=query)

    def post(self, path, **fields):
        return self.client.post(HERE + path, data=fields)

    def runs(self):
        return self.get("/runs").json["runs"]

    def series(self, run, **wish):
        return self.post("/series", run=run, **{kind: json.dumps(tags) for kind, tags in wish.items()}).json

    def keys(self, run, tag):
        return dict(self.series(run, images=[tag])["images"][tag])

    def pack(self, keys):
        """The blobs of an answer of `./pack`, with their MIME types."""
        head, _, body = self.post("/pack", keys=json.dumps(keys)).data.partition(b"\n")
        blobs = []
        for length, kind in json.loads(head):
            blobs.append((body[:length], kind) if length >= 0 else None)
            body = body[max(length, 0) :]
        assert not body
        return blobs


def _holds_all(runs):
    return set(runs) == RUNS and runs[DEMO]["images"].get("confusion/val") == STEPS[-1]


def ingester(loader, flags):
    if loader == "python":
        made = LocalDataIngester(flags)
    else:
        made = server_ingester.SubprocessServerDataIngester(
            server_ingester.get_server_binary(),
            flags.logdir,
            reload_interval=flags.reload_interval,
            channel_creds_type=flags.grpc_creds_type,
            samples_per_plugin=flags.samples_per_plugin,
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it forgets its process, which goes on
        made.start()
    return made
