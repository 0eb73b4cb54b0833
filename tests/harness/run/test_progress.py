"""Both of Lightning's progress bars tell which callback is drawing."""

import pytest
from found import quick
from projects import fit
from pytorch_lightning.callbacks import RichProgressBar, TQDMProgressBar

from lightning_viz import LimePanels, SaliencyMaps


class Seen(LimePanels):
    """Reads the bar in the midst of drawing."""

    def draw(self, scene):
        for item in super().draw(scene):
            yield item
            self.lines = [(t.description, t.completed, t.visible) for t in self.bar.progress.tasks]


def test_tqdm(tmp_path, capsys):
    fit(tmp_path, [quick(SaliencyMaps), TQDMProgressBar(), quick(LimePanels)], enable_progress_bar=True, max_epochs=1)
    shown = capsys.readouterr()
    assert "drawing SaliencyMaps" in shown.err
    assert "drawing LimePanels" in shown.err


def test_rich(tmp_path):
    bar, first, second = RichProgressBar(), quick(SaliencyMaps), quick(Seen, probes=4)
    second.bar = bar
    fit(tmp_path, [first, bar, second], enable_progress_bar=True, max_epochs=2)
    (drawing,) = [line for line in second.lines if line[0].startswith("drawing")]
    assert drawing[0] == "drawing Seen"
    assert drawing[1] >= 4
    assert drawing[2]
    after = [t for t in bar.progress.tasks if t.fields.get("drawing")]
    assert len(after) == 1  # one line for all callbacks and epochs
    assert not after[0].visible


@pytest.mark.parametrize("bar", [RichProgressBar, TQDMProgressBar])
def test_a_bar_that_is_off_stays_off(bar, tmp_path, capsys):
    quiet = bar(refresh_rate=0)
    fit(tmp_path, [quiet, quick(SaliencyMaps)], enable_progress_bar=True, max_epochs=1)
    assert "drawing" not in capsys.readouterr().err
