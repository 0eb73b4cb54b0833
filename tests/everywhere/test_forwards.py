"""A forward that takes more than images is given what stands beside them in the batch."""

import pytest
import pytorch_lightning as pl
import torch
import zoo
from everything import CALLBACKS, ONE_OF_A_KIND, READING, draw_everything, train
from found import TINY, quick
from torch import nn
from torch.nn import functional as F

from lightning_viz import ConfusionPanels, FilterActivations, GradCam, LimePanels, Occlusion, Probes, SaliencyMaps

DATA = zoo.Pictures(seed=2)


def number(image):
    """Something of its own that each image has beside it."""
    return torch.stack([image.mean(), image.std()]) * 4


class Two(nn.Module):
    """Its scores are those of the image, each made as much larger as the table says."""

    def __init__(self):
        super().__init__()
        self.net = zoo.convolutions()

    def forward(self, image, table):
        return self.net(image) * table[:, :1]


class Asked(zoo.Learner):
    """Asks its network as a step does, in a way of its own."""

    def training_step(self, batch, batch_idx):
        return self.loss(self.ask(batch), self.labels(batch))

    def validation_step(self, batch, batch_idx):
        self.ask(batch)


class OfABatch(Asked):
    def forward(self, batch):
        return self.net(batch["image"], batch["table"])

    ask, labels = forward, staticmethod(lambda batch: batch["label"])


class ByName(Asked):
    def forward(self, *, table, pixel_values):
        return self.net(pixel_values, table)

    def ask(self, batch):
        return self(table=batch["table"], pixel_values=batch["pixel_values"])

    labels = staticmethod(lambda batch: batch["y"])


class InOrder(Asked):
    def forward(self, x, more):
        return self.net(x, more)

    def ask(self, batch):
        return self(batch[1], batch[2])

    labels = staticmethod(lambda batch: batch[3])


class WithLabels(Asked):
    def forward(self, x, table, y):
        scores = self.net(x, table)
        return {"loss": self.loss(scores, y), "logits": scores}

    def training_step(self, batch, batch_idx):
        return self(*batch)["loss"]

    def ask(self, batch):
        return self(*batch)


class AsNoBatchIs(Asked):
    """Its step alone knows what the network is given."""

    def forward(self, x, *, shade, table):
        return self.net(x, table["deep"]) + shade

    def ask(self, batch):
        return self(batch["x"], shade=0.0, table={"deep": batch["other"][0].float()})

    labels = staticmethod(lambda batch: batch["y"])


class Turned(Asked):
    """Two images, the second of which is explained, in another order than the batch has them."""

    def forward(self, reference, image):
        return self.net(image, torch.stack([number(one) for one in reference]))

    def ask(self, batch):
        return self(batch["before"], batch["image"])

    labels = staticmethod(lambda batch: batch["y"])


FORWARDS = {
    "a batch": (OfABatch, lambda x, y: {"name": "a", "image": x, "table": number(x), "label": y}),
    "by name": (ByName, lambda x, y: {"table": number(x), "pixel_values": x, "y": y}),
    "in order": (InOrder, lambda x, y: (3 + y, x, number(x), y)),
    "with labels": (WithLabels, lambda x, y: (x, number(x), y)),
    "as no batch is": (AsNoBatchIs, lambda x, y: {"x": x, "other": [number(x).double()], "y": y}),
    "turned": (Turned, lambda x, y: {"image": x, "before": x.clone(), "y": y}),
}


@pytest.mark.parametrize("name", FORWARDS)
def test_every_forward_is_asked_as_its_step_does(name, tmp_path):
    learner, item = FORWARDS[name]
    only = CALLBACKS if name == "as no batch is" else ONE_OF_A_KIND
    drawn = draw_everything(tmp_path, Two, only=only, learner=learner, item=item)
    probes = drawn.scene.probes
    assert torch.equal(probes.images, DATA.images[list(probes.indices)])
    with torch.no_grad():
        own = drawn.module.eval().net(probes.images, torch.stack([number(x) for x in probes.images]))
    assert torch.allclose(drawn.scene.predictions, own.softmax(1), atol=1e-5)


