"""Vision transformers: what makes sense is drawn, what does not is refused before the first batch."""

import pytest
import torch
import zoo
from everything import CALLBACKS, ONE_OF_A_KIND, draw_everything, outputs_of, train
from found import OF_ATTENTION
from torch import nn

from lightning_viz import (
    ConfusionMatrixPanel,
    DeepDream,
    FilterActivations,
    FilterAscent,
    FilterWall,
    GradCam,
    LimePanels,
    SaliencyMaps,
)

LAYERED = [DeepDream, FilterActivations, FilterAscent, FilterWall, GradCam]
WIDE = (3, 12, 20)


def in_layer(name, **more):
    return {cls.__name__: {"layer": name, **more.get(cls.__name__, {})} for cls in LAYERED}


@pytest.mark.parametrize(("patches", "shape"), [("unfold", WIDE), ("convolution", (3, 16, 16))])
def test_everything_is_drawn_in_a_block(patches, shape, tmp_path):
    net = lambda: zoo.Tokens(patches, shape)
    every = [*(CALLBACKS if patches == "convolution" else [DeepDream, *ONE_OF_A_KIND]), *OF_ATTENTION]
    drawn = draw_everything(tmp_path, net, only=every, options=in_layer("encoder.1"), shape=shape)
    data = zoo.Pictures(seed=2, shape=shape)
    predicted = outputs_of(drawn.module, drawn.scene.probes.images).softmax(1)
    assert torch.allclose(drawn.scene.predictions, predicted, atol=1e-5)
    assert torch.equal(drawn.scene.probes.images, data.images[list(drawn.scene.probes.indices)])
    assert "probe_00_kind_0/deep_dream_net_encoder_1" in drawn.pictures["DeepDream"]


@pytest.mark.parametrize("patches", ["unfold", "convolution"])
def test_a_block_is_taken_by_default_and_nothing_is_told(patches, tmp_path):
    """The class token is read behind the second block, whose patches so have no say any more."""
    drawn = draw_everything(tmp_path, lambda: zoo.Tokens(patches), only=LAYERED)
    assert "filters/net_encoder_0/0" in drawn.pictures["FilterAscent"]
    assert "probe_00_kind_0/gradcam_net_encoder_0" in drawn.pictures["GradCam"]


class Marked(nn.Module):
    """The first channel of `mark` is 1 in the patch at row 1, column 3, the second is the sum of each patch."""

    def __init__(self, token):
        super().__init__()
        self.mark, self.head, self.token = nn.Identity(), nn.Linear(2, 3), token

    def forward(self, x):
        rows, columns = x.shape[2] // 4, x.shape[3] // 4
        place = torch.zeros(len(x), rows, columns).to(x)
        place[:, 1, 3] = 1
        sums = nn.functional.avg_pool2d(x.mean(1, keepdim=True), 4).flatten(1)
        tokens = torch.stack([place.flatten(1), sums], dim=2)
        return self.head(
            self.mark(torch.cat([torch.full_like(tokens[:, :1], 9.0), tokens][1 - self.token :], 1)).mean(1)
        )


@pytest.mark.parametrize("token", [0, 1])
def test_tokens_are_shown_where_their_patches_are(token, tmp_path):
    options = {"FilterActivations": {"layer": "mark"}}
    drawn = draw_everything(tmp_path, lambda: Marked(token), only=[FilterActivations], options=options, shape=WIDE)
    picture = drawn.pictures["FilterActivations"]["probe_00_kind_0/activations_net_mark"]
    title = 20
    tile = picture[title : title + round(173 * 12 / 20), :173].max(2)
    bright = (tile > 128).nonzero()
    assert bright[0].min() / len(tile) == pytest.approx(1 / 3, abs=0.05)
    assert bright[0].max() / len(tile) == pytest.approx(2 / 3, abs=0.05)
    assert bright[1].min() / 173 == pytest.approx(3 / 5, abs=0.05)
    assert bright[1].max() / 173 == pytest.approx(4 / 5, abs=0.05)


def test_a_token_channel_is_climbed(tmp_path):
    options = {"FilterAscent": {"layer": "mark", "channels": [1], "steps": 40, "lr": 0.5}}
    drawn = draw_everything(tmp_path, lambda: Marked(1), only=[FilterAscent], options=options)
    assert drawn.scalars["filters/net_mark/1_activation"] > (0.8 * 16 + 9) / 17
    assert drawn.pictures["FilterAscent"]["filters/net_mark/1"][50:300, 50:300].mean() > 180


def test_units_are_climbed(tmp_path):
    options = {"FilterAscent": {"layer": "head", "channels": [2]}}
    drawn = draw_everything(tmp_path, lambda: zoo.Tokens("unfold"), only=[FilterAscent], options=options)
    assert set(drawn.pictures["FilterAscent"]) == {"filters/net_head/2"}


def test_tokens_that_are_no_patches_are_no_maps(tmp_path):
    class Sequence(nn.Module):
        def __init__(self):
            super().__init__()
            self.rows, self.head = nn.Linear(48, 8), nn.Linear(8, 3)

        def forward(self, x):
            return self.head(self.rows(x.permute(0, 2, 1, 3).flatten(2)[:, :7]).mean(1))

    with pytest.raises(ValueError, match=r"spatial.*patches.*\('N', 7, 8\).*'net.rows'.*layer="):
        train(tmp_path, Sequence, [FilterActivations(layer="rows")])


def test_channels_at_the_end_are_found(tmp_path):
    class Windowed(nn.Module):
        def __init__(self):
            super().__init__()
            self.mix, self.head = nn.Linear(48, 5), nn.Linear(5, 3)

        def forward(self, x):
            patches = nn.functional.unfold(x, 4, stride=4).transpose(1, 2)
            return self.head(self.mix(patches.unflatten(1, (4, 4))).mean((1, 2)))

    only = [FilterActivations, FilterAscent]
    drawn = draw_everything(
        tmp_path, Windowed, only=only, options={c.__name__: {"layer": "mix", "channels": [4]} for c in only}
    )
    assert set(drawn.pictures["FilterAscent"]) == {"filters/net_mix/4"}


def test_images_that_are_not_first_are_refused(tmp_path):
    class TimeFirst(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.head = nn.TransformerEncoderLayer(48, 2, 8), nn.Linear(48, 3)

        def forward(self, x):
            return self.head(self.encoder(x.permute(2, 0, 1, 3).flatten(2)).mean(0))

    with pytest.raises(ValueError, match=r"\(N, places, channels\).*for one image from 'net.encoder'"):
        train(tmp_path, TimeFirst, [FilterAscent(layer="encoder")])


def test_a_network_of_one_size_dreams_in_tiles_of_that_size_and_says_which(tmp_path):
    net = lambda: zoo.Tokens("unfold")
    options = {"DeepDream": {"layer": "encoder.1", "tile": 8, "iterations": 3, "step": 0.1}}
    drawn = draw_everything(tmp_path / "own", net, only=[DeepDream], options=options)
    dreamt = drawn.pictures["DeepDream"]["probe_00_kind_0/deep_dream_net_encoder_1"]
    assert dreamt[:350].std() > 10
    with pytest.raises(ValueError, match=r"16 x 16: pass canvas= of at least that"):
        train(tmp_path / "small", net, [DeepDream(layer="encoder.1", canvas=8)])


def test_all_callbacks_are_asked():
    assert {*LAYERED, SaliencyMaps, LimePanels, ConfusionMatrixPanel} <= set(CALLBACKS)
