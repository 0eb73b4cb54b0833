"""Networks that put out boxes, as users have them: every callback draws, and training does not notice."""

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from everything import CALLBACKS, ONE_OF_A_KIND, keeping
from projects import Detector, Finds, Things, UNet, events, listed, things, told, trainer
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

from lightning_viz import ConfusionMatrixPanel, Occlusion, Probes, SaliencyMaps
from lightning_viz.render.fonts import plain


class Drawn:
    def __init__(self):
        self.pictures, self.scalars, self.scene = {}, {}, None


def train(folder, callbacks, *, net=Detector, module=Finds, epochs=1, data=things, **options):
    """One epoch takes three of its batches, which are enough to see whether training is disturbed."""
    pl.seed_everything(7, verbose=False)
    few = {"limit_train_batches": 3} if epochs == 1 else {}
    run = trainer(folder, callbacks, max_epochs=epochs, num_sanity_val_steps=1, **few)
    run.fit(module(net, **options), **data())
    return run


def sizes(image, target):
    """Images of several sizes: the lower or the right rows are cut off, where nothing lies."""
    edge = int(target["boxes"][:, 3].max()) + 1
    return image[:, :edge], target


def several_sizes():
    sets = [Things(count, seed=seed, item=sizes) for count, seed in ((24, 1), (12, 2))]
    loaders = [DataLoader(one, batch_size=6, collate_fn=listed) for one in sets]
    return {"train_dataloaders": loaders[0], "val_dataloaders": loaders[1]}


def area(box):
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def iou(a, b):
    """In plain numbers."""
    both = area([max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])])
    return both / (area(a) + area(b) - both)


def score(net, image, k, held):
    """The largest product of score and overlap with the held box, in plain numbers."""
    with torch.no_grad():
        (found,) = net([image])
    rows = zip(found["boxes"].tolist(), found["labels"].tolist(), found["scores"].tolist(), strict=True)
    return max([iou(box, held) * s for box, label, s in rows if label == k], default=0.0)


def held_box(net, image, target, k):
    """The predicted box of the class with the largest product of score and overlap with a true one of it."""
    with torch.no_grad():
        (found,) = net([image])
    true = [box for box, label in zip(target["boxes"].tolist(), target["labels"].tolist(), strict=True) if label == k]
    rows = zip(found["boxes"].tolist(), found["labels"].tolist(), found["scores"].tolist(), strict=True)
    ranked = [(max(s * iou(box, one) for one in true), box) for box, label, s in rows if label == k]
    best = max(ranked, default=(0.0, None))
    return best[1] if best[0] > 0 else max(true, key=area)


DATA = {"one size": things, "several sizes": several_sizes}


@pytest.mark.parametrize("kind", DATA)
def test_everything_is_drawn_and_training_does_not_notice(kind, tmp_path):
    drawn = Drawn()
    wishes = [keeping(cls, drawn, {}) for cls in (CALLBACKS if kind == "one size" else ONE_OF_A_KIND)]
    run = train(tmp_path / "with", wishes, data=DATA[kind])
    without = train(tmp_path / "without", [], data=DATA[kind]).lightning_module.state_dict()
    ours = run.lightning_module.state_dict()
    assert [k for k in without if not torch.equal(ours[k], without[k])] == []
    assert set(drawn.pictures) == {type(wish).__name__ for wish in wishes}
    scene, data = drawn.scene, DATA[kind]()["val_dataloaders"].dataset
    assert scene.task.name == "boxes"
    for i, item in enumerate(scene.probes.indices):
        image, target = data[item]
        assert torch.equal(scene.probes.images[i, :, : image.shape[1], : image.shape[2]], image)
        rows = scene.probes.labels[i]
        rows = rows[rows[:, 4] >= 0]
        assert torch.equal(rows[:, :4], target["boxes"])
        assert rows[:, 4].tolist() == target["labels"].tolist()
        with torch.no_grad():
            (found,) = run.lightning_module.eval().net([image])
        said = scene.predictions[i]
        said = said[said[:, 4] >= 0]
        assert torch.allclose(said[:, :4], found["boxes"], atol=1e-4)
        assert torch.allclose(said[:, 5], found["scores"], atol=1e-5)


