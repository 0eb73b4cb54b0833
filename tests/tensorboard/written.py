"""Logs written by hand, summary by summary: what the callbacks write, and what they never would."""

import io
import json
import struct
from contextlib import closing

import numpy as np
from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import (
    DATA_CLASS_BLOB_SEQUENCE,
    DATA_CLASS_SCALAR,
    DATA_CLASS_TENSOR,
    Summary,
    SummaryMetadata,
)
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util.tensor_util import make_tensor_proto

EPOCHS = [-1, *range(30)]
STEPS = [-1, *(7 * epoch for epoch in range(30))]
DEMO = "demo/version_0"
HOSTILE = "<script>alert(1)<.script> it's & 🍞/ü"
HOSTILE_TAG = "</script><img src=x onerror=alert(1)>/it's & 🍞 &lt;/../../secret"
QUOTED = 'a "quoted" run'
QUOTED_TAG = '"><b>\\'
MANIFEST = {
    "version": 1,
    "classes": ["Bread", "Dairy product"],
    "class_tags": ["bread", "dairy_product"],
    "probes": {"probe_00_bread": {"label": 0, "item": 83, "print": "0123456789ab"}},
    "pictures": {
        "probe_00_bread/saliency": {"caption": 34},
        "probe_00_bread/film_saliency": {"caption": 0, "film": True},
    },
}
MANIFESTS = {  # what other runs say of themselves
    "broken": '{"version": 1, ',
    "infinite": '{"version": 1, "classes": [1e999]}',
    "deep": "[" * 100_000,
    "number": np.float32(3),
    "unversioned": "[]",
    "newer": {"version": 7, "anything": []},
    "partial": {"version": 1, "classes": ["a"], "probes": {"p": {"label": "0"}, "q": {"label": 1}}},
}
FOREIGN, REEL, BARE = "foreign", "reel", "bare"
RUNS = {DEMO, HOSTILE, QUOTED, FOREIGN, REEL, *MANIFESTS}
"""The runs with pictures."""

SOURCES = {
    "entry.js": "export const render = async () => (await import('./index.js')).render();\n",
    "index.js": "import { b } from './b.js';\nexport const render = () => b;\n",
    "b.js": "export const b = '</script> ü';\n",
    "style.css": "p { color: red }\n",
}
"""A page small enough to look through."""


def picture(value, kind="PNG"):
    """A small encoded picture of one colour."""
    stream = io.BytesIO()
    Image.fromarray(np.full((4, 6, 3), value % 256, np.uint8)).save(stream, kind)
    return stream.getvalue()


def heat(value):
    """A map's values as the callbacks log them."""
    return struct.pack("<HHf", 2, 3, 0.5) + np.full(6, value, np.int8).tobytes()


class Written:
    """Writes one run's event file.

    Attributes:
        blobs: The pictures and maps that were written, by tag and step.
    """

    def __init__(self, folder):
        self._writer = EventFileWriter(str(folder))
        self._time = 1_700_000_000.0
        self.blobs = {}

    def add(self, step, **value):
        self.add_all(step, [Summary.Value(**value)])

    def add_all(self, step, values):
        self._time += 0.25
        self._writer.add_event(Event(wall_time=self._time, step=step, summary=Summary(value=values)))

    def image(self, tag, step, blob):
        self.blobs[tag, step] = blob
        self.add(step, tag=tag, image=Summary.Image(width=6, height=4, colorspace=3, encoded_image_string=blob))

    def scalar(self, tag, step, value):
        self.add(step, tag=tag, simple_value=value)

    def tensor(self, plugin, data_class, tag, step, value):
        owner = SummaryMetadata.PluginData(plugin_name=plugin)
        told = SummaryMetadata(plugin_data=owner, data_class=data_class)
        self.add(step, tag=tag, tensor=make_tensor_proto(value), metadata=told)

    def manifest(self, stored, step=0):
        text = json.dumps(stored) if isinstance(stored, dict) else stored
        self.tensor("lightning_viz", DATA_CLASS_TENSOR, "lightning_viz/manifest", step, text)

    def epoch(self, step, epoch):
        self.tensor("lightning_viz", DATA_CLASS_SCALAR, "lightning_viz/epoch", step, np.float32(epoch))

    def prediction(self, probe, step, *pair):
        value = np.array(pair, np.float32)
        self.tensor("lightning_viz", DATA_CLASS_TENSOR, f"lightning_viz/prediction/{probe}", step, value)

    def map(self, tag, step, blob, bound):
        named = f"lightning_viz/map/{tag}"
        self.blobs[named, step] = blob
        self.tensor("lightning_viz", DATA_CLASS_BLOB_SEQUENCE, named, step, [blob])
        self.tensor("lightning_viz", DATA_CLASS_SCALAR, f"lightning_viz/bound/{tag}", step, np.float32(bound))

    def original(self, probe, step, blob):
        named = f"lightning_viz/original/{probe}"
        self.blobs[named, step] = blob
        self.tensor("lightning_viz", DATA_CLASS_BLOB_SEQUENCE, named, step, [blob])

    def caption(self, tag, step, *lines):
        self.tensor("lightning_viz", DATA_CLASS_TENSOR, f"lightning_viz/caption/{tag}", step, [*lines])

    def close(self):
        self._writer.close()


