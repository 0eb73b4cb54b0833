"""How many pictures TensorBoard keeps, in the tab and in its own, and how that is told and turned off."""

import argparse
from collections import Counter

import pytest
from board import Board, configured
from written import DEMO, STEPS

from lightning_viz.tensorboard.loader import ExplanationsLoader

SALIENCY = "probe_00_bread/saliency"


def samples(*flags):
    return configured("--logdir=logs", *flags).flags.samples_per_plugin


@pytest.mark.parametrize(
    ("flags", "kept"),
    [
        ([], {"images": 500, "lightning_viz": 500}),
        (["--lightning_viz_keep=40"], {"images": 40, "lightning_viz": 40}),
        (["--lightning_viz_keep=off"], {"lightning_viz": 500}),
        # The user's own number wins; every picture that is kept has its epoch and its map.
        (["--samples_per_plugin=images=9"], {"images": 9, "lightning_viz": 500}),
        (["--samples_per_plugin=images=900"], {"images": 900, "lightning_viz": 900}),
        (["--samples_per_plugin=images=0"], {"images": 0, "lightning_viz": 0}),
        (["--samples_per_plugin=images=9,lightning_viz=3"], {"images": 9, "lightning_viz": 3}),
        (["--samples_per_plugin=scalars=5"], {"scalars": 5, "images": 500, "lightning_viz": 500}),
        (["--samples_per_plugin=images=9", "--lightning_viz_keep=off"], {"images": 9, "lightning_viz": 500}),
    ],
)
def test_what_is_asked_of_the_data_loaders(flags, kept):
    assert samples(*flags) == kept


def stock_steps(board):
    """The steps of a picture in TensorBoard's own Images tab."""
    query = {"run": DEMO, "tag": SALIENCY, "sample": 0}
    return [point["step"] for point in board.client.get("/data/plugin/images/images", query_string=query).json]


def test_every_epoch_stays_in_the_stock_tab_too(board):
    assert stock_steps(board) == list(board.keys(DEMO, SALIENCY)) == STEPS
    assert board.get("/runs").json["note"] is None


@pytest.mark.parametrize(("flag", "kept"), [("--lightning_viz_keep=off", 10), ("--samples_per_plugin=images=12", 12)])
def test_a_user_can_have_fewer_and_keys_of_what_is_gone_are_not_found(board, log, loader, flag, kept):
    with Board(loader, log.folder, flag) as sampled:
        steps = stock_steps(sampled)
        assert len(steps) == kept
        assert list(sampled.keys(DEMO, SALIENCY)) == steps
        assert [step for step, _ in sampled.runs()[DEMO]["epochs"]] == STEPS
        assert f"was told to keep {kept} pictures per tag, so of 31 epochs" in sampled.get("/runs").json["note"]
        blobs = sampled.pack(list(board.keys(DEMO, SALIENCY).values()))
    assert [step for step, blob in zip(STEPS, blobs, strict=True) if blob is not None] == steps
    assert blobs[-1] == (log.blobs[DEMO][SALIENCY, STEPS[-1]], "image/jpeg")


@pytest.mark.parametrize("number", ["0", "-1", "10001", "many", "1.5", ""])
def test_a_number_out_of_range_is_refused_before_anything_starts(number, capsys):
    with pytest.raises(SystemExit):
        samples(f"--lightning_viz_keep={number}")
    assert "Expected a number from 1 to 10000 or 'off'" in capsys.readouterr().err


def test_the_help_says_what_the_flag_does(capsys):
    with pytest.raises(SystemExit):
        configured("--help")
    told = " ".join(capsys.readouterr().out.split())
    assert "--lightning_viz_keep N" in told
    assert '"off" leaves TensorBoard\'s own sampling alone' in told
    assert "(default: 500)" in told


def told(capsys, *flags):
    """The lines of notice of a TensorBoard that reads its flags and then serves twice."""
    loader = ExplanationsLoader()
    parser = argparse.ArgumentParser()
    loader.define_flags(parser)
    loader.fix_flags(argparse.Namespace(samples_per_plugin={}, **vars(parser.parse_args(flags))))
    assert not capsys.readouterr().err  # `--inspect` ends here
    loader.load(argparse.Namespace(data_provider=None))
    loader.load(argparse.Namespace(data_provider=None))
    return capsys.readouterr().err.splitlines()


def test_one_line_says_what_is_kept_and_how_to_turn_it_off(capsys):
    (line,) = told(capsys)
    assert "500 pictures" in line
    assert "--lightning_viz_keep off" in line
    assert told(capsys, "--lightning_viz_keep=off") == []


def test_flags_of_another_tensorboard_are_left_alone():
    for flags in (argparse.Namespace(), argparse.Namespace(lightning_viz_keep=5, samples_per_plugin="")):
        before = Counter(vars(flags))
        ExplanationsLoader().fix_flags(flags)
        assert Counter(vars(flags)) == before
