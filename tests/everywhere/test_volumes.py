"""Volumes and clips as users have them: every callback draws, and pictures and figures hold."""

import numpy as np
import pytest
import torch
from balls import Balls, ByFrame, Deep, DeepUNet, Factored, OfVolumes, clips, every_place, frames_first, volumes
from everything import ONE_OF_A_KIND, keeping
from found import OF_FLAT, OF_VOLUMES, quick
from projects import Project, events, fit, trainer
from torch import nn
from torch.utils.data import DataLoader
from torchmetrics.functional.classification import multiclass_jaccard_index

from lightning_viz import (
    ConfusionMatrixPanel,
    ConfusionPanels,
    Films,
    FilterActivations,
    GradCam,
    IntegratedGradients,
    LimePanels,
    Occlusion,
    Probes,
    SaliencyMaps,
    replay,
)
from lightning_viz.callbacks.base.captions import sliced
from lightning_viz.render.maps.slices import Slices, strongest

FEW = [cls for cls in ONE_OF_A_KIND if cls in OF_VOLUMES]


class Drawn:
    """What a run drew: pictures by class of callback and tag, scalars, and what the last drawing saw."""

    def __init__(self):
        self.pictures, self.scalars, self.scene = {}, {}, None


def draw(folder, module, data, only=OF_VOLUMES, **options):
    """Trains with callbacks; what they drew, and the Trainer."""
    drawn = Drawn()
    wishes = [keeping(cls, drawn, options) for cls in only]
    run = fit(folder, wishes, module=module, data=data, max_epochs=1)
    return drawn, run


def project(net, axes_net=None):
    return lambda: OfVolumes(net)


CASES = {
    "volumes": (Deep, volumes, "CDHW", "slices D "),
    "clips, frames first": (ByFrame, clips, "TCHW", "frame "),
    "clips, colours first": (Factored, lambda: volumes(channels=3), "CTHW", "frame "),
}


@pytest.mark.parametrize("case", CASES)
def test_callbacks_draw_and_the_probes_have_their_channels_first(case, tmp_path):
    net, data, axes, _ = CASES[case]
    drawn, run = draw(tmp_path, project(net), data, only=FEW)
    assert set(drawn.pictures) == {cls.__name__ for cls in FEW}
    probes = drawn.scene.probes
    assert probes.axes == axes
    assert probes.images.shape == (2, 1 if net is Deep else 3, 8, 10, 12)
    expected = torch.stack([Balls(6, seed=2, channels=probes.images.shape[1]).images[i] for i in probes.indices])
    assert torch.equal(probes.images.cpu(), expected)
    shown = expected.transpose(1, 2) if axes == "TCHW" else expected
    with torch.no_grad():
        said = run.lightning_module.eval()(shown).softmax(1)
    assert torch.allclose(drawn.scene.predictions, said, atol=1e-5)
    assert probes.masks.shape == (2, 8, 10, 12)
    scalars = events(tmp_path).Tags()["scalars"]
    assert {"explanations/saliency/pointing", "explanations/saliency/deletion_chance"} <= set(scalars)


@pytest.mark.parametrize("case", CASES)
def test_maps_are_gradients_in_the_order_of_the_probes_and_captions_tell_the_slices_with_most(case, tmp_path):
    net, data, axes, told = CASES[case]
    found, captions = {}, []

    class Keeps(SaliencyMaps):
        def attribute(self, subject, images, targets):
            found["maps"] = super().attribute(subject, images, targets)
            x = (images.transpose(1, 2) if axes == "TCHW" else images).clone().requires_grad_()
            scores = subject.net(x).gather(1, targets[:, None]).sum()
            (gradient,) = torch.autograd.grad(scores, x)
            found["expected"] = gradient.transpose(1, 2) if axes == "TCHW" else gradient
            return found["maps"]

        def draw(self, scene):
            asked = self.asked(scene)
            for values in self.maps_of(scene, asked):
                slices = strongest(values.numpy())
                assert slices.at == tuple(
                    int(values.abs().sum([k for k in range(3) if k != side]).argmax()) for side in range(3)
                )
                captions.extend(sliced(scene.probes, slices))
            yield from super().draw(scene)

    fit(tmp_path, [Keeps(probes=2, on_error="raise")], module=project(net), data=data, max_epochs=1)
    assert torch.allclose(found["maps"], found["expected"], atol=1e-6)
    assert bool(found["expected"].any())
    assert captions
    assert all(line.startswith(told) and "/8" in line and "/12" in line for line in captions)


def test_the_picture_shows_these_slices_of_the_image(tmp_path):
    drawn, _ = draw(tmp_path, project(Deep), volumes, only=[LimePanels], fill="mean", features=0)
    (tag, picture), *_ = drawn.pictures["LimePanels"].items()
    assert picture.shape[1] == 350
    log = events(tmp_path)
    (shown, *_) = log.Images(tag.replace("/lime", "/input"))
    assert shown.width == 350


