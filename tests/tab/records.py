"""Event files, record by record: a run in progress, and logs that lack something."""

import io
import struct
from contextlib import closing

from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util.tensor_util import make_tensor_proto

from lightning_viz.harness.sinks import log_format

MANIFEST = "lightning_viz/manifest"


def records(folder):
    """The records of a run's event file with their lengths and checksums, and the event in each."""
    for file in sorted(folder.glob("events*")):
        data, at = file.read_bytes(), 0
        while at < len(data):
            end = at + 12 + struct.unpack_from("<Q", data, at)[0] + 4
            yield data[at:end], Event.FromString(data[at + 12 : end - 4])
            at = end


def with_manifest(run, folder, text):
    """Copies a run's log, with another manifest, or with none."""
    folder.mkdir(parents=True)
    with (folder / "events.out.tfevents.1").open("wb") as file:
        writer = RecordWriter(file)
        for _, event in records(run):
            if any(value.tag == MANIFEST for value in event.summary.value):
                if text is None:
                    continue
                for value in event.summary.value:
                    value.tensor.CopyFrom(make_tensor_proto(text))
            writer.write(event.SerializeToString())


class Growing:
    """A run's log, written bit by bit as training goes on."""

    def __init__(self, run, folder):
        folder.mkdir(parents=True)
        self._records = list(records(run))
        self._file = folder / "events.out.tfevents.1"

    def until(self, step):
        """Writes all up to the last event of a step."""
        end = 1 + max(i for i, (_, event) in enumerate(self._records) if event.step == step)
        with self._file.open("ab") as file:
            file.write(b"".join(record for record, _ in self._records[:end]))
        del self._records[:end]


def only(run, folder, wanted):
    """Copies a run's log without the values whose tags are not wanted."""
    folder.mkdir(parents=True)
    with (folder / "events.out.tfevents.1").open("wb") as file:
        writer = RecordWriter(file)
        for _, event in records(run):
            kept = [value for value in event.summary.value if wanted(value.tag)]
            if not kept and event.summary.value:
                continue
            del event.summary.value[:]
            event.summary.value.extend(kept)
            writer.write(event.SerializeToString())


def long(folder, epochs):
    """A log of many epochs with one small picture each."""
    stream = io.BytesIO()
    Image.new("RGB", (6, 4)).save(stream, "PNG")
    with closing(EventFileWriter(str(folder))) as writer:
        for epoch in range(epochs):
            image = Summary.Image(width=6, height=4, colorspace=3, encoded_image_string=stream.getvalue())
            values = [log_format.epoch(epoch), Summary.Value(tag="filters/net/0", image=image)]
            values += [log_format.manifest({"classes": [], "pictures": {"filters/net/0": {"caption": 0}}})]
            writer.add_event(Event(wall_time=1e9 + epoch, step=epoch, summary=log_format.summary(values)))


def counted(folder, tables, of="images", probes=None, **about):
    """A log of nothing but what a validation has counted, by epochs: as many classes as the tables have.

    Args:
        folder: Of the run.
        tables: By epochs.
        of: What was counted.
        probes: What the manifest tells of the probes; each has one picture.
        about: What it tells of the counts besides.
    """
    write = log_format.counts if of in ("images", "pixels", "boxes") else log_format.class_table
    stream = io.BytesIO()
    Image.new("RGB", (6, 4)).save(stream, "PNG")
    names = [f"class {k}" for k in range(len(next(iter(tables.values()))) - (of == "boxes"))]
    told = {"classes": names, "class_tags": [name.replace(" ", "_") for name in names], "probes": probes or {}}
    told["pictures"] = {"confusion/val": {"caption": 0, "counted": of, **about}}
    with closing(EventFileWriter(str(folder))) as writer:
        for epoch, table in tables.items():
            image = Summary.Image(width=6, height=4, colorspace=3, encoded_image_string=stream.getvalue())
            tags = ["confusion/val", *(f"{probe}/saliency" for probe in probes or {})]
            values = [log_format.epoch(epoch), *(Summary.Value(tag=tag, image=image) for tag in tags)]
            values += [log_format.manifest(told), write("val", table)]
            writer.add_event(Event(wall_time=1e9 + epoch, step=epoch, summary=log_format.summary(values)))


def wall(folder, channels, columns):
    """A log of one wall: so many tiles of 8 by 8 pixels, of channels, above four rows of a caption."""
    stream, tag = io.BytesIO(), "filters/net/wall"
    size = 8 * columns, 8 * -(-len(channels) // columns) + 4
    Image.new("RGB", size, (200, 80, 40)).save(stream, "PNG")
    about = {"caption": 4, "channels": channels, "columns": columns}
    with closing(EventFileWriter(str(folder))) as writer:
        image = Summary.Image(width=size[0], height=size[1], colorspace=3, encoded_image_string=stream.getvalue())
        values = [
            log_format.epoch(0),
            Summary.Value(tag=tag, image=image),
            log_format.caption(tag, ["channels of net"]),
        ]
        values += [log_format.manifest({"classes": [], "class_tags": [], "probes": {}, "pictures": {tag: about}})]
        writer.add_event(Event(wall_time=1e9, step=0, summary=log_format.summary(values)))
