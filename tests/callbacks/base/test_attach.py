"""All callbacks on a project that knows nothing of them."""

import io

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from PIL import Image
from projects import NAMES, Project, Stripes, charted, events, fit, loaders
from torch.utils.data import DataLoader

from lightning_viz import (
    ConfusionMatrixPanel,
    DeepDream,
    FilterActivations,
    FilterAscent,
    LimePanels,
    Probes,
    SaliencyMaps,
)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    folder = tmp_path_factory.mktemp("all")
    fit(
        folder,
        [
            *(SaliencyMaps(), FilterAscent(steps=2, channels=2), FilterActivations(channels=2)),
            *(LimePanels(samples=16, segments=4), DeepDream(octaves=1, iterations=1), ConfusionMatrixPanel()),
        ],
    )
    return events(folder)


def test_tags_name_the_probe_first(log):
    tags = log.Tags()["images"]
    for kind in ("input", "saliency", "activations_net_4", "lime", "deep_dream"):
        assert f"probe_03_egg/{kind}" in tags
    assert "filters/net_4/0" in tags
    assert "confusion/val" in tags


def test_every_callback_explains_the_same_eight_probes(log):
    probes = {tag.split("/")[0] for tag in log.Tags()["images"] if tag.startswith("probe")}
    assert len(probes) == 8
    assert {p.split("_")[2] for p in probes} == {name.lower() for name in NAMES}


def test_every_epoch_has_its_picture_at_the_step_of_the_scalars(log):
    assert [e.step for e in log.Images("probe_00_bread/saliency")] == [-1, 5, 11]
    assert [e.step for e in log.Scalars("loss")][-1] == 11
    assert [e.step for e in log.Images("confusion/val")] == [e.step for e in log.Scalars("val_acc")]


def test_the_first_picture_of_a_probe_is_the_untrained_networks(tmp_path):
    class Asked(SaliencyMaps):
        seen = ()

        def draw(self, scene):
            weights = scene.subject.net.net[0].weight.detach().clone()
            type(self).seen += ((scene.step, scene.epoch, scene.when, weights),)
            yield from super().draw(scene)

    pl.seed_everything(7, verbose=False)
    untrained = Project().net[0].weight
    others = [FilterAscent(channels=1, steps=2), ConfusionMatrixPanel()]
    fit(tmp_path, [Asked(probes=2, on_error="raise"), *others], max_epochs=1)
    (first, last) = Asked.seen
    assert first[:3] == (-1, -1, "untrained")
    assert torch.equal(first[3], untrained)
    assert last[:3] == (5, 0, "epoch 0")
    assert not torch.equal(last[3], untrained)
    log = events(tmp_path)
    assert [e.step for e in log.Scalars("probability/probe_00_bread/egg")] == [-1, 5]
    assert [e.step for e in log.Images("filters/net_4/0")] == [5]  # of no probe


def test_a_drawing_before_the_first_step_takes_no_step_of_a_short_epoch(tmp_path):
    fit(tmp_path, [SaliencyMaps(probes=1, on_error="raise")], limit_train_batches=1)
    assert [e.step for e in events(tmp_path).Images("probe_00_bread/saliency")] == [-1, 0, 1]


def test_pictures_are_as_wide_as_a_card(log):
    for tag in log.Tags()["images"]:
        image = Image.open(io.BytesIO(log.Images(tag)[0].encoded_image_string))
        assert image.format == ("PNG" if tag.startswith("confusion") or tag.endswith("/curves") else "JPEG")
        if not tag.startswith("confusion"):
            assert image.width == 350


def test_probabilities_of_a_probe_sum_to_one(log):
    last = [log.Scalars(f"probability/probe_00_bread/{name.lower()}")[-1].value for name in NAMES]
    assert sum(last) == pytest.approx(1, abs=1e-5)


def test_one_chart_per_probe_in_custom_scalars(log):
    (charts,) = charted(log).values()
    probes = {tag.split("/")[0] for tag in log.Tags()["images"] if tag.endswith("/input")}
    assert charts == {probe: {f"probability/{probe}/{name.lower()}" for name in NAMES} for probe in probes}


