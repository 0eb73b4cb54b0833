"""`python -m gallery.screenshots`: every view of the Explanations tab, as JPEG."""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import Browser, Frame, Page

from gallery.browser import ROOT, chromium, installed, loaded, runs, tensorboard
from gallery.food import CONFIG

LAPTOP, WIDE = (1280, 800), (1920, 1080)
LARGEST = 250_000
"""Bytes of a file."""

STILL = """() => {
  const inView = ({ left, top, width }) => width && left < innerWidth && top < innerHeight;
  const kinds = '.shot, .curves, .map canvas:not(.edges), .board, .film button, .empty';
  const places = [...document.querySelectorAll(kinds)];
  const shown = places.filter(node => inView(node.getBoundingClientRect()));
  const here = node => node.matches('.empty, [aria-label]') || node.querySelector('svg, .uplot, .none:not(:empty)')
    || (!node.matches('.loading') && (node.querySelector('.tile') || node.querySelector('img')?.naturalWidth));
  return shown.length && shown.every(here);
}"""
"""Whether all that is in view has come."""


@dataclass(frozen=True)
class Shot:
    """One view of the tab.

    Attributes:
        name: Of the file.
        state: What the address tells of the tab.
        size: Of the window, in pixels.
        dark: Whether TensorBoard is dark.
    """

    name: str
    state: dict[str, Any] = field(default_factory=dict)
    size: tuple[int, int] = LAPTOP
    dark: bool = False


def shots(found: dict[str, Any]) -> Iterator[Shot]:
    """What is taken of the last run; of the last two where there are two.

    Args:
        found: The runs of a log folder, as the tab's server tells them.
    """
    *others, run = found
    epochs = sorted({epoch for _, epoch in found[run]["epochs"]})
    at = {"run": run, "at": epochs[len(epochs) // 2]}
    two = {**at, "against": "epoch", "base": epochs[0]}
    maps = list(dict.fromkeys(tag.partition("/")[2] for tag in found[run]["maps"]))
    yield Shot("probes_light", at)
    yield Shot("probes_dark", at, dark=True)
    yield Shot("probes_wide", at, size=WIDE, dark=True)
    yield Shot("epochs", {**two, "columns": "input,saliency,lime"})
    yield Shot("difference", {**two, "how": "difference", "columns": ",".join(maps)}, dark=True)
    if others:
        yield Shot("runs", {**at, "against": f"run:{others[-1]}", "columns": "input,saliency,lime"})
    yield Shot("filters", {**at, "view": "filters"})
    yield Shot("confusions", {**at, "view": "confusion"}, size=WIDE)
    yield Shot("measures", {**at, "view": "measures"})
    yield Shot("zoom", {**at, "zoom": next(iter(found[run]["maps"]))}, dark=True)


def main() -> None:
    """Takes the pictures of a log folder."""
    parser = argparse.ArgumentParser(prog="python -m gallery.screenshots", description=__doc__)
    parser.add_argument("--logs", type=Path, default=ROOT / "runs" / "demo", help="a log folder, by default the demo's")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "tab", help="where they go")
    given = parser.parse_args()
    if not any(given.logs.rglob("events*")):
        subprocess.run([sys.executable, "train.py", "fit", "--config", str(CONFIG)], cwd=ROOT, check=True)
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, chromium() as browser:
        site = installed(Path(scratch))
        with tensorboard(site, given.logs) as address:
            found = runs(loaded(address))
            for shot in shots(found):
                _take(browser, address, shot, given.out)
            _take_exported(browser, address, list(found)[-1], given.out)
        nothing = Path(scratch) / "nothing"
        nothing.mkdir()
        with tensorboard(site, nothing) as address:
            _take(browser, address, Shot("empty"), given.out)


def _take(browser: Browser, address: str, shot: Shot, out: Path) -> None:
    state = "".join(f"&p.lightning_viz.{name}={quote(str(value))}" for name, value in shot.state.items())
    page = _window(browser, shot.size)
    page.goto(f"{address}?darkMode={str(shot.dark).lower()}#lightning_viz{state}")
    tab = page.locator("iframe[src*=lightning_viz]").element_handle().content_frame()
    assert tab is not None
    _save(page, tab, out / f"{shot.name}.jpg")


def _take_exported(browser: Browser, address: str, run: str, out: Path) -> None:
    page = _window(browser, LAPTOP)
    with tempfile.TemporaryDirectory() as scratch, page.expect_download() as download:
        file = Path(scratch) / "explanations.html"
        page.goto(f"{address}#lightning_viz&p.lightning_viz.run={quote(run)}")
        page.frame_locator("iframe[src*=lightning_viz]").locator("#export").click()
        download.value.save_as(file)
        page.goto(file.as_uri())
        _save(page, page.main_frame, out / "exported.jpg")


def _window(browser: Browser, size: tuple[int, int]) -> Page:
    return browser.new_page(viewport={"width": size[0], "height": size[1]})


def _save(page: Page, tab: Frame, file: Path) -> None:
    page.wait_for_load_state("networkidle")  # series come by themselves, and of them nothing can be seen before
    tab.wait_for_function(STILL)
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    page.close()
    for quality in (85, 75, 65, 55):
        image.save(file, quality=quality, optimize=True)
        if file.stat().st_size < LARGEST:
            break
    print(f"{file}: {file.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
