"""What the tab's server answers, on both of TensorBoard's data loaders."""

import base64
import json

import pytest
from board import HERE
from written import (
    BARE,
    DEMO,
    EPOCHS,
    FOREIGN,
    HOSTILE,
    HOSTILE_TAG,
    MANIFEST,
    QUOTED,
    QUOTED_TAG,
    RUNS,
    SOURCES,
    STEPS,
    picture,
)

from lightning_viz.tensorboard import front
from lightning_viz.tensorboard.bundle import bundle
from lightning_viz.tensorboard.manifest import understood

SALIENCY = "probe_00_bread/saliency"


def test_the_listing_tells_what_each_run_holds(board):
    answer = board.get("/runs")
    assert answer.mimetype == "application/json"
    runs = answer.json["runs"]
    assert answer.json["version"] == 1
    assert list(runs) == sorted(RUNS)
    assert BARE not in runs
    demo = runs[DEMO]
    assert (demo["manifest"], demo["problem"]) == (MANIFEST, None)
    assert demo["epochs"] == [[step, epoch] for step, epoch in zip(STEPS, EPOCHS, strict=True)]
    assert list(demo["images"]) == sorted(demo["images"])
    assert demo["images"][SALIENCY] == demo["images"]["probe_00_bread/film_saliency"] == STEPS[-1]
    assert demo["maps"] == {SALIENCY: STEPS[-1], "probe_01_dairy_product/saliency": STEPS[-1]}
    assert demo["scalars"] == ["epoch", "loss"]
    assert demo["predictions"] == ["lost", "odd", "probe_00_bread", "probe_01_dairy_product"]


def test_every_epoch_is_served_with_the_bytes_that_were_logged(board, log):
    series = board.series(DEMO, images=[SALIENCY], maps=[SALIENCY], bounds=[SALIENCY], predictions=["probe_00_bread"])
    for kind, tag in [("images", SALIENCY), ("maps", f"lightning_viz/map/{SALIENCY}")]:
        steps, keys = zip(*series[kind][SALIENCY], strict=True)
        assert list(steps) == STEPS
        assert len(set(keys)) == len(keys)
        assert [blob for blob, _ in board.pack(keys)] == [log.blobs[DEMO][tag, step] for step in STEPS]
    assert series["bounds"][SALIENCY] == [[step, 0.5 * epoch] for step, epoch in zip(STEPS, EPOCHS, strict=True)]
    assert series["predictions"]["probe_00_bread"] == [
        [step, epoch % 2, 0.75] for step, epoch in zip(STEPS, EPOCHS, strict=True)
    ]
    assert series["scalars"] == {}


def test_a_step_has_one_point_and_what_is_not_finite_is_null(board):
    series = board.series(DEMO, scalars=["loss"], predictions=["lost", "odd"])
    assert series["scalars"]["loss"] == [[0, 3.0], [7, 2.0], [14, None], [21, None]]
    assert series["predictions"] == {"lost": [[0, -1, 0.0]], "odd": [[7, None, None]]}


def test_the_first_of_several_images_stands_for_all(board, log):
    foreign = board.runs()[FOREIGN]
    assert "no manifest" in foreign["problem"]
    assert foreign["manifest"] is None
    assert foreign["epochs"] == [[5, 0.0], [10, 1.0]]  # Lightning's own
    series = board.series(FOREIGN, images=["grid", "empty"])
    assert series["images"]["empty"] == []
    ((first, kind), _) = board.pack([key for _, key in series["images"]["grid"]])
    assert (first, kind) == (log.blobs[FOREIGN]["grid", 5], "image/png")


def test_what_is_wrong_with_a_manifest_is_told_and_the_pictures_are_shown(board):
    runs = board.runs()
    for run, told in {
        "broken": "is not JSON",
        "infinite": "is not JSON",
        "deep": "is not JSON",
        "number": "is not JSON",
        "unversioned": "names no version",
        "newer": "version 7, this viewer knows version 1: pip install -U lightning-viz",
    }.items():
        assert told in runs[run]["problem"]
        assert runs[run]["manifest"] is None
        assert list(runs[run]["images"]) == ["probe_00/saliency"]
    assert "class_tags, probes, pictures" in runs["partial"]["problem"]
    usable = {"version": 1, "classes": ["a"], "class_tags": [], "probes": {"q": {"label": 1}}, "pictures": {}}
    assert runs["partial"]["manifest"] == usable


