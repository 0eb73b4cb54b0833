"""The documentation's pages are all named where programs look for them."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def in_navigation():
    return re.findall(r'= "([\w/]+)\.md"', (DOCS.parent / "zensical.toml").read_text())


def test_every_page_is_in_the_navigation():
    pages = {page.relative_to(DOCS).with_suffix("").as_posix() for page in DOCS.rglob("*.md")}
    tutorials = {f"tutorials/{notebook.stem}" for notebook in DOCS.glob("notebooks/*.ipynb")}  # made when it is built
    assert set(in_navigation()) == pages | tutorials


def test_every_page_is_named_for_language_models():
    linked = re.findall(r"\]\(([\w/]+)\.html\)", (DOCS / "llms.txt").read_text())
    assert sorted(linked) == sorted(in_navigation())
