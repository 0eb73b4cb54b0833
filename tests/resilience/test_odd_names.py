"""Classes may be called anything: every picture, figure and film is there, each under a name of its own."""

import json

import pytest
import torch
from found import CALLBACKS, quick
from projects import NAMES, Project, Stripes, events, fit
from torch.utils.data import DataLoader

from lightning_viz import (
    CaptumAttribution,
    DeepDream,
    Films,
    FilterActivations,
    FilterAscent,
    FilterWall,
    GradCam,
    IntegratedGradients,
    LimePanels,
    Occlusion,
    Probes,
)

pytestmark = pytest.mark.filterwarnings("ignore:Glyph .* missing from font")  # which depends on the system's fonts

ODD = {
    "long": ["x" * 250, "x" * 249 + "y", "tiger shark, " * 30],
    "long, in CJK": ["面包" * 120, "面包" * 119 + "汤", "スープ" * 90],
    "signs that nobody sees, and halves": ["bread\x00\x1b[31m\n\r\t", "\ud800egg\x7f\u200f\u2028\udfff", "\ud83d"],
    "paths": ["../../bread", "/etc/egg", "C:\\soup"],
    "nothing": ["", " ", "."],
    "emoji and Arabic, alike": ["🍞 بيض", "?", "?"],
}


ALIKE = {
    *(CaptumAttribution, DeepDream, FilterActivations, GradCam, IntegratedGradients, LimePanels, Occlusion),
    *(FilterAscent, FilterWall),  # by channel: these have no names of classes
}
"""Whose pictures get their names where those of SaliencyMaps do."""
SHOWN = {LimePanels, GradCam, DeepDream}
"""Those of them whose files are looked at."""


def named(folder, names, leave=ALIKE, **options):
    common = {"probes": Probes(count=3, class_names=names), "on_error": "raise"}
    panels = [quick(cls, **common) for cls in CALLBACKS if cls not in leave]
    data = lambda: dict.fromkeys(("train_dataloaders", "val_dataloaders"), DataLoader(Stripes(6), batch_size=6))
    by_class = FilterAscent(classes=3, steps=2, **common)
    return fit(folder, [*panels, by_class, Films()], data=data, max_epochs=1, **options)


def tags(folder):
    log = events(folder)
    return {
        kind: [t for t in log.Tags()[kind] if not t.startswith("explain_seconds")] for kind in ("images", "scalars")
    }


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    folder = tmp_path_factory.mktemp("usual")
    named(folder, NAMES)
    return {**tags(folder), "films": len(list((folder / "films").rglob("*.*")))}


@pytest.mark.parametrize("kind", ODD)
def test_everything_is_there_under_its_own_name(kind, usual, tmp_path):
    named(tmp_path / "log", ODD[kind])
    found = tags(tmp_path / "log")
    assert {kind: len(set(all_of)) for kind, all_of in found.items()} == {kind: len(set(usual[kind])) for kind in found}
    films = list((tmp_path / "log" / "films").rglob("*.*"))
    assert len(films) == usual["films"]
    assert [f.name for f in tmp_path.iterdir()] == ["log"]
    for file in (tmp_path / "log").rglob("*"):
        assert len(file.name.encode()) < 256
    manifest = json.loads(events(tmp_path / "log").Tensors("lightning_viz/manifest")[-1].tensor_proto.string_val[0])
    assert len(manifest["classes"]) == 3
    json.dumps(manifest, ensure_ascii=False).encode()


def test_where_pictures_are_files_too(tmp_path):
    named(tmp_path, ODD["long, in CJK"], leave=ALIKE - SHOWN, logger=False, default_root_dir=tmp_path)
    for kind in ("saliency", "lime", "gradcam_*", "deep_dream*"):
        assert len(list((tmp_path / "explanations").rglob(f"*/{kind}/*.jpg"))) == 6, kind


def test_layers_may_have_long_names(tmp_path):
    class Deep(Project):
        def __init__(self):
            super().__init__()
            for level in range(40):
                self.net = torch.nn.Sequential({f"a_rather_deep_level_{level}": self.net}.popitem()[1])

    fit(tmp_path, [quick(FilterAscent), Films()], module=Deep, max_epochs=1)
    assert len([tag for tag in tags(tmp_path)["images"] if tag.startswith("filters/")]) == 2
