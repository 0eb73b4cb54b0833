"""`python -m benchmarks.tab`: how fast the Explanations tab is, in a browser on a log of many pictures.

Writes a log of synthetic pictures, starts TensorBoard on it, opens the tab in headless Chromium, and measures there. It
is held against the same bytes, fetched by the page in one request, and the same pictures, decoded by the browser.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter

from benchmarks.measure import aligned
from gallery.browser import chromium, installed, runs, tensorboard
from lightning_viz.harness.sinks import log_format

CLASSES = [f"class {k}" for k in range(11)]
CLASS_TAGS = [name.replace(" ", "_") for name in CLASSES]
METHODS = ("input", "saliency", "smoothgrad", "lime", "deep_dream")
MAPS = {"saliency", "smoothgrad", "lime"}
CAPTION = 44

OPENED = """async () => {
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const shown = () => [...document.querySelectorAll('.crop img')].some((image) => image.complete && image.naturalWidth);
  while (!shown()) await wait(4);
  const first = performance.now();
  const packs = () => performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/pack'));
  performance.setResourceTimingBufferSize(10000);
  for (let idle = 0, count = 0; idle < 60; idle += 1) {  // fetching ahead begins after a moment of rest
    await wait(10);
    if (packs().length > count) [idle, count] = [0, packs().length];
  }
  return [first, Math.max(first, ...packs().map(({ responseEnd }) => responseEnd))];
}"""
"""Milliseconds from the page's beginning to its first picture, and to the last that it fetches by itself."""

STEPS = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  const inside = (image) => image.getBoundingClientRect().bottom > 0 && image.getBoundingClientRect().top < innerHeight;
  const images = () => [...document.querySelectorAll('.shot:not([hidden]) img')].filter(inside);
  const slider = document.querySelector('#moment');
  const steps = [];
  for (let k = 1; k <= 40; k += 1) {
    const before = performance.now();
    slider.value = (k * 7) % (Number(slider.max) + 1);
    slider.dispatchEvent(new Event('input'));
    await frame();
    while (document.querySelector('.shot.loading')) await frame();
    await Promise.all(images().map((image) => image.decode()));
    await frame();
    steps.push(performance.now() - before);
  }
  return [images().length, steps.sort((a, b) => a - b)];
}"""
"""How many pictures are in view, and milliseconds from a move of the slider until all of them are painted, sorted."""

FLOOR = """async ([run, shown]) => {
  const { runs } = await (await fetch('./runs')).json();
  const post = (fields) => ({ method: 'POST', body: new URLSearchParams(fields) });
  const images = JSON.stringify(Object.keys(runs[run].images));
  const series = await (await fetch('./series', post({ run, images }))).json();
  const keys = Object.values(series.images).flat().map(([, key]) => key).slice(0, 512);
  const before = performance.now();
  const bytes = await (await fetch('./pack', post({ keys: JSON.stringify(keys) }))).arrayBuffer();
  const fetched = performance.now() - before;
  const head = new Uint8Array(bytes).indexOf(10);
  const sizes = JSON.parse(new TextDecoder().decode(bytes.slice(0, head)));
  let at = head + 1;
  const blobs = sizes.map(([length, type]) => new Blob([bytes.slice(at, (at += length))], { type }));
  const decoded = [];
  for (let k = 0; k + shown <= blobs.length; k += shown) {
    const began = performance.now();
    await Promise.all(blobs.slice(k, k + shown).map((blob) => createImageBitmap(blob)));
    decoded.push(performance.now() - began);
  }
  return [keys.length, bytes.byteLength, fetched, decoded.sort((a, b) => a - b)];
}"""
"""How many pictures one request fetches, their bytes and milliseconds, and those that decoding a view of them takes."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints.

    Args:
        arguments: Those of the command line by default.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tab", description=__doc__)
    parser.add_argument("--probes", type=int, default=13, help="rows (default: %(default)s)")
    parser.add_argument(
        "--methods", type=int, default=1, choices=range(1, len(METHODS) + 1), help="columns (default: %(default)s)"
    )
    parser.add_argument("--epochs", type=int, default=30, help="pictures per row and column (default: %(default)s)")
    parser.add_argument("--python-loader", action="store_true", help="TensorBoard with --load_fast=false")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "logs")
        size = write(folder / "run", given.probes, METHODS[: given.methods], given.epochs)
        loader = "Python" if given.python_loader else "Rust"
        count = given.probes * given.methods * given.epochs
        print(f"{count} pictures, {size / 2**20:.0f} MiB, {loader} loader\n", flush=True)
        site = installed(Path(scratch, "package"))
        lines = measured(site, folder, last=_step(given.epochs - 2), fast=not given.python_loader)
        print(aligned([["what", "measured", "against", "it"], *lines]))


