"""The notebooks run, show what they tell of, and become pages of the documentation with it."""

import base64
import re
from html import escape
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")

from gallery.notebooks import SOURCES, executed, write_page  # noqa: E402

ROOT = Path(__file__).parents[1]
SHOWS = {
    "attach": ["Expected probe indices from 0 and below 110", "True"],
    "learnt": ["lies in the upper left corner", "is there a mark that gives the class away?"],
    "attention": ["rollout: ", "relevance: ", ".png)"],
}
"""What readers are told to look at, as it comes out."""


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_a_notebook_runs_and_becomes_a_page(source, tmp_path):
    notebook = executed(source, tmp_path)
    page = tmp_path / "tutorials" / f"{source.stem}.md"
    write_page(notebook, page)
    shown = "".join(re.split(r"^```python\n.*?^```\n", page.read_text(), flags=re.MULTILINE | re.DOTALL))
    for text in SHOWS[source.stem]:
        assert text in shown
    (frame,) = re.findall(r'<iframe title="Explanations" .*src="(.*)"></iframe>', shown)
    assert (page.parent / frame).read_text().startswith("<!doctype html>")
    assert ".ipynb)" not in shown.replace(f"(../notebooks/{source.stem}.ipynb)", "")  # other notebooks are pages too


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_a_notebook_is_kept_without_outputs(source):
    notebook = nbformat.read(source, as_version=4)
    nbformat.validate(notebook)
    assert [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")] == []
    links = re.findall(r"\]\(([^)#:]+)", "\n".join(cell.source for cell in notebook.cells))
    assert [link for link in links if not (source.parent / link).exists()] == []


def test_every_notebook_is_in_the_navigation():
    site = (ROOT / "zensical.toml").read_text()
    assert re.findall(r'"tutorials/(.*)\.md"', site) == list(SHOWS)
    assert sorted(SHOWS) == [source.stem for source in SOURCES]


def test_what_cells_put_out_stands_below_them(tmp_path):
    output, buffer = nbformat.v4.new_output, BytesIO()
    Image.new("RGB", (2, 2), "red").save(buffer, "PNG")
    page = f'<iframe title="Explanations" style="width: 100%" srcdoc="{escape("<p>all of it</p>")}"></iframe>'
    picture = {"image/png": base64.b64encode(buffer.getvalue()).decode(), "text/plain": "<Image>"}
    outputs = [
        output("stream", name="stdout", text="told\n"),
        output("stream", name="stderr", text="of the machine\n"),
        output("display_data", {"text/html": page, "text/plain": "<Shown>"}),
        output("display_data", picture),
        output("execute_result", {"text/html": "<ul></ul>", "text/plain": "Findings()"}),
        output("execute_result", {"text/plain": "0.5"}),
    ]
    cells = [nbformat.v4.new_markdown_cell("# Title"), nbformat.v4.new_code_cell("f()", outputs=outputs)]
    place = tmp_path / "tutorials" / "some.md"
    write_page(nbformat.v4.new_notebook(cells=cells), place)
    assert place.read_text().split("\n\n") == [
        "# Title",
        "[This page as a notebook](../notebooks/some.ipynb), which was run to make it.",
        "```python\nf()\n```",
        "```text\ntold\n```",
        '<iframe title="Explanations" style="width: 100%" src="some_1_2.html"></iframe>',
        "![What this code draws](some_1_3.png)",
        "<div><ul></ul></div>",
        "```text\n0.5\n```\n",
    ]
    assert (place.parent / "some_1_2.html").read_text() == "<p>all of it</p>"
    assert Image.open(place.parent / "some_1_3.png").getpixel((0, 0)) == (255, 0, 0)
