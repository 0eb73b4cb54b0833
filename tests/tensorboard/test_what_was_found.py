"""Findings of logs that are written to have them, and of the same logs without what makes them."""

import json
import re
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from written import Written, picture

import lightning_viz
from lightning_viz.callbacks.attribution import figures
from lightning_viz.harness.sinks import log_format
from lightning_viz.render.fonts import isolated
from lightning_viz.tensorboard.findings import maps
from lightning_viz.tensorboard.findings.__main__ import main
from lightning_viz.tensorboard.findings.classes import interval

CLASSES = ["Bread", "Egg", "Soup"]
GOOD = [[60, 38, 2], [1, 97, 2], [0, 0, 100]]
EVEN = [[90, 5, 5], [5, 90, 5], [5, 5, 90]]
EPOCHS = [-1, *range(10)]


def told(tmp_path, *, counts=EVEN, of="images", probes=None, scalars=None, maps=None):
    """The findings of a run whose parts are given, by kind."""
    with closing(Written(tmp_path)) as log:
        probes = probes or {}
        known = {
            tag: {"label": label, **about} for tag, (label, _, *rest) in probes.items() for about in (rest or [{}])
        }
        about = {"version": 1, "classes": CLASSES, "class_tags": [c.lower() for c in CLASSES], "probes": known}
        log.manifest({**about, "pictures": {"confusion/val": {"caption": 0, "counted": of}}})
        for epoch in EPOCHS:
            log.epoch(7 * epoch, epoch)
        log.image("confusion/val", 63, picture(1))
        log.image("confusions/val/1", 63, picture(1))
        for tag in probes:
            log.image(f"{tag}/input", 63, picture(1))
        for tag, (_, said, *_) in probes.items():
            for epoch, pair in zip(EPOCHS, said, strict=True):
                log.prediction(tag, 7 * epoch, *pair)
        for tag, values in (scalars or {}).items():
            for epoch, value in zip(EPOCHS[-len(values) :], values, strict=True):
                log.scalar(tag, 7 * epoch, value)
        for tag, values in (maps or {}).items():
            log.image(tag, 63, picture(1))
            log.map(tag, 63, log_format.encoded(np.asarray(values, np.float32), 1.0), 1.0)
        write = log_format.class_table if of == "labels" else log_format.counts
        log.add_all(63, [write("val", np.array(counts))])
    found = lightning_viz.findings(tmp_path)
    return {finding.kind: finding for finding in found}


def said(*classes, share=0.9):
    return [(k, share) for k in (0, *classes)]


def test_best_and_worst_class_and_what_it_is_taken_for(tmp_path):
    found = told(tmp_path, counts=GOOD, probes={"probe_00_bread": (0, said(*[0] * 10))})
    worst, best = found["worst_class"], found["best_class"]
    assert worst.text == (
        "Bread is the worst class: 60 % of its 100 images are right, and it is most often taken for Egg "
        "(38 of its 40 errors)."
    )
    assert worst.numbers["taken_for"] == "Egg"
    assert worst.pictures == ("confusion/val", "probe_00_bread/input")
    assert worst.step == 63
    assert best.text == "Soup is the best class: 100 % of its 100 images are right."
    assert "the other way it is 1" in found["confusion"].text
    assert found["confusion"].pictures[0] == "confusions/val/1"


def test_classes_that_differ_by_chance_are_not_told_apart(tmp_path):
    found = told(tmp_path, counts=[[85, 8, 7], [5, 90, 5], [5, 5, 90]])
    assert not {"worst_class", "best_class", "confusion"} & set(found)


@pytest.mark.parametrize(
    ("counts", "kind"),
    [([[33, 33, 34], [30, 36, 34], [35, 33, 32]], "guessing"), ([[99, 1, 0], [97, 3, 0], [100, 0, 0]], "collapsed")],
)
def test_a_network_that_knows_nothing_has_no_worst_class(tmp_path, counts, kind):
    found = told(tmp_path, counts=counts)
    assert kind in found
    assert not {"worst_class", "confusion", {"guessing", "collapsed"}.difference({kind}).pop()} & set(found)


