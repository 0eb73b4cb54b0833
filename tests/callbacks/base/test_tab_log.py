"""What a log tells the Explanations tab beside the pictures, read back from the event files."""

import json
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
import torch
from balls import Balls, OfVolumes, volumes
from PIL import Image
from projects import NAMES, Project, Stripes, events, fit
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from torch.utils.data import DataLoader

from lightning_viz import ConfusionMatrixPanel, Films, IntegratedGradients, LimePanels, Probes, SaliencyMaps
from lightning_viz.callbacks.attribution.maps import FLOOR, PARTS
from lightning_viz.callbacks.attribution.superpixels import Lime, largest
from lightning_viz.harness.sinks.log_format import encoded
from lightning_viz.harness.sinks.tab import original

OWN = "lightning_viz/"


class Log:
    """A log folder, or one event file."""

    def __init__(self, path):
        self.read = events(path)
        self.tags = {kind: tags for kind, tags in self.read.Tags().items() if isinstance(tags, list)}
        self.own = [tag for tag in self.tags["tensors"] if tag.startswith(OWN)]

    def tensors(self, name):
        """Steps and tensors of one of our tags; none where there is no such tag."""
        found = self.read.Tensors(f"{OWN}{name}") if f"{OWN}{name}" in self.own else []
        return [(event.step, event.tensor_proto) for event in found]

    def floats(self, name):
        return [(step, *tensor.float_val) for step, tensor in self.tensors(name)]

    def manifests(self):
        return [(step, json.loads(tensor.string_val[0])) for step, tensor in self.tensors("manifest")]

    def maps(self, picture):
        return {step: decoded(tensor.string_val[0]) for step, tensor in self.tensors(f"map/{picture}")}


def decoded(blob):
    """The values, and the value of one unit."""
    height, width = np.frombuffer(blob, "<u2", 2)
    unit = np.frombuffer(blob, "<f4", 1, offset=4)[0]
    values = np.frombuffer(blob, np.int8, height * width, offset=8).reshape(height, width)
    return values * float(unit), float(unit)