@pytest.mark.parametrize(("name", "tag"), [(HOSTILE, HOSTILE_TAG), (QUOTED, QUOTED_TAG)])
def test_names_of_any_letters_come_back_as_they_are(board, loader, log, name, tag):
    run = board.runs()[name]
    assert run["images"] == run["maps"] == dict.fromkeys(sorted([tag, "__proto__", "../../../etc/passwd"]), 0)
    assert run["manifest"]["pictures"] == {tag: {"caption": 3}}
    series = board.series(name, images=[tag], maps=["__proto__"], scalars=[tag + "!"])
    assert series["scalars"] == {tag + "!": [[0, 1.0]]}
    blobs = board.pack([series["images"][tag][0][1], series["maps"]["__proto__"][0][1]])
    if (loader, name) == ("rust", QUOTED):  # it cannot read its own keys
        assert "--load_fast=false" in run["problem"]
        assert blobs == [None, None]
        return
    assert run["problem"] is None
    assert [blob for blob, _ in blobs] == [picture(9), log.blobs[name]["lightning_viz/map/__proto__", 0]]


def test_unknown_tags_are_left_out_and_none_are_not_all(board):
    series = board.series(DEMO, images=["nowhere"], scalars=[], predictions=["nobody"], maps=["confusion/val"])
    kinds = (
        "images",
        "originals",
        "places",
        "captions",
        "maps",
        "scalars",
        "bounds",
        "predictions",
        "counts",
        "rights",
        "tables",
        "tables",
    )
    assert series == {kind: {} for kind in kinds}


def test_a_resumed_run_knows_its_pictures_before_all_of_them_are_drawn_again():
    first = {**MANIFEST, "pictures": {"a/lime": {"caption": 3}, "a/input": {"caption": 1}}}
    second = {**MANIFEST, "classes": ["Soup"], "probes": {}, "pictures": {"a/lime": {"caption": 5}}}
    found, problem = understood([json.dumps(one).encode() for one in (first, second)])
    assert problem is None
    assert found["pictures"] == {"a/lime": {"caption": 5}, "a/input": {"caption": 1}}
    assert (found["probes"], found["classes"]) == (MANIFEST["probes"], ["Soup"])
    assert understood([json.dumps(first).encode(), b"["])[0] is None
    assert understood([b"[", json.dumps(first).encode()]) == (first, None)


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        (SALIENCY, "image/jpeg"),
        ("confusion/val", "image/png"),
        ("probe_00_bread/film_saliency", "image/gif"),
        ("filters/webp", "image/webp"),
        ("filters/none", "application/octet-stream"),
    ],
)
def test_a_single_picture_has_its_kind_and_stays(board, log, tag, kind):
    (step, key), *_ = board.keys(DEMO, tag).items()
    answer = board.get("/blob", key=key)
    assert (answer.data, answer.mimetype) == (log.blobs[DEMO][tag, step], kind)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "max-age" in answer.headers["Cache-Control"]


def forged(*parts):
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


FORGED = [
    "",
    "~",
    "abc",
    "A" * 10_000,
    "ü",
    "\0",
    "../../../../etc/passwd",
    "%2e%2e%2fetc%2fpasswd",
    base64.urlsafe_b64encode(b"[" * 100_000).decode(),
    base64.urlsafe_b64encode(b"5").decode(),
    forged(),
    forged("", DEMO, "nowhere", 0, 2),
    forged("", "nowhere", SALIENCY, 0, 2),
    forged("", DEMO, SALIENCY, 1, 2),
    forged("", DEMO, SALIENCY, 0, 99),
    forged("", DEMO, SALIENCY, 0, "2"),
    forged("", [DEMO], SALIENCY, 0, 2),
    forged("", DEMO, "loss", 0, 0),
    forged("", "images", DEMO, "nowhere", 0, 2),
    forged("", "images", "nowhere", SALIENCY, 0, 2),
    forged("", "images", DEMO, SALIENCY, 1, 2),
    forged("", "images", DEMO, SALIENCY, 0, 99),
    forged("", "images", DEMO, SALIENCY, 0, "2"),
    forged("", "images", DEMO, SALIENCY, 0, [0, 1]),
    forged("", "images", [DEMO], SALIENCY, 0, 2),
    forged("", "scalars", DEMO, "loss", 0, 0),
]


