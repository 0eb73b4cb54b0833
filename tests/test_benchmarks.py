"""The benchmark runs and fills its table; how fast anything is, is no matter of a test."""

import sys
from dataclasses import replace

import pytest
import torch
from PIL import Image

from benchmarks import background, cost, gpu, measures, memory, ranks, superpixels, training
from benchmarks.__main__ import GROUPS, main
from benchmarks.measure import Line, in_fork, table
from benchmarks.network import Settings
from lightning_viz import ConfusionMatrixPanel, FilterActivations, SaliencyMaps
from lightning_viz.food11 import FoodClassifier

QUICK = {"size": 32, "width": 2, "samples": 16, "repetitions": 1, "images": 22, "probes": 1}


@pytest.fixture
def few(monkeypatch):
    """One callback, or two that draw at different hooks, stand for all: what they draw is no matter here."""
    monkeypatch.setattr(training, "CALLBACKS", [SaliencyMaps, ConfusionMatrixPanel])
    monkeypatch.setattr(measures, "CASES", measures.CASES[-1:])
    monkeypatch.setattr(ranks, "drawn", lambda settings: [FilterActivations(probes=settings.probes, channels=2)])
    monkeypatch.setattr(
        background, "drawn", lambda size, probes, behind: [SaliencyMaps(probes=probes, background=behind)]
    )


@pytest.mark.parametrize("group", sorted(GROUPS.keys() - {"memory", "background", "gradients"}))
@pytest.mark.usefixtures("few")
@pytest.mark.filterwarnings("ignore")
def test_every_group_has_lines_with_a_positive_ratio(group):
    lines = list(GROUPS[group].lines(Settings(**QUICK)))
    assert lines
    assert all(line.ratio > 0 for line in lines)


@pytest.mark.filterwarnings("ignore")
def test_the_table_is_printed_and_aligned(capsys):
    options = [part for name, value in QUICK.items() for part in (f"--{name}", value)]
    main([*map(str, options), "--only", "gradients"])
    about, _, head, rule, *lines = filter(None, capsys.readouterr().out.splitlines())
    assert "cores" in about
    assert "torch" in about
    assert [cell.strip() for cell in head.strip("|").split("|")] == ["what", "time", "against", "its time", "ratio"]
    assert set(rule) == set("|- ")
    assert lines
    assert {len(line) for line in lines} == {len(head)}
    assert all(float(line.strip("|").split("|")[4]) > 0 for line in lines)


@pytest.mark.usefixtures("few")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(sys.platform != "linux", reason="there are no forks")
def test_what_the_background_takes_is_measured():
    found = in_fork(background.took, "background", 32, 2, 22, 2, 1)
    assert found["cpu"] > 0
    assert found["wall"] > 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a high-water mark that can begin anew")
def test_the_memory_of_a_drawing_is_measured(capfd):
    in_fork(memory.main, "SaliencyMaps", 1, 32, 2)
    drawing, step = map(float, capfd.readouterr().out.rsplit("took", 1)[1].split())
    assert 0 <= step < 500
    assert 0 < drawing < 500


@pytest.mark.filterwarnings("ignore")
def test_what_a_gpu_is_asked_is_measured_on_any_device(capsys):
    small = ["--sizes", "32", "--width", "2", "--steps", "1", "--repetitions", "1", "--samples", "32"]
    gpu.main(["--accelerator", "cpu", *small, "--callbacks", "GradCam"])
    ratios = {cells[1].strip(): float(cells[5]) for cells in _rows(capsys.readouterr().out)}
    assert {"32 px: input gradient, 32 images", "32 px: GradCam", "32 px: Snapshots", "32 px: all callbacks"} <= set(
        ratios
    )
    assert all(ratio > 0 for ratio in ratios.values())
    assert ratios["32 px: all callbacks"] == ratios["32 px: GradCam"]


def _rows(told):
    return [line.split("|") for line in told.splitlines() if line.startswith("| 32 px")]


@pytest.mark.filterwarnings("ignore")
def test_the_growth_of_the_cost_is_drawn(tmp_path, capsys, monkeypatch):
    every = cost.curves
    monkeypatch.setattr(cost, "curves", lambda of: [replace(one, values=one.values[:2]) for one in every(of)])
    out = tmp_path / "cost.png"
    cost.main(["--size", "32", "--width", "2", "--repetitions", "1", "--out", str(out)])
    told = capsys.readouterr().out
    for name in ("probes", "pixels per side", "classes", "channels"):
        assert name in told
    with Image.open(out) as picture:
        assert picture.size == (990, 704)


def test_what_is_no_duration_has_its_unit():
    told = table([Line("peak", 12.5, "step", 50.0, unit="MiB"), Line("call", 0.25, "floor", 0.2)])
    assert "| 12.5 MiB | step    | 50 MiB   | 0.25  |" in told
    assert "| 250 ms   | floor   | 200 ms   | 1.25  |" in told


@pytest.mark.filterwarnings("ignore")
def test_superpixels_are_measured_by_the_shipped_explanations(tmp_path, capsys):
    weights = tmp_path / "untrained.pt"
    torch.manual_seed(0)  # so that the network says something of every image
    torch.save(FoodClassifier(size=32, width=2, decay=True).state_dict(), weights)
    options = [
        "--weights",
        weights,
        "--size",
        32,
        "--width",
        2,
        "--images",
        2,
        "--cuts",
        "merged",
        "--fills",
        "blurred",
    ]
    superpixels.main([*map(str, options)])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("merged")]
    figures = dict(part.split(" ") for part in line.split(":  ")[1].split("  "))
    assert figures.keys() == {"number", "IoU", "pointing", "fidelity", "insertion", "deletion", "stability"}
    assert 0 < float(figures["IoU"]) <= 1
    assert 0 <= float(figures["pointing"]) <= 1