def noting(cls, **options):
    """A callback that keeps what its pictures show: by step and probe the map, and where its colours are full."""

    class Noting(cls):
        def draw(self, scene):
            self.scene = scene
            yield from super().draw(scene)

        def attribute(self, subject, images, targets):
            values = super().attribute(subject, images, targets)
            contrasts = (images.amax((1, 2, 3)) - images.amin((1, 2, 3))) ** self.per_contrast
            for i, one in enumerate(values * contrasts[:, None, None, None]):
                flat = self.flat(one)
                full = float(one.abs().max()) if self.name == "loss_saliency" else 0
                shown = flat, full or float(np.percentile(flat.abs(), 99))
                self.shown.setdefault((self.scene.step, i), shown)  # at the end come others, that are not drawn
            return values

    class NotingLime(Lime):
        def weights(self, scene, i, superpixels, classes):
            found = super().weights(scene, i, superpixels, classes)
            made.shown[scene.step, i] = found[0].weights[superpixels.segments], largest(found)
            return found

    Noting.__name__ = "_".join([cls.__name__, *options])  # two of one name would be the same callback twice
    made = Noting(probes=3, on_error="raise", **options)
    made.shown = {}
    if cls is LimePanels:
        made.lime = NotingLime(**vars(made.lime))
    return made


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The log of three epochs, and the callbacks that drew maps; the last one in every second epoch."""
    folder = tmp_path_factory.mktemp("log")
    maps = [
        noting(SaliencyMaps),
        noting(IntegratedGradients, steps=4),
        noting(LimePanels, samples=24, segments=8),
        noting(SaliencyMaps, method="loss", every_n_epochs=2),
    ]
    fit(folder, [Films(), *maps, ConfusionMatrixPanel(on_error="raise")], max_epochs=3)
    return Log(folder), maps


def test_every_step_has_its_epoch_once_and_in_order(run):
    log, _ = run
    assert log.floats("epoch") == [(-1, -1), (5, 0), (11, 1), (17, 2), (18, 2)]
    drawn = [log.read.Images(tag) for tag in log.tags["images"]]
    drawn += [log.read.Scalars(tag) for tag in log.tags["scalars"] if tag.startswith(("expl", "prob", "recall"))]
    assert {event.step for found in drawn for event in found} == {-1, 5, 11, 17, 18}


def test_the_manifest_tells_of_classes_probes_and_every_picture(run):
    log, maps = run
    manifest, probes = log.manifests()[-1][1], maps[0].scene.probes
    assert manifest["version"] == 1
    assert (manifest["classes"], manifest["class_tags"]) == (NAMES, ["bread", "egg", "soup"])
    data = Stripes(24, seed=2)
    assert list(manifest["probes"]) == ["probe_00_bread", "probe_01_egg", "probe_02_soup"]
    for i, about in enumerate(manifest["probes"].values()):
        assert (about["label"], data.targets[about["item"]]) == (i, i)
        assert torch.equal(data.images[about["item"]], probes.images[i])
        assert about["print"] == probes.prints[i][:12]
    pictures = manifest["pictures"]
    assert pictures.keys() == {*log.tags["images"]}
    films = {tag for tag, about in pictures.items() if about.get("film")}
    assert films == {tag for tag in pictures if "/film" in tag} >= {"probe_00_bread/filmstrip"}
    high = {tag: log.read.Images(tag)[-1].height for tag in pictures}
    assert high["probe_00_bread/input"] - pictures["probe_00_bread/input"]["caption"] == 350  # as high as wide
    assert high["probe_00_bread/saliency"] - pictures["probe_00_bread/saliency"]["caption"] == 173 + 16  # colour bar
    assert {pictures[tag]["caption"] for tag in ("confusion/val", "explanations/lime/curves")} == {0}


def test_captions_are_there_as_text_and_every_probe_as_it_is_once(run):
    log, maps = run
    for step, epoch in ((-1, None), (5, 0), (17, 2)):
        (lines,) = [tensor.string_val for at, tensor in log.tensors("caption/probe_01_egg/saliency") if at == step]
        first, second = (line.decode() for line in lines)
        assert first.startswith("untrained · \u2068Egg\u2069" if epoch is None else f"epoch {epoch} · \u2068Egg\u2069")
        assert second.startswith("saliency of \u2068Egg\u2069")
    pictures = {tag for tag, about in log.manifests()[-1][1]["pictures"].items() if about["caption"]}
    assert {tag for tag in pictures if "film" not in tag} == {
        tag.removeprefix(f"{OWN}caption/") for tag in log.own if "/caption/" in tag
    }
    for i, probe in enumerate(("probe_00_bread", "probe_01_egg", "probe_02_soup")):
        ((step, tensor),) = log.tensors(f"original/{probe}")
        shown = np.asarray(Image.open(BytesIO(tensor.string_val[0])))
        assert step == -1
        assert np.abs(shown / 255 - maps[0].scene.probes.pixels[i].permute(1, 2, 0).numpy()).max() < 1 / 255


def test_large_probes_are_photographs_of_at_most_512_pixels():
    image = np.tile(np.linspace(0, 255, 1024).astype(np.uint8)[None, :, None], (600, 1, 3))
    found = Image.open(BytesIO(original(image)))
    assert (found.format, found.size) == ("JPEG", (512, 300))
    assert np.abs(np.asarray(found).astype(int)[:, ::8] - image[::2, ::16][:300]).max() < 8
    assert Image.open(BytesIO(original(image[:90, :120]))).format == "PNG"


def test_the_manifest_tells_what_maps_are_measured_in_and_how_they_are_coloured(run):
    pictures = run[0].manifests()[-1][1]["pictures"]
    painted = {
        tag.partition("/")[2]: (about["unit"], about.get("colours"))
        for tag, about in pictures.items()
        if "unit" in about
    }
    assert painted == {
        "saliency": ("first-order log-odds", "sequential"),
        "integrated_gradients": ("log-odds", "signed"),
        "lime": ("log-odds", "signed"),
        "loss_saliency": ("first-order nats of the loss", None),
    }


def test_of_lime_both_classes_have_a_map_with_their_names(run):
    log, _ = run
    for probe, label in [("probe_00_bread", "Bread"), ("probe_01_egg", "Egg")]:
        for _, tensor in log.tensors(f"map/{probe}/lime"):
            blobs = tensor.string_val
            (height, width), _ = np.frombuffer(blobs[0], "<u2", 2), None
            names = [blob[8 + int(height) * int(width) :].decode() for blob in blobs]
            assert names[0] == label
            assert names[1] in {*NAMES} - {label}


def test_the_manifest_is_written_where_it_has_changed(run):
    written = run[0].manifests()
    assert all(a != b for (_, a), (_, b) in pairwise(written))
    steps = [step for step, _ in written]
    assert steps == sorted(steps)
    assert 11 not in steps  # where nothing was drawn for the first time
    assert len(written) < 15  # of all films together one


def test_maps_are_those_of_the_method_within_a_unit(run):
    log, maps = run
    for callback in maps:
        for i, probe in enumerate(log.manifests()[-1][1]["probes"]):
            found, bounds = log.maps(f"{probe}/{callback.tag}"), dict(log.floats(f"bound/{probe}/{callback.tag}"))
            expected = {step: shown for (step, probe), shown in callback.shown.items() if probe == i}
            drawn = {event.step for event in log.read.Images(f"{probe}/{callback.tag}")}
            assert found.keys() == bounds.keys() == expected.keys() & drawn == drawn, callback.tag
            full = FLOOR * PARTS / 16**2 if callback.per_pixel else FLOOR
            for step in sorted(drawn):
                (values, unit), (own, largest) = found[step], expected[step]
                full = max(full, largest)
                bound = largest if callback.tag == "loss_saliency" else full
                assert bounds[step] == pytest.approx(bound, rel=1e-6)
                assert unit * 127 == pytest.approx(min(bound, float(own.abs().max())), rel=1e-6)
                assert np.abs(values - own.clip(-bound, bound).numpy()).max() <= 0.501 * unit


def test_what_is_said_is_the_largest_of_the_logged_probabilities(run):
    log, _ = run
    for probe in log.manifests()[-1][1]["probes"]:
        series = [log.read.Scalars(f"probability/{probe}/{name}") for name in ("bread", "egg", "soup")]
        expected = []
        for events_ in zip(*series, strict=True):
            values = [event.value for event in events_]
            expected.append((events_[0].step, int(np.argmax(values)), max(values)))
        assert log.floats(f"prediction/{probe}") == expected
        assert len(expected) == 4


class Masked(Stripes):
    """Knows where the evidence lies: in a corner as large as the item's number, of the first nowhere."""

    def mask(self, index):
        found = np.zeros((16, 16), dtype=bool)
        found[:index, : 2 * index] = True
        return found


