"""A run as one HTML file, from the tab and from the shell."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from written import (
    BARE,
    DEMO,
    HOSTILE,
    HOSTILE_TAG,
    MANIFEST,
    MANIFESTS,
    QUOTED,
    REEL,
    RUNS,
    SOURCES,
    heat,
    picture,
    written,
)

from lightning_viz.tensorboard import export, front, opening
from lightning_viz.tensorboard.bundle import bundle

FILM = "probe_00_bread/film_saliency"


class Exported(HTMLParser):
    """What a browser finds in an exported file.

    Attributes:
        elements: All elements, in order.
        runs: The answer of `./runs`.
        series: The answers of `./series`, by run.
        findings: The answers of `./findings`, by run.
        blobs: Kind and bytes of each picture and map, by key.
        inline: The scripts.
        policy: What the page may do.
    """

    def __init__(self, text):
        super().__init__()
        self.elements, self.runs, self.series, self.blobs = [], None, {}, {}
        self.inline, self.policy, self.findings = [], "", {}
        self._within = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self._within = dict(attrs)
        self.elements.append(tag)
        if self._within.get("http-equiv") == "Content-Security-Policy":
            self.policy = self._within["content"]

    def handle_endtag(self, tag):
        self._within = {}

    def handle_data(self, text):
        kind = self._within.get("type")
        if kind == "application/json":
            self.take(json.loads(text))
        elif kind is not None:
            self.inline.append(text)

    def take(self, content):
        if self._within.get("id") == "lightning_viz-runs":
            self.runs = content
        elif "data-series" in self._within:
            self.series[self._within["data-series"]] = content
        elif "data-findings" in self._within:
            self.findings[self._within["data-findings"]] = content
        else:
            for key, value in content.items():
                assert key.split(".")[0] == self._within["data-blobs"]
                kind, _, code = value.partition(";base64,")
                self.blobs[key] = kind, base64.b64decode(code)


def holds_what_was_logged(exported, run, log):
    """Whether an exported run decodes back to the very bytes of the log, film apart; `log` is what was written."""
    series = exported.series[run]
    found = {(tag, step): key for tag, points in series["images"].items() for step, key in points}
    found |= {(f"lightning_viz/map/{tag}", step): key for tag, points in series["maps"].items() for step, key in points}
    decoded = {place: exported.blobs[key][1] for place, key in found.items()}
    return decoded == {place: blob for place, blob in log.items() if place[0] != FILM}


def test_the_tab_exports_the_runs_that_are_asked_for(board, log):
    answer = board.get("/export", run=[DEMO, HOSTILE])
    assert answer.mimetype == "text/html"
    assert re.fullmatch(r'attachment; filename="[\w.-]+\.html"', answer.headers["Content-Disposition"])
    exported = Exported(answer.text)
    served = board.runs()
    del served[DEMO]["images"][FILM]
    assert exported.runs == {"version": 1, "runs": {run: served[run] for run in sorted([DEMO, HOSTILE])}}
    assert holds_what_was_logged(exported, DEMO, log.blobs[DEMO])
    assert holds_what_was_logged(exported, HOSTILE, log.blobs[HOSTILE])
    tags = {
        "scalars": ["epoch", "loss"],
        "predictions": ["lost", "odd", "probe_00_bread"],
        "bounds": ["probe_00_bread/saliency"],
    }
    for kind, points in board.series(DEMO, **tags).items():
        assert {tag: exported.series[DEMO][kind][tag] for tag in points} == points


def test_no_name_becomes_an_element_or_a_script(board):
    exported = Exported(board.get("/export", run=HOSTILE).text)
    assert HOSTILE_TAG in exported.runs["runs"][HOSTILE]["images"]
    assert set(exported.elements) == {"html", "head", "meta", "title", "style", "body", "p", "script"}
    assert (
        exported.elements.count("script") == 3 + 1 + 6
    )  # runs, findings and series, the page's, three pictures with their maps


def test_the_page_comes_along_and_may_ask_nobody(board):
    text = board.get("/export", run=DEMO).text
    exported = Exported(text)
    (script,) = exported.inline
    assert bundle(front.listing()).replace("</", "<\\/") in script
    assert script.endswith("render();\n")
    assert SOURCES["style.css"] in text
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in exported.inline}
    directives = dict(part.strip().split(" ", 1) for part in exported.policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert set(directives["script-src"].split()) == hashes
    assert set(directives) == {"default-src", "script-src", "style-src", "img-src"}
    assert text.rstrip().endswith("</html>")


def test_pictures_of_maps_that_the_page_paints_are_left_out_where_there_is_a_map(tmp_path, monkeypatch):
    about = {"caption": 3, "unit": "log-odds", "colours": "signed"}
    with written(tmp_path / "run") as run:
        run.manifest({**MANIFEST, "pictures": {"probe_00/lime": about, "probe_00/input": {"caption": 3}}})
        for step in (0, 7):
            run.image("probe_00/lime", step, picture(step))
            run.image("probe_00/input", step, picture(step))
        run.map("probe_00/lime", 0, heat(5), 2.0)  # at the other step nothing was finite
    for options, steps in ([], [7]), (["--captions"], [0, 7]):
        export.main([str(tmp_path / "run"), str(tmp_path / "out.html"), *options])
        found = Exported((tmp_path / "out.html").read_text()).series["run"]
        assert [step for step, _ in found["images"]["probe_00/lime"]] == steps
        assert [step for step, _ in found["images"]["probe_00/input"]] == [0, 7]
        assert [step for step, _ in found["maps"]["probe_00/lime"]] == [0]


def test_captions_come_along_and_a_probe_once_where_its_image_is_there(tmp_path):
    with written(tmp_path / "run") as run:
        probes = {"probe_00": {"label": 0}, "probe_01": {"label": 0, "outlined": True}, "probe_02": {"label": 1}}
        run.manifest({**MANIFEST, "probes": probes})
        for step in (0, 7):
            for probe in probes:
                run.image(f"{probe}/input", step, picture(step))
            run.caption("probe_00/input", step, f"step {step}", "Köln \u2068خبز\u2069")
        run.original("probe_00", 0, picture(40))
        run.original("probe_01", 0, picture(41))
    export.main([str(tmp_path / "run"), str(tmp_path / "out.html")])
    exported = Exported((tmp_path / "out.html").read_text())
    found = exported.series["run"]
    steps = {tag: [step for step, _ in points] for tag, points in found["images"].items()}
    assert steps == {"probe_00/input": [], "probe_01/input": [0, 7], "probe_02/input": [0, 7]}
    originals = {probe: exported.blobs[key][1] for probe, ((_, key),) in found["originals"].items()}
    assert originals == {"probe_00": picture(40), "probe_01": picture(41)}
    assert found["captions"] == {"probe_00/input": [[step, f"step {step}", "Köln \u2068خبز\u2069"] for step in (0, 7)]}


def test_a_run_that_has_films_alone_keeps_them(board, log):
    exported = Exported(board.get("/export", run=REEL).text)
    ((kind, film),) = exported.blobs.values()
    assert (kind, film) == ("image/gif", log.blobs[REEL]["probe_00/film_saliency", 0])


@pytest.mark.parametrize(("run", "code"), [([], 400), (["nowhere"], 404), ([BARE], 404), ([DEMO, "nowhere"], 404)])
def test_runs_that_cannot_be_exported_are_refused(board, run, code):
    assert board.get("/export", run=run).status_code == code


def test_without_the_pages_files_there_is_a_reason(board, tmp_path, monkeypatch):
    monkeypatch.setattr(front, "FOLDER", tmp_path / "nowhere")
    answer = board.get("/export", run=DEMO)
    assert (answer.status_code, answer.mimetype) == (404, "text/plain")
    assert "--force-reinstall" in answer.text


@pytest.fixture(params=["rust", "none", "failing"])
def server(request, tmp_path, monkeypatch):
    """Which of TensorBoard's data servers the shell finds."""
    binary = tmp_path / "server"
    if request.param == "rust":
        monkeypatch.setattr(opening, "_loaded", lambda folder: pytest.fail("not needed"))
    else:
        monkeypatch.setenv("TENSORBOARD_DATA_SERVER_BINARY", str(binary))
    if request.param == "failing":
        binary.write_text("#!/bin/sh\nexit 8\n")
        binary.chmod(0o755)


