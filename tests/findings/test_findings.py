"""The explanations of a trained network find what was drawn: evidence, shortcuts and the planted confusion."""

import pytest
import torch
from torch.nn import functional as F

from lightning_viz.explain.dream import dream
from lightning_viz.explain.filters import maximise_channels
from lightning_viz.explain.gradients import input_gradient, magnitude, smooth_gradient
from lightning_viz.explain.lime import explain, mean_fill, perturb, superpixels, top_superpixels
from lightning_viz.explain.masks import draw_masks
from lightning_viz.food11 import CLASS_NAMES

BREAD, EGG, SOUP = (CLASS_NAMES.index(name) for name in ("Bread", "Egg", "Soup"))
MIDDLE = "cnn.8"


def same(pixels):
    return pixels


class TestSaliency:
    @pytest.fixture(scope="class")
    def maps(self, trained):
        gradients = smooth_gradient(trained.net, trained.images, trained.labels, samples=12)
        return magnitude(gradients)

    @staticmethod
    def hits_and_chance(maps, masks):
        peaks = maps.flatten(1).argmax(1, keepdim=True)
        return masks.flatten(1).gather(1, peaks).float().mean().item(), masks.float().mean().item()

    def test_the_strongest_pixel_lies_in_the_evidence(self, trained, maps):
        hits, chance = self.hits_and_chance(maps, trained.masks)
        single = magnitude(input_gradient(trained.net, trained.images, trained.labels))
        print("all", hits, chance, "gradient", self.hits_and_chance(single, trained.masks))
        assert hits > chance + 0.2, f"in the evidence {hits:.0%}, by chance {chance:.0%}"

    @pytest.mark.parametrize("label", range(11))
    def test_of_class(self, trained, maps, label):
        of_class = trained.labels == label
        hits, chance = self.hits_and_chance(maps[of_class], trained.masks[of_class])
        print(CLASS_NAMES[label], hits, chance)
        m=maps[of_class]; k=trained.masks[of_class]
        print("share", ((m*k).sum()/m.sum()).item(), ((m**2*k).sum()/(m**2).sum()).item())


def norms(features, pixels):
    with torch.no_grad():
        return features(pixels).flatten(1).norm(dim=1)


class TestFilters:
    @pytest.mark.parametrize("layer", ["cnn.4", "cnn.8", "cnn.12", "cnn.16"])
    def test_beats(self, trained, layer):
        features = trained.features(layer)
        channels = range(0, 32, 4) if layer not in ("cnn.4",) else range(0, 16, 2)
        with torch.no_grad():
            best = torch.cat([features(b).mean((2, 3)) for b in trained.seen[:1000].split(100)]).amax(0)
        found = maximise_channels(features, list(channels), size=(64, 64))
        print(layer, (found.reached - best[list(channels)]).tolist(), best[list(channels)].tolist())
        print("ratio beat", (found.reached > best[list(channels)]).float().mean())


class TestDream:
    def test_it_raises_the_norm(self, trained):
        pixels = trained.images[trained.right()[::25]]
        for layer in ("cnn.8", "cnn.12", "cnn.16"):
            features = trained.features(layer)
            plain = F.interpolate(pixels, (128, 128), mode="bilinear", antialias=True)
            dreamt = dream(features, pixels, canvas=128)
            print(layer, (norms(features, dreamt) / norms(features, plain)).tolist())

    def test_seams(self, trained):
        pixels = trained.images[trained.right()[::60]]
        features = trained.features("cnn.8")
        plain = F.interpolate(pixels, (128, 128), mode="bilinear", antialias=True)
        tiled = dream(features, plain, tile=32, octaves=1, iterations=20)
        whole = dream(features, plain, tile=128, octaves=1, iterations=20)
        parts = [torch.cat([dream(features, part, octaves=1, iterations=20) for part in row.split(32, 3)], 3) for row in plain.split(32, 2)]
        alone = torch.cat(parts, 2)
        for name, d in (("tiled", tiled), ("whole", whole), ("alone", alone)):
            print(name, [seams(d - plain, 32, 2), seams(d - plain, 32, 3)])


def seams(change, tile, axis):
    """How much more the change jumps across the borders of tiles than elsewhere."""
    jumps = change.diff(dim=axis).abs().transpose(axis, 0).flatten(1).mean(1)
    borders = torch.arange(tile - 1, len(jumps), tile)
    return (jumps[borders].mean() / jumps.mean()).item()


class TestLime:
    def weights(self, trained, i, samples=256):
        pixels, label = trained.images[i], int(trained.labels[i])
        segments = superpixels(pixels)
        masks = draw_masks(int(segments.max()) + 1, samples, seed=0, design="hadamard")
        (found,) = explain(trained.net, pixels, [label], segments=segments, masks=masks, normalize=same)
        return segments, found.weights

    @staticmethod
    def drop(trained, i, segments, gone):
        pixels, label = trained.images[i], int(trained.labels[i])
        with torch.no_grad():
            before = trained.net(pixels[None])[0, label]
            after = trained.net(perturb(pixels, segments, ~gone))[:, label]
        return before - after

    def test_deletion(self, trained):
        ours, theirs = [], []
        random = torch.Generator().manual_seed(0)
        for i in trained.right()[::8]:
            segments, weights = self.weights(trained, i)
            count = 4
            top = top_superpixels(weights, count=count, positive_only=True) > 0
            rand = torch.stack([torch.isin(torch.arange(len(weights)), torch.randperm(len(weights), generator=random)[:int(top.sum())]) for _ in range(30)])
            ours.append(self.drop(trained, i, segments, top[None]).item())
            theirs.append(self.drop(trained, i, segments, rand).mean().item())
        ours, theirs = torch.tensor(ours), torch.tensor(theirs)
        print("deletion", len(ours), (ours > theirs).float().mean(), ours.mean(), theirs.mean())

    @pytest.mark.parametrize("label", [BREAD, EGG, SOUP])
    def test_overlap(self, trained, label):
        share, chance = [], []
        for i in trained.right(label)[:20]:
            segments, weights = self.weights(trained, i)
            for_it = (top_superpixels(weights, count=len(weights) // 3, positive_only=True) > 0)[segments]
            share.append(trained.masks[i][for_it].float().mean().item())
            chance.append(trained.masks[i].float().mean().item())
        s, c = torch.tensor(share), torch.tensor(chance)
        print("overlap", CLASS_NAMES[label], len(s), s.mean(), c.mean(), (s > c).float().mean())


def test_confusions(trained):
    counts = torch.stack(trained.confusions)
    for a, b in ((0, 2), (0, 3), (1, 3), (0, 7), (1, 7), (2, 7)):
        total = counts[a:b].sum(0)
        pairs = (total + total.T).tril(-1)
        order = pairs.flatten().argsort(descending=True)[:5]
        print((a, b), [(CLASS_NAMES[k // 11], CLASS_NAMES[k % 11], int(pairs.flatten()[k])) for k in order.tolist()], "egg-bread rank", int((pairs > pairs[EGG, BREAD]).sum()))
        r = total.diag() / total.sum(1)
        print("soup rank", int((r > r[SOUP]).sum()), "recall", r[SOUP].item(), "median", r.median().item())
    print("acc", [round((c.diag().sum()/c.sum()).item(),3) for c in counts])