def test_a_network_that_is_right_about_one_frequent_class_has_not_collapsed(tmp_path):
    assert "collapsed" not in told(tmp_path, counts=[[940, 0, 0], [5, 25, 0], [5, 0, 25]])


def test_flips_and_sure_mistakes(tmp_path):
    found = told(
        tmp_path,
        probes={
            "probe_00_bread": (0, said(0, 1, 0, 1, 0, 1, 0, 1, 1, 1)),
            "probe_01_egg": (1, said(0, 0, *[1] * 8)),
            "probe_02_soup": (2, said(*[2] * 10)),
            "probe_03_soup": (2, said(*[2] * 10)),
            "probe_04_egg": (1, said(*[1] * 10)),
        },
    )
    assert found["flips"].text == "The prediction still flips: Probe 0 (Bread) 7 times, last in epoch 7."
    assert (found["flips"].step, found["flips"].pictures) == (49, ("probe_00_bread/input",))
    assert found["surely_wrong"].text == "Probe 0 (Bread) is taken for Egg with 90 %, since epoch 7."
    assert found["settled"].numbers == {"epoch": 2, "probes": 4, "of": 5, "all": 7}
    assert "frozen" not in found


def test_of_several_labels_one_that_is_true_is_no_mistake_and_places_and_values_are_no_classes(tmp_path):
    always = lambda k: said(*[k] * 9, 1)
    probes = {
        "probe_00_bread": (0, always(0), {"labels": [0, 1]}),
        "probe_01_bread": (0, always(0), {"labels": [0, 2]}),
        "probe_02_soup": (2, always(2), {"labels": [2], "outlined": True}),
        "probe_03_bread": (0, always(0), {"values": [3.0]}),
    }
    found = told(tmp_path, probes=probes)
    assert found["surely_wrong"].text == "Probe 1 (Bread, Soup) is taken for Egg with 90 %, since epoch 9."
    assert "settled" not in found
    del probes["probe_00_bread"], probes["probe_01_bread"]
    assert not {"surely_wrong", "settled", "flips"} & told(tmp_path / "places", probes=probes).keys()


TABLE = [[30, 2, 2], [1, 29, 0], [30, 0, 40]]
"""How often bread, egg and soup were found, missed and predicted falsely."""
BOXES = [[30, 0, 0, 2], [0, 1, 0, 29], [0, 0, 30, 0], [2, 0, 40, 0]]
"""The same of boxes: the last row and column are of none."""


@pytest.mark.parametrize(("of", "counts"), [("labels", TABLE), ("boxes", BOXES)])
def test_of_labels_and_boxes_what_is_missed_and_what_is_predicted_falsely(tmp_path, of, counts):
    probes = {"probe_00_bread": (0, said(*[0] * 10), {"labels": [0, 1]})}
    found = told(tmp_path, counts=counts, of=of, probes=probes)
    assert found["missed_most"].text == (
        f"Egg is missed most: 1 of 30 {of} is found (3 %); of Soup it is 30 of 30 (100 %)."
    )
    assert found["missed_most"].pictures == ("confusion/val", "probe_00_bread/input")
    assert found["false_most"].text == "Soup is predicted where it is not: 40 of 70 times (57 %), more than any other."
    assert not {"worst_class", "guessing", "collapsed", "confusion"} & found.keys()
    nothing = np.array(counts)
    nothing[(range(3), range(3)) if of == "boxes" else (range(3), 0)] = 0
    found = told(tmp_path / "nothing", counts=nothing, of=of)
    assert found["nothing_found"].text.startswith("None of ")
    assert "missed_most" not in found
    alike = [[9, 1, 2], [8, 2, 2], [9, 1, 1]] if of == "labels" else np.diag([9, 8, 9, 0]) + np.eye(4, dtype=int)
    assert not {"missed_most", "false_most"} & told(tmp_path / "alike", counts=alike, of=of).keys()