def inside(area, size):
    """A mask from its runs."""
    turns = np.repeat([k % 2 for k in range(len(area["inside"]))], area["inside"])
    return np.append(turns, np.zeros(np.prod(size) - len(turns))).reshape(size)


def loaders_of(data):
    return lambda: {"train_dataloaders": DataLoader(data, batch_size=8), "val_dataloaders": DataLoader(data)}


def test_masks_are_logged_once_and_as_they_are(tmp_path):
    callbacks = [SaliencyMaps(probes=Probes(indices=[0, 1, 5])), LimePanels(probes=Probes(indices=[1]), samples=64)]
    fit(tmp_path, callbacks, data=loaders_of(Masked(12)), max_epochs=1)
    log = Log(tmp_path)
    known = {tag: about.get("masked", False) for tag, about in log.manifests()[-1][1]["probes"].items()}
    assert known == {"probe_00_bread": False, "probe_01_egg": True, "probe_02_soup": True}
    for probe, item in (("probe_01_egg", 1), ("probe_02_soup", 5)):
        ((step, tensor),) = log.tensors(f"original/{probe}")
        picture, mask = tensor.string_val
        assert (step, Image.open(BytesIO(picture)).size) == (-1, (16, 16))
        content = json.loads(mask)
        (area,) = content["masks"]
        assert content["size"] == [1, 16, 16]
        assert "class" not in area
        assert np.array_equal(inside(area, [16, 16]), Masked().mask(item))
        assert len(mask) < 150
    assert len(log.tensors("original/probe_00_bread")[0][1].string_val) == 1


