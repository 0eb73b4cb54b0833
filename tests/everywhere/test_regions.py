"""Networks that tell of places, as users have them: every callback draws, and training does not notice."""

import re

import pytest
import pytorch_lightning as pl
import torch
from everything import ONE_OF_A_KIND, READING, keeping
from found import CALLBACKS, quick
from projects import Places, UNet, events, told, trainer
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset
from torchmetrics import JaccardIndex
from torchmetrics.functional.classification import multiclass_f1_score, multiclass_jaccard_index

from lightning_viz import (
    ConfusionMatrixPanel,
    ConfusionPanels,
    FilterAscent,
    GradCam,
    LimePanels,
    Occlusion,
    Probes,
    SaliencyMaps,
)
from lightning_viz.harness.probes.spec import slug
from lightning_viz.render.fonts import plain


class Learner(pl.LightningModule):
    """Trains any network that tells of places."""

    def __init__(self, net, loss, ignored=None):
        super().__init__()
        self.net, self.loss = net, loss
        if ignored is not None:
            self.criterion = nn.CrossEntropyLoss(ignore_index=ignored)

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, batch_idx):
        return self.loss(self(batch[0]), batch[1])

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self.loss(self(batch[0]), batch[1]))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05)


class Wrapped(nn.Module):
    def __init__(self, classes, wrap):
        super().__init__()
        self.net, self.wrap = UNet(classes), wrap

    def forward(self, x):
        return self.wrap(self.net(x))


def cross_entropy(output, labels):
    return F.cross_entropy(output, labels)


def binary(output, labels):
    return F.binary_cross_entropy_with_logits(output.reshape(labels.shape), labels.float())


def same(output):
    return output


def any_labels(output, labels):
    """A loss for labels that no loss would take."""
    return output.square().mean()


def both(places):
    """Masks of square and disc, which may overlap: what is a disc counts as a square too in its left half."""
    square, disc = places == 1, places == 2
    return torch.stack([square | (disc & (torch.arange(16) < 8)), disc])


KINDS = {
    "whole numbers": (3, same, cross_entropy, lambda p: p),
    "one-hot": (3, same, lambda o, y: F.cross_entropy(o, y.float()), lambda p: F.one_hot(p, 3).permute(2, 0, 1)),
    "as torchvision, a channel of them": (
        3,
        lambda o: {"out": o, "aux": o[:, :, ::2, ::2]},
        lambda o, y: cross_entropy(o["out"], y[:, 0].long()) + cross_entropy(o["aux"], y[:, 0, ::2, ::2].long()),
        lambda p: p[None].float(),
    ),
    "at a quarter": (
        3,
        lambda o: {"logits": F.avg_pool2d(o, 4)},
        lambda o, y: cross_entropy(F.interpolate(o["logits"], (16, 16), mode="bilinear"), y),
        lambda p: p,
    ),
    "one logit": (1, same, binary, lambda p: (p > 0).long()),
    "one logit, squeezed": (1, lambda o: o[:, 0], binary, lambda p: (p > 0).float()),
    "masks": (2, same, binary, both),
    "a sigmoid": (2, torch.sigmoid, lambda o, y: F.binary_cross_entropy(o, y.float()), both),
}


def train(folder, callbacks, kind, *, module=None, ignored=None, label=None, loss=None):
    classes, wrap, usual, item = KINDS[kind]
    label, loss = label or item, loss or usual
    pl.seed_everything(7, verbose=False)
    run = trainer(folder, callbacks, max_epochs=1, num_sanity_val_steps=1)
    sets = [Places(12, seed=seed, item=lambda x, p: (x, label(p))) for seed in (1, 2)]
    for one in sets:
        one.classes = one.classes if classes == 3 else one.classes[-classes:]
    loaders = DataLoader(sets[0], batch_size=6, shuffle=True), DataLoader(sets[1], batch_size=6)
    run.fit((module or Learner)(Wrapped(classes, wrap), loss, ignored), *loaders)
    return run


class Drawn:
    def __init__(self):
        self.pictures, self.scalars, self.scene = {}, {}, None


def predicted(module, kind):
    """What the trained network says of the validation set, at the size of the labels, and what is true."""
    data = Places(12, seed=2)
    with torch.no_grad():
        found = module.eval()(data.images)
    found = found.get("out", found.get("logits")) if isinstance(found, dict) else found
    found = found[:, None] if found.ndim == 3 else found
    fine = F.interpolate(found, (16, 16), mode="bilinear")
    true = torch.stack([KINDS[kind][3](p) for p in data.places])
    if kind in ("masks", "a sigmoid"):
        return (fine > (0.5 if kind == "a sigmoid" else 0)).float(), true.float()
    if kind == "one-hot":
        true = true.argmax(1)
    return (fine.argmax(1) if found.shape[1] > 1 else fine[:, 0] > 0).float(), true.reshape(-1, 16, 16).float()


