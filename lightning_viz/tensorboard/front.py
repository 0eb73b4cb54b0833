"""The files of the page: listed once, so that no request names a path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).with_name("static")
ENTRY = "index.js"
GUARDED = "entry.js"
"""The same, or what is wrong where it cannot be had."""
STYLE = "style.css"
ALONE = {GUARDED, STYLE}
"""What is asked for as it is; the modules come as one."""
KINDS = {".js": "text/javascript", ".css": "text/css"}


def listing() -> dict[str, Path]:
    """The files of the page by their names; none where the folder is not there."""
    found = sorted(FOLDER.iterdir()) if FOLDER.is_dir() else []
    return {file.name: file for file in found if file.suffix in KINDS and file.is_file()}


def style(files: Mapping[str, Path]) -> str:
    """The page's style sheet; empty where there is none."""
    return files[STYLE].read_text("utf-8") if STYLE in files else ""
