"""A run folder that somebody else has made leads nobody out of it."""

import json
import warnings

import pytest
from projects import fit

from lightning_viz import Films, SaliencyMaps, films
from lightning_viz.harness.sinks.frames import INDEX, Frames

OUTSIDE = ["../../thesis.tex", "a/../../../thesis.tex", "{folder}/thesis.tex", "link/thesis.tex", "thesis.tex"]


@pytest.fixture
def forged(tmp_path):
    """A run folder whose index names files outside of it, and the file that is outside."""
    precious = tmp_path / "thesis.tex"
    precious.write_text("years of work")
    frames = tmp_path / "run" / "frames"
    frames.mkdir(parents=True)
    (frames / "link").symlink_to(tmp_path)
    (frames / "thesis.tex").symlink_to(precious)
    lines = [
        {"tag": f"a/{i}", "step": 5, "epoch": 1, "caption": 0, "file": file.format(folder=tmp_path)}
        for i, file in enumerate(OUTSIDE)
    ]
    (frames / INDEX).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return frames, precious


def test_a_new_run_in_it_leaves_alone_what_is_outside(forged):
    frames, precious = forged
    with pytest.warns(
        UserWarning, match=r"5 files that are not in its folder, such as '\.\./\.\./thesis.tex'"
    ) as caught:
        fit(frames.parent, [SaliencyMaps(probes=1, on_error="raise"), Films()], max_epochs=1)
    assert len([w for w in caught if "not in its folder" in str(w.message)]) == 1
    assert precious.read_text() == "years of work"
    assert (frames.parent / "films" / "probe_00_bread" / "film_saliency.webp").exists()


def test_a_run_that_is_resumed_from_it_takes_nothing_from_outside(forged, tmp_path):
    frames, precious = forged
    saved = tmp_path / "saved.ckpt"
    fit(tmp_path / "own", [SaliencyMaps(probes=1), Films()], max_epochs=1).save_checkpoint(saved)
    other = tmp_path / "deep" / "er" / "other"
    (other / "frames").mkdir(parents=True)
    (tmp_path / "deep" / "thesis.tex").write_text("not this one either")
    mine = Frames(other / "frames")
    with pytest.warns(UserWarning, match="not in its folder"):
        assert not mine.take_over(frames, until=10)
    assert precious.read_text() == "years of work"
    assert (tmp_path / "deep" / "thesis.tex").read_text() == "not this one either"
    assert mine.by_tag() == {}


def test_an_index_that_names_itself_is_not_taken_over(tmp_path):
    earlier, own = tmp_path / "earlier", tmp_path / "own"
    earlier.mkdir()
    line = {"tag": "a", "step": 0, "epoch": 0, "caption": 0, "file": INDEX}
    (earlier / INDEX).write_text(json.dumps(line) + "\n")
    before = (earlier / INDEX).read_text()
    with pytest.warns(UserWarning, match="not in its folder"):
        assert not Frames(own).take_over(earlier, until=5)
    assert (earlier / INDEX).read_text() == before
    assert not (own / INDEX).exists() or not (own / INDEX).samefile(earlier / INDEX)


@pytest.mark.parametrize("odd", [
    "3", "[]", "{}", '{"tag": 1, "step": 0, "epoch": 0, "caption": 0, "file": "a/0.jpg"}', '"\\ud800"',
    '{"tag": "a", "step": "0", "epoch": 0, "caption": 0, "file": "a/0.jpg"}',
    '{"tag": "a", "step": 0, "epoch": 0, "caption": -3, "file": "a/0.jpg"}',
    '{"tag": "a", "step": 0, "epoch": 0, "caption": 0, "file": ""}',
    '{"tag": "a", "step": 0, "epoch": 0, "caption": 0, "file": "a\\u0000b"}',
    '{"tag": "a", "step": 0, "epoch": 0, "caption": 0, "file": "a/0.jpg", "more": 1}', "\udcff",
])  # fmt: skip
def test_lines_that_are_no_frames_are_passed_over(odd, tmp_path):
    folder = tmp_path / "run" / "frames"
    folder.mkdir(parents=True)
    (folder / INDEX).write_bytes(odd.encode(errors="surrogateescape") + b"\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Frames(folder).by_tag() == {}


def test_films_are_made_from_the_frames_of_a_run_afterwards(tmp_path, capsys):
    fit(tmp_path, [SaliencyMaps(probes=2), Films(keep_frames=True)], max_epochs=1)
    made = {file.relative_to(tmp_path): file.read_bytes() for file in (tmp_path / "films").rglob("*.*")}
    for file in made:
        (tmp_path / file).unlink()
    films.main([str(tmp_path)])
    assert {file.relative_to(tmp_path): file.read_bytes() for file in (tmp_path / "films").rglob("*.*")} == made
    assert len(capsys.readouterr().out.split()) == len(made) == 6
    with pytest.raises(SystemExit):
        films.main([str(tmp_path / "films")])
    assert "expected frames of a run with the callback Films" in capsys.readouterr().err