FORMS = ["whole numbers", "one-hot", "as torchvision, a channel of them", "one logit, squeezed", "a sigmoid"]
ONLY = {"at a quarter": CALLBACKS, **{kind: [*READING, ConfusionPanels] for kind in FORMS}}


@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_drawn_and_training_does_not_notice(kind, tmp_path):
    drawn, only = Drawn(), ONLY.get(kind, ONE_OF_A_KIND)
    run = train(tmp_path / "with", [keeping(cls, drawn, {}) for cls in only], kind)
    without = train(tmp_path / "without", [], kind).lightning_module.state_dict()
    ours = run.lightning_module.state_dict()
    assert [k for k in without if not torch.equal(ours[k], without[k])] == []
    assert set(drawn.pictures) == {cls.__name__ for cls in only}
    scene, (said, true) = drawn.scene, predicted(run.lightning_module, kind)
    assert scene.task.name == "regions"
    assert torch.equal(scene.predictions, said[list(scene.probes.indices)])
    assert torch.equal(scene.probes.labels, true[list(scene.probes.indices)])
    tags = {tag for pictures in drawn.pictures.values() for tag in pictures}
    assert {"confusions/val/worst", "confusions/val/1", "confusion/val"} <= tags
    for k, name in enumerate(scene.probes.class_names):
        a, b = (said[:, k] > 0, true[:, k] > 0) if said.ndim == 4 else (said == k, true == k)
        hits, wrong = (a & b).sum().item(), (a ^ b).sum().item()
        assert drawn.scalars[f"iou/val/{slug(name)}"] == pytest.approx(hits / (hits + wrong))
        assert drawn.scalars[f"dice/val/{slug(name)}"] == pytest.approx(2 * hits / (2 * hits + wrong))
        if said.ndim == 4:  # classes that overlap: each by itself
            found_missed_false = [hits, (~a & b).sum().item(), (a & ~b).sum().item()]
            assert told(tmp_path / "with", "table/val")[k].tolist() == found_missed_false


def test_a_saliency_map_is_the_gradient_of_the_sum_over_the_predicted_region(tmp_path):
    """As pytorch-grad-cam's SemanticSegmentationTarget: (logits[k] * mask).sum(), here divided by the mask's size."""
    found = []

    class Looks(SaliencyMaps):
        def attribute(self, subject, images, targets):
            maps = super().attribute(subject, images, targets)
            found.append((subject.net, images, int(targets), maps))
            return maps

    train(tmp_path, [Looks(probes=3, on_error="raise")], "whole numbers")
    net, images, k, maps = found[-1]
    x = images.clone().requires_grad_()
    logits = net.net.net(x) if hasattr(net.net, "net") else net(x)
    area = logits.argmax(1) == k
    assert bool(area.any())
    (expected,) = torch.autograd.grad((logits[:, k] * area).sum() / area.sum(), x)
    assert torch.allclose(maps, expected, atol=1e-6)


def test_each_true_class_but_the_background_has_a_map_and_its_iou_a_curve(tmp_path):
    train(tmp_path, [SaliencyMaps(probes=4, on_error="raise"), GradCam(target="background", probes=4)], "whole numbers")
    log = events(tmp_path)
    saliency = {tag.rpartition("/")[2] for tag in log.Tags()["images"] if "/saliency_" in tag}
    assert saliency == {"saliency_square", "saliency_disc"}
    assert [tag for tag in log.Tags()["images"] if "gradcam" in tag and tag.endswith("_background")]
    assert [tag for tag in log.Tags()["scalars"] if re.match(r"iou/probe_\d+_disc/disc", tag)]
    for metric in ("pointing", "in_mask", "deletion", "insertion", "deletion_chance"):
        assert f"explanations/saliency/{metric}" in log.Tags()["scalars"]


def test_against_the_rival_lime_occlusion_and_classes_from_noise(tmp_path):
    callbacks = [
        quick(Occlusion, against="rival"),
        quick(LimePanels),
        quick(FilterAscent, classes=["disc"]),
        quick(SaliencyMaps, method="smoothgrad", samples=2, against="background"),
    ]
    train(tmp_path, callbacks, "whole numbers")
    tags = events(tmp_path).Tags()["images"]
    assert [tag for tag in tags if "occlusion_against_rival" in tag]
    assert [tag for tag in tags if tag.endswith("/lime")]
    assert "filters/class/disc" in tags


def test_the_task_is_told_in_one_line_and_what_is_left_out(tmp_path, caplog):
    def label(p):
        p = p.clone()
        p[:2] = 9
        return p

    class Ignores(Learner):
        def training_step(self, batch, batch_idx):
            return self.criterion(self(batch[0]), batch[1])

        def validation_step(self, batch, batch_idx):
            self.log("val_loss", self.criterion(self(batch[0]), batch[1]))

    drawn = Drawn()
    with caplog.at_level("INFO"):
        wish = keeping(ConfusionMatrixPanel, drawn, {})
        run = train(tmp_path, [wish], "whole numbers", module=Ignores, ignored=9, label=label)
    assert "task='regions': labels (N, 16, 16)" in caplog.text
    assert "labels 9 are left out" in caplog.text
    said, true = predicted(run.lightning_module, "whole numbers")
    arguments = said[:, 2:].long(), true[:, 2:].long(), 3
    assert drawn.scalars["iou/val/disc"] == pytest.approx(
        multiclass_jaccard_index(*arguments, average="none")[2].item()
    )
    assert drawn.scalars["dice/val/disc"] == pytest.approx(multiclass_f1_score(*arguments, average="none")[2].item())