def test_what_makes_pictures_of_its_own_says_once_why_it_does_not(tmp_path):
    for callback in OF_FLAT:
        with pytest.raises(ValueError, match=r"Expected flat images, received volumes \(N, C, D, H, W\), of which"):
            fit(tmp_path / "raise", [callback(on_error="raise")], module=OfVolumes, data=volumes)
    all_and_maps = [*(callback() for callback in OF_FLAT), SaliencyMaps(probes=1)]
    with pytest.warns(UserWarning, match="Expected flat images") as caught:
        fit(tmp_path / "warn", all_and_maps, max_epochs=1, module=OfVolumes, data=volumes)
    assert len([w for w in caught if "Expected flat images" in str(w.message)]) == 1
    assert "probe_00_ball/saliency" in events(tmp_path / "warn").Tags()["images"]


class Still(OfVolumes):
    """Nothing of it changes while it trains."""

    def on_train_epoch_start(self):
        self.net.eval()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


def test_where_the_network_stands_still_so_do_slices_and_pictures(tmp_path):
    each = SaliencyMaps, GradCam, Occlusion, IntegratedGradients, FilterActivations, LimePanels
    callbacks = [quick(cls, probes=1, every_n_steps=1) for cls in each]
    fit(tmp_path, callbacks, module=Still, data=volumes, max_epochs=1, limit_val_batches=1)
    log = events(tmp_path)
    kinds = {tag.rpartition("/")[2] for tag in log.Tags()["images"]}
    for kind in ("saliency", "gradcam", "occlusion", "integrated_gradients", "activations", "lime"):
        assert any(found.startswith(kind) for found in kinds), kind
    for tag in log.Tags()["images"]:
        if not tag.endswith("/curves"):
            frames = [e.encoded_image_string for e in log.Images(tag) if e.step >= 0]
            assert len(frames) == 2, tag
            assert len(set(frames)) == 1, tag


def test_a_replay_draws_what_the_run_drew(tmp_path):
    callbacks = lambda: [SaliencyMaps(probes=2, on_error="raise"), GradCam(probes=2, on_error="raise")]
    run = trainer(tmp_path / "run", callbacks(), max_epochs=1, enable_checkpointing=True)
    torch.manual_seed(0)
    run.fit(OfVolumes(), **volumes())
    (path,) = (tmp_path / "run").rglob("*.ckpt")
    again = trainer(tmp_path / "again", callbacks(), max_epochs=1)
    replay(again, OfVolumes(), [path], **volumes())
    first, second = events(tmp_path / "run"), events(tmp_path / "again")
    for tag in ("probe_00_ball/saliency", "probe_00_ball/gradcam_net_4"):
        assert first.Images(tag)[-1].encoded_image_string == second.Images(tag)[-1].encoded_image_string


def test_films_show_the_slices_of_every_epoch(tmp_path):
    fit(tmp_path, [SaliencyMaps(probes=1), Films()], module=OfVolumes, data=volumes)
    assert list(tmp_path.rglob("films/probe_00_ball/film_saliency.webp"))


def test_a_resumed_run_goes_on_with_the_same_maps(tmp_path):
    made = [SaliencyMaps(probes=1, on_error="raise")]
    run = trainer(tmp_path / "a", made, max_epochs=1, enable_checkpointing=True)
    run.fit(OfVolumes(), **volumes())
    (path,) = (tmp_path / "a").rglob("*.ckpt")
    again = [SaliencyMaps(probes=1, on_error="raise")]
    on = trainer(tmp_path / "a", again, max_epochs=2, num_sanity_val_steps=0, enable_checkpointing=True)
    on.fit(OfVolumes(), **volumes(), ckpt_path=path)
    assert len(events(tmp_path / "a").Scalars("explanations/saliency/rank_untrained")) == 2


def test_of_large_volumes_checkpoints_hold_maps_in_small(tmp_path, monkeypatch):
    monkeypatch.setattr("lightning_viz.callbacks.attribution.figures._MOST_KEPT", 200)
    run = trainer(tmp_path, [SaliencyMaps(probes=1, on_error="raise")], max_epochs=1, enable_checkpointing=True)
    run.fit(OfVolumes(), **volumes())
    (path,) = tmp_path.rglob("*.ckpt")
    kept = torch.load(path, weights_only=False)["lightning_viz"]["maps"]
    assert {tuple(value.shape) for tag, value in kept.items() if value.ndim == 3} == {(4, 5, 6)}
    assert {"rank_untrained", "ssim_untrained", "deletion"} <= {
        tag.rpartition("/")[2] for tag in events(tmp_path).Tags()["scalars"] if tag.startswith("explanations/saliency")
    }


