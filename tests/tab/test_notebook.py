"""The explanations of a run inside a notebook."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from tab import Tab, paints
from trained import FULL

from lightning_viz import show
from lightning_viz.showing import Shown, page_of

SALIENCY = "probe_00_bread/saliency"


def test_the_page_works_in_the_frame_that_a_notebook_shows(context, logs, run, tmp_path):
    trainer = SimpleNamespace(log_dir=str(logs / FULL))
    (tmp_path / "notebook.html").write_text(f"<!doctype html><p>A cell</p>{Shown(page_of(trainer), 600)._repr_html_()}")
    page = context.new_page()
    page.goto((tmp_path / "notebook.html").as_uri())
    tab = Tab(page, page.frame_locator("iframe"))
    tab.shows("epoch 4")
    tab.find("main").press("ArrowLeft")
    tab.shows("epoch 3 of 4")
    shown = tab.map("saliency", "probe_00_bread", 3)
    tab.eventually(lambda: paints(shown, run.maps(SALIENCY)[3], run.bound(SALIENCY)))
    page.wait_for_timeout(300)  # by then the address would have been written
    assert page.url.endswith("notebook.html")


def test_without_a_notebook_it_says_what_to_do(monkeypatch, logs):
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    with pytest.raises(ImportError, match=r"(?s)Expected a notebook.*lightning_viz\.tensorboard\.export RUN OUT"):
        show(logs / FULL)


def test_what_has_no_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="Expected a Trainer with a log folder"):
        page_of(SimpleNamespace(log_dir=None))
    with pytest.raises(NotADirectoryError, match="nowhere"):
        page_of(Path(tmp_path, "nowhere"))