def test_unsure_mistakes_and_early_flips_are_not_told(tmp_path):
    unsure = said(0, 1, 0, 1, 0, 1, 1, 1, 1, 1, share=0.4)
    found = told(tmp_path, probes={"probe_00_bread": (0, unsure[:1] + said(1, 0, 1, 0, 0, 0, 0, 0, 1, 1)[1:])})
    assert "surely_wrong" in found
    found = told(tmp_path / "unsure", probes={"probe_00_bread": (0, unsure)})
    assert "surely_wrong" not in found


def test_a_frozen_network_is_said_to_be_and_nothing_else_of_its_probes(tmp_path):
    found = told(tmp_path, probes={"probe_00_bread": (1, said(*[0] * 10)), "probe_01_egg": (1, said(*[0] * 10))})
    assert "of none of 2 probes" in found["frozen"].text
    assert not {"settled", "flips", "surely_wrong"} & set(found)


def test_maps_that_settled_are_like_untrained_or_no_better_than_chance(tmp_path):
    def of(method, **measures):
        return {f"explanations/{method}/{name}": values for name, values in measures.items()}

    found = told(
        tmp_path,
        scalars={
            **of("lime", rank_previous=[0.2, 0.5, 0.95, 0.96, 0.97, 0.97], rank_untrained=[0.3, 0.2], fidelity=[0.4]),
            **of("lime", deletion=[0.3], deletion_chance=[0.5], insertion=[0.6], insertion_chance=[0.5]),
            **of("guided", rank_previous=[0.97] * 6, rank_untrained=[0.97] * 6, deletion=[0.5], deletion_chance=[0.4]),
            **of("guided", in_mask=[0.3, *[0.25] * 10], in_mask_chance=[0.25] * 11),
            **of("lime", in_mask=[0.3, *[0.6] * 10], in_mask_chance=[0.25] * 11),
        },
    )
    assert found["maps_settled"].text == "Maps have settled, each is like the one before: LIME since epoch 6."
    assert found["like_untrained"].numbers == {"method": "guided", "rank_untrained": pytest.approx(0.97)}
    assert found["worse_than_chance"].text.startswith("guided is no better than chance by deletion: 0.50, where")
    assert found["outside_the_evidence"].numbers["method"] == "guided"
    assert found["beside_the_evidence"].numbers == {"method": "guided", "in_mask": 0.25, "in_mask_chance": 0.25}
    assert found["low_fidelity"].numbers["fidelity"] == pytest.approx(0.4)
    reasons = "like untrained, no better than chance, no more on the evidence than by chance"
    assert found["distrusted"].text == f"Not to be trusted in this run: guided ({reasons}) and LIME (low R²)."
    assert found["distrusted"].numbers["lime"] == {"fidelity": pytest.approx(0.4)}
    one = told(tmp_path / "one", scalars={**of("lime", fidelity=[0.4]), **of("saliency", fidelity=[0.9])})
    assert "low_fidelity" in one
    assert "distrusted" not in one


def test_the_page_warns_from_where_findings_and_captions_do():
    source = Path(lightning_viz.__file__).with_name("tensorboard").joinpath("static", "warnings.js").read_text()
    limits = {name: float(limit) for name, limit in re.findall(r"const (\w+) = ([\d.]+);", source)}
    assert limits == {"ALIKE": maps.ALIKE, "LITTLE": maps.FAITHFUL}
    assert figures.ALIKE == maps.ALIKE


def test_a_mark_in_a_corner_that_all_maps_share(tmp_path):
    marked, other = np.zeros((16, 16)), np.ones((16, 16))
    marked[:3, 13:] = 1
    found = told(tmp_path, maps={f"probe_0{i}_egg/saliency": marked for i in range(3)}, scalars=_measured())
    assert "100 % of saliency lies in the upper right corner, 6 % of the image" in found["corner"].text
    mixed = {"probe_00_egg/saliency": marked, "probe_01_egg/saliency": other, "probe_02_egg/saliency": marked[::-1]}
    assert "corner" not in told(tmp_path / "mixed", maps=mixed, scalars=_measured())


