"""The homework's four questions: each has its pictures and an answer in figures."""

import re
import shutil
import string
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from PIL import Image

from homework import answers, network
from homework.__main__ import main
from homework.filters import answers_to, properties
from homework.network import study
from homework.texts import _TEXTS, Wording
from lightning_viz import ConfusionPanels, FilterAscent, LimePanels
from lightning_viz.food11 import CLASS_NAMES, FoodClassifier
from lightning_viz.render import fonts

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Of an untrained network: what it says is wrong, but it says something."""
    pl.seed_everything(0, verbose=False)
    path = tmp_path_factory.mktemp("network") / "untrained.ckpt"
    trainer = pl.Trainer(logger=False, accelerator="cpu", enable_checkpointing=False, enable_progress_bar=False)
    trainer.strategy.connect(FoodClassifier(size=32, width=4))
    trainer.save_checkpoint(path, weights_only=True)
    return path


@pytest.fixture(autouse=True, scope="module")
def few():
    """Fewer images, masks and steps, and smaller dreams: what is said of them is the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "VALIDATION", 33)
        patch.setattr(answers, "MANY", 6)
        patch.setattr(answers, "DREAM", {**answers.DREAM, "canvas": 64})
        few = {LimePanels: {"samples": 64}, ConfusionPanels: {"samples": 64}, FilterAscent: {"steps": 8}}
        for callback, options in few.items():
            patch.setattr(answers, callback.__name__, partial(callback, **options))
        yield


@pytest.fixture(scope="module")
def found(checkpoint):
    return study(checkpoint, None)


@pytest.fixture(scope="module")
def report(checkpoint, tmp_path_factory):
    """The folder of the English one, where an earlier homework has trained the network."""
    out = tmp_path_factory.mktemp("english") / "out"
    own = out / "training" / "own.ckpt"
    own.parent.mkdir(parents=True)
    shutil.copy(checkpoint, own)
    main(["--checkpoint", str(own), "--out", str(out)])
    return out


def test_all_four_are_answered_with_pictures_that_are_there(checkpoint, report):
    assert (report / "training" / "own.ckpt").read_bytes() == checkpoint.read_bytes()
    page = (report / "homework.md").read_text()
    _, *parts = page.split("## ")
    assert [part[0] for part in parts] == ["1", "2", "3", "4"]
    for part in parts:
        pictures = re.findall(r"\]\((images/[^)]+)\)", part)
        assert pictures
        assert all((report / name).is_file() for name in pictures)
        assert re.search(r"^- .*\d", part, re.MULTILINE), part
    assert "lies on what makes the food what it is" in parts[0]
    channels = [int(channel) for channel in re.findall(r"!\[what most activates channel (\d+)\]", parts[1])]
    assert len(channels) == 4
    assert channels == sorted(channels)


def test_a_checkpoint_that_is_not_there_is_told_before_anything_is_written(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--checkpoint", str(tmp_path / "none.ckpt"), "--out", str(tmp_path / "out")])
    assert ended.value.code == 2
    assert "none.ckpt" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(fonts.missing("蛋湯") != "", reason="no font with Chinese letters here")
@pytest.mark.filterwarnings("error:No font")
def test_in_chinese_nothing_but_terms_is_left_in_english(checkpoint, tmp_path):
    main(["--checkpoint", str(checkpoint), "--out", str(tmp_path), "--language", "zh"])
    page = (tmp_path / "homework.md").read_text(encoding="utf-8")
    prose = re.sub(r"`[^`]*`|\(images/[^)]*\)", "", page)
    terms = {"saliency", "map", "smoothgrad", "filter", "activation", "confusion", "matrix", "recall", "lime", "br"}
    terms |= {"r", "x"}  # R² and 192 x 192
    assert {word.lower() for word in re.findall("[A-Za-z]+", prose)} <= terms | {"deep", "dream"}
    assert not any(name in page for name in CLASS_NAMES)


def test_without_a_font_with_chinese_letters_that_is_told_before_anything_is_written(
    checkpoint, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(fonts, "_system_fonts", list)
    with pytest.raises(SystemExit) as ended:
        main(["--checkpoint", str(checkpoint), "--language", "zh", "--out", str(tmp_path / "out")])
    assert ended.value.code == 2
    assert "fonts-noto-cjk" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_each_caption_is_written_below_its_picture_which_ends_above_it(found, report):
    cells = re.findall(r"!\[[^]]*\]\((images/[^)]+)\)<br>([^|]+)", (report / "homework.md").read_text())
    assert len(cells) > 10
    assert all(len(words.split("<br>")) > 2 for _, words in cells)
    right = int(found.table.trace())
    (matrix,) = [words for name, words in cells if "confusion_val" in name]
    assert f"<br>{right} of {len(found.labels)} right<br>" in matrix
    for name, _ in cells:
        image = np.asarray(Image.open(report / name).convert("L"), np.float32)
        assert not is_caption(image[-20:]), name


def is_caption(rows):
    """Whether rows of a picture are light letters on the dark of a caption: as good as nothing in between."""
    return np.median(rows) < 32 and (rows > 200).any() and ((rows > 60) & (rows < 180)).mean() < 0.1


def test_what_the_chinese_report_explains_of_the_pictures_are_words_of_them():
    rooms = (ROOT / "lightning_viz" / room for room in ("callbacks", "render", "harness"))
    code = "".join(file.read_text() for room in rooms for file in room.rglob("*.py"))
    explained = set(re.findall("`([^`]+)`", Wording("zh")("pictures"))) - {"lightning_viz", "callback", "epoch 0"}
    assert len(explained) > 5
    assert [words for words in explained if not re.search(rf"\b{words}\b", code)] == []


def test_both_languages_say_the_same_values():
    for key, texts in _TEXTS.items():
        english, chinese = ({name for _, name, _, _ in string.Formatter().parse(text) if name} for text in texts)
        assert english == chinese, key
    assert len(Wording("zh").classes) == len(set(Wording("zh").classes)) == len(CLASS_NAMES)


def test_the_table_counts_what_is_taken_for_what(found):
    predicted = found.probabilities.argmax(1)
    for true, other in ((3, 3), (3, int(predicted[0])), (9, 0)):
        assert int(found.table[true, other]) == int(((found.labels == true) & (predicted == other)).sum())
    assert int(found.table.sum()) == len(found.labels)
    assert found.recall.shape == (len(CLASS_NAMES),)
    taken = int(predicted[0])
    surest = found.surest(int(found.labels[0]), taken)
    assert predicted[surest] == taken
    same = (found.labels == found.labels[0]) & (predicted == taken)
    assert found.probabilities[surest, taken] == found.probabilities[same, taken].max()
    missing = (found.table == 0).nonzero()[0].tolist()
    assert found.surest(*missing) is None


@pytest.mark.parametrize(("name", "sign"), [("redness", 1), ("edges", 1), ("brightness", -1)])
def test_a_filter_follows_the_property_that_it_is_made_of(name, sign):
    images = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    found, how = answers_to(sign * properties(images)[name], images)
    assert found == name
    assert how == pytest.approx(sign, abs=1e-5)


def test_a_dead_filter_follows_nothing():
    assert answers_to(torch.zeros(2, 4, 4), torch.rand(2, 3, 8, 8))[1] == 0.0