def test_the_bound_on_memory_holds_and_changes_no_map(tmp_path):
    most = []

    class Counts(Deep):
        def forward(self, x):
            if not self.training and torch.is_grad_enabled():
                most.append(len(x))
            return super().forward(x)

    for memory in (None, 1):
        smooth = SaliencyMaps(method="smoothgrad", samples=6, probes=1, memory=memory, on_error="raise")
        fit(tmp_path / str(memory), [smooth], module=project(lambda: Counts(width=24)), data=volumes, max_epochs=1)
        assert max(most) == 6 if memory is None else max(most) < 4
        most.clear()
    sums = [events(tmp_path / name).Scalars("explanations/smoothgrad/sum")[-1].value for name in ("None", "1")]
    assert sums[0] == pytest.approx(sums[1], rel=1e-4)


# Regions of volumes


KINDS = ["background", "ball", "cube", "plate"]


def regions():
    return volumes(item=every_place, names=KINDS)


class Segmenting(Project):
    def __init__(self, classes=4):
        super().__init__()
        self.net = DeepUNet(classes=classes)


def test_every_callback_draws_regions_of_volumes(tmp_path):
    drawn, run = draw(tmp_path, Segmenting, regions)
    assert set(drawn.pictures) == {cls.__name__ for cls in OF_VOLUMES}
    task = drawn.scene.task
    assert (task.name, task.sides, task.independent) == ("regions", 3, False)
    data = Balls(6, seed=2)
    labels = torch.stack([every_place(*args)[1] for args in zip(data.images, data.targets, data.masks, strict=True)])
    with torch.no_grad():
        predicted = run.lightning_module.eval()(data.images).argmax(1)
    for k in range(4):
        expected = float(multiclass_jaccard_index(predicted, labels, 4, average=None)[k])
        if expected > 0:
            assert drawn.scalars[f"iou/val/{KINDS[k]}"] == pytest.approx(expected, abs=1e-6)


def test_a_region_of_a_volume_is_explained_by_its_mean_logit(tmp_path):
    found = {}

    class Keeps(SaliencyMaps):
        def attribute(self, subject, images, targets):
            maps = super().attribute(subject, images, targets)
            x = images.clone().requires_grad_()
            logits = subject.net(x)
            k = int(targets[0])
            region = logits.argmax(1) == k
            if not bool(region.any()):
                data = Balls(6, seed=2)
                label = next(m for i, m in zip(data.images, data.masks, strict=True) if torch.equal(i, images[0]))
                region = label[None] if k else ~label[None]
            (expected,) = torch.autograd.grad((logits[:, k] * region).sum() / region.sum(), x)
            found.setdefault("pairs", []).append((maps, expected))
            return maps

    fit(tmp_path, [Keeps(probes=2, on_error="raise")], module=Segmenting, data=regions)
    assert found["pairs"]
    for maps, expected in found["pairs"]:
        assert torch.allclose(maps, expected, atol=1e-6)


def test_masks_of_volumes_that_may_overlap(tmp_path):
    def masks(image, label, mask):
        inside = mask & (torch.arange(12) > 5)
        return image, torch.stack([mask, inside]).float()

    class Independent(Segmenting):
        def __init__(self):
            super().__init__(classes=2)

        def training_step(self, batch, batch_idx):
            return nn.functional.binary_cross_entropy_with_logits(self(batch[0]), batch[1])

        def validation_step(self, batch, batch_idx):
            self.log("val_loss", self.training_step(batch, batch_idx))

    drawn, _ = draw(tmp_path, Independent, lambda: volumes(item=masks, names=["thing", "its right half"]), only=FEW)
    assert set(drawn.pictures) == {cls.__name__ for cls in FEW}
    assert drawn.scene.task.independent
    assert drawn.scene.predictions.shape == (2, 2, 8, 10, 12)


# Other tasks come by themselves


def test_several_labels_of_a_volume(tmp_path):
    class Several(OfVolumes):
        def training_step(self, batch, batch_idx):
            return nn.functional.binary_cross_entropy_with_logits(self(batch[0]), batch[1].float())

        def validation_step(self, batch, batch_idx):
            self.log("val_loss", self.training_step(batch, batch_idx))

    item = lambda image, label, mask: (image, torch.tensor([[1, 0, 1], [1, 1, 0], [0, 1, 0]][label]))
    drawn, _ = draw(tmp_path, Several, lambda: volumes(item=item), only=[SaliencyMaps, LimePanels, ConfusionPanels])
    assert drawn.scene.task.name == "labels"
    assert set(drawn.pictures) == {"SaliencyMaps", "LimePanels", "ConfusionPanels"}