def test_images_by_name_alone_leave_nothing_out(tmp_path):
    """As the models of large hubs are asked: everything by name, and the labels make a loss beside the scores."""

    class Hub(Asked):
        def forward(self, **inputs):
            scores = self.net(inputs["pixel_values"])
            loss = self.loss(scores, inputs["labels"]) if "labels" in inputs else None
            return zoo.Outputs(loss=loss, logits=scores)

        def training_step(self, batch, batch_idx):
            return self(**batch)["loss"]

        def ask(self, batch):
            return self(**batch)

    item = lambda x, y: {"pixel_values": x, "labels": y}
    drawn = draw_everything(tmp_path, zoo.convolutions, only=ONE_OF_A_KIND, learner=Hub, item=item)
    assert torch.equal(drawn.scene.probes.images, DATA.images[list(drawn.scene.probes.indices)])


def test_each_probe_is_explained_with_what_is_its_own(tmp_path):
    """Gradients are as much larger as the table of each probe says; chunks, copies and masks of it too."""
    learner, item = FORWARDS["in order"]
    seen = {}

    class Looking(SaliencyMaps):
        def draw(self, scene):
            images, labels = scene.probes.images, scene.probes.labels
            seen["maps"] = torch.stack(self.maps_of(scene, self.asked(scene)))
            x = images.clone().requires_grad_()
            scores = scene.subject.net.net(x, torch.stack([number(image) for image in images]))
            (gradient,) = torch.autograd.grad(scores.gather(1, labels[:, None]).sum(), x)
            seen["expected"] = gradient.abs().amax(1)
            yield from super().draw(scene)

    all_three = [quick(cls, probes=3) for cls in (Looking, LimePanels, Occlusion)]
    train(tmp_path, Two, all_three, learner=learner, item=item)
    assert torch.allclose(seen["maps"], seen["expected"], atol=1e-5)


def test_unpack_may_say_what_stands_beside_the_images(tmp_path):
    class Odd(Asked):
        def forward(self, x, *, shade, table):
            return self.net(x, table) + shade

        def ask(self, batch):
            return self(batch["x"], shade=1.0, table=batch["other"]["deep"])

        labels = staticmethod(lambda batch: batch["y"])

    item = lambda x, y: {"x": x, "other": {"deep": number(x)}, "y": y}
    unpack = lambda batch: (batch["x"], batch["y"], {"shade": 1.0, "table": batch["other"]["deep"]})
    common = {"probes": Probes(count=2, unpack=unpack)}
    drawn = draw_everything(tmp_path, Two, learner=Odd, only=[SaliencyMaps, GradCam], common=common, item=item)
    assert drawn.scene.probes.extras.count == 2

    class Silent(Odd):
        """Its step does not call what is explained."""

        def ask(self, batch):
            return self.net(batch["x"], batch["other"]["deep"])

    for steps in (0, 1):
        with pytest.raises(ValueError, match=r"missing.*shade.*Pass net='net.net'.*\(images, labels, extras\)"):
            train(tmp_path / str(steps), Two, [SaliencyMaps()], learner=Silent, item=item, num_sanity_val_steps=steps)


@pytest.mark.parametrize("name", ["turned", "as no batch is"])
def test_without_a_sanity_check_the_first_batch_tells_how_the_network_is_called(name, tmp_path):
    learner, item = FORWARDS[name]
    project = {"learner": learner, "item": item, "num_sanity_val_steps": 0}
    drawn = draw_everything(tmp_path, Two, only=READING, **project)
    probes = drawn.scene.probes
    with torch.no_grad():
        own = drawn.module.eval().net(probes.images, torch.stack([number(x) for x in probes.images]))
    assert torch.allclose(drawn.scene.predictions, own.softmax(1), atol=1e-5)


def test_nothing_is_left_of_listening(tmp_path):
    class Looks(pl.Callback):
        def on_train_start(self, trainer, pl_module):
            self.left = [m for m in pl_module.modules() if "_compiled_call_impl" in vars(m)]

    learner, item = FORWARDS["as no batch is"]
    looks = Looks()
    train(tmp_path, Two, [SaliencyMaps(on_error="raise"), looks], learner=learner, item=item)
    assert looks.left == []


