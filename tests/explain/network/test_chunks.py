"""Where memory runs out, every method goes on with smaller batches and finds the same."""

import weakref

import pytest
import torch
from torch import nn

from lightning_viz.explain.attribution.gradcam import grad_cam
from lightning_viz.explain.attribution.gradients import input_gradient, loss_gradient
from lightning_viz.explain.attribution.integrated import integrated_gradients
from lightning_viz.explain.attribution.occlusion import occlusion
from lightning_viz.explain.attribution.smooth import smooth_gradient
from lightning_viz.explain.lime.masks import draw_masks, masked_scores
from lightning_viz.explain.network.chunks import Chunks, fastest, is_out_of_memory
from lightning_viz.explain.optimisation.dream import dream
from lightning_viz.explain.optimisation.filters import channel_outputs, maximise_channels

IMAGES = torch.rand(7, 3, 16, 16, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2, 3, 0, 1, 2])
SEGMENTS = torch.arange(16)[:, None] // 4 * 4 + torch.arange(16) // 4

torch.manual_seed(0)
FILTERS = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 6, 3)).eval().requires_grad_(False)
HEAD = nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 4)).eval().requires_grad_(False)


class FullWhenDifferentiated(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


class Small:
    """A device on which no more than `room` images fit, in the forward pass or in the backward pass."""

    def __init__(self, call, room, where="forward"):
        self.call, self.room, self.where, self.sizes = call, room, where, []

    def __call__(self, images):
        self.sizes.append(len(images))
        full = len(images) > self.room
        if full and self.where == "forward":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self.call(FullWhenDifferentiated.apply(images) if full else images)


def lime(scores):
    masks = draw_masks(16, 24, seed=0)
    return masked_scores(scores, IMAGES[0], SEGMENTS, masks, normalize=lambda x: x, chunks=Chunks(9))


def integrated(scores, **options):
    values, delta = integrated_gradients(scores, IMAGES, LABELS, [0 * IMAGES], **options)
    return torch.cat([values.flatten(), delta])


def ascent(features, **start):
    channels = [0, 2, 4, 5, 1]
    return torch.cat(
        [
            part.flatten()
            for part in maximise_channels(features, channels, size=(16, 16), steps=4, batch_size=4, **start)
        ]
    )


GRADIENTS = {
    "gradient": lambda scores: input_gradient(scores, IMAGES, LABELS),
    "loss": lambda scores: loss_gradient(scores, IMAGES, LABELS),
    "smoothgrad": lambda scores: smooth_gradient(scores, IMAGES, LABELS, samples=3, batch_size=14),
    "integrated gradients": lambda scores: integrated(scores, steps=3, batch_size=14),
    "integrated gradients, as they come": lambda scores: integrated(scores, steps=3),
    "ascent": ascent,
    "ascent from pictures": lambda features: ascent(features, start=IMAGES[:5]),
    "dream": lambda features: dream(features, IMAGES, canvas=24, tile=16, octaves=2, iterations=2, batch_size=4),
}
FORWARDS = {
    "lime": lime,
    "activations": lambda features: channel_outputs(features, IMAGES, [1, 3]),
    "occlusion": lambda scores: occlusion(scores, IMAGES, LABELS, 0 * IMAGES, window=(8, 8), stride=(8, 4)),
    "Grad-CAM": lambda scores: grad_cam(scores, FILTERS[2], IMAGES, LABELS),
}
METHODS = {**GRADIENTS, **FORWARDS}


def network(name):
    return FILTERS if name.partition(" ")[0] in ("ascent", "dream", "activations") else nn.Sequential(FILTERS, HEAD)


@pytest.mark.parametrize("room", [1, 2, 3])
@pytest.mark.parametrize(
    ("name", "where"), [*((name, "forward") for name in METHODS), *((name, "backward") for name in GRADIENTS)]
)
def test_every_method_goes_on_with_smaller_batches_and_finds_the_same(name, where, room):
    method, net = METHODS[name], network(name)
    plenty, little = Small(net, 1000), Small(net, room, where)
    expected, found = method(plenty), method(little)
    assert torch.allclose(found, expected, atol=5e-5)  # processors round sums of other lengths differently
    assert max(plenty.sizes) > room
    refused = [size for size in little.sizes if size > room]
    assert 1 <= len(refused) <= 5  # 42, 21, 10, 5, 2 at worst: what once did not fit is not tried again
    # Five pictures in groups of two are three groups, in place of one of four and one of one.
    assert len(little.sizes) <= 4 * len(plenty.sizes) * -(-max(plenty.sizes) // (2 * room)) + 20


@pytest.mark.parametrize("name", METHODS)
def test_where_not_even_one_fits_the_error_goes_through(name):
    with pytest.raises(torch.OutOfMemoryError, match=r"2\.00 GiB"):
        METHODS[name](Small(network(name), 0))


@pytest.mark.parametrize("name", METHODS)
def test_another_error_is_not_taken_for_it(name):
    sizes = []

    def broken(images):
        sizes.append(len(images))
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises((RuntimeError, ValueError), match="shapes cannot be multiplied"):
        METHODS[name](broken)
    assert len(set(sizes)) == 1  # a dream tries its next octave


def test_the_size_is_halved_and_kept():
    device = Small(lambda x: 2 * x, 3)
    chunks = Chunks(16)
    items = torch.arange(20.0)
    assert torch.equal(chunks(device, items), 2 * items)
    assert device.sizes == [16, 8, 4, *[2] * 10]
    device.sizes.clear()
    assert torch.equal(chunks(device, items[:5]), 2 * items[:5])
    assert device.sizes == [2, 2, 1]


def test_a_whole_batch_is_one_call_until_it_does_not_fit():
    device = Small(lambda x: x, 4)
    chunks = Chunks()
    assert torch.equal(chunks(device, torch.arange(4)), torch.arange(4))
    assert torch.equal(chunks(device, torch.arange(9)), torch.arange(9))
    assert device.sizes == [4, 9, 4, 4, 1]
    assert Chunks()(lambda x: x, torch.zeros(0, 3)).shape == (0, 3)


@pytest.mark.parametrize("in_a_cycle", [False, True])
def test_what_the_failed_attempt_held_is_free_before_the_next(in_a_cycle):
    failed = []

    def call(x):
        assert not failed or failed[-1]() is None
        holder = [x.expand(len(x), 1000).clone()]
        if in_a_cycle:
            holder.append(holder)
        if len(x) > 2:
            failed.append(weakref.ref(holder[0]))
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return holder[0].sum(1)

    assert Chunks()(call, torch.ones(8, 1)).tolist() == [1000] * 8
    assert len(failed) == 2


def test_the_allocator_of_the_cpu_is_understood():
    sizes = []

    def greedy(x):
        sizes.append(len(x))
        torch.empty(len(x) // 3 * 2**46)  # 256 TiB from three items on
        return x

    assert torch.equal(Chunks()(greedy, torch.arange(8)), torch.arange(8))
    assert sizes == [8, 4, 2, 2, 2, 2]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("anything"), True),
        (MemoryError(), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9.06 GB)"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:80] data. DefaultCPUAllocator: not enough memory: you tried"),
            True,
        ),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("Expected 4-dimensional input"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_counts_as_out_of_memory(error, expected):
    assert is_out_of_memory(error) is expected


def test_chunks_of_nothing_are_refused():
    with pytest.raises(ValueError, match="at least 1, received 0"):
        Chunks(0)


@pytest.mark.parametrize(("side", "expected"), [(28, 64), (64, 32), (128, 8), (224, 4), (1024, 4)])
def test_images_go_through_in_chunks_of_about_as_many_pixels(side, expected):
    sizes = []
    Chunks()(lambda x, _: sizes.append(len(x)) or x[:, 0, 0, 0], torch.empty(70, 1, side, side), range(70))
    assert sizes == [expected] * (70 // expected) + [70 % expected]


def test_a_device_that_keeps_its_memory_gets_more_at_once():
    there, here = torch.empty(1, 3, 224, 224, device="meta"), torch.empty(1, 3, 224, 224)
    assert fastest(there) == 16 * fastest(here) == 64
