"""Networks of other people's that tell of places."""

import torch
from found import quick
from projects import Places, Project, events, fit
from test_foreign_transformers import installed
from torch.nn import functional as F
from torch.utils.data import DataLoader

from lightning_viz import ConfusionMatrixPanel, ConfusionPanels, GradCam, LimePanels, SaliencyMaps


class Segformer(Project):
    """Hugging Face's, whose logits are a quarter as large as the image; batches as its processor makes them."""

    def __init__(self):
        super().__init__()
        with installed():
            from transformers import SegformerConfig, SegformerForSemanticSegmentation

            sizes = {"hidden_sizes": [8, 16], "depths": [1, 1], "num_encoder_blocks": 2, "decoder_hidden_size": 16}
            stages = {"patch_sizes": [7, 3], "strides": [4, 2], "sr_ratios": [2, 1], "mlp_ratios": [2, 2]}
            names = dict(enumerate(Places.classes))
            config = SegformerConfig(**sizes, **stages, num_attention_heads=[1, 2], id2label=names)
            self.net = SegformerForSemanticSegmentation(config)

    def training_step(self, batch, batch_idx):
        return self.net(**batch).loss

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self.net(**batch).loss)


def named():
    """Batches by name; the upper rows have no label."""

    def item(image, of_places):
        of_places = of_places.clone()
        of_places[:3] = 255
        return {
            "pixel_values": F.interpolate(image[None], scale_factor=4)[0],
            "labels": of_places.repeat_interleave(4, 0).repeat_interleave(4, 1),
        }

    sets = [Places(12, seed=seed, item=item) for seed in (1, 2)]
    return {
        "train_dataloaders": DataLoader(sets[0], batch_size=6, shuffle=True),
        "val_dataloaders": DataLoader(sets[1], batch_size=6),
    }


def test_segformer(tmp_path):
    seen = []

    class Looks(SaliencyMaps):
        def draw(self, scene):
            seen.append(scene)
            return super().draw(scene)

    kinds = [Looks, GradCam, LimePanels, ConfusionMatrixPanel, ConfusionPanels]
    callbacks = [quick(cls, probes=1) for cls in kinds]
    run = fit(tmp_path / "with", callbacks, module=Segformer, data=named, max_epochs=1)
    without = fit(tmp_path / "without", module=Segformer, data=named, max_epochs=1)
    ours, theirs = (one.lightning_module.state_dict() for one in (run, without))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    scene = seen[-1]
    assert (scene.task.name, scene.task.ignore, scene.task.background) == ("regions", (255,), 0)
    assert scene.probes.class_names == tuple(Places.classes)
    with torch.no_grad():
        logits = run.lightning_module.eval().net(scene.probes.images).logits
    assert logits.shape[-1] == scene.probes.images.shape[-1] // 4
    fine = F.interpolate(logits, scene.probes.images.shape[2:], mode="bilinear")
    assert torch.equal(scene.predictions, fine.argmax(1).float())
    log = events(tmp_path / "with")
    assert "iou/val/square" in log.Tags()["scalars"]
    layers = {tag.split("gradcam_")[1] for tag in log.Tags()["images"] if tag.startswith("probe") and "gradcam" in tag}
    assert all("stages_1" in layer for layer in layers)  # the deepest, and not that of the logits themselves
