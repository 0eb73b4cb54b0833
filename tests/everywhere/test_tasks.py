"""Every callback draws for every task in which its picture has a meaning, and training does not notice."""

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
import zoo
from everything import ONE_OF_A_KIND, READING, Drawn, draw_everything, keeping, outputs_of, train
from found import CALLBACKS, OF_LAYERS, TINY, quick
from projects import events, told, trainer
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchmetrics.functional.classification import multilabel_confusion_matrix

from lightning_viz import (
    ConfusionMatrixPanel,
    ConfusionPanels,
    GradCam,
    IntegratedGradients,
    LimePanels,
    Occlusion,
    Probes,
    SaliencyMaps,
)
from lightning_viz.render.fonts import plain

COUNTING = [ConfusionMatrixPanel, ConfusionPanels]
WITH_SCORES = [cls for cls in CALLBACKS if cls not in OF_LAYERS]


class Independent(zoo.Learner):
    """Several labels at once."""

    def loss(self, output, labels):
        if self.net.sigmoid:
            return F.binary_cross_entropy(output, labels.float())
        return F.binary_cross_entropy_with_logits(output, labels.float())


def several(x, y):
    """Two of three labels, or one, by the class of the image."""
    return x, torch.tensor([[1, 0, 1], [1, 1, 0], [0, 1, 0]][y])


HEADS = {
    "logits": (False, lambda s: s),
    "sigmoid": (True, lambda s: s.sigmoid()),
    "sigmoid in place": (True, lambda s: s.sigmoid_()),
    "a module": (True, nn.Sigmoid()),
}


@pytest.mark.parametrize("head", HEADS)
def test_several_labels(head, tmp_path):
    sigmoid, wrap = HEADS[head]

    def net():
        made = zoo.Then(zoo.convolutions(), wrap)
        made.sigmoid = sigmoid
        return made

    only = ONE_OF_A_KIND if head == "sigmoid" else READING
    drawn = draw_everything(tmp_path, net, only=only, learner=Independent, item=several)
    scene = drawn.scene
    predicted = outputs_of(drawn.module, scene.probes.images)
    shares = predicted if sigmoid else predicted.sigmoid()
    assert scene.task.name == "labels"
    assert torch.allclose(scene.predictions, shares, atol=1e-5)
    images = zoo.Pictures(seed=2).images
    labels = torch.stack([several(None, y)[1] for y in zoo.Pictures(seed=2).targets])
    found = outputs_of(drawn.module, images)
    found = found if sigmoid else found.sigmoid()
    each = multilabel_confusion_matrix(found, labels, 3).double()
    for k in range(3):
        recall = each[k, 1, 1] / each[k, 1].sum()
        assert drawn.scalars[f"recall/val/kind_{k}"] == pytest.approx(recall.item())
    found_missed_false = torch.stack([each[:, 1, 1], each[:, 1, 0], each[:, 0, 1]], 1)
    assert told(tmp_path / "with", "table/val").tolist() == found_missed_false.tolist()
    tags = set(drawn.pictures["SaliencyMaps"])
    assert all("/saliency_kind_" in tag for tag in tags)
    present = {(i, k) for i in range(len(scene.probes)) for k in scene.probes.labels[i].nonzero().flatten().tolist()}
    assert tags == {f"{scene.probes.tag(i)}/saliency_kind_{k}" for i, k in present}


def test_a_picture_of_a_label_is_the_gradient_of_its_logit_whatever_the_others_say(tmp_path):
    found = {}

    class Keeps(SaliencyMaps):
        def attribute(self, subject, images, targets):
            found["maps"] = super().attribute(subject, images, targets)
            x = images.clone().requires_grad_()
            logits = subject.net.net.net(x).gather(1, targets[:, None])
            found["said"] = logits.sigmoid()
            (found["expected"],) = torch.autograd.grad(logits.sum(), x)
            return found["maps"]

    def net():
        made = zoo.Then(zoo.convolutions(), nn.Sigmoid())
        made.sigmoid = True
        return made

    class Sure(Independent):
        """So sure that the sigmoid is flat in single precision."""

        def on_train_start(self):
            nn.init.constant_(self.net.net[-1].bias, 30.0)

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.0)

    train(tmp_path, net, [Keeps(on_error="raise", probes=2)], learner=Sure, item=several)
    assert bool((found["said"] == 1).all())
    assert torch.allclose(found["maps"], found["expected"], atol=1e-6)
    assert found["expected"].abs().sum() > 0


