"""One Chromium, one log of the callbacks themselves, and a TensorBoard over it as a user starts it."""

import os

import pytest
from tab import PATIENCE, Tab
from trained import FULL, SHORT, Log, full, once, short

from gallery.browser import chromium, installed, loaded, tensorboard


@pytest.fixture(scope="package")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def site(tmp_path_factory):
    """The package as pip installs it."""
    return installed(tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="package")
def shared(tmp_path_factory):
    """A folder for what is made once, however many processes share the tests."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "browser"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="package")
def logs(shared):
    """Two runs; the tab opens with the one that was written last."""
    return once(shared / "logs", lambda folder: (short(folder), full(folder)))


@pytest.fixture(scope="package")
def run(logs):
    return Log(logs / FULL)


@pytest.fixture(scope="package")
def other(logs):
    return Log(logs / SHORT)


@pytest.fixture(scope="package")
def board(site, logs):
    """The address of plain TensorBoard over the two runs."""
    with tensorboard(site, logs) as address:
        yield loaded(address)


@pytest.fixture
def context(browser):
    """A browser's profile of its own, in which nothing may go wrong: its console also tells what is not brought."""
    wrong = []

    def note(text, address=""):
        # TensorBoard asks for its own fonts at the root, whatever its prefix; the browser for an icon.
        if "/font-roboto/" not in address and not address.endswith("/favicon.ico"):
            wrong.append(f"{text} {address}")

    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(1000 * PATIENCE)
    context.on("weberror", lambda event: note(str(event.error)))
    context.on("console", lambda entry: entry.type == "error" and note(entry.text, entry.location["url"]))
    context.on("dialog", lambda dialog: note(dialog.message))
    yield context
    context.close()
    assert not wrong


@pytest.fixture
def visit(context):
    """Opens an address of TensorBoard."""

    def visit(address):
        page = context.new_page()
        page.goto(address, wait_until="commit")
        return Tab(page, page.frame_locator("iframe[src*=lightning_viz]"))

    return visit


@pytest.fixture
def look(context):
    """Opens what TensorBoard frames at such an address, by itself: its own page takes as long again as the tab."""

    def look(address):
        page = context.new_page()
        page.goto(address.replace("#lightning_viz", "data/plugin_entry.html?name=lightning_viz#"), wait_until="commit")
        return Tab(page, page)

    return look