def test_of_volumes_every_slice_of_the_mask_is_logged(tmp_path):
    data = Balls(6, seed=2)
    fit(tmp_path, [SaliencyMaps(probes=1)], module=OfVolumes, data=volumes, max_epochs=1)
    ((_, tensor),) = Log(tmp_path).tensors("original/probe_00_ball")
    content = json.loads(tensor.string_val[2])  # behind the picture and the slices
    assert content["size"] == [8, 10, 12]
    assert np.array_equal(inside(content["masks"][0], content["size"]), data.mask(0).numpy())


def test_of_several_labels_each_has_its_mask(tmp_path):
    class Several(Masked):
        def __getitem__(self, i):
            return self.images[i], torch.eye(3)[[self.targets[i], 1]].amax(0)

        def mask(self, index):
            left = super().mask(index)
            return np.stack([left, left & False, ~left])

    probes = Probes(indices=[2], task="labels")
    fit(tmp_path, [SaliencyMaps(probes=probes, on_error="raise")], data=loaders_of(Several(12)), max_epochs=1)
    log = Log(tmp_path)
    (probe,) = log.manifests()[-1][1]["probes"]
    mask = json.loads(log.tensors(f"original/{probe}")[0][1].string_val[1])
    first, third = Several().mask(2)[[0, 2]]
    assert [area["class"] for area in mask["masks"]] == [0, 2]  # the second is nowhere
    assert np.array_equal(inside(mask["masks"][0], [16, 16]), first)
    assert np.array_equal(inside(mask["masks"][1], [16, 16]), third)
    assert mask["masks"][0]["colour"] != mask["masks"][1]["colour"]


def test_stock_tabs_see_nothing_of_it(run):
    log, _ = run
    assert {log.read.SummaryMetadata(tag).plugin_data.plugin_name for tag in log.own} == {"lightning_viz"}
    assert not [tag for kind in ("images", "scalars") for tag in log.tags[kind] if tag.startswith(OWN)]


@pytest.mark.filterwarnings("ignore:.*not finite")
def test_where_nothing_is_finite_there_is_no_map_and_no_class(tmp_path):
    class Lost(Project):
        def on_train_epoch_start(self):
            torch.nn.init.constant_(self.net[9].weight, float("nan"))

    fit(tmp_path, [SaliencyMaps(probes=1), LimePanels(probes=1, samples=64)], module=Lost, max_epochs=1)
    log = Log(tmp_path)
    assert [step for step, *_ in log.floats("epoch")] == [-1, 5, 6]
    assert log.floats("prediction/probe_00_bread")[1:] == [(5, -1, 0)]
    assert [*log.maps("probe_00_bread/saliency")] == [*log.maps("probe_00_bread/lime")] == [-1]
    assert len(log.read.Images("probe_00_bread/lime")) == 2