def test_lime_holds_the_surest_label_against_what_is_false_or_missed(tmp_path):
    sides = []

    class Looks(LimePanels):
        def _picture(self, scene, ask, found, scale, **options):
            sides.append((scene.probes.labels[ask.probe], scene.predictions[ask.probe], list(found)))
            return super()._picture(scene, ask, found, scale, **options)

    def net():
        made = zoo.convolutions()
        made.sigmoid = False
        return made

    train(tmp_path, net, [Looks(on_error="raise", **TINY["LimePanels"], probes=3)], learner=Independent, item=several)
    for label, predicted, (left, right) in sides:
        present = label.nonzero().flatten().tolist()
        assert left == max(present, key=lambda k: predicted[k])
        wrong = [k for k in range(3) if bool(predicted[k] > 0.5) != bool(label[k]) and k != left]
        assert right == max(wrong or [k for k in range(3) if not label[k]], key=lambda k: predicted[k])


def test_each_label_is_held_against_its_own_mask(tmp_path):
    class Masked(zoo.Pictures):
        def mask(self, i):
            bright = self.images[i, 0] > 0.5
            return torch.stack([bright, ~bright, bright & False])

    shares = []

    class Looks(SaliencyMaps):
        def draw(self, scene):
            shares.clear()
            asked = self.asked(scene)
            for ask, values in zip(asked, self.maps_of(scene, asked), strict=True):
                mask = data.mask(scene.probes.indices[ask.probe])[ask.column]
                shares.extend([float(values[mask].sum() / values.sum())] if mask.any() else [])
            yield from super().draw(scene)

    net, data = zoo.convolutions(), Masked(seed=2, item=several)
    net.sigmoid = False
    loader = DataLoader(data, batch_size=6)
    trainer(tmp_path, [Looks(probes=4, on_error="raise")], max_epochs=1).fit(Independent(net), loader, loader)
    logged = events(tmp_path).Scalars("explanations/saliency/in_mask")[-1].value
    assert len(shares) == 5  # of the labels of four images; the third label has no place
    assert logged == pytest.approx(sum(shares) / len(shares), abs=1e-5)


SOFT = {
    "one-hot integers": lambda y: F.one_hot(torch.tensor(y), 3),
    "one-hot floats": lambda y: F.one_hot(torch.tensor(y), 3).float(),
    "smoothed": lambda y: F.one_hot(torch.tensor(y), 3) * 0.9 + 0.1 / 3,
}


class Soft(zoo.Learner):
    def loss(self, output, labels):
        return F.cross_entropy(output, labels.float())


@pytest.mark.parametrize("kind", SOFT)
def test_rows_that_sum_to_one_are_classes(kind, tmp_path):
    item = lambda x, y: (x, SOFT[kind](y))
    drawn = draw_everything(tmp_path, zoo.convolutions, only=READING, learner=Soft, item=item)
    data = zoo.Pictures(seed=2)
    chosen = list(drawn.scene.probes.indices)
    assert drawn.scene.probes.labels.tolist() == [data.targets[i] for i in chosen]
    predicted = outputs_of(drawn.module, data.images)
    assert torch.allclose(drawn.scene.predictions, predicted.softmax(1)[chosen], atol=1e-5)
    assert drawn.scalars["recall/val/kind_1"] == pytest.approx((predicted[1::3].argmax(1) == 1).float().mean().item())


class Regression(zoo.Learner):
    def loss(self, output, labels):
        return F.mse_loss(output.reshape(labels.shape), labels.float())


VALUES = {
    "(N,) for (N,)": (1, lambda s: s[:, 0], lambda y: 2.5 * y - 1),
    "whole numbers for one output": (1, lambda s: s, lambda y: 20 * y + 3),
    "(N, 2)": (2, lambda s: s, lambda y: torch.tensor([y + 0.5, -3.0 * y])),
}