@pytest.mark.usefixtures("server")
def test_the_shell_exports_a_run_with_any_data_server(log, static, tmp_path, capsys):
    out = tmp_path / "run.html"
    out.write_text("an older one")
    export.main([str(log.folder / DEMO), str(out)])
    exported = Exported(out.read_text("utf-8"))
    assert list(exported.runs["runs"]) == list(exported.series) == ["version_0"]  # not "."
    assert holds_what_was_logged(exported, "version_0", log.blobs[DEMO])
    assert capsys.readouterr().out.startswith(f"{out}: 1 run, ")
    assert [path.name for path in tmp_path.glob("run*")] == ["run.html"]


def test_the_shell_exports_all_runs_of_a_folder_whatever_their_names(log, static, tmp_path):
    out = tmp_path / "run.html"
    export.main([str(log.folder), str(out)])
    exported = Exported(out.read_text("utf-8"))
    assert set(exported.runs["runs"]) == set(exported.series) == RUNS
    for run in (DEMO, HOSTILE, QUOTED, *MANIFESTS):
        assert holds_what_was_logged(exported, run, log.blobs[run])
    assert exported.runs["runs"][QUOTED]["problem"] is None


def test_more_pictures_than_tensorboard_keeps_are_exported(static, tmp_path):
    with written(tmp_path / "long") as run:
        for step in range(1200):
            run.image("a", step, b"%d" % step)
    out = tmp_path / "run.html"
    export.main([str(tmp_path / "long"), str(out)])
    assert holds_what_was_logged(Exported(out.read_text("utf-8")), "long", run.blobs)


