"""What the callbacks write is what the viewer reads, although neither room knows the other."""

import numpy as np
from board import Board
from written import picture, written

from lightning_viz.harness.sinks import log_format


def test_what_the_callbacks_write_is_read(loader, static, tmp_path):
    tag, content = (
        "probe_00_egg/saliency",
        {
            "classes": ["Egg"],
            "class_tags": ["egg"],
            "probes": {"probe_00_egg": {"label": 0, "item": 3, "print": "0123456789ab"}},
            "pictures": {"probe_00_egg/saliency": {"caption": 34, "unit": "log-odds", "colours": "signed"}},
        },
    )
    values, titles = np.array([[[1.0, -0.5, 0.25]], [[0.1, 0.0, -0.3]]]), ["Egg", "crème 卵"]
    with written(tmp_path / "run") as run:
        for step, epoch in [(-1, -1), (7, 0), (14, 1)]:
            told = [
                log_format.manifest(content),
                log_format.epoch(epoch),
                log_format.prediction("probe_00_egg", 0, 0.75),
            ]
            run.add_all(step, [*told, *log_format.map_values(tag, values, 2.0, titles)])
            run.image(tag, step, picture(0))
    with Board(loader, tmp_path, ready=lambda runs: runs.get("run", {}).get("images", {}).get(tag) == 14) as board:
        found = board.runs()["run"]
        series = board.series("run", maps=[tag], bounds=[tag], predictions=["probe_00_egg"])
        packs = [[blob for blob, _ in board.pack(keys)] for _, *keys in series["maps"][tag]]
    assert (found["manifest"], found["problem"]) == ({"version": 1, **content}, None)
    assert found["epochs"] == [[-1, -1.0], [7, 0.0], [14, 1.0]]
    assert packs == 3 * [[log_format.encoded(one, 2.0, title) for one, title in zip(values, titles, strict=True)]]
    assert series["bounds"][tag] == [[-1, 2.0], [7, 2.0], [14, 2.0]]
    assert series["predictions"]["probe_00_egg"] == [[-1, 0, 0.75], [7, 0, 0.75], [14, 0, 0.75]]
