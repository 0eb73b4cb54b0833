"""One row of each kind, with copies, without, and one that must differ; `make matrix` runs all of them."""

import sys

import pytest

from benchmarks.measure import in_fork

from .__main__ import main
from .compiled import ROWS as COMPILED
from .outcome import Outcome, run
from .program import ProgramError, run_program
from .row import CONTROL, row

pytestmark = pytest.mark.filterwarnings("ignore")  # what Lightning advises on some of these ways to train


def test_training_is_not_disturbed(tmp_path):
    found = row("momentum teacher, drawn in the background", tmp_path, "cpu")
    assert found.verdict == "same"
    assert found.pictures > 0
    assert found.good


def test_nor_where_the_network_cannot_be_copied(tmp_path, caplog):
    with caplog.at_level("INFO"):
        found = row("hidden network", tmp_path, "cpu", guard=True)
    assert found.verdict == "same"
    assert "no copy of it can be had: TypeError: uncopyable holds something that no copy is like" in caplog.text


@pytest.mark.parametrize("name", [name for name in COMPILED if name.endswith("aot_eager")])
def test_compiled_rows_do_compile(name, tmp_path):
    assert run(COMPILED[name], tmp_path, list, "cpu").graphs > 0


def test_outcomes_differ_by_a_weight_a_metric_or_a_step_and_not_by_what_is_logged_more():
    one = Outcome({"w": "a"}, {"loss": "0x1p+0"}, {"loss": [[0, 1.0]]}, pictures=0)
    assert one.differences(Outcome({"w": "b"}, one.metrics, one.history, pictures=0)) == ["w"]
    assert one.differences(Outcome({}, one.metrics, one.history, pictures=0)) == ["w"]
    assert one.differences(Outcome(one.state, {"loss": "0x1p+1"}, one.history, pictures=0)) == ["loss"]
    assert one.differences(Outcome(one.state, one.metrics, {"loss": [[1, 1.0]]}, pictures=0)) == ["loss"]
    more = {"recall": [[0, 0.5]], **one.history}
    assert one.differences(Outcome(one.state, {"recall": "0x1p-1", **one.metrics}, more, pictures=4)) == []


@pytest.mark.parametrize(("limit", "words"), [(120, "^ImportError: torch is broken$"), (0.01, "hung for 0.01")])
def test_a_program_that_fails_or_hangs_says_so(limit, words, tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text("raise ImportError('torch is broken')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ProgramError, match=words):
        run_program("plain", tmp_path / "run", drawing=True, accelerator="cpu", limit=limit)


@pytest.mark.skipif(sys.platform != "linux", reason="there are no forks")
def test_plainly_training_is_not_disturbed_and_without_isolation_it_is_as_the_table_says(monkeypatch, capfd):
    names = ["plain", CONTROL]
    monkeypatch.setattr(sys, "argv", ["tests.matrix", "--only", *names])
    assert in_fork(main) == 0  # which it makes quiet for good
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in capfd.readouterr().out.splitlines()]
    assert [cells[0] for cells in rows[2:]] == names
    assert rows[2][1] == "same"
    assert rows[3][1].startswith("DIFFERENT: net.0")
