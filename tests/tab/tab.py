"""The Explanations tab as a user meets it: in a page of TensorBoard, or in an exported file."""

import base64
import io
import math
from urllib.parse import quote, unquote

import numpy as np
from PIL import Image
from playwright.sync_api import expect
from trained import decoded

from lightning_viz.render.color import overlay

PIXELS = """async node => {
  if (node instanceof HTMLCanvasElement) return node.toDataURL();
  await node.decode().catch(() => null);
  if (!node.naturalWidth) return '';  // not there yet
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [node.naturalWidth, node.naturalHeight];
  canvas.getContext('2d').drawImage(node, 0, 0);
  return canvas.toDataURL();
}"""
FINE, STRIPES, OPAQUE = 256, 16, 0.9
"""Pixels of a map that is striped, how many stripes fit beside each other, and how much full colour covers."""
RIM = 8
"""Pixels of the screen around a picture that is saved."""
PATIENCE = 20.0
"""Seconds until what is expected must be there."""

expect.set_options(timeout=1000 * PATIENCE)


class Tab:
    """A page, and the tab in it.

    Args:
        page: Playwright's.
        root: Where the tab's elements are: a frame of the page, or the page itself.
    """

    def __init__(self, page, root):
        self.page, self.root = page, root

    def find(self, selector, **filters):
        return self.root.locator(selector, **filters)

    def shows(self, *texts, at="#label"):
        expect(self.find(at)).to_have_text(*texts)

    def cell(self, method, probe):
        """The cell of a picture, by what its picture is called."""
        return self.find("main .cell", has=self.image(method, probe))

    def image(self, method, probe, epoch=None):
        name = f"{method} of {probe.replace('_', ' ')}, "
        return self.find(f'img[alt^="{name}"]' if epoch is None else f'img[alt="{name}{told(epoch)}"]')

    def map(self, method, probe, epoch):
        """The maps of a picture that the page colours itself, side by side."""
        name = f"{method} of {probe.replace('_', ' ')}, {told(epoch)}"
        return self.find(f'main .tile canvas[aria-label^="{name};"]')

    def state(self):
        """What the address tells of the tab."""
        parts = [part.partition("=") for part in self.page.url.partition("#")[2].split("&")]
        return {name.removeprefix("p.lightning_viz."): unquote(value) for name, _, value in parts if value}

    def eventually(self, check):
        """Waits until `check` fails no more, looking less and less often."""
        waited, pause = 0, 25
        while waited < 1000 * PATIENCE:
            try:
                return check()
            except (AssertionError, TypeError):  # what has just gone has no box to look into
                self.page.wait_for_timeout(pause)
                waited, pause = waited + pause, min(2 * pause, 400)
        return check()

    def has_state(self, **expected):
        def check():
            assert self.state() == expected

        self.eventually(check)


def told(epoch):
    """An epoch in words."""
    return "untrained" if epoch == -1 else f"epoch {epoch}"


def placed(epoch, last=4):
    """An epoch among all, as it stands beside the slider."""
    if epoch == last:
        return told(epoch)
    return f"untrained, before epoch 0 of {last}" if epoch == -1 else f"{told(epoch)} of {last}"


def link(address, **state):
    """The address of the tab in a state."""
    return "&".join([f"{address}#lightning_viz", *(f"p.lightning_viz.{k}={quote(str(v))}" for k, v in state.items())])


def pixels(locator):
    """What an image or canvas holds, (height, width, 3)."""
    png = locator.evaluate(PIXELS).partition(",")[2]
    assert png
    return decoded(base64.b64decode(png))


def as_seen(tab):
    """What "Save picture" gives: its name, and its pixels as those of a screenshot of the same, without the rim."""
    with tab.page.expect_download() as download:
        tab.find("#zoom-picture").click()
    whole = Image.open(download.value.path()).convert("RGB")
    box = tab.find("#zoom .stage .cell").bounding_box()
    times = whole.width / (box["width"] + 2 * RIM)
    sides = [(box[start], box[start] + box[size]) for start, size in (("x", "width"), ("y", "height"))]
    (left, right), (top, bottom) = [
        ((math.floor(low) - low + RIM) * times, (math.ceil(high) - low + RIM) * times) for low, high in sides
    ]
    size = [math.ceil(high) - math.floor(low) for low, high in sides]
    inner = whole.resize(size, Image.Resampling.BOX, (left, top, right, bottom))
    return download.value.suggested_filename, np.asarray(inner).astype(int)


def paints(locator, values, bound, *, lime=False):
    """Asserts that a canvas shows a map over its image, as pictures paint it over black; LIME's is striped."""
    png = locator.evaluate(PIXELS).partition(",")[2]
    rgba = np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA")).astype(float)
    shown = rgba[..., :3] * rgba[..., 3:] / 255
    shares = (values / bound).clip(-1, 1)
    expected = overlay(np.zeros((3, *values.shape)), shares, signed=lime)
    if lime:
        shares, expected = (fine(part, FINE) for part in (shares, expected))
        y, x = np.indices(shares.shape)
        against = (shares < 0) & ((x + y) % (max(shares.shape) / STRIPES) < max(shares.shape) / STRIPES / 3)
        darker = 1 - OPAQUE * np.abs(shares) ** 0.7
        expected = np.where(against[..., None], expected * darker[..., None], expected)
    assert shown.shape == expected.shape
    assert np.abs(shown - expected).max() <= 3


def fine(part, side):
    """A map, so many times as large that its longer side has at least so many pixels."""
    times = -(-side // max(part.shape[:2]))
    return part.repeat(times, 0).repeat(times, 1)


def holds(locator, blob):
    """Asserts that an image shows a file of the log: as it is, but for how the decoders of JPEG round."""
    shown, logged = pixels(locator), decoded(blob)
    assert shown.shape == logged.shape
    assert np.abs(shown - logged).max() <= 3