def test_values_of_a_volume(tmp_path):
    class Size(OfVolumes):
        def __init__(self):
            super().__init__(lambda: Deep(classes=1))

        def training_step(self, batch, batch_idx):
            return nn.functional.mse_loss(self(batch[0])[:, 0], batch[1])

        def validation_step(self, batch, batch_idx):
            self.log("val_loss", self.training_step(batch, batch_idx))

    item = lambda image, label, mask: (image, mask.float().mean() * 10 + 0.123)
    drawn, _ = draw(tmp_path, Size, lambda: volumes(item=item), only=[Occlusion, ConfusionPanels, ConfusionMatrixPanel])
    assert drawn.scene.task.name == "values"
    assert set(drawn.pictures) == {"Occlusion", "ConfusionPanels", "ConfusionMatrixPanel"}


def test_embeddings_of_volumes_are_held_against_each_other(tmp_path):
    embeds = lambda: OfVolumes(lambda: Deep(classes=8))
    like = {"probes": Probes(count=3, task="similarity")}
    drawn, _ = draw(tmp_path / "probes", embeds, volumes, only=[SaliencyMaps, LimePanels], **like)
    assert drawn.scene.task.name == "similarity"
    with pytest.raises(ValueError, match="position of a probe, since files have no volumes"):
        draw(tmp_path / "file", embeds, volumes, only=[SaliencyMaps], probes=Probes(guide="a.png"))


# What does not fit


def test_the_user_says_the_order_of_the_sides(tmp_path, caplog):
    with caplog.at_level("INFO"):
        fit(tmp_path / "found", [SaliencyMaps(probes=1)], module=OfVolumes, data=volumes, max_epochs=1)
    assert "The images are read as volumes (N, C, D, H, W). Probes(axes=...) says else." in caplog.text
    wrong = SaliencyMaps(probes=Probes(count=1, axes="TCHW"), on_error="raise")
    with pytest.raises(ValueError, match=r"whose channels stand elsewhere for the network's first convolution"):
        fit(tmp_path / "wrong", [wrong], module=OfVolumes, data=volumes)
    with pytest.raises(ValueError, match=r"Expected axes= as 'CDHW', 'CTHW' or 'TCHW', received 'DHWC'"):
        Probes(axes="DHWC")
    with pytest.raises(ValueError, match="leave axes= out for flat images"):
        fit(tmp_path / "flat", [SaliencyMaps(probes=Probes(axes="CDHW"), on_error="raise")])


def test_clips_of_different_lengths_are_refused_with_the_way_out(tmp_path):
    def cut(image, label, mask):
        return image[:, : 4 + label], label

    class Cut(Balls):
        mask = None

    loader = DataLoader(Cut(6, channels=3, item=cut))
    data = lambda: {"train_dataloaders": loader, "val_dataloaders": loader}
    with pytest.raises(ValueError, match=r"Expected probes of one size, received \[\(3, 4, 10, 12\), \(3, 5, 10, 12\)"):
        fit(tmp_path / "all", [SaliencyMaps(on_error="raise")], module=lambda: OfVolumes(Factored), data=data)
    same = SaliencyMaps(probes=Probes(indices=[0, 3]), on_error="raise")
    fit(tmp_path / "some", [same], module=lambda: OfVolumes(Factored), data=data, max_epochs=1)
    assert events(tmp_path / "some").Tags()["images"]


@pytest.mark.parametrize("size", [(1, 6, 6), (1, 1, 1)])
def test_the_smallest_volumes(size, tmp_path):
    class Tiny(nn.Sequential):
        def __init__(self):
            super().__init__(
                nn.Conv3d(1, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(4, 3)
            )

    class Small(Balls):
        def __init__(self, count, seed):
            super().__init__(count, size=(8, 8, 8), seed=seed)
            self.images = self.images[:, :, : size[0], : size[1], : size[2]]
            self.masks = self.masks[:, : size[0], : size[1], : size[2]]

    data = lambda: {
        "train_dataloaders": DataLoader(Small(6, 0), batch_size=3),
        "val_dataloaders": DataLoader(Small(6, 1), batch_size=3),
    }
    drawn, _ = draw(
        tmp_path, lambda: OfVolumes(Tiny), data, only=[SaliencyMaps, LimePanels, Occlusion, FilterActivations]
    )
    assert set(drawn.pictures) == {"SaliencyMaps", "LimePanels", "Occlusion", "FilterActivations"}


def test_frames_first_is_what_the_loader_gives():
    (batch, _) = next(iter(clips()["val_dataloaders"]))
    assert batch.shape == (6, 8, 3, 10, 12)
    assert torch.equal(batch[0], frames_first(Balls(6, seed=2, channels=3).images[0], 0, None)[0])
    assert np.array_equal(Slices((0, 0, 0)).sheet(np.zeros((8, 10, 12)), 0).shape, (19, 21))
