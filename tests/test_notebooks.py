"""Notebooks run and become pages of the documentation, which show what readers are told to look at."""

import base64
import re
from html import escape
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")

from gallery.notebooks import SHOWS, SOURCES, executed, write_page  # noqa: E402

ROOT = Path(__file__).parents[1]


def test_a_notebook_runs_in_its_folder_and_stays_as_it_is(tmp_path):
    """A short one; those of the documentation run whenever it is made."""
    source, home = tmp_path / "some.ipynb", tmp_path / "home"
    home.mkdir()
    cells = ["from pathlib import Path\nPath('log').touch()", "print(sum(range(5)))"]
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), source)
    before = source.read_bytes()
    _, told = executed(source, home).cells
    assert [output.text for output in told.outputs] == ["10\n"]
    assert (home / "log").exists()
    assert source.read_bytes() == before


def test_a_page_that_does_not_show_what_readers_are_told_to_look_at_is_refused(tmp_path):
    code = "print('relevance: ', 'rollout: ')"  # what it says in its code is not shown
    cells = [nbformat.v4.new_markdown_cell("# .png)"), nbformat.v4.new_code_cell(code)]
    with pytest.raises(ValueError, match=r"attention.md to show \['rollout: ', 'relevance: ', '<iframe"):
        write_page(nbformat.v4.new_notebook(cells=cells), tmp_path / "tutorials" / "attention.md")


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
    cells = [
        nbformat.v4.new_markdown_cell("# Title, as [another](attach.ipynb)"),
        nbformat.v4.new_code_cell("f()", outputs=outputs),
    ]
    place = tmp_path / "tutorials" / "some.md"
    write_page(nbformat.v4.new_notebook(cells=cells), place)
    assert place.read_text().split("\n\n") == [
        "# Title, as [another](attach.md)",
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