def _measured():
    return {"explanations/saliency/sum": [1.0]}


def test_overfitting_under_the_names_of_any_project(tmp_path):
    scalars = {
        "train/loss_epoch": [2.0, 1.0, 0.5, 0.2, 0.1],
        "valid/loss": [2.0, 1.2, 1.0, 1.5, 2.0],
        "train/acc": [0.2, 0.5, 0.9, 1.0, 1.0],
        "valid/acc": [0.2, 0.4, 0.5, 0.5, 0.5],
        "explanations/saliency/sum": [1.0, 2.0, 3.0, 8.0, 9.0],
        "explanations/saliency/rank_best": [0.9, 0.9, 0.9, 0.6, 0.5],
        "filters/cnn_3/dead": [0.0, 0.0, 0.0, 0.1, 0.25],
    }
    found = told(tmp_path, scalars=scalars)
    assert found["overfitted"].text.startswith("Since epoch 7 the loss of the validation rises, from 1 to 2")
    assert found["by_heart"].numbers == {"train": 1.0, "val": 0.5}
    assert found["after_the_best"].numbers["saliency"] == {"sum": 3.0, "rank_best": 0.5}
    assert found["dead_channels"].text.startswith("25 % of the channels of cnn.3 are dead")
    healthy = {**scalars, "valid/loss": [2.0, 1.2, 1.0, 0.9, 0.9], "valid/acc": scalars["train/acc"]}
    healthy |= {"filters/cnn_3/dead": [0.0, 0.01]}
    found = told(tmp_path / "healthy", scalars=healthy)
    assert not {"overfitted", "by_heart", "dead_channels", "after_the_best"} & set(found)


RISING = [[[20, 80], [20, 80]], [[60, 40], [40, 60]], [[90, 10], [10, 90]]]
FALLEN = [*RISING, [[95, 5], [60, 40]], [[92, 8], [8, 92]]]


def with_accuracies(tmp_path, tables):
    """What is found in a run with a count in each of its last epochs, the first of the untrained network."""
    with closing(Written(tmp_path)) as log:
        log.manifest(
            {"version": 1, "classes": ["Egg", "Soup"], "class_tags": ["egg", "soup"], "probes": {}, "pictures": {}}
        )
        for i, table in enumerate(tables):
            log.epoch(7 * i, i - 1)
            log.image("confusion/val", 7 * i, picture(1))
            log.add_all(7 * i, [log_format.counts("val", np.array(table))])
    return {finding.kind: finding for finding in lightning_viz.findings(tmp_path)}


def test_the_epoch_in_which_the_accuracy_fell_is_told(tmp_path):
    fell = with_accuracies(tmp_path / "fallen", FALLEN)["fell"]
    assert fell.text == "The accuracy fell in epoch 2, from 90 % to 68 % of 200 images; at the end it is 92 %."
    assert (fell.pictures, fell.step) == (("confusion/val",), 21)
    a_little = [*RISING, [[88, 12], [12, 88]]]
    assert "fell" not in with_accuracies(tmp_path / "a little", a_little)  # as chance would have it
    assert "fell" not in with_accuracies(tmp_path / "untrained", [RISING[2], RISING[1], RISING[2]])