def test_copies_of_a_probe_ask_for_whose_they_are(tmp_path):
    learner, item = FORWARDS["in order"]

    class Wrong(SaliencyMaps):
        def draw(self, scene):
            with pytest.raises(ValueError, match=r"2 images.*received 3.*subject\.of\(i\)"):
                scene.subject(scene.probes.images[:1].expand(3, -1, -1, -1))
            assert scene.subject.of(1)(scene.probes.images[1:].expand(3, -1, -1, -1)).shape == (3, 3)
            yield from super().draw(scene)

    train(tmp_path, Two, [Wrong(probes=2, on_error="raise")], learner=learner, item=item)


def test_mistaken_images_are_explained_with_what_stood_beside_them(tmp_path):
    learner, item = FORWARDS["in order"]
    seen = []

    class Looking(ConfusionPanels):
        def draw(self, scene):
            for mistake in (one for those in self._surest.values() for one in those):
                own = scene.subject.beside(mistake.extras)(mistake.image[None])
                expected = scene.subject.net.net(mistake.image[None], number(mistake.image)[None])
                assert torch.allclose(own, expected, atol=1e-6)
                assert mistake.confidence == pytest.approx(float(own.softmax(1).max()), abs=1e-4)
                seen.append(mistake)
            yield from super().draw(scene)

    train(tmp_path, Two, [Looking(on_error="raise", **TINY["ConfusionPanels"])], learner=learner, item=item)
    assert seen


class Shifted(Two):
    """Its outputs are those of the image, each with what the table says added."""

    def forward(self, image, table):
        return self.net(image) + table


def three(image):
    """A number for each of three outputs."""
    return torch.cat([number(image), image.amax().reshape(1)])


PREDICTED = {
    "similarity": lambda out: F.normalize(out, dim=1) @ F.normalize(out, dim=1).T,
    "values": lambda out: out,
    "labels": lambda out: out.sigmoid(),
}


@pytest.mark.parametrize("task", PREDICTED)
def test_every_task_is_asked_with_what_stands_beside_the_images(task, tmp_path):
    """The difference of two scores too, and each image is held against others with what is theirs."""

    class Learns(InOrder):
        def loss(self, output, labels):
            return F.mse_loss(output, labels.float())

    class Looking(SaliencyMaps):
        def draw(self, scene):
            x = scene.probes.images.clone().requires_grad_()
            out = scene.subject.net.net(x, torch.stack([three(image) for image in scene.probes.images]))
            assert torch.allclose(scene.predictions, PREDICTED[task](out), atol=1e-5)
            if task == "labels":
                others = [scene.opponent("rival", ask)[0] for ask in self.asked(scene)]
                rows = [(ask.probe, ask.column) for ask in self.asked(scene)]
                lead = sum(out[i, k] - out[i, other] for (i, k), other in zip(rows, others, strict=True))
                expected = torch.autograd.grad(lead, x)[0].abs().amax(1)
                assert torch.allclose(torch.stack(self.maps_of(scene, self.asked(scene))), expected, atol=1e-5)
            yield from super().draw(scene)

    item = lambda x, y: (3 + y, x, three(x), torch.eye(3, dtype=torch.long)[y] if task != "values" else 2.5 * three(x))
    unpack = lambda batch: (batch[1], batch[3], (batch[2],))
    probes = Probes(count=4, task=task, unpack=unpack)
    looking = Looking(probes=probes, on_error="raise", against="rival" if task == "labels" else None)
    lime = quick(LimePanels, probes=probes)
    train(tmp_path, Shifted, [looking, lime], learner=Learns, item=item)


def test_layers_are_drawn_of_a_network_without_scores_that_takes_more_than_images(tmp_path):
    class Maps(InOrder):
        def forward(self, x, more):
            return self.net.net[0](x) * more[:, :1, None, None]

        def loss(self, output, labels):
            return output.square().mean()

    probes = Probes(count=2, task="none", unpack=lambda batch: (batch[1], None, (batch[2],)))
    drawn = draw_everything(
        tmp_path, Two, learner=Maps, only=[FilterActivations], common={"probes": probes}, item=FORWARDS["in order"][1]
    )
    assert drawn.scene.task.name == "none"
    assert len(drawn.pictures["FilterActivations"]) == 2