@pytest.mark.parametrize("kind", VALUES)
def test_values(kind, tmp_path):
    outputs, wrap, label = VALUES[kind]
    net = lambda: zoo.Then(zoo.convolutions(classes=outputs), wrap)
    only = ONE_OF_A_KIND if outputs == 2 else [Occlusion, *READING]
    drawn = draw_everything(tmp_path, net, only=only, learner=Regression, item=lambda x, y: (x, label(y)))
    data = zoo.Pictures(seed=2)
    predicted = outputs_of(drawn.module, data.images).reshape(len(data), -1)
    true = torch.stack([torch.as_tensor(label(y)).float().reshape(-1) for y in data.targets])
    assert drawn.scene.task.name == "values"
    assert torch.allclose(drawn.scene.predictions, predicted[list(drawn.scene.probes.indices)], atol=1e-5)
    name = "value" if outputs == 1 else "value_0"
    errors = (predicted - true).abs().mean(0)
    assert drawn.scalars[f"mae/val/{name}"] == pytest.approx(errors[0].item(), rel=1e-4)
    assert told(tmp_path / "with", "table/val") == pytest.approx(errors[:, None].numpy(), rel=1e-4)
    assert f"true {true[drawn.scene.probes.indices[0], 0]:.3g}" in drawn.scene.caption(0)
    areas = {tag for tag in events(tmp_path / "with").Tags()["scalars"] if tag.startswith("explanations/occlusion/")}
    assert {f"explanations/occlusion/{name}" for name in ("deletion", "deletion_chance", "insertion")} <= areas