def test_a_resumed_run_in_the_same_folder_tells_everything_anew(tmp_path):
    fit(tmp_path / "log", [SaliencyMaps(probes=1)], max_epochs=1).save_checkpoint(tmp_path / "one.ckpt")
    (first,) = (tmp_path / "log").glob("events*")
    fit(tmp_path / "log", [SaliencyMaps(probes=1)], max_epochs=2, ckpt_path=tmp_path / "one.ckpt")
    before, after = Log(first), Log(next(f for f in (tmp_path / "log").glob("events*") if f != first))
    assert after.manifests()[-1][1] == before.manifests()[-1][1]
    assert after.floats("epoch") == [(11, 1), (12, 1)]


def test_a_test_after_the_training_adds_to_what_is_known_of_the_log(tmp_path):
    run = fit(tmp_path, [SaliencyMaps(probes=1), ConfusionMatrixPanel()], max_epochs=1)
    run.test(run.lightning_module, DataLoader(Stripes(12), batch_size=4), verbose=False)
    manifest = Log(tmp_path).manifests()[-1][1]
    assert manifest["pictures"].keys() == {*events(tmp_path).Tags()["images"]} >= {"confusion/val", "confusion/test"}


def test_of_several_loggers_those_of_tensorboard_get_it(tmp_path):
    loggers = [TensorBoardLogger(tmp_path, name, "") for name in "ab"] + [CSVLogger(tmp_path, "c", "")]
    fit(tmp_path, [SaliencyMaps(probes=1, on_error="raise")], logger=loggers, max_epochs=1)
    a, b = Log(tmp_path / "a"), Log(tmp_path / "b")
    assert a.own == b.own != []
    assert a.manifests() == b.manifests()
    assert OWN not in (tmp_path / "c" / "metrics.csv").read_text()


class WithoutTensors(TensorBoardLogger):
    """Its disk, or whatever it is, takes everything but what is for the tab."""

    @property
    def experiment(self):
        queue = super().experiment._get_file_writer().event_writer._async_writer
        if not isinstance(queue._writer, Refusing):
            queue._writer = Refusing(queue._writer)
        return super().experiment


class Refusing:
    """Writes records but those for the tab."""

    def __init__(self, writer):
        self.writer = writer
        self.flush, self.close = writer.flush, writer.close

    def write(self, data):
        if OWN.encode() in data:
            raise OSError("no tensors")
        self.writer.write(data)


@pytest.mark.parametrize("on_error", ["warn", "raise"])
def test_a_failure_is_told_like_that_of_a_picture_and_no_picture_is_lost(on_error, tmp_path):
    logger = WithoutTensors(tmp_path, "", "")
    told = pytest.warns(UserWarning, match="could not draw") if on_error == "warn" else pytest.raises(OSError)
    with told as found:
        fit(tmp_path, [SaliencyMaps(probes=1, on_error=on_error)], logger=logger)
    log = Log(tmp_path)
    assert not log.own
    assert len(log.read.Images("probe_00_bread/saliency")) == (3 if on_error == "warn" else 1)
    if on_error == "warn":
        assert len([warning for warning in found if "could not draw" in str(warning.message)]) == 1


def test_large_maps_are_reduced_by_the_mean_of_areas():
    values = np.random.default_rng(0).normal(size=(128, 96))
    found, unit = decoded(encoded(values, 1.0))
    expected = values.reshape(64, 2, 48, 2).mean((1, 3)).clip(-1, 1)
    assert np.abs(found - expected).max() <= 0.501 * unit
    odd, unit = decoded(encoded(np.abs(values[:, :70]), 9.0))
    assert odd.shape == (64, 35)
    assert decoded(encoded(values[:5], 9.0))[0].shape == (3, 64)


@pytest.mark.parametrize(("largest", "bound"), [(0.0, 0.0), (1e-44, 1e-44), (3e38, 1e-30), (3e38, 3e38)])
def test_no_magnitude_is_too_much_for_a_map(largest, bound):
    values, unit = decoded(encoded(np.array([[-largest, 0, largest]]), bound))
    assert values[0, 1] == 0
    assert values[0, 2] == -values[0, 0] == 127 * unit <= bound * 1.001
