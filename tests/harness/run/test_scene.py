import torch

from lightning_viz.harness.probes.spec import ProbeBatch
from lightning_viz.harness.run.scene import Scene
from lightning_viz.render.fonts import CLOSE, OPEN, plain

NAMES = ("Egg", "great white shark, white shark, man-eater", "German short-haired pointer")


def captions(labels, probabilities, names=NAMES):
    zero, count = torch.zeros(1, 1, 1), len(labels)
    images = torch.zeros(count, 1, 2, 2)
    numbers = tuple(range(count))
    probes = ProbeBatch(images, torch.tensor(labels), names, numbers, numbers, zero, zero + 1)
    scene = Scene(None, probes, lambda: torch.tensor(probabilities), 3, 7, None)
    return [scene.caption(i) for i in range(count)]


def test_captions_tell_label_and_prediction_and_leave_room_for_both():
    predicted = [[0.87, 0.1, 0.03], [0.2, 0.6, 0.2], [0.004, 0.004, 0.002], [float("nan")] * 3]
    assert [plain(caption) for caption in captions([0, 2, 1, 1], predicted)] == [
        "epoch 3 · Egg ✓ 87 %",
        "epoch 3 · German short-hair…, says great white shark 60 %",
        "epoch 3 · great white shark, says Egg 0.4 %",
        "epoch 3 · great white shark, says nothing finite",
    ]


def test_a_name_that_is_read_from_the_right_keeps_its_direction_to_itself():
    egg, bread = "بيض مقلي", "خبز"
    right, wrong = captions([0, 1], [[0.99, 0.01], [0.8, 0.2]], names=(egg, bread))
    assert right == f"epoch 3 · {OPEN}{egg}{CLOSE} ✓ 99 %"
    assert wrong == f"epoch 3 · {OPEN}{bread}{CLOSE}, says {OPEN}{egg}{CLOSE} 80 %"