class Weighs(nn.Module):
    """A value that light on the left lowers and light on the right raises."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.cat([-torch.ones(3, 16, 11), torch.ones(3, 16, 5)], 2) / 100)

    def forward(self, x):
        return (x * self.weight).sum((1, 2, 3))[:, None]


def area(net, image, values, *, insertion):
    """How far an image moves its value, and the area under the share of that way, step by step."""
    empty = image.mean((1, 2), keepdim=True).expand_as(image)
    start, end = (float(net(one[None])) for one in (empty, image))
    order = (values if end > start else -values).flatten().argsort(descending=True, stable=True)
    shares, reached = [(k / 6) ** 2 for k in range(7)], []
    for share in shares:
        some = torch.zeros(values.numel(), dtype=torch.bool)
        some[order[: round(share * len(order))]] = True
        some = some.view(values.shape) if insertion else ~some.view(values.shape)
        reached.append((float(net(torch.where(some, image, empty)[None])) - start) / (end - start))
    steps = zip(shares, shares[1:], reached, reached[1:], strict=False)
    return abs(end - start), sum((b - a) * (c + d) / 2 for a, b, c, d in steps)


def test_a_value_goes_and_comes_from_the_empty_image_to_the_whole_one(tmp_path):
    found = {}

    class Looks(IntegratedGradients):
        def draw(self, scene):
            found["net"], found["images"] = scene.subject.net.net, scene.probes.images
            found["maps"], found["says"] = self.maps_of(scene, self.asked(scene)), scene.predictions
            yield from super().draw(scene)

    class Still(Regression):
        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.0)

    looks = Looks(probes=6, on_error="raise", steps=2)
    train(tmp_path, Weighs, [looks], learner=Still, item=lambda x, y: (x, y + 0.5))
    least = 0.1 * float(found["says"].max() - found["says"].min())
    for name in ("deletion", "insertion"):
        with torch.no_grad():
            both = zip(found["images"], found["maps"], strict=True)
            areas = [area(found["net"], x, values.cpu(), insertion=name == "insertion") for x, values in both]
        expected = [value for moves, value in areas if moves > least]
        logged = events(tmp_path).Scalars(f"explanations/integrated_gradients/{name}")[-1].value
        assert logged == pytest.approx(sum(expected) / len(expected), abs=1e-4), name


def test_ranks_of_an_ordinal_network_are_a_value(tmp_path):
    class Coral(zoo.Learner):
        def loss(self, output, labels):
            above = (labels[:, None] > torch.arange(2)).float()
            return F.binary_cross_entropy_with_logits(output, above)

    class Ranks(nn.Module):
        """Two thresholds of one score."""

        def __init__(self):
            super().__init__()
            self.net, self.bias = zoo.convolutions(classes=1), nn.Parameter(torch.tensor([0.5, -0.5]))

        def forward(self, x):
            return self.net(x) + self.bias

    drawn = draw_everything(tmp_path, Ranks, only=ONE_OF_A_KIND, learner=Coral)
    predicted = outputs_of(drawn.module, drawn.scene.probes.images)
    assert drawn.scene.task.name == "values"
    assert torch.allclose(drawn.scene.predictions[:, 0], predicted.sigmoid().sum(1), atol=1e-5)


class Embeds(zoo.Learner):
    """Learns to embed two views of an image alike; batches have images alone."""

    def training_step(self, batch, batch_idx):
        one, other = (F.normalize(self(view), dim=1) for view in (batch, batch + 0.05 * torch.randn_like(batch)))
        return F.cross_entropy(10 * one @ other.T, torch.arange(len(one)))

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self(batch).square().mean())


def test_an_embedding_without_labels_is_explained_by_the_nearest_probe(tmp_path):
    drawn = draw_everything(
        tmp_path,
        lambda: zoo.convolutions(classes=8),
        learner=Embeds,
        only=[cls for cls in CALLBACKS if cls not in COUNTING],
        common={"probes": 3},
        item=lambda x, y: x,
    )
    scene = drawn.scene
    embedded = F.normalize(outputs_of(drawn.module, scene.probes.images), dim=1)
    cosines = embedded @ embedded.T
    assert scene.task.name == "similarity"
    assert torch.allclose(scene.predictions, cosines, atol=1e-5)
    tables = [tag for tag in events(tmp_path / "with").Tags()["images"] if tag.startswith("similarity/")]
    assert len(tables) == 1
    for i in range(3):
        nearest = int((cosines - 9 * torch.eye(3))[i].argmax())
        assert f"nearest to probe {scene.probes.numbers[nearest]} " in plain(scene.caption(i))


def test_guides_by_name_are_what_images_are_held_against(tmp_path):
    vectors = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    guide = {name: vectors[k] for k, name in enumerate(["kind 0", "kind 1", "kind 2"])}

    class Contrastive(zoo.Learner):
        def loss(self, output, labels):
            return F.cross_entropy(F.normalize(output, dim=1) @ F.normalize(vectors, dim=1).T, labels)

    drawn = draw_everything(
        tmp_path,
        lambda: zoo.convolutions(classes=8),
        learner=Contrastive,
        only=[SaliencyMaps, LimePanels, GradCam],
        common={"probes": Probes(count=3, task="similarity", guide=guide)},
    )
    embedded = outputs_of(drawn.module, drawn.scene.probes.images)
    assert torch.allclose(drawn.scene.predictions, F.cosine_similarity(embedded[:, None], vectors, dim=2), atol=1e-5)
    assert drawn.scene.probes.class_names == ("kind 0", "kind 1", "kind 2")
    assert set(drawn.pictures["SaliencyMaps"]) == {f"probe_0{k}_kind_{k}/saliency" for k in range(3)}


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())
        self.decode = nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, x):
        return self.decode(self.encode(x))


class Rebuilds(zoo.Learner):
    def training_step(self, batch, batch_idx):
        return F.mse_loss(self(batch), batch)

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", F.mse_loss(self(batch), batch))


def test_images_alone_are_enough_for_layers(tmp_path):
    drawn = draw_everything(tmp_path, Autoencoder, learner=Rebuilds, only=OF_LAYERS, item=lambda x, y: x)
    assert drawn.scene.task.name == "none"
    assert drawn.scene.caption(0) == "epoch 0"
    tags = set(events(tmp_path / "with").Tags()["images"])
    assert {f"probe_0{k}_image/input" for k in range(2)} <= tags


@pytest.mark.parametrize("callback", WITH_SCORES, ids=lambda c: c.__name__)
def test_what_asks_for_scores_says_so_where_there_are_none(callback, tmp_path):
    with pytest.raises(ValueError, match=r"Expected (class )?scores") as caught:
        train(tmp_path, Autoencoder, [quick(callback)], learner=Rebuilds, item=lambda x, y: x)
    assert "net=" in str(caught.value)


@pytest.mark.parametrize("callback", COUNTING, ids=lambda c: c.__name__)
def test_what_counts_says_so_where_there_is_nothing_to_count(callback, tmp_path):
    with pytest.raises(ValueError, match="hold predictions against") as caught:
        train(tmp_path, lambda: zoo.convolutions(classes=8), [callback()], learner=Embeds, item=lambda x, y: x)
    assert "leave" in str(caught.value)


def test_the_words_overrule_what_is_recognised(tmp_path):
    """Labels of exactly one each look like classes; here they are independent."""

    def net():
        made = zoo.convolutions()
        made.sigmoid = False
        return made

    drawn = draw_everything(
        tmp_path,
        net,
        learner=Independent,
        item=lambda x, y: (x, F.one_hot(torch.tensor(y), 3)),
        only=[SaliencyMaps, ConfusionMatrixPanel],
        common={"probes": Probes(count=2, task="labels")},
    )
    assert drawn.scene.task.name == "labels"
    assert torch.allclose(
        drawn.scene.predictions, outputs_of(drawn.module, drawn.scene.probes.images).sigmoid(), atol=1e-5
    )


def test_the_task_is_told_before_the_first_batch(tmp_path, caplog):
    class Looks(pl.Callback):
        told = ""

        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            self.told = self.told or caplog.text

    looks = Looks()
    net = lambda: zoo.convolutions(classes=1)
    with caplog.at_level("INFO"):
        train(tmp_path, net, [quick(SaliencyMaps), looks], learner=Regression, item=lambda x, y: (x, y + 0.5))
    assert "task='values'" in looks.told
    assert "Probes(task=" in looks.told


def test_pictures_of_counts_are_pictures(tmp_path):
    """The same size in every epoch, so that films stand still."""

    def net():
        made = zoo.convolutions()
        made.sigmoid = False
        return made

    drawn = draw_everything(tmp_path, net, learner=Independent, item=several, only=[ConfusionMatrixPanel])
    (picture,) = drawn.pictures["ConfusionMatrixPanel"].values()
    assert picture.dtype == np.uint8
    assert picture.shape[1] == 950


def still(learner):
    """A project of a kind whose network stays as it is."""

    class Still(learner):
        def on_train_epoch_start(self):
            self.net.eval()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.0)

    return Still


def with_logits():
    net = zoo.convolutions()
    net.sigmoid = False
    return net


OF_SIMILARITY = [LimePanels, *(cls for cls in ONE_OF_A_KIND if cls not in COUNTING)]
STILL = {
    "labels": (Independent, with_logits, several, CALLBACKS, 1),
    "values": (Regression, lambda: zoo.convolutions(classes=1), lambda x, y: (x, 2.5 * y - 1), CALLBACKS, 1),
    "similarity": (Embeds, lambda: zoo.convolutions(classes=8), lambda x, y: x, OF_SIMILARITY, 2),
    "none": (Rebuilds, Autoencoder, lambda x, y: x, OF_LAYERS, 1),
}


@pytest.mark.parametrize("task", STILL)
def test_where_the_network_stands_still_so_do_the_pictures_of_every_task(task, tmp_path):
    learner, net, item, callbacks, probes = STILL[task]
    drawn, often = Drawn(), lambda cls: {} if cls in COUNTING else {"every_n_steps": 1}
    shown = [keeping(cls, drawn, {"probes": probes, **often(cls)}) for cls in callbacks]
    pl.seed_everything(7, verbose=False)
    times = 3 if task == "labels" else 2  # of what changes between validations, the first has nothing to compare with
    run = trainer(tmp_path, shown, max_epochs=1, val_check_interval=1)
    run.fit(still(learner)(net()), **zoo.loaders(item=item, batch_size=12 // times))
    assert drawn.scene.task.name == task
    assert set(drawn.pictures) == {cls.__name__ for cls in callbacks}
    log = events(tmp_path)
    frames = {tag: [e.encoded_image_string for e in log.Images(tag) if e.step >= 0] for tag in log.Tags()["images"]}
    lasting = {tag: found for tag, found in frames.items() if not tag.endswith("/curves")}  # those come at the end
    assert {len(found) for found in lasting.values()} == {times}
    since = {tag: 1 if tag.endswith("/changes") else 0 for tag in lasting}
    assert [tag for tag, found in lasting.items() if len(set(found[since[tag] :])) > 1] == []
