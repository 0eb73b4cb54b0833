"""Runs on two processes, each of which must end within a limit."""

import json
import signal
from functools import cached_property
from io import BytesIO

import numpy as np
import pytest
import torch
from forks import forked
from PIL import Image
from program import Still, main, uneven
from projects import Places, Segments, events
from sklearn.metrics import confusion_matrix

BUFFERS = ("buffers", "own_buffers")


class Ended:
    """How a run ended, and what it left."""

    def __init__(self, folder, code):
        self.folder, self.code, self.said = folder, code, (folder / "said.txt").read_text()

    @property
    def weights(self):
        return [torch.load(self.folder / f"weights_{rank}.pt") for rank in (0, 1)]

    @property
    def drawn(self):
        return [json.loads((self.folder / f"drawn_{rank}.json").read_text()) for rank in (0, 1)]

    @cached_property
    def log(self):  # read once: the tests look at hundreds of its pictures
        return events(self.folder)

    @property
    def images(self):
        return set(self.log.Tags()["images"])

    def picture(self, tag):
        return picture(self.log, tag)


def picture(log, tag):
    encoded = log.Images(tag)[-1].encoded_image_string
    return np.asarray(Image.open(BytesIO(encoded))).astype(int)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Runs a scenario once for all tests; a run that hangs is ended, and fails."""
    done = {}

    def start(scenario, strategy="ddp_fork", devices=2):
        key = (scenario, strategy, devices)
        if key not in done:
            folder = tmp_path_factory.mktemp(scenario)
            done[key] = Ended(folder, forked(folder, main, scenario, folder, strategy, devices))
        if done[key].code == -signal.SIGKILL:
            pytest.fail(f"{scenario} hangs.\n{done[key].said[-3000:]}")
        return done[key]

    return start


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_weights_are_those_of_a_run_without_callbacks(run):
    without = run("none").weights
    assert same(*without)
    for scenario in ("all", "fails", "unreadable"):
        if scenario != "unreadable":  # which has other data
            assert same(run(scenario).weights[0], without[0]), scenario
        assert run(scenario).code == 0, run(scenario).said[-3000:]


def test_processes_share_the_drawing_and_the_first_one_writes_all_of_it(run):
    first, second = run("all").drawn
    both = {tag for tag in first + second if tag.split("/")[0] not in ("recall", "explanations")}
    assert not set(first) & set(second) & both
    pictures = {tag for tag in both if not tag.endswith("_activation") and len(tag.split("/")[0]) < 40}  # or it is kept
    assert pictures <= run("all").images
    for kind in ("/saliency", "/lime", "/deep_dream", "/activations_net_4"):
        shares = [sum(tag.endswith(kind) for tag in drawn) for drawn in (first, second)]
        assert shares == [2, 2], kind
    assert [sum(t.startswith("filters/") for t in drawn) for drawn in (first, second)] == [4, 4]
    assert [sum(t.startswith("confusions/") for t in drawn) for drawn in (first, second)] == [2, 2]


def test_the_first_process_makes_the_films_of_all(run):
    made = {tag for tag in run("all").images if "/film" in tag}
    assert {f"{tag.split('/')[0]}/filmstrip" for tag in run("all").images if tag.startswith("probe_")} <= made
    assert len(list((run("all").folder / "films").glob("*/film_saliency.*"))) == 4
    assert "could not" not in run("all").said


@pytest.mark.parametrize("scenario", ["still", "labels", "values"])
def test_pictures_are_those_of_a_single_process(scenario, run):
    alone, together = run(scenario, "auto", 1), run(scenario)
    assert alone.code == together.code == 0, together.said[-3000:]
    assert alone.images == together.images
    for tag in sorted(alone.images - {"confusion/val"}):  # whose caption may tell what the sampler repeated
        assert np.abs(alone.picture(tag) - together.picture(tag)).mean() < 1, tag


def test_pictures_of_two_nodes_are_those_of_a_single_process_and_the_first_one_writes(run):
    alone, nodes = run("still", "auto", 1), run("nodes")
    assert nodes.code == 0, nodes.said[-3000:]
    first, second = nodes.folder / "0", nodes.folder / "1"
    log = events(first)
    assert alone.images == set(log.Tags()["images"])
    for tag in sorted(alone.images - {"confusion/val"}):
        assert np.abs(alone.picture(tag) - picture(log, tag)).mean() < 1, tag
    assert (second / "weights_1.pt").exists()
    assert [path.name for path in second.rglob("*") if path.suffix in (".jpg", ".png", ".ckpt")] == []
    assert list(second.rglob("events.*")) == []


@pytest.mark.parametrize(("scenario", "counted"), [("labels", "recall/val/"), ("values", "mae/val/")])
def test_labels_and_values_are_counted_over_all_processes(scenario, counted, run):
    alone, together = (run(scenario, *how).log for how in (("auto", 1), ()))
    tags = {tag for tag in alone.Tags()["scalars"] if tag.startswith((counted, "explanations/"))}
    assert any(tag.startswith(counted) for tag in tags)
    for tag in sorted(tags):
        one, two = ({e.step: e.value for e in log.Scalars(tag)} for log in (alone, together))
        assert list(one.values()) == pytest.approx(list(two.values()), rel=1e-3, abs=1e-3), tag


def test_the_explanations_tab_hears_of_all_of_them(run):
    alone, together = (events(run("still", *how).folder) for how in (("auto", 1), ()))
    tags, others = ({t for t in log.Tags()["tensors"] if t.startswith("lightning_viz/")} for log in (alone, together))
    assert tags == others >= {"lightning_viz/map/probe_03_soup/lime", "lightning_viz/prediction/probe_03_soup"}
    for tag in (tag for tag in tags if "/map/" in tag):
        one, two = ([event.tensor_proto.string_val[0] for event in log.Tensors(tag)] for log in (alone, together))
        assert len(one) == len(two) == 2
        for ours, theirs in zip(one, two, strict=True):
            units = [np.frombuffer(blob, np.int8, offset=8).astype(int) for blob in (ours, theirs)]
            assert np.abs(units[0] - units[1]).mean() < 1, tag


def test_a_replay_is_that_of_a_single_process(run):
    alone, together = run("replay", "auto", 1), run("replay")
    assert alone.code == together.code == 0, together.said[-3000:]
    assert together.said.count("none.ckpt: it cannot be read") == 1
    assert alone.images == together.images >= {"probe_00_bread/lime", "filters/net_4/0"}
    every_epoch = {tag for tag in alone.images if not tag.endswith("/curves")}
    for tag in sorted(every_epoch - {"confusion/val"}):
        assert [e.step for e in together.log.Images(tag)][-2:] == [3, 7], tag
        assert np.abs(alone.picture(tag) - together.picture(tag)).mean() < 1, tag


def test_figures_are_means_over_the_probes_of_all_processes(run):
    alone, together = (run("still", *how).log for how in (("auto", 1), ()))
    tags = [tag for tag in alone.Tags()["scalars"] if tag.startswith("explanations/")]
    assert {tag.split("/")[1] for tag in tags} == {"saliency", "lime"}
    for tag in tags:
        one, two = ({e.step: e.value for e in log.Scalars(tag)} for log in (alone, together))
        assert list(one.values()) == pytest.approx(list(two.values()), rel=1e-3, abs=1e-3), tag


def test_a_checkpoint_keeps_the_maps_of_all_processes(run):
    kept = torch.load(run("still").folder / "run.ckpt", weights_only=True)["lightning_viz"]["maps"]
    for moment in ("saliency/previous", "saliency/untrained", "saliency/credit", "lime/previous", "lime/curves"):
        assert len([tag for tag in kept if tag.endswith(f"/{moment}")]) == 4, moment


def test_all_processes_draw_the_network_of_the_first_one(run):
    ended = run("no_validation")
    assert ended.code == 0, ended.said[-3000:]
    drawn, own = ([json.loads((ended.folder / f"{name}_{r}.json").read_text()) for r in (0, 1)] for name in BUFFERS)
    assert own[0] != own[1]  # running statistics that nothing has brought together yet
    assert drawn[0] == drawn[1]


def test_a_failure_on_one_process_is_told_once_and_the_rest_is_drawn(run):
    ended = run("fails")
    assert ended.said.count("could not draw at epoch 0") == 1
    assert "RuntimeError: only here" in ended.said
    assert {tag.split("/")[1] for tag in ended.images} >= {"saliency", "lime"}
    assert len([tag for tag in ended.images if tag.endswith("/saliency")]) == 3  # two of the first, one of the second


def test_a_failure_that_is_to_be_raised_ends_all_processes(run):
    ended = run("fails_raise")
    assert ended.code != 0
    assert "RuntimeError: only here" in ended.said


def test_a_refusal_on_one_process_ends_all_before_the_first_batch(run):
    ended = run("prepare")
    assert ended.code != 0
    assert "ValueError: only here" in ended.said
    assert not (ended.folder / "weights_0.pt").exists()


def test_a_slower_process_is_waited_for(run):
    assert len([tag for tag in run("all").images if tag.endswith("/saliency")]) == 4


def test_the_matrix_is_exact_and_tells_what_the_sampler_repeated(run):
    ended = run("matrix")
    assert ended.code == 0, ended.said[-3000:]
    ((table, left_out),) = json.loads((ended.folder / "tables.json").read_text()).values()
    net = Still()
    net.load_state_dict(ended.weights[0])
    images, labels = zip(*uneven()["val_dataloaders"].dataset, strict=True)
    with torch.no_grad():
        said = net.eval()(torch.stack(images)).argmax(1)
    assert table == confusion_matrix(labels, said, labels=range(3)).tolist()
    assert left_out == {"items that the distributed sampler repeats": 1}


def test_pixels_are_those_of_all_processes(run):
    ended = run("places")
    assert ended.code == 0, ended.said[-3000:]
    table, _ = json.loads((ended.folder / "tables.json").read_text())["val"]
    net = Segments()
    net.load_state_dict(ended.weights[0])
    data = Places(12, seed=2)
    with torch.no_grad():
        said = net.eval()(data.images).argmax(1)
    assert table == confusion_matrix(data.places.flatten(), said.flatten(), labels=range(3)).tolist()
    assert {"confusions/val/worst", "probe_00_square/input", "probe_00_square/lime"} <= ended.images


def test_a_count_that_fails_on_one_process_keeps_nobody_waiting(run):
    ended = run("unreadable")
    assert ended.said.count("could not draw at epoch 0") == 1
    assert not {tag.split("/")[0] for tag in ended.images} & {"confusion", "confusions"}  # half would be wrong
    assert "probe_00_bread/saliency" in ended.images


def test_probes_of_a_stream_are_those_of_the_first_process(run):
    ended = run("stream")
    assert ended.code == 0, ended.said[-3000:]
    first, second = ended.drawn
    saliency = [tag for tag in first + second if tag.endswith("/saliency")]
    assert len(saliency) == len(set(saliency)) == 4
    assert {tag.split("/")[0] for tag in second} >= {"probe_01_bread"}


def test_a_sharded_network_is_drawn_in_lockstep(run):
    without, ended = run("sharded", "auto"), run("sharded_all", "auto")
    assert ended.code == 0, ended.said[-3000:]
    assert same(ended.weights[0], without.weights[0])
    first, second = ended.drawn
    assert [tag for tag in first if tag.split("/")[0] not in ("confusion", "recall")] == second
    assert {tag for tag in first if tag.endswith(("/saliency", "/lime", "/deep_dream"))} <= ended.images


def test_processes_in_lockstep_agree_on_what_has_changed(run):
    ended = run("sharded_ascent", "auto")
    assert ended.code == 0, ended.said[-3000:]
    for tag in (tag for tag in ended.log.Tags()["scalars"] if tag.endswith("_activation")):
        first, second, third = (event.value for event in ended.log.Scalars(tag))
        assert first != second == third, tag


def test_a_process_that_fails_alone_in_lockstep_ends_the_run(run):
    ended = run("sharded_fails", "auto")
    assert ended.code != 0
    assert "RuntimeError: only here" in ended.said