def test_what_to_look_at_next_has_a_reason_and_a_moment_of_each_place(tmp_path, capsys):
    probes = {
        "probe_00_bread": (0, said(0, 1, 0, 1, 0, 0, 1, 0, 0, 0)),
        "probe_01_egg": (1, said(*[2] * 10, share=0.97)),
    }
    scalars = {"explanations/saliency/rank_untrained": [1.0, 0.95], "explanations/lime/rank_untrained": [1.0, 0.93]}
    maps = {"probe_00_bread/saliency": np.eye(16), "probe_00_bread/lime": np.eye(16)}
    found = told(tmp_path, counts=GOOD, probes=probes, scalars=scalars, maps=maps)
    *_, last = found.values()
    assert last.kind == "next"
    assert last.text == (
        "Look next at: Bread taken for Egg (38 of 40 errors); LIME, like untrained (0.93); "
        "Probe 1 (Egg) taken for Soup with 97 %."
    )
    assert last.pictures == ("confusions/val/1", "probe_00_bread/lime", "probe_01_egg/input")
    assert last.steps == (63, 63, 63)
    assert last.numbers["surely_wrong"]["probability"] == pytest.approx(0.97)
    main([str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-4].startswith("- Look next at")
    assert lines[-3:] == [f"  - {tag}, step 63" for tag in last.pictures]


def test_a_place_is_shown_at_its_own_moment(tmp_path):
    probes = {"probe_00_bread": (0, said(0, 1, 0, 1, 0, 0, 1, 0, 0, 0))}
    found = told(tmp_path, counts=GOOD, probes=probes)
    assert found["next"].pictures == ("confusions/val/1", "probe_00_bread/input")
    assert found["next"].steps == (63, found["flips"].step) == (63, 49)
    assert found["next"].as_json()["steps"] == [63, 49]


@pytest.mark.parametrize("counts", [EVEN, GOOD])
def test_without_several_places_to_look_at_none_is_told(tmp_path, counts):
    assert "next" not in told(tmp_path, counts=counts)


def test_a_run_without_anything_remarkable_says_so(tmp_path):
    assert told(tmp_path) == {}
    assert str(lightning_viz.findings(tmp_path)) == "Nothing stands out in what this run has logged."


def test_the_command_tells_text_and_json(tmp_path, capsys):
    told(tmp_path, counts=GOOD)
    main([str(tmp_path)])
    text = capsys.readouterr().out
    assert text.startswith("- Bread is the worst class")
    main([str(tmp_path), "--json"])
    assert json.loads(capsys.readouterr().out)[0]["kind"] == "worst_class"


def test_a_folder_that_is_not_one_run_is_refused(tmp_path, capsys):
    with pytest.raises(NotADirectoryError, match="Expected the folder of a run"):
        lightning_viz.findings(tmp_path / "nowhere")
    told(tmp_path / "a")
    told(tmp_path / "b")
    with pytest.raises(ValueError, match=r"received .* with 2 runs: a, b: pass the folder of one"):
        lightning_viz.findings(tmp_path)
    with pytest.raises(SystemExit):
        main([str(tmp_path)])
    assert "2 runs" in capsys.readouterr().err


def test_intervals_are_those_of_another_library():
    from scipy.stats import binomtest

    for right, total in ((0, 10), (7, 10), (45, 50), (100, 100)):
        reference = binomtest(right, total).proportion_ci(method="wilson")
        assert interval(right, total) == pytest.approx((reference.low, reference.high), abs=1e-4)


@pytest.mark.parametrize("counts", [[[0, 0, 5], [10**9, 0, 40]], [[0, -1, 5], [0, 0, 40]], []])
def test_counts_that_nobody_could_have_written_end_nothing(tmp_path, counts):
    with closing(Written(tmp_path)) as log:
        log.image("confusion/val", 0, picture(1))
        log.image("probe_00_egg/saliency", 0, picture(1))
        log.map("probe_00_egg/saliency", 0, b"short", 1.0)
        log.scalar("explanations/saliency/sum", 0, 1.0)
        log.tensor("lightning_viz", 2, "lightning_viz/counts/val", 0, np.array(counts, np.int64).reshape(-1, 3))
    assert len(lightning_viz.findings(tmp_path)) == 0


def test_names_from_right_to_left_keep_their_direction_to_themselves(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.CLASSES", ["Bread", "بيضة", "حساء"])
    found = told(tmp_path, counts=GOOD, probes={"probe_00_egg": (1, said(1, *[0] * 9))})
    assert f"it is most often taken for {isolated('بيضة')} (38 of its 40 errors)" in found["worst_class"].text
    assert found["worst_class"].text.startswith("Bread is")
    assert found["worst_class"].numbers["taken_for"] == "بيضة"
    assert f"Probe 0 ({isolated('بيضة')}) is taken for Bread" in found["surely_wrong"].text
