"""The page's files as parts of one HTML file, which opens without a server."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

from lightning_viz.tensorboard import NAME
from lightning_viz.tensorboard.front import ENTRY, GUARDED, STYLE

IMPORTED = re.compile(r"""(\b(?:from|import)\s*\(?\s*)(["'])\./([\w.-]+\.js)\2""")
"""A module's name where another imports it."""


def modules(files: Mapping[str, Path]) -> dict[str, str]:
    """An import map of the page's modules: each a `data:` URL, under a name that needs no address.

    Args:
        files: The page's files by their names.

    Raises:
        FileNotFoundError: The module that draws the page is not among them.
    """
    if ENTRY not in files:
        raise FileNotFoundError(
            "The files of the page are not installed: pip install --force-reinstall --no-deps lightning-viz"
        )
    scripts = {name: file for name, file in files.items() if file.suffix == ".js" and name != GUARDED}
    return {module(name): data_url(renamed(file.read_text("utf-8"))) for name, file in scripts.items()}


def module(name: str) -> str:
    """The name of a module within the page."""
    return f"{NAME}/{name}"


def renamed(source: str) -> str:
    """A module's source that imports its neighbours by their names within the page.

    Example:
        >>> renamed("import { el } from './dom.js';")
        "import { el } from 'lightning_viz/dom.js';"
    """
    return IMPORTED.sub(lambda found: f"{found[1]}{found[2]}{module(found[3])}{found[2]}", source)


def style(files: Mapping[str, Path]) -> str:
    """The page's style sheet; empty where there is none."""
    return files[STYLE].read_text("utf-8") if STYLE in files else ""


def data_url(source: str) -> str:
    """A module's source as a URL."""
    return f"data:text/javascript;base64,{b64encode(source.encode()).decode()}"