def test_what_cannot_be_exported_is_told(log, static, tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    out = tmp_path / "run.html"
    for arguments, reason in [
        ((tmp_path / "nowhere", out), "Expected a folder"),
        ((empty, out), "Expected event files"),
        ((log.folder / BARE, out), "Expected pictures"),
        ((log.folder, empty), "Expected a file to write to"),
        ((log.folder, tmp_path / "nowhere" / "run.html"), "No such file or directory"),
    ]:
        with pytest.raises(SystemExit) as stopped:
            export.main([str(argument) for argument in arguments])
        assert stopped.value.code == 2
        assert reason in capsys.readouterr().err
    assert not list(tmp_path.glob("run*"))


def test_a_chosen_part_of_a_run(log, static, tmp_path, capsys):
    out = tmp_path / "part.html"
    some = ["--probes", "0", "--methods", "saliency", "--epochs", "-1", "3", "29"]
    export.main([str(log.folder / DEMO), str(out), *some])
    exported = Exported(out.read_text("utf-8"))
    entry, series = exported.runs["runs"]["version_0"], exported.series["version_0"]
    steps = [-1, 21, 203]
    assert entry["epochs"] == [[-1, -1], [21, 3], [203, 29]]
    assert list(entry["images"]) == list(series["images"]) == ["probe_00_bread/saliency"]
    assert [step for step, _ in series["images"]["probe_00_bread/saliency"]] == steps
    assert [step for step, *_ in series["maps"]["probe_00_bread/saliency"]] == steps
    assert [step for step, *_ in series["predictions"]["probe_00_bread"]] == steps
    blobs = {(tag, step): blob for (tag, step), blob in log.blobs[DEMO].items() if tag == "probe_00_bread/saliency"}
    for step, key in series["images"]["probe_00_bread/saliency"]:
        assert exported.blobs[key][1] == blobs["probe_00_bread/saliency", step]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--probes", "7"], "Expected a probe of the run (probe_00_bread"),
        (["--methods", "lime"], "Expected a method of the run ("),
        (["--epochs", "99"], "Expected an epoch of the run (-1 to 29), received 99"),
    ],
)
def test_a_part_that_is_not_there_is_told(log, static, tmp_path, capsys, wrong, message):
    with pytest.raises(SystemExit):
        export.main([str(log.folder / DEMO), str(tmp_path / "part.html"), *wrong])
    assert message in capsys.readouterr().err
    assert not (tmp_path / "part.html").exists()


def test_the_tab_exports_a_part(board):
    exported = Exported(
        board.get("/export", run=DEMO, probe="probe_00_bread", method="saliency", epoch=["0", "5"]).text
    )
    assert exported.runs["runs"][DEMO]["epochs"] == [[0, 0], [35, 5]]
    assert board.get("/export", run=DEMO, epoch="soon").status_code == 400
    assert board.get("/export", run=DEMO, method="none").status_code == 400