def test_keys_that_stand_for_nothing_are_not_found(board):
    assert {board.get("/blob", key=key).status_code for key in FORGED} == {404}
    assert board.get("/blob").status_code == 404
    genuine = board.keys(DEMO, SALIENCY)[0]
    assert board.pack([*FORGED, genuine])[:-1] == [None] * len(FORGED)
    assert board.pack([*FORGED, genuine])[-1] == (picture(1, "JPEG"), "image/jpeg")


@pytest.mark.parametrize(
    ("path", "fields", "code"),
    [
        ("/series", {}, 400),
        ("/series", {"run": "nowhere"}, 404),
        ("/series", {"run": ""}, 404),
        ("/series", {"run": BARE, "images": '["a"'}, 400),
        ("/series", {"run": DEMO, "images": '"a"'}, 400),
        ("/series", {"run": DEMO, "predictions": '{"a": 1}'}, 400),
        ("/series", {"run": DEMO, "maps": "[1]"}, 400),
        ("/series", {"run": DEMO, "scalars": "[null]"}, 400),
        ("/series", {"run": DEMO, "bounds": "[["}, 400),
        ("/series", {"run": DEMO, "bounds": "[" * 100_000}, 400),
        ("/series", {"run": DEMO, "images": r'["\ud83c"]'}, 400),
        ("/series", {"run": DEMO, "images": json.dumps(["a" * 4_000_000])}, 413),
        ("/pack", {"keys": "{}"}, 400),
        ("/pack", {"keys": json.dumps(["a"] * 513)}, 400),
    ],
)
def test_malformed_requests_are_refused_with_a_text(board, path, fields, code):
    answer = board.post(path, **fields)
    assert (answer.status_code, answer.mimetype) == (code, "text/plain")
    assert answer.text


def test_each_route_has_one_method(board):
    answers = [board.post("/runs"), board.post("/blob"), board.get("/series"), board.get("/pack")]
    assert {answer.status_code for answer in answers} == {405}
    assert board.client.head(f"{HERE}/runs").status_code == 200


def test_an_empty_pack_is_empty(board):
    assert board.pack([]) == []


def test_the_pages_files_and_no_others(board, static):
    for name, kind in {"entry.js": "text/javascript", "style.css": "text/css"}.items():
        answer = board.get(f"/static/{name}")
        assert (answer.text, answer.mimetype) == (SOURCES[name], kind)
        assert answer.headers["Cache-Control"].startswith("no-cache")
    for name in (
        "notes.txt",
        "none.js",
        "b.js",
        "../loader.py",
        "..%2floader.py",
        "/etc/passwd",
        "",
        "b.js/../../loader.py",
    ):
        assert board.get(f"/static/{name}").status_code == 404


def test_the_pages_modules_come_as_one(board, static):
    answer = board.get("/static/index.js")
    assert (answer.text, answer.mimetype) == (bundle(front.listing()), "text/javascript")
    assert answer.headers["Cache-Control"].startswith("no-cache")
    gone = (static / "b.js").rename(static / "gone")
    answer = board.get("/static/index.js")
    gone.rename(static / "b.js")
    assert answer.status_code == 404
    assert "not installed (b.js)" in answer.text


def test_the_tab_shows_for_our_runs_alone(board):
    listed = board.client.get("/data/plugins_listing").json["lightning_viz"]
    assert listed["enabled"]
    assert listed["tab_name"] == "Explanations"
    entry = board.client.get("/data/plugin_entry.html", query_string={"name": "lightning_viz"}).text
    assert 'base href="plugin/lightning_viz/"' in entry
    assert 'import("./static/entry.js")' in entry


def test_a_path_prefix_goes_before_every_route(board):
    client = board.client_of(path_prefix="/deep/in")
    assert client.get(f"/deep/in{HERE}/runs").json["runs"] == board.runs()
    module = client.get("/deep/in/data/plugins_listing").json["lightning_viz"]["loading_mechanism"]["module_path"]
    assert client.get(module).text == SOURCES["entry.js"]
    assert client.get(f"{HERE}/runs").status_code == 404


def test_texts_are_compressed(board):
    answer = board.client.get(f"{HERE}/runs", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