def test_recall_agrees_with_the_validation_accuracy(log):
    recalls = [log.Scalars(f"recall/val/{name.lower()}")[-1].value for name in NAMES]
    assert np.mean(recalls) == pytest.approx(log.Scalars("val_acc")[-1].value, abs=1e-6)  # classes are equally large


def test_lime_tells_its_fidelity(log):
    assert all(e.value <= 1 for e in log.Scalars("explanations/lime/fidelity"))


def test_ascent_logs_what_it_reached(log):
    assert len(log.Scalars("filters/net_4/0_activation")) == 2


@pytest.mark.parametrize(
    ("probes", "expected"),
    [
        (3, 3),
        (Probes(per_class=1), 3),
        (Probes(indices=[5, 2, 7, 11]), 4),
        (Probes(count=4, split="train"), 4),
    ],
)
def test_other_wishes(probes, expected, tmp_path):
    fit(tmp_path, [SaliencyMaps(probes=probes, on_error="raise")], max_epochs=1)
    assert len({t.split("/")[0] for t in events(tmp_path).Tags()["images"] if t.startswith("probe")}) == expected


def test_indices_are_those_of_the_data_set(tmp_path):
    fit(tmp_path, [SaliencyMaps(probes=Probes(indices=[5, 1]), on_error="raise")], max_epochs=1)
    image = Image.open(io.BytesIO(events(tmp_path).Images("probe_00_soup/input")[0].encoded_image_string))
    shown = np.asarray(image.convert("RGB").resize((16, 16), box=(0, 0, 350, 350))) / 255
    expected = Stripes(24, seed=2).images[5].permute(1, 2, 0).numpy()
    others = [np.abs(shown - im.permute(1, 2, 0).numpy()).mean() for im in Stripes(24, seed=2).images]
    assert np.abs(shown - expected).mean() == min(others) < 0.1


def test_the_same_image_has_one_number_in_all_callbacks(tmp_path):
    first = SaliencyMaps(probes=Probes(indices=[4, 8]))
    second = LimePanels(probes=Probes(indices=[8, 0]), samples=16, segments=4)
    fit(tmp_path, [first, second], max_epochs=1)
    tags = events(tmp_path).Tags()["images"]
    assert sorted({t.split("/")[0] for t in tags if t.startswith("probe")}) == [
        "probe_00_egg",
        "probe_01_soup",
        "probe_02_bread",
    ]
    assert "probe_01_soup/saliency" in tags
    assert "probe_01_soup/lime" in tags


@pytest.mark.parametrize(
    ("options", "steps"), [({"every_n_epochs": 2}, [-1, 11]), ({"every_n_steps": 4}, [-1, 3, 7, 11])]
)
def test_schedules(options, steps, tmp_path):
    fit(tmp_path, [SaliencyMaps(probes=1, **options, on_error="raise")])
    assert [e.step for e in events(tmp_path).Images("probe_00_bread/saliency")] == steps


def test_steps_count_optimizer_steps_also_where_several_are_taken_at_once(tmp_path):
    class Manual(Project):
        automatic_optimization = False

        def training_step(self, batch, batch_idx):
            first, second = self.optimizers()
            loss = torch.nn.functional.cross_entropy(self(batch[0]), batch[1])
            first.zero_grad()
            self.manual_backward(loss)
            first.step()
            if batch_idx % 2:
                second.step()

        def configure_optimizers(self):
            return [torch.optim.SGD(self.parameters(), lr=0.01) for _ in range(2)]

    fit(tmp_path / "manual", [SaliencyMaps(probes=1, every_n_steps=4, on_error="raise")], module=Manual, max_epochs=1)
    steps = [e.step for e in events(tmp_path / "manual").Images("probe_00_bread/saliency")]
    assert len(steps) == 3  # before the first of 9 steps, and twice in 6 batches
    options = {"accumulate_grad_batches": 4, "max_epochs": 1}
    fit(tmp_path / "accumulated", [SaliencyMaps(probes=1, every_n_steps=2, on_error="raise")], **options)
    steps = [e.step for e in events(tmp_path / "accumulated").Images("probe_00_bread/saliency")]
    assert steps == [-1, 1]  # two optimizer steps in 6 batches


