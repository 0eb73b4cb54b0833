"""Blue against orange, seen by eyes that lack a cone: by the matrices of Machado, Oliveira and Fernandes (2009)."""

import itertools

import numpy as np
import pytest
from skimage.color import rgb2lab

from lightning_viz.render import diverging, overlay, sequential, superpixel_picture
from lightning_viz.render.color import AGAINST, FOR

# Severity 1.0, applied to linear RGB.
EYES = {
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
APART = 20
"""Delta E (CIE 1976) of colours that are told apart at a glance; about 2.3 is just noticeable."""


def seen(colours, eye):
    """Colours (N, 3) in 0 ... 255 as an eye sees them, in CIE Lab."""
    share = np.asarray(colours, dtype=float) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    mixed = np.clip(linear @ np.array(EYES[eye]).T, 0, 1)
    return rgb2lab(np.where(mixed <= 0.0031308, mixed * 12.92, 1.055 * mixed ** (1 / 2.4) - 0.055)[None])[0]


def least_apart(colours, eye):
    """The smallest difference between any two."""
    return min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen(colours, eye), 2))


def map_colours():
    """For and against at full and at half strength, and neutral."""
    return diverging([[-1.0, -0.5, 0.0, 0.5, 1.0]])[0]


def over_the_image(brightness):
    return overlay(np.full((3, 1, 5), brightness), [[-1.0, -0.5, 0.0, 0.5, 1.0]], signed=True)[0]


def superpixel_colours(brightness, at):
    """The tint of five superpixels, between stripes and outlines: against, half against, neutral, half for, for."""
    segments = np.arange(5)[None].repeat(5, 0)
    weights = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    picture = superpixel_picture(np.full((3, 5, 5), brightness), segments, weights, np.sign(weights).astype(int))
    columns = np.array([[picture[y, 70 * k + 20 : 70 * k + 50] for k in range(5)] for y in range(30, 320)])
    return np.quantile(columns.reshape(-1, 5, 30, 3).transpose(1, 0, 2, 3).reshape(5, -1, 3), at, axis=1)


@pytest.mark.parametrize("eye", EYES)
def test_for_against_and_neutral_are_told_apart_in_maps(eye):
    assert least_apart(map_colours(), eye) > APART


@pytest.mark.parametrize("brightness", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("eye", EYES)
def test_for_against_and_neutral_are_told_apart_over_an_image(eye, brightness):
    strong, half = over_the_image(brightness)[[0, 2, 4]], over_the_image(brightness)[[1, 2, 3]]
    assert min(least_apart(strong, eye), least_apart(half, eye)) > APART


@pytest.mark.parametrize("brightness", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("eye", EYES)
def test_superpixels_for_and_against_and_neutral_are_told_apart(eye, brightness):
    found = superpixel_colours(brightness, at=0.9)
    assert min(least_apart(found[[0, 2, 4]], eye), least_apart(found[[1, 2, 3]], eye)) > APART


@pytest.mark.parametrize("eye", EYES)
def test_what_grew_and_what_shrank_are_told_apart_from_the_ground(eye):
    assert least_apart([FOR, AGAINST, (24, 24, 28), (240, 240, 240)], eye) > APART


@pytest.mark.parametrize("brightness", [0.02, 0.5, 0.98])
def test_stripes_against_are_seen_without_any_colour(brightness):
    grey = superpixel_colours(brightness, at=[0.1, 0.9]) @ [0.2126, 0.7152, 0.0722]
    stripes = grey[1] - grey[0]
    assert stripes[:2].min() > 15
    assert stripes[2:].max() < 1


@pytest.mark.parametrize("eye", EYES)
def test_magnitudes_grow_lighter_for_every_eye(eye):
    lightness = seen(sequential(np.linspace(0, 1, 60)[None])[0], eye)[:, 0]
    assert (np.diff(lightness) > 0).all()
