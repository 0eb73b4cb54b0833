"""Version 1 of what a log tells the Explanations tab besides pictures, which are stock images as ever.

- `lightning_viz/manifest`: what is known of the run so far, as JSON.
- `lightning_viz/epoch`: of a step at which anything is written; -1 before the first step of training.
- `lightning_viz/prediction/<probe>`: index and probability of the predicted class; -1 and 0 where nothing is finite.
- `lightning_viz/original/<probe>`: the probe's image as it is, PNG or where large JPEG; once, since it stays. Of
  volumes a second one, of slices below each other. Last its mask as JSON, where the data set knows where the evidence
  lies: `size`, of slices, height and width, and `masks`, one, or of each of several labels, runs of pixels as below.
- `lightning_viz/places/<probe>`: what is true and what is predicted of places, as JSON: `size`, of slices, height and
  width; `areas`, of each class the runs of pixels, by turns without and with it, over all slices; or `boxes`.
- `lightning_viz/caption/<tag of the picture>`: what its caption says, by lines; names are isolated (UAX 9).
- `lightning_viz/counts/<loader>`: rows of true class, predicted class and how often, where that is not 0. Of boxes the
  class behind the last one is where there is none: what a box is taken for that is missed, or was that is false.
- `lightning_viz/table/<loader>`: of each class how often it was found, missed and predicted falsely; of each value its
  mean absolute error.
- `lightning_viz/map/<tag of the picture>`: maps in small, one blob for each that the picture shows, see `encoded`; of
  volumes their slices below each other.
- `lightning_viz/bound/<tag of the picture>`: the magnitude at which the colours of its picture are full.

Of a picture, the manifest tells the height of its `caption`; of one that shows maps also their `unit`, and their
`colours`, `"signed"` or `"sequential"`, where the tab can paint them itself, `striped` where they are of regions. Of
volumes it tells in how many `slices` the map is, of a `depth` of so many before neighbours were drawn together. Of a
probe it tells whether its picture is `outlined`, and so shows more than the image, and whether its mask is known
(`masked`); likewise `slices` and `depth`, and `clip` where these are frames. Of a wall of small pictures it tells the
`channels`, by rows, and in how many `columns`; of `confusion/<loader>` what is `counted` where that is not images:
`"pixels"`, `"boxes"`, of which the `first` class may be behind the background, `"labels"`, `"label pixels"`, of classes
that overlap, or `"values"`.

The plugin's name keeps all of it out of TensorBoard's own tabs.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from tensorboard.compat.proto.summary_pb2 import (
    DATA_CLASS_BLOB_SEQUENCE,
    DATA_CLASS_SCALAR,
    DATA_CLASS_TENSOR,
    Summary,
    SummaryMetadata,
)
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_DOUBLE, DT_FLOAT, DT_INT64, DT_STRING

from lightning_viz.harness.sinks.thumbnails import small

PLUGIN = "lightning_viz"
VERSION = 1

UNITS = 127
"""The largest value of a map, in units."""


def manifest(content: Mapping[str, Any]) -> Any:
    """The manifest, a `Summary.Value`; its version is added."""
    text = json.dumps({"version": VERSION, **content})
    return _value("manifest", DATA_CLASS_TENSOR, _texts([text.encode()]))


def epoch(number: int) -> Any:
    """The epoch of the step under which it is written, a `Summary.Value`; -1 before the first step of training."""
    return _value("epoch", DATA_CLASS_SCALAR, _floats([number]))


def prediction(probe: str, index: int, probability: float) -> Any:
    """What the network says of a probe, a `Summary.Value`.

    Args:
        probe: The first part of the probe's tags, such as `probe_03_egg`.
        index: Of the predicted class; -1 where the scores are not finite.
        probability: Of that class, in [0, 1].
    """
    return _value(f"prediction/{probe}", DATA_CLASS_TENSOR, _floats([index, probability], [2]))


def original(probe: str, images: Sequence[bytes], mask: Mapping[str, Any] | None = None) -> Any:
    """A probe's image and its mask, a `Summary.Value`.

    Args:
        probe: The first part of the probe's tags.
        images: The bytes of its file; of a volume also those of its slices below each other.
        mask: Where the evidence lies, if that is known.
    """
    blobs = [*images, *([] if mask is None else [_json(mask)])]
    return _value(f"original/{probe}", DATA_CLASS_BLOB_SEQUENCE, _texts(blobs, [len(blobs)]))


def places(probe: str, content: Mapping[str, Any]) -> Any:
    """What is true and what is predicted of places in a probe, a `Summary.Value`."""
    return _value(f"places/{probe}", DATA_CLASS_BLOB_SEQUENCE, _texts([_json(content)], [1]))


def caption(picture: str, lines: Sequence[str]) -> Any:
    """What the caption of a picture says, by lines, a `Summary.Value`."""
    return _value(f"caption/{picture}", DATA_CLASS_TENSOR, _texts([line.encode() for line in lines], [len(lines)]))


def counts(loader: str, table: npt.NDArray[np.integer[Any]]) -> Any:
    """What a validation has counted, a `Summary.Value`: a thousand classes have a million cells, most of them 0.

    Args:
        loader: Of the validation.
        table: (K, K), rows are true classes, columns predicted ones.
    """
    true, predicted = np.nonzero(table)
    rows = np.stack([true, predicted, table[true, predicted]], axis=1)
    tensor = TensorProto(
        dtype=DT_INT64, tensor_content=rows.astype("<i8").tobytes(), tensor_shape=_shape([*rows.shape])
    )
    return _value(f"counts/{loader}", DATA_CLASS_TENSOR, tensor)


def class_table(loader: str, table: npt.NDArray[np.floating[Any]]) -> Any:
    """What a validation has counted of each class, or measured of each value, a `Summary.Value`.

    Args:
        loader: Of the validation.
        table: (K, 3) or (K, 1).
    """
    tensor = TensorProto(
        dtype=DT_DOUBLE, tensor_content=table.astype("<f8").tobytes(), tensor_shape=_shape([*table.shape])
    )
    return _value(f"table/{loader}", DATA_CLASS_TENSOR, tensor)


def map_values(
    picture: str, maps: npt.NDArray[np.floating[Any]], bound: float, titles: Sequence[str] = ()
) -> list[Any]:
    """The values of maps and their bound, `Summary.Value`s.

    Args:
        picture: The tag of the picture that shows the maps.
        maps: Finite (P, H, W), or of volumes (P, D, H, W).
        bound: The magnitude at which the picture's colours are full, from 0; larger values are clipped to it.
        titles: What each map is called, or none.
    """
    named = zip(maps, titles or [""] * len(maps), strict=True)
    blobs = _texts([encoded(values, bound, title) for values, title in named], [len(maps)])
    return [
        _value(f"map/{picture}", DATA_CLASS_BLOB_SEQUENCE, blobs),
        _value(f"bound/{picture}", DATA_CLASS_SCALAR, _floats([bound])),
    ]


def encoded(values: npt.NDArray[np.floating[Any]], bound: float, title: str = "") -> bytes:
    """A map as a thumbnail of one byte per pixel.

    The largest magnitude is 127 units, so that a faint map is told as finely as a strong one.

    Args:
        values: Finite (H, W), or (D, H, W).
        bound: The largest magnitude there may be, from 0; larger values are clipped to it.
        title: What the map is called.

    Returns:
        Little-endian: height, of all slices together, and width (uint16), the value of one unit (float32), the values
        in units (int8) by rows, the title (UTF-8).

    Example:
        >>> blob = encoded(np.array([[-2.0, 0.5, 9.0]]), 2.0, "egg")
        >>> np.frombuffer(blob, np.int8, 3, offset=8).tolist(), blob[11:]
        ([-127, 32, 127], b'egg')
    """
    fine = small(values).astype(np.float64)  # in float32 the largest by the smallest would overflow
    rows = fine.reshape(-1, fine.shape[-1])
    unit = np.float32(min(bound, float(np.abs(rows).max())) / UNITS)
    units = np.clip(rows / float(unit) if unit else np.zeros_like(rows), -UNITS, UNITS)
    return struct.pack("<HHf", *rows.shape, unit) + np.rint(units).astype(np.int8).tobytes() + title.encode()


def summary(values: list[Any]) -> Any:
    """Several `Summary.Value`s as one `Summary`, for a file writer's `add_summary`."""
    return Summary(value=values)


def _value(name: str, data_class: Any, tensor: Any) -> Any:
    about = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=PLUGIN), data_class=data_class)
    return Summary.Value(tag=f"{PLUGIN}/{name}", metadata=about, tensor=tensor)


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _floats(values: list[float], shape: list[int] | None = None) -> Any:
    return TensorProto(dtype=DT_FLOAT, float_val=values, tensor_shape=_shape(shape))


def _texts(values: list[bytes], shape: list[int] | None = None) -> Any:
    return TensorProto(dtype=DT_STRING, string_val=values, tensor_shape=_shape(shape))


def _shape(sizes: list[int] | None) -> Any:
    return TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in sizes or ()])