def test_two_callbacks_with_one_tag_say_so(tmp_path):
    with pytest.warns(UserWarning, match="Two callbacks draw 'probe_00_bread/saliency', and SaliencyMaps_2"):
        fit(tmp_path, [SaliencyMaps(probes=1), SaliencyMaps(probes=1)], max_epochs=1)
    assert len(events(tmp_path).Images("probe_00_bread/saliency")) == 2


def test_an_epoch_that_ends_before_its_first_step_has_no_pictures_of_its_own(tmp_path):
    class Stops(pl.Callback):
        def on_train_epoch_start(self, trainer, pl_module):
            trainer.should_stop = trainer.current_epoch == 2

    fit(tmp_path, [Stops(), SaliencyMaps(probes=1, on_error="raise")], max_epochs=-1, min_epochs=1)
    assert [e.step for e in events(tmp_path).Images("probe_00_bread/saliency")] == [-1, 5, 11]


def test_normalised_images_are_shown_as_they_were(tmp_path):
    class Normalised(Stripes):
        mean, std = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)

        def __getitem__(self, i):
            image, label = super().__getitem__(i)
            return (image - torch.tensor(self.mean)[:, None, None]) / torch.tensor(self.std)[:, None, None], label

    def data():
        return {
            "train_dataloaders": DataLoader(Normalised(24), batch_size=8),
            "val_dataloaders": DataLoader(Normalised(24), batch_size=8),
        }

    for name, source in (("plain", lambda: dict.fromkeys(loaders(), DataLoader(Stripes(24), 8))), ("normal", data)):
        fit(tmp_path / name, [SaliencyMaps(probes=1, on_error="raise")], data=source, max_epochs=1)
    shown = [
        np.asarray(Image.open(io.BytesIO(events(tmp_path / n).Images("probe_00_bread/input")[0].encoded_image_string)))
        for n in ("plain", "normal")
    ]
    assert np.abs(shown[0][:350].astype(int) - shown[1][:350]).mean() < 2


def test_several_validation_loaders_have_a_matrix_each(tmp_path):
    class Two(Project):
        def validation_step(self, batch, batch_idx, dataloader_idx=0):
            return super().validation_step(batch, batch_idx)

    def data():
        both = [DataLoader(Stripes(n, seed=n), batch_size=8) for n in (12, 24)]
        return {**loaders(), "val_dataloaders": both}

    fit(tmp_path, [ConfusionMatrixPanel(on_error="raise")], module=Two, data=data, max_epochs=1)
    assert {"confusion/val_0", "confusion/val_1"} <= set(events(tmp_path).Tags()["images"])


class Fails(SaliencyMaps):
    def draw(self, scene):
        raise RuntimeError(f"of seed {self.seed}")


@pytest.mark.filterwarnings("ignore:Two callbacks draw")  # at the end of the training, where none fails
def test_of_two_callbacks_of_one_class_a_warning_tells_which(tmp_path):
    with pytest.warns(UserWarning, match="could not draw") as caught:
        fit(tmp_path, [Fails(seed=0, probes=1), SaliencyMaps(probes=1), Fails(seed=1, probes=1)], max_epochs=1)
    said = [str(one.message) for one in caught if "could not draw" in str(one.message)]
    assert [text.split()[0] for text in said] == ["Fails", "Fails_2"]
    assert "of seed 1" in said[1]


def test_of_two_callbacks_of_one_class_every_word_tells_which(tmp_path, caplog):
    class Nowhere(Project):
        """Its scores are infinite while something is drawn."""

        def forward(self, x):
            found = self.net(x)
            return found if self.training or torch.is_grad_enabled() is False else found * torch.inf

    maps = SaliencyMaps(probes=2, max_overhead=1e-6)
    with pytest.warns(UserWarning, match="not finite") as caught, caplog.at_level("INFO"):
        fit(tmp_path, [SaliencyMaps(method="vargrad", samples=2, probes=2, every_n_epochs=9), maps], module=Nowhere)
    said = [str(one.message) for one in caught if "not finite" in str(one.message)]
    assert [text.split(" met")[0] for text in said] == ["SaliencyMaps", "SaliencyMaps_2"]
    assert "SaliencyMaps_2 draws less often" in caplog.text
