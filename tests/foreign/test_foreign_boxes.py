"""Other people's networks that find things."""

import sys
from contextlib import contextmanager

import pytest
import torch
from borrowed import FOLDER
from found import quick
from projects import Finds, Project, Things, events, fit, listed
from test_foreign_transformers import installed
from torch.utils.data import DataLoader

from lightning_viz import ConfusionMatrixPanel, ConfusionPanels, GradCam, LimePanels, Occlusion, SaliencyMaps


class Yolos(Project):
    """Hugging Face's, which makes boxes of tokens (arXiv:2106.00666, 2021); batches as its processor makes them."""

    def __init__(self):
        super().__init__()
        with installed():
            from transformers import YolosConfig, YolosForObjectDetection

            names = dict(enumerate(Things.classes))
            small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
            config = YolosConfig(**small, image_size=[32, 32], patch_size=8, num_detection_tokens=6, id2label=names)
            self.net = YolosForObjectDetection(config)

    def training_step(self, batch, batch_idx):
        return self.net(**batch).loss

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self.net(**batch).loss, batch_size=len(batch["labels"]))


def by_name(batch):
    targets = []
    for _, target in batch:
        boxes = target["boxes"] / 32
        centred = torch.cat([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], 1)
        targets.append({"class_labels": target["labels"], "boxes": centred})
    return {"pixel_values": torch.stack([image for image, _ in batch]), "labels": targets}


def of_queries():
    sets = [Things(count, seed=seed) for count, seed in ((12, 1), (6, 2))]
    loaders = [DataLoader(one, batch_size=6, collate_fn=by_name) for one in sets]
    return {"train_dataloaders": loaders[0], "val_dataloaders": loaders[1]}


def test_yolos(tmp_path):
    seen = []

    class Looks(SaliencyMaps):
        def draw(self, scene):
            seen.append(scene)
            return super().draw(scene)

    callbacks = [quick(cls, probes=1) for cls in (Looks, LimePanels, ConfusionMatrixPanel, ConfusionPanels)]
    run = fit(tmp_path / "with", callbacks, module=Yolos, data=of_queries, max_epochs=1)
    without = fit(tmp_path / "without", module=Yolos, data=of_queries, max_epochs=1)
    ours, theirs = (one.lightning_module.state_dict() for one in (run, without))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    scene = seen[-1]
    assert (scene.task.name, scene.task.classes, scene.task.sigmoid) == ("boxes", 2, False)
    assert scene.probes.class_names == tuple(Things.classes)
    with torch.no_grad():
        found = run.lightning_module.eval().net(scene.probes.images)
    assert torch.allclose(scene.predictions[:, 0, 5], found.logits.softmax(2)[..., :-1].amax((1, 2)), atol=1e-5)


def nms(boxes, scores, threshold):
    """Non-maximum suppression, one box after the other."""
    order, kept = scores.argsort(descending=True, stable=True), []
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    while len(order):
        first, order = order[0], order[1:]
        kept.append(first)
        low, high = torch.maximum(boxes[order, :2], boxes[first, :2]), torch.minimum(boxes[order, 2:], boxes[first, 2:])
        both = (high - low).clamp_min(0).prod(1)
        order = order[both / (areas[order] + areas[first] - both) <= threshold]
    return torch.stack(kept) if kept else torch.zeros(0, dtype=torch.long)


_LIBRARIES = []


@contextmanager
def torchvision():
    """Within, torchvision can be imported: all of it that is Python.

    Its operators are built for torch with CUDA, and none of them loads beside one for CPUs: non-maximum suppression is
    ours, `roi_align` is torchvision's own in Python.
    """
    folder = FOLDER / "apart"
    if not folder.is_dir():
        pytest.fail(f"Expected torchvision in {folder}: `make test` installs it.", pytrace=False)
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "torchvision"}
    if not _LIBRARIES:
        _LIBRARIES.append(torch.library.Library("torchvision", "DEF"))
        for name in ("nms", "qnms"):
            _LIBRARIES[0].define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _LIBRARIES[0].impl("nms", nms, "CPU")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(folder)])
        import torchvision.models.detection  # noqa: F401

        patch.setattr(sys.modules["torchvision.ops.boxes"], "_assert_has_ops", lambda: None)
        align = sys.modules["torchvision.ops.roi_align"]
        patch.setattr(align, "_roi_align", align._roi_align.__wrapped__)  # not compiled, which takes minutes
        yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    sys.modules.update(before)


def faster_rcnn():
    from torchvision.models import mobilenet_v3_small
    from torchvision.models.detection import FasterRCNN
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.backbone_utils import BackboneWithFPN
    from torchvision.ops import MultiScaleRoIAlign

    few = {f"rpn_{when}_nms_top_n_{stage}": 4 for when in ("pre", "post") for stage in ("train", "test")}
    sizes = {"min_size": 48, "max_size": 64, "box_detections_per_img": 4}
    pool = MultiScaleRoIAlign(["0", "1"], output_size=3, sampling_ratio=1)  # of which the head takes its size
    anchors = AnchorGenerator(((8,), (16,), (32,)), ((0.5, 1.0, 2.0),) * 3)
    small = {**sizes, **few, "box_roi_pool": pool, "rpn_anchor_generator": anchors}
    backbone = BackboneWithFPN(mobilenet_v3_small().features, {"1": "0", "3": "1"}, [16, 24], out_channels=16)
    return FasterRCNN(backbone, num_classes=3, **small)


def larger(image, target):
    """Images of several sizes; labels from 1, since torchvision counts the background as class 0."""
    edge = int(target["boxes"][:, 3].max()) + 1
    return image[:, :edge], {"boxes": target["boxes"], "labels": target["labels"] + 1}


def in_lists():
    sets = [Things(count, seed=seed, item=larger) for count, seed in ((2, 1), (2, 2))]
    loaders = [DataLoader(one, batch_size=2, collate_fn=listed) for one in sets]
    return {"train_dataloaders": loaders[0], "val_dataloaders": loaders[1]}


def test_faster_rcnn(tmp_path):
    seen = []

    class Looks(SaliencyMaps):
        def draw(self, scene):
            seen.append(scene)
            return super().draw(scene)

    def trained(folder, callbacks):
        return fit(folder, callbacks, module=lambda: Finds(faster_rcnn, lr=1e-4), data=in_lists, max_epochs=1)

    one = {"probes": 1, "on_error": "raise"}
    callbacks = [Looks(**one), GradCam(**one), Occlusion(window=16, stride=16, **one), ConfusionMatrixPanel(**one)]
    with torchvision():
        run = trained(tmp_path / "with", callbacks)
        without = trained(tmp_path / "without", [])
        ours, theirs = (each.lightning_module.state_dict() for each in (run, without))
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
        scene = seen[-1]
        image = in_lists()["val_dataloaders"].dataset[scene.probes.indices[0]][0]
        with torch.no_grad():
            (found,) = run.lightning_module.eval().net([image])
    assert (scene.task.name, scene.task.classes, scene.task.background) == ("boxes", 3, True)
    assert scene.probes.class_names == ("background", *Things.classes)
    said = scene.predictions[0][scene.predictions[0][:, 4] >= 0]
    assert len(said) == len(found["scores"])
    assert torch.allclose(said[:, 5], found["scores"].sort(descending=True).values, atol=1e-4)
    log = events(tmp_path / "with").Tags()
    assert [tag for tag in log["images"] if "/gradcam_net_backbone" in tag]
    assert [value.value for value in events(tmp_path / "with").Scalars("explanations/saliency/sum")][-1] > 0
    assert "recall/val/square" in log["scalars"]
