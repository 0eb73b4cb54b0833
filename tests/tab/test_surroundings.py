"""Where TensorBoard runs, how it reads, and for whom the tab is readable."""

import http.client
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from axe import violations
from playwright.sync_api import expect
from tab import link, paints, pixels

from gallery.browser import loaded, tensorboard

BREAD = "probe_00_bread"
BEHIND = "/behind/a/proxy"
VIEWS = {
    "filters": ".cell img",
    "confusion": ".board",
    "measures": ".measure .u-over",
    "other": ".empty",
    "findings": ".findings li",
    "probes": ".tile canvas",
}
"""Each with what it shows."""
OPENED = {
    "#columns": "#columns-all",
    "#keys-button": "#keys",
    ".ask": ".help[aria-label^=about]",
    "#export-part": "#part",
}
"""What opens by a click, likewise."""


def works(tab, run):
    """Whether all parts of the server answer: runs, series, pictures, maps, the file; fails with what is amiss."""
    tab.shows("epoch 3 of 4")
    image, tag = tab.map("saliency", BREAD, 3), f"{BREAD}/saliency"
    expect(image).to_be_visible()
    tab.eventually(lambda: paints(image, run.maps(tag)[3], run.bound(tag)))
    tab.find("#against").select_option("with another epoch")
    tab.find("#how").select_option("difference")
    expect(tab.find(".shots > canvas[aria-label^=saliency]").first).to_be_visible()
    with tab.page.expect_download() as download:
        tab.find("#export").click()
    return download.value.failure() is None


class Proxy(BaseHTTPRequestHandler):
    """Passes on what begins with a prefix, without the prefix."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(None)

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, body):
        if not self.path.startswith(f"{BEHIND}/"):
            self.send_error(404)
            return
        server = http.client.HTTPConnection(self.server.passed_to)
        headers = {**self.headers, "Host": self.server.passed_to}
        server.request(self.command, self.path.removeprefix(BEHIND), body, headers)
        answer = server.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        server.close()

    def log_message(self, *_):
        pass


@contextmanager
def proxied(address):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.passed_to = urlsplit(address).netloc
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{BEHIND}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_behind_a_proxy_that_strips_a_prefix(look, board, run):
    with proxied(board) as address:
        tab = look(link(address, at=3))
        assert works(tab, run)
        tab.page.close()


def test_below_a_path_and_on_the_other_data_loader(visit, site, logs, run):
    with tensorboard(site, logs, "--path_prefix=/deep/in", "--load_fast=false") as address:
        tab = visit(link(loaded(address), at=3))
        assert works(tab, run)
        tab.page.close()


def test_no_view_has_what_axe_objects_to_in_light_and_dark(visit, board):
    tab = visit(link(f"{board}?darkMode=false"))
    tab.shows("epoch 4")  # whose pictures are in every view
    expect(tab.page.locator("iframe[src*=lightning_viz]")).to_have_attribute("title", "Explanations")
    expect(tab.root.get_by_role("heading", level=1)).to_have_text("Explanations")
    assert all_objections(tab) == {}


def all_objections(tab):
    """What axe says of every view and of all that opens, where it says anything: in the dark of contrasts."""
    found = {}

    def look(name, selector, within="body"):
        expect(tab.find(selector).first).to_be_visible()
        found[name, "light"] = violations(tab.find(within).first)
        tab.page.evaluate("document.body.classList.add('dark-mode')")
        expect(tab.find("html")).to_have_class("dark")
        found[name, "dark"] = violations(tab.find(within).first, "color-contrast")
        tab.page.evaluate("document.body.classList.remove('dark-mode')")

    for view, part in VIEWS.items():
        tab.find(f"#view-{view}").click()
        look(view, part)
        if view == "confusion":
            tab.find(".board svg").click(position={"x": 200, "y": 200})
            look("a cell of the matrix", ".mixed", ".mixed")
            tab.find(".mixed").get_by_role("button", name="Close").click()
    for opens, part in OPENED.items():
        tab.find(opens).first.click()
        look(opens, part, part)
        tab.find("h1").press("Escape")
    tab.find("#against").select_option("with another epoch")
    look("side by side", "tbody .name")
    tab.find("#how").select_option("difference")
    look("difference", ".shots > canvas[aria-label^=saliency]")
    tab.cell("saliency", BREAD).click()
    look("difference, enlarged", "#zoom .stage .shots > canvas", "#zoom")
    tab.find("#zoom-close").click()
    tab.find("#against").select_option("compare")
    tab.cell("saliency", BREAD).click()
    look("enlarged", "#zoom .stage .tile canvas", "#zoom")
    tab.find("#zoom-close").click()
    return {name: objections for name, objections in found.items() if objections}


def test_tensorboards_switch_of_its_theme_is_followed(visit, board):
    tab = visit(link(f"{board}?darkMode=false", view="measures"))
    tab.shows("epoch 4")
    expect(tab.find("body")).to_have_css("background-color", "rgb(255, 255, 255)")
    chart = tab.find(".uplot canvas").first
    expect(chart).to_be_visible()
    before = pixels(chart)
    tab.page.evaluate("document.body.classList.add('dark-mode')")
    expect(tab.find("body")).to_have_css("background-color", "rgb(32, 33, 36)")

    def drawn_anew():
        assert (pixels(chart) != before).any()  # the curve is no dark line on dark ground

    tab.eventually(drawn_anew)


def test_a_file_that_is_not_there_is_told_with_what_mends_it(browser, board):
    page = browser.new_page()
    page.route("**/static/index.js", lambda route: route.fulfill(status=404))
    page.goto(link(board))
    told = page.frame_locator("iframe[src*=lightning_viz]").locator("body")
    expect(told).to_contain_text("Start TensorBoard again, then load this page again.")
    page.close()


def test_on_a_phone_choices_are_folded_away_and_the_keyboard_reaches_them(look, board):
    tab = look(link(board, rows="wrong", captions="true", at=0))
    tab.shows("epoch 0 of 4")
    expect(tab.find("#fold")).to_be_hidden()
    expect(tab.find(".story-key button")).to_be_visible()  # which comes with the accuracy
    chosen = tab.find("header select:visible, header input:visible, header summary:visible, header button:visible")
    wide = [node.get_attribute("id") or node.inner_text() for node in chosen.all()]
    tab.page.set_viewport_size({"width": 420, "height": 800})
    expect(tab.find("#rows")).to_be_hidden()
    assert tab.find("header").bounding_box()["height"] < 200
    expect(tab.find("#fold")).to_have_text("Choices (2)")
    tab.find("#view-findings").press("Tab")
    expect(tab.find("#fold")).to_be_focused()
    tab.page.keyboard.press("Enter")
    expect(tab.find("#fold")).to_have_attribute("aria-expanded", "true")
    narrow = [node.get_attribute("id") or node.inner_text() for node in chosen.all()]
    assert sorted(narrow) == sorted([*wide, "fold"])
    tab.page.keyboard.press("Tab")
    tab.find("#rows").select_option("all probes")
    expect(tab.find("#rows")).to_be_visible()  # a choice does not fold them
    assert tab.find("body").evaluate("body => body.scrollWidth") <= 420
    assert violations(tab.find("body")) == []
    tab.find("#fold").press("Enter")
    expect(tab.find("#rows")).to_be_hidden()