def test_a_metric_that_leaves_out_the_background_does_not_take_it_away(tmp_path):
    class Measures(Learner):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.iou = JaccardIndex("multiclass", num_classes=3, ignore_index=0)

    drawn = Drawn()
    train(tmp_path, [keeping(SaliencyMaps, drawn, {})], "whole numbers", module=Measures)
    assert drawn.scene.task.ignore == ()


def test_labels_that_are_no_class_are_refused_with_the_way_out(tmp_path):
    wish = SaliencyMaps(probes=Probes(task="regions"), on_error="raise")
    with pytest.raises(ValueError, match=r"labels 0 to 2 of places.*up to 7.*ignore=7"):
        train(tmp_path, [wish], "whole numbers", label=lambda p: p + 5 * (p == 2), loss=any_labels)


def test_the_words_overrule_what_is_recognised(tmp_path):
    wish = SaliencyMaps(probes=Probes(task="none"), on_error="raise")
    with pytest.raises(ValueError, match=r"Expected (class )?scores"):
        train(tmp_path, [wish], "whole numbers")
    wish = SaliencyMaps(probes=Probes(task="regions"))
    with pytest.raises(ValueError, match=r"labels \(N, H, W\) of places"):
        train(tmp_path, [wish], "whole numbers", label=lambda p: p.sum(), loss=any_labels)


def test_the_step_is_overheard_and_not_asked_again(tmp_path):
    calls = []

    class Counts(Wrapped):
        def forward(self, x):
            calls.append(len(x))
            return super().forward(x)

    class Learns(Learner):
        def __init__(self, net, loss, ignored):
            super().__init__(Counts(3, same), loss, ignored)

    seen = {}
    for name, callbacks in (("without", []), ("with", [ConfusionMatrixPanel(on_error="raise")])):
        calls.clear()
        train(tmp_path / name, callbacks, "whole numbers", module=Learns)
        seen[name] = sum(calls[-2:])
        seen[f"{name} all"] = len(calls)
    assert seen["with"] == seen["without"] == 12


def trained(folder, callbacks, module=Learner, **arguments):
    """Two epochs of the usual kind."""
    pl.seed_everything(7, verbose=False)
    run = trainer(folder, callbacks, **{"max_epochs": 2, **arguments})
    sets = [DataLoader(Places(12, seed=seed), batch_size=6) for seed in (1, 2)]
    run.fit(module(UNet(), cross_entropy), *sets)
    return events(folder)


def test_pictures_of_regions_have_one_size_in_every_epoch(tmp_path):
    callbacks = [quick(cls) for cls in (ConfusionPanels, SaliencyMaps, ConfusionMatrixPanel)]
    log = trained(tmp_path, callbacks)
    sizes = {tag: {(e.width, e.height) for e in log.Images(tag)} for tag in log.Tags()["images"]}
    assert {"confusions/val/worst", "probe_00_square/input"} <= set(sizes)
    assert all(len(found) == 1 for found in sizes.values())


@pytest.mark.filterwarnings("ignore:.*not finite")
def test_a_network_that_says_nothing_finite_any_more_is_told_so(tmp_path):
    class Broken(Learner):
        def on_train_epoch_start(self):
            nn.init.constant_(self.net.head.weight, torch.nan)

    captions = []

    class Looks(SaliencyMaps):
        def draw(self, scene):
            captions.append(scene.caption(0))
            return super().draw(scene)

    callbacks = [quick(cls) for cls in (Looks, LimePanels, ConfusionPanels)]
    log = trained(tmp_path, callbacks, Broken, max_epochs=1)
    assert plain(captions[-1]) == "epoch 0 · square, says nothing finite"
    assert "confusions/val/worst" in log.Tags()["images"]


class Stream(IterableDataset):
    """Items without numbers."""

    classes = Places.classes

    def __iter__(self):
        return iter(Places(12, seed=2))


def test_probes_of_a_stream_have_places_too(tmp_path):
    drawn = Drawn()
    pl.seed_everything(7, verbose=False)
    run = trainer(tmp_path, [keeping(SaliencyMaps, drawn, {"probes": 3})], max_epochs=1)
    run.fit(Learner(UNet(), cross_entropy), *(DataLoader(Stream(), batch_size=6) for _ in range(2)))
    scene = drawn.scene
    assert scene.task.name == "regions"
    assert torch.equal(scene.probes.labels, Places(12, seed=2).places[list(scene.probes.indices)].float())