def written(folder):
    return closing(Written(folder))


def everything(folder):
    """Writes all runs; gives the pictures and maps of each."""
    return {
        DEMO: demo(folder / DEMO),
        HOSTILE: hostile(folder / HOSTILE, HOSTILE_TAG),
        QUOTED: hostile(folder / QUOTED, QUOTED_TAG),
        FOREIGN: foreign(folder / FOREIGN),
        **{run: other(folder / run, manifest) for run, manifest in MANIFESTS.items()},
        REEL: reel(folder / REEL),
        BARE: bare(folder / BARE),
    }


def demo(folder):
    with written(folder) as run:
        run.manifest({"version": 1, "classes": []})
        for epoch, step in zip(EPOCHS, STEPS, strict=True):
            run.epoch(step, epoch)
            for probe in ("probe_01_dairy_product", "probe_00_bread"):
                run.image(f"{probe}/saliency", step, picture(epoch + 1, "JPEG"))
                run.map(f"{probe}/saliency", step, heat(epoch + 1), 0.5 * epoch)
                run.prediction(probe, step, epoch % 2, 0.75)
            run.image("confusion/val", step, picture(epoch + 2))
        run.manifest(MANIFEST, step=STEPS[-1])
        run.image("probe_00_bread/film_saliency", STEPS[-1], picture(0, "GIF"))
        run.image("filters/webp", 0, picture(0, "WEBP"))
        run.image("filters/none", 0, b"<svg onload=alert(1)>")
        for step, loss in [(0, 3.0), (7, 1.0), (7, 2.0), (14, float("nan")), (21, float("inf"))]:
            run.scalar("loss", step, loss)
        run.scalar("epoch", 0, 99.0)
        run.prediction("lost", 0, -1, 0)
        run.prediction("odd", 0, 1, 2, 3)
        run.prediction("odd", 7, float("nan"), float("inf"))
    return run.blobs


def hostile(folder, name):
    with written(folder) as run:
        run.manifest({**MANIFEST, "pictures": {name: {"caption": 3}}})
        for tag in (name, "__proto__", "../../../etc/passwd"):
            run.image(tag, 0, picture(9))
            run.map(tag, 0, heat(9), 1.0)
            run.scalar(tag + "!", 0, 1.0)
    return run.blobs


def foreign(folder):
    """Another program's log: pictures of several images, and figures at Lightning's own steps."""
    with written(folder) as run:
        for step in (5, 10):
            pictures = [b"6", b"4", picture(step), picture(99)]
            run.tensor("images", DATA_CLASS_BLOB_SEQUENCE, "grid", step, pictures)
            run.blobs["grid", step] = pictures[2]
            run.scalar("epoch", step, step / 5 - 1)
        run.tensor("images", DATA_CLASS_BLOB_SEQUENCE, "empty", 0, [b"0", b"0"])
    return run.blobs


def other(folder, manifest):
    with written(folder) as run:
        run.manifest(manifest)
        run.image("probe_00/saliency", 0, picture(1))
    return run.blobs


def reel(folder):
    with written(folder) as run:
        run.image("probe_00/film_saliency", 0, picture(1, "GIF"))
    return run.blobs


def bare(folder):
    with written(folder) as run:
        run.scalar("loss", 0, 1.0)
    return run.blobs
