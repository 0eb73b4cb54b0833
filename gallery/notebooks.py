"""The notebooks of docs/notebooks as pages with what they put out: `python -m gallery.notebooks`."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient

DOCS = Path(__file__).parents[1] / "docs"
SOURCES = sorted((DOCS / "notebooks").glob("*.ipynb"))
PAGES = DOCS / "tutorials"
_PAGE = '<iframe title="Explanations"'
SHOWS = {
    "attach": ["Expected probe indices from 0 and below 110", "True", _PAGE],
    "learnt": ["lies in the upper left corner", "is there a mark that gives the class away?", _PAGE],
    "attention": ["rollout: ", "relevance: ", ".png)", _PAGE],
}
"""What readers are told to look at, by notebook: it must come out."""
_PATIENCE = 300
"""Seconds that a cell may take on a slow machine."""
_LINK = re.compile(r"\]\((\w+)\.ipynb\)")
"""From one notebook to another: their pages lie side by side too."""
_CODE = re.compile(r"^```python\n.*?^```\n", flags=re.MULTILINE | re.DOTALL)
_FRAME = re.compile(r'<iframe title="(?P<title>[^"]*)" style="(?P<style>[^"]*)" srcdoc="(?P<page>[^"]*)"></iframe>')


def executed(path: Path, home: Path) -> Any:
    """A notebook with its outputs.

    Args:
        path: Of the notebook, whose file stays as it is.
        home: The folder it runs in, where its logs go.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    return NotebookClient(notebook, timeout=_PATIENCE, resources={"metadata": {"path": str(home)}}).execute()


def write_page(notebook: Any, place: Path) -> None:
    """Writes an executed notebook as Markdown, and what it shows as files beside it.

    Args:
        notebook: With its outputs.
        place: The page, such as `docs/tutorials/attach.md`; the notebook is `../notebooks/attach.ipynb` from there.

    Raises:
        ValueError: It does not show what readers are told to look at.
    """
    place.parent.mkdir(exist_ok=True)
    parts = []
    for number, cell in enumerate(notebook.cells):
        parts.append(cell.source if cell.cell_type == "markdown" else f"```python\n{cell.source}\n```")
        parts += _shown(cell.get("outputs", []), place.with_name(f"{place.stem}_{number}"))
    title, *rest = (_LINK.sub(r"](\1.md)", part) for part in parts)
    note = f"[This page as a notebook](../notebooks/{place.stem}.ipynb), which was run to make it."
    page = "\n\n".join([title, note, *rest]) + "\n"
    place.write_text(page)
    shown = _CODE.sub("", page)
    if missing := [text for text in SHOWS.get(place.stem, []) if text not in shown]:
        raise ValueError(f"Expected {place} to show {missing}, which its notebook's cells did not put out.")


def _shown(outputs: list[Any], place: Path) -> Iterator[str]:
    """What a cell puts out, as Markdown; `place` is where files of it begin."""
    for number, output in enumerate(outputs):
        if output.get("name") == "stderr":  # where Lightning tells of the machine
            continue
        data = output.get("data", {})
        file = place.with_name(f"{place.name}_{number}")
        if "image/png" in data:
            file.with_suffix(".png").write_bytes(b64decode(data["image/png"]))
            yield f"![What this code draws]({file.name}.png)"
        elif frame := _FRAME.fullmatch(data.get("text/html", "")):
            file.with_suffix(".html").write_text(unescape(frame["page"]))
            yield f'<iframe title="{frame["title"]}" style="{frame["style"]}" src="{file.name}.html"></iframe>'
        elif "text/html" in data:
            yield f"<div>{data['text/html']}</div>"
        else:
            yield f"```text\n{(output.get('text') or data['text/plain']).strip()}\n```"


def main() -> None:
    """Runs all of them."""
    for source in SOURCES:
        with TemporaryDirectory() as home:
            write_page(executed(source, Path(home)), PAGES / f"{source.stem}.md")


if __name__ == "__main__":
    main()
