"""Networks of other people's for volumes and clips: every callback draws, and training is unchanged."""

import importlib

import pytest
import torch
from balls import Balls, OfVolumes, every_place, frames_first
from borrowed import installed
from found import OF_VOLUMES, TINY
from projects import events, fit
from torch.nn import functional as F
from torch.utils.data import DataLoader

from lightning_viz import Films, GradCam, LimePanels, SaliencyMaps

KINDS = ["background", "ball", "cube", "plate"]


@pytest.fixture(scope="module")
def library():
    with installed():
        yield importlib.import_module


class Named(OfVolumes):
    """Batches by name."""

    def training_step(self, batch, batch_idx):
        label = batch["label"]
        return F.cross_entropy(self(batch["image"]), label if label.ndim < 2 else label[:, 0].long())

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self.training_step(batch, batch_idx))


def both(folder, module, data, callbacks):
    """Trains with the callbacks and without any; the tags of the pictures."""
    run = fit(folder / "with", callbacks(), module=module, data=data, max_epochs=1)
    without = fit(folder / "without", module=module, data=data, max_epochs=1)
    ours, theirs = (one.lightning_module.state_dict() for one in (run, without))
    assert [k for k in theirs if not torch.equal(ours[k], theirs[k])] == []
    return set(events(folder / "with").Tags()["images"])


def few(probes=1):
    options = {**TINY, "LimePanels": {"samples": 64, "segments": 8}, "ConfusionPanels": {"samples": 64, "segments": 8}}
    return lambda: [cls(probes=probes, on_error="raise", **options.get(cls.__name__, {})) for cls in OF_VOLUMES]


def loaders(loader, item, **data):
    train, val = (Balls(count, seed=count, item=item, **data) for count in (6, 3))
    return lambda: {"train_dataloaders": loader(train, batch_size=3), "val_dataloaders": loader(val, batch_size=3)}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_monai_in_three_dimensions(library, tmp_path):
    """MONAI 1.6.1 (2026): its DenseNet121 in 3-D, narrow; volumes with notes of where they come from."""
    monai_data = library("monai.data")
    densenet = library("monai.networks.nets.densenet").DenseNet121
    noted = lambda x: monai_data.MetaTensor(x, meta={"filename_or_obj": "a.nii"})
    small = {"init_features": 4, "growth_rate": 2, "block_config": (1, 1)}
    module = lambda: Named(lambda: densenet(spatial_dims=3, in_channels=1, out_channels=3, **small))
    data = loaders(monai_data.DataLoader, lambda x, y, m: {"image": noted(x), "label": y}, size=(16, 16, 16))
    tags = both(tmp_path, module, data, few())
    kinds = {tag.split("/")[1].split("_")[0] for tag in tags if tag.startswith("probe_")}
    assert kinds >= {"input", "saliency", "lime", "gradcam", "occlusion", "integrated", "activations", "captum"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_monai_segments_volumes(library, tmp_path):
    """MONAI 1.6.1 (2026): its UNet in 3-D, labels (N, 1, D, H, W)."""
    unet = library("monai.networks.nets.unet").UNet
    net = lambda: unet(spatial_dims=3, in_channels=1, out_channels=4, channels=(4, 8), strides=(2,))

    def item(image, label, mask):
        return {"image": image, "label": every_place(image, label, mask)[1][None]}

    data = loaders(DataLoader, item, size=(8, 8, 16), names=KINDS)
    tags = both(tmp_path, lambda: Named(net), data, few())
    kinds = {tag.split("/")[1].split("_")[0] for tag in tags if tag.startswith("probe_")}
    assert kinds >= {"input", "saliency", "lime", "gradcam", "occlusion", "integrated", "activations", "captum"}
    assert "iou/val/ball" in events(tmp_path / "with").Tags()["scalars"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_video_transformer_that_turns_its_clips_itself(library, tmp_path):
    """transformers 5.24.0 (2026): VideoMAE, small; takes clips (N, T, C, H, W), and begins with Conv3d."""
    transformers = library("transformers")
    config = transformers.VideoMAEConfig(
        image_size=16, patch_size=8, num_frames=4, tubelet_size=2, hidden_size=16, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=32, num_labels=3,
    )  # fmt: skip
    data = loaders(DataLoader, frames_first, size=(4, 16, 16), channels=3)
    net = lambda: transformers.VideoMAEForVideoClassification(config)

    class Video(OfVolumes):
        def training_step(self, batch, batch_idx):
            return self.net(pixel_values=batch[0], labels=batch[1]).loss

        def validation_step(self, batch, batch_idx):
            self.log("val_loss", self.training_step(batch, batch_idx))

    made = lambda: [SaliencyMaps(probes=1, on_error="raise"), LimePanels(probes=1, samples=64, segments=8), Films()]
    tags = both(tmp_path, lambda: Video(net), data, made)
    assert {"probe_00_ball/saliency", "probe_00_ball/lime"} <= tags
    with pytest.raises(ValueError, match="has no layer to take by default"):
        fit(tmp_path / "cam", [GradCam(on_error="raise")], module=lambda: Video(net), data=data, max_epochs=1)