def measured(site: Path, folder: Path, *, last: int, fast: bool) -> Iterator[list[str]]:
    """What a person waits for, line by line.

    Args:
        site: Where TensorBoard finds the package.
        folder: The log folder.
        last: The last step of its run.
        fast: Whether TensorBoard may read it by its Rust server.
    """
    began = time.perf_counter()
    with tensorboard(site, folder, f"--load_fast={str(fast).lower()}") as address, chromium() as browser:
        while {last} != {*runs(address).get("run", {"images": {}})["images"].values()}:
            time.sleep(0.1)
        yield ["TensorBoard has read the log", f"{time.perf_counter() - began:.1f} s", "", ""]
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{address}#lightning_viz")
        frame = page.wait_for_selector("iframe[src*=plugin_entry]").content_frame()
        first, all_here = frame.evaluate(OPENED)
        shown, steps = frame.evaluate(STEPS)
        count, fetched, took, decoded = frame.evaluate(FLOOR, ["run", shown])
        yield ["first picture after the tab's opening", f"{first:.0f} ms", "", ""]
        yield [
            "all that it fetches by itself",
            f"{all_here:.0f} ms",
            f"{count} pictures ({fetched >> 20} MiB) in one request",
            f"{took:.0f} ms",
        ]
        for name, share in (("median", 0.5), ("95 %", 0.95)):
            values = [f"{some[int(share * (len(some) - 1))]:.0f} ms" for some in (steps, decoded)]
            yield [f"a step of the slider, {name}", values[0], f"decoding its {shown} pictures", values[1]]
        heap = frame.evaluate("performance.memory.usedJSHeapSize")
        yield ["memory of the page's scripts", f"{heap / 2**20:.0f} MiB", "", ""]


def write(folder: Path, probes: int, methods: Sequence[str], epochs: int) -> int:
    """Writes a run as the callbacks do, 350 pixels wide, and returns its size in bytes."""
    tags = {f"probe_{i:02d}_{CLASS_TAGS[i % 11]}": i % 11 for i in range(probes)}
    about = {
        "classes": CLASSES,
        "class_tags": CLASS_TAGS,
        "probes": {
            tag: {"label": label, "item": i, "print": f"{i:012x}"} for i, (tag, label) in enumerate(tags.items())
        },
        "pictures": {f"{tag}/{method}": _about(method) for tag in tags for method in methods},
    }
    random = np.random.default_rng(0)
    stock = [_picture(random, height=height) for height in (350, 175) for _ in range(64)]
    with SummaryWriter(str(folder)) as writer:
        files: Any = writer._get_file_writer()
        files.add_summary(log_format.summary([log_format.manifest(about)]), -1)
        for epoch in range(-1, epochs - 1):
            values = [log_format.epoch(epoch)]
            for i, tag in enumerate(tags):
                values += _predictions(random, tag)
                values += [
                    value
                    for k, method in enumerate(methods)
                    for value in _drawn(random, stock, f"{tag}/{method}", i + k + epoch)
                ]
            files.add_summary(log_format.summary(values), _step(epoch))
    return sum(file.stat().st_size for file in folder.iterdir())


def _about(method: str) -> dict[str, Any]:
    painted = {"unit": "log-odds", "colours": "signed"} if method in MAPS else {}
    return {"caption": CAPTION, **painted}


def _step(epoch: int) -> int:
    return -1 if epoch < 0 else 35 * epoch + 34


def _predictions(random: np.random.Generator, tag: str) -> Iterator[Any]:
    shares = random.dirichlet(np.full(len(CLASSES), 0.3))
    yield log_format.prediction(tag, int(shares.argmax()), float(shares.max()))
    for name, share in zip(CLASS_TAGS, shares, strict=True):
        yield Summary.Value(tag=f"probability/{tag}/{name}", simple_value=float(share))


def _drawn(random: np.random.Generator, stock: list[tuple[bytes, int]], tag: str, number: int) -> Iterator[Any]:
    wide = tag.rpartition("/")[2] in MAPS
    encoded, height = stock[number % 64 + 64 * wide]
    yield Summary.Value(
        tag=tag, image=Summary.Image(width=350, height=height, colorspace=3, encoded_image_string=encoded)
    )
    if wide:
        yield from log_format.map_values(tag, random.normal(size=(1, 64, 64)).astype(np.float32), 2.0)


def _picture(random: np.random.Generator, *, height: int) -> tuple[bytes, int]:
    coarse = random.integers(0, 256, (height // 7, 50, 3), dtype=np.uint8)
    whole = Image.new("RGB", (350, height + CAPTION))
    whole.paste(Image.fromarray(coarse).resize((350, height), Image.Resampling.BILINEAR))
    buffer = BytesIO()
    whole.save(buffer, "jpeg", quality=90, subsampling=0)
    return buffer.getvalue(), whole.height


if __name__ == "__main__":
    main()