class Weighs(nn.Module):
    """Finds one box in every image, whose score is a linear function of its pixels."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.weight = nn.Parameter(torch.rand(3, 32, 32, generator=generator) / (3 * 32 * 32))

    def forward(self, images, targets=None):
        scores = [(self.weight * image).sum()[None] for image in images]
        if self.training:
            return {"score": sum(scores).sum()}
        box, label = torch.tensor([[2.0, 3.0, 20.0, 24.0]]), torch.tensor([1])
        return [{"boxes": box, "labels": label, "scores": one} for one in scores]


def test_the_gradient_of_a_score_that_is_linear_is_its_weight(tmp_path):
    found = []

    class Looks(SaliencyMaps):
        def attribute(self, subject, images, targets):
            found.append(super().attribute(subject, images, targets))
            return found[-1]

    wish = Looks(probes=Probes(indices=[2]), on_error="raise")  # two discs
    run = train(tmp_path, [wish], net=Weighs, lr=0.0)
    assert torch.allclose(found[-1][0], run.lightning_module.net.weight.detach(), atol=1e-9)


def test_occlusion_is_what_the_held_box_loses(tmp_path):
    found = []

    class Looks(Occlusion):
        def attribute(self, subject, images, targets):
            found.append((subject.net, images, int(targets), super().attribute(subject, images, targets)))
            return found[-1][-1]

    wish = Looks(window=16, stride=16, probes=Probes(indices=[0, 5]), on_error="raise")
    run = train(tmp_path, [wish], epochs=2)
    net, data = run.lightning_module.eval().net, things()["val_dataloaders"].dataset
    asked = [(i, k) for i in (0, 5) for k in sorted(set(data.targets[i]["labels"].tolist()))]
    drawn = {(i, k): maps for _, images, k, maps in found for i in (0, 5) if torch.equal(images[0], data.images[i])}
    assert set(drawn) == set(asked)
    for i, k in asked:
        image, target = data[i]
        held = held_box(net, image, target, k)
        whole, cover = score(net, image, k, held), image.mean((1, 2), keepdim=True)
        for top in (0, 16):
            for left in (0, 16):
                covered = image.clone()
                covered[:, top : top + 16, left : left + 16] = cover
                expected = whole - score(net, covered, k, held)
                assert drawn[i, k][0, top + 3, left + 5].item() == pytest.approx(expected, abs=1e-5)


def test_it_is_told_in_one_line_and_captions_tell_what_is_found(tmp_path, caplog):
    drawn = Drawn()
    with caplog.at_level("INFO"):
        train(tmp_path, [keeping(SaliencyMaps, drawn, {})], epochs=1)
    assert "explained as task='boxes'" in caplog.text
    assert plain(drawn.scene.caption(0)) == "epoch 0 · no box found, missed: square, disc"
    tags = events(tmp_path).Tags()
    assert {"probe_00_square/input", "probe_00_square/saliency_square", "probe_00_square/saliency_disc"} <= set(
        tags["images"]
    )
    assert {"box_score/probe_00_square/square", "explanations/saliency/pointing"} <= set(tags["scalars"])


class Queries(Detector):
    """As those of DETR: logits with no object last, boxes by centre and size as shares of the image."""

    def forward(self, pixel_values, targets=None):
        rows = self.head(self.body(pixel_values)).flatten(2).transpose(1, 2)
        logits = torch.cat([rows[:, :, : self.classes], torch.zeros_like(rows[:, :, :1])], 2)
        centres = self.centres(pixel_values[0]) / 32
        boxes = torch.cat([centres.expand(len(rows), -1, -1), 0.3 + 0.1 * rows[:, :, -2:].tanh()], 2)
        return {"logits": logits, "pred_boxes": boxes}


class Matches(Finds):
    def training_step(self, batch, batch_idx):
        return self.net(batch["pixel_values"])["logits"].square().mean()

    def validation_step(self, batch, batch_idx):
        loss = self.net(batch["pixel_values"])["logits"].square().mean()
        self.log("val_loss", loss, batch_size=len(batch["labels"]))


def queried(batch):
    """Boxes as shares of images of 32 px, by their centres."""
    targets = []
    for _, target in batch:
        boxes = target["boxes"] / 32
        centres = torch.cat([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], 1)
        targets.append({"class_labels": target["labels"], "boxes": centres})
    return {"pixel_values": torch.stack([image for image, _ in batch]), "labels": targets}


def test_networks_like_detr(tmp_path):
    drawn = Drawn()
    wishes = [keeping(cls, drawn, {}) for cls in ONE_OF_A_KIND]
    data = lambda: things(collate_fn=queried)
    run = train(tmp_path / "with", wishes, net=Queries, module=Matches, data=data)
    without = train(tmp_path / "without", [], net=Queries, module=Matches, data=data).lightning_module.state_dict()
    assert all(torch.equal(value, run.lightning_module.state_dict()[name]) for name, value in without.items())
    scene, (item, *_) = drawn.scene, drawn.scene.probes.indices
    data = things()["val_dataloaders"].dataset
    assert torch.allclose(scene.probes.labels[0, :, :4], data.targets[item]["boxes"], atol=1e-4)
    with torch.no_grad():
        found = run.lightning_module.eval().net(scene.probes.images[:1])
    shares, boxes = found["logits"][0].softmax(1)[:, :2], 32 * found["pred_boxes"][0]
    surest = int(shares.amax(1).argmax())
    x, y, width, height = boxes[surest].tolist()
    expected = [x - width / 2, y - height / 2, x + width / 2, y + height / 2, float(shares[surest].argmax())]
    assert scene.predictions[0, 0].tolist() == pytest.approx([*expected, float(shares[surest].max())], abs=1e-3)


class Blind(Detector):
    """Finds nothing."""

    def __init__(self):
        super().__init__()
        self.least = 2.0


def test_where_nothing_is_found_maps_are_empty_and_say_so(tmp_path):
    drawn = Drawn()
    wishes = [keeping(cls, drawn, {"probes": 1}) for cls in ONE_OF_A_KIND]
    train(tmp_path, wishes, net=Blind)
    assert plain(drawn.scene.caption(0)).startswith("epoch 0 · no box found, missed: ")
    assert [e.value for e in events(tmp_path).Scalars("explanations/saliency/sum")] == [0.0, 0.0]
    assert drawn.pictures["FilterAscent"]


class Detaches(Detector):
    def boxes(self, rows, at):
        return super().boxes(rows.detach(), at)


@pytest.mark.filterwarnings("ignore:.*is left out")
def test_scores_without_gradients_leave_gradients_out_with_the_reason(tmp_path):
    with pytest.raises(ValueError, match=r"gradients of the images.*boxes have none.*Occlusion and LimePanels"):
        train(tmp_path, [SaliencyMaps(on_error="raise")], net=Detaches)
    drawn = Drawn()
    train(tmp_path, [SaliencyMaps(probes=2), keeping(Occlusion, drawn, {})], net=Detaches)
    assert set(drawn.pictures) == {"Occlusion"}


def off(**changes):
    """Targets of another kind."""

    def item(image, target):
        return image, {**target, **{key: change(target[key]) for key, change in changes.items()}}

    def data():
        loaders = [DataLoader(Things(12, seed=s, item=item), batch_size=6, collate_fn=listed) for s in (1, 2)]
        return {"train_dataloaders": loaders[0], "val_dataloaders": loaders[1]}

    return data


class Lenient(Finds):
    """Trains whatever the targets are."""

    def training_step(self, batch, batch_idx):
        return sum(self.net.head(self.net.body(image[None])).square().mean() for image in batch[0])


def test_bad_targets_are_refused_with_the_way_out(tmp_path):
    wish = lambda: SaliencyMaps(probes=Probes(task="boxes", count=3), on_error="raise")
    xywh = off(boxes=lambda boxes: torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1))
    with pytest.raises(ValueError, match=r"\(left, top, right, bottom\) in pixels.*width, height.*unpack="):
        train(tmp_path, [wish()], data=xywh, module=Lenient)
    named = SaliencyMaps(probes=Probes(task="boxes", class_names=["square", "disc"]), on_error="raise")
    data = off(labels=lambda labels: labels + 5)
    with pytest.raises(ValueError, match=r"labels 0 to 1 of boxes for 2 classes, received up to 6"):
        train(tmp_path, [named], data=data, module=Lenient)
    with pytest.raises(ValueError, match=r"boxes from the forward of Plain in eval mode"):
        train(tmp_path, [wish()], net=UNet, module=Plain)


class Plain(Finds):
    """A network without boxes, for batches that have some."""

    def training_step(self, batch, batch_idx):
        return self.net(torch.stack(batch[0])).square().mean()

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self.net(torch.stack(batch[0])).square().mean(), batch_size=len(batch[0]))

    def forward(self, images):
        return self.net(torch.stack(images))


def test_boxes_of_no_area_or_outside_do_not_count_and_images_may_have_none(tmp_path):
    def item(image, target):
        more = torch.tensor([[5.0, 5.0, 5.0, 9.0], [40.0, 2.0, 50.0, 9.0], [20.0, 20.0, 90.0, 31.0]])
        labels = torch.cat([target["labels"][:0], torch.tensor([0, 0, 1])])
        return image, {"boxes": more, "labels": labels}

    def data():
        sets = [Things(12, seed=s, item=item) for s in (1, 2)]
        loaders = [DataLoader(one, batch_size=6, collate_fn=listed) for one in sets]
        return {"train_dataloaders": loaders[0], "val_dataloaders": loaders[1]}

    drawn = Drawn()
    train(tmp_path / "some", [keeping(SaliencyMaps, drawn, {})], data=data, module=Lenient)
    assert drawn.scene.probes.labels[0].tolist() == [[20.0, 20.0, 32.0, 31.0, 1.0]]
    drawn = Drawn()
    none = off(boxes=lambda boxes: boxes[:0], labels=lambda labels: labels[:0])
    train(tmp_path / "none", [keeping(SaliencyMaps, drawn, {})], data=none, module=Lenient)
    assert drawn.scene.probes.labels.shape[1] == 0
    assert drawn.scene.probes.tag(0).endswith("no_box")


class Stream(IterableDataset):
    classes = Things.classes

    def __iter__(self):
        return iter(Things(12, seed=2, item=sizes))


def test_probes_of_a_stream_have_boxes_too(tmp_path):
    drawn = Drawn()
    loader = lambda: DataLoader(Stream(), batch_size=5, collate_fn=listed)
    data = lambda: {"train_dataloaders": loader(), "val_dataloaders": loader()}
    train(tmp_path, [keeping(SaliencyMaps, drawn, {"probes": 3})], data=data)
    assert drawn.scene.task.name == "boxes"
    assert len(drawn.scene.probes) == 3


def test_batches_as_a_list_of_pairs_and_one_tensor_of_images(tmp_path):
    class Pairs(Finds):
        def training_step(self, batch, batch_idx):
            return super().training_step(tuple(zip(*batch, strict=True)), batch_idx)

        def validation_step(self, batch, batch_idx):
            return super().validation_step(tuple(zip(*batch, strict=True)), batch_idx)

    drawn = Drawn()
    data = lambda: things(collate_fn=list)
    train(tmp_path / "pairs", [keeping(SaliencyMaps, drawn, {})], module=Pairs, data=data)
    assert drawn.scene.task.name == "boxes"
    stack = lambda batch: (torch.stack([image for image, _ in batch]), [target for _, target in batch])
    drawn = Drawn()
    train(tmp_path / "stack", [keeping(SaliencyMaps, drawn, {})], data=lambda: things(collate_fn=stack))
    assert drawn.scene.task.name == "boxes"
    assert drawn.scene.probes.extras is None


def test_boxes_are_counted_by_what_the_step_has_said(tmp_path):
    calls, drawn = [], Drawn()

    class Counts(Detector):
        def forward(self, images, targets=None):
            calls.append(len(images))
            return super().forward(images, targets)

    at_the_end = keeping(ConfusionMatrixPanel, drawn, {"every_n_epochs": 12})
    run = train(tmp_path / "with", [at_the_end], net=Counts, epochs=12, lr=0.02)
    of_last_validation = calls[-2:]
    calls.clear()
    train(tmp_path / "without", [], net=Counts)
    assert of_last_validation == calls[-2:] == [6, 6]
    net, data = run.lightning_module.eval().net, things()["val_dataloaders"].dataset
    found, there, said = [0, 0], [0, 0], [0, 0]
    for i in range(len(data)):
        image, target = data[i]
        with torch.no_grad():
            (rows,) = net([image])
        left = list(zip(target["boxes"].tolist(), target["labels"].tolist(), strict=True))
        for _, label in left:
            there[label] += 1
        for box, label, score_ in zip(*(rows[key].tolist() for key in ("boxes", "labels", "scores")), strict=True):
            if score_ >= 0.5:
                said[label] += 1
                fits = [one for one in left if one[1] == label and iou(box, one[0]) >= 0.5]
                if fits:
                    found[label] += 1
                    left.remove(max(fits, key=lambda one: iou(box, one[0])))
    assert sum(said) > 0
    for k, name in enumerate(Things.classes):
        assert drawn.scalars[f"recall/val/{name}"] == pytest.approx(found[k] / there[k])
        if said[k]:
            assert drawn.scalars[f"precision/val/{name}"] == pytest.approx(found[k] / said[k])
    table, cells = np.zeros((3, 3), int), told(tmp_path / "with", "counts/val")
    np.add.at(table, tuple(cells[:, :2].T), cells[:, 2])  # the last row and column are of no box
    assert [*table.diagonal()] == [*found, 0]
    assert (table.sum(1)[:2].tolist(), table.sum(0)[:2].tolist()) == (there, said)
