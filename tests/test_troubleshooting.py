"""Whoever sees a message of ours finds it in the documentation, in the words in which it comes."""

from functools import cache
from pathlib import Path

import pytest
from messages import covers, messages, notices, quotes

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "troubleshooting.md"

PLACES = {
    "harness/arguments.py": "the frame of messages that other places fill in, which are on the page as they come",
    "render/": "only callbacks call it, with arrays of their own; what users may mend there is on the page",
    "tensorboard/static/help.js": "how to read a method, as its page tells",
    "tensorboard/findings/": "sentences of a report, each of which says what it means; errors are on the page",
}
"""What need not be on the page, and why."""

WHY_NOT = {
    "says of which epochs a view is": ["Of the whole run, up to"],
    "called with tensors, by those who use the mathematics alone: the docstring says what it takes": [
        "Expected a method of ..., received",
        "Expected ...= of ..., received",
        "Expected method 'gradcam' or 'gradcam++'",
        "Expected scores (N, K) for ... images",
        "Expected steps >= 1 and a baseline",
        "Expected samples >= 1 and level >= 0",
        "Expected statistic 'mean', 'square' or 'variance'",
        "Expected masks (S, n) and outputs (S,)",
        "Expected kernel_width and alpha above 0",
        "Expected labels to be classes from 0 to",
        "Expected an order from hadamard_order",
        "Expected at least 1 superpixel and ... samples",
        'Expected design "independent" or "hadamard"',
        "Expected segments to be ... or more",
        "Expected fill to be one value, one per channel, or",
        "Expected pixels (C, H, W) or (C, D, H, W), and segments of their size",
        "Expected masks to be (samples, ...), one column per superpixel",
        "Expected pixels to be one image (C, H, W) or volume (C, D, H, W)",
        "Expected fill 'mean' or 'road'",
        "Expected chunks of at least 1",
        "Expected a bound of at least 1 MiB",
        "Expected steps >= 0 and lr > 0",
        "Expected one objective per picture",
        "Expected iterations of at least one octave",
        "Expected one guide and a layer with an output",
        "Expected pixels (N, C, H, W) with N >= 1",
        "Expected a canvas of at least 1 x 1 pixels",
        "Expected ... >= ..., received",
        "Expected last with ... pictures",
        "Expected last ..., received",
        "Expected spectrum= with parametrization 'maco', received none",
        "Expected spectrum ..., as of pictures",
        "Expected start ... or one per channel",
        "Expected at least one channel, received none",
        "Expected parametrization 'fourier', 'pixels' or 'maco'",
        "Expected reduce 'mean', 'sum', 'neuron' or a (row, column)",
        "Expected variants >= 1",
        "Expected batch_size >= 1",
        "Expected seed to be 0 or more",
        "Expected seed and index of 0 or more",
        "Expected an index within ... drawn pictures",
    ],
    "a frame, or a part, of messages that are on the page": [
        "leave axes= out for flat images",
        "whose channels stand elsewhere for the network's first convolution",
        "Pass net= with the module that takes images (N, C, H, W),",
        "pass probes=Probes(unpack=...), a function from a batch to (images, labels).",
        "in images of several sizes, which pictures show with a rim",
        "outputs are brought to the size of the labels, linearly",
        "is the background (asked for only by name)",
        "that labels use",
        "no frame",
        "nothing under",
    ],
    "a caption, in a picture": [
        ", for any class; head: entropy (nats), distance (patches)",
        ", all zero: nothing in this layer speaks for it",
        ", one place: this layer sees the image as a whole",
        "uniform (hatched), ... the same for all images (framed)",
        "lowest F1 score, solid is true, dashed is predicted",
        "LIME: orange raises it, blue lowers it: full",
        "no class is missed where another is said",
    ],
    "of the protocol between the tab and its server, both ours": [
        "Expected a JSON list of texts",
        "Expected at most ... entries in",
        "Expected a ... request, received",
        "Expected the name of a run in 'run'",
        "Expected a run of the log folder",
        "Expected the key of a picture that TensorBoard keeps",
        "Expected the names of runs in 'run'",
        "Expected runs with pictures, got the name of another",
        "is not a number of JSON",
    ],
    "of the tab, and says all there is to say": [
        "no prediction flipped",
        "nothing was counted here",
        "Only maps are subtracted",
        "Ranked anew at every moment",
        "Of ... images that are counted here, the log has the probes",
    ],
    "told to whoever writes the page's modules, by the tests": [
        "Expected modules that import each other in no circle",
        "Expected ... to export what ... imports",
        "Expected named imports and exports alone in",
    ],
    "no message": [
        "module ... has no attribute",  # Python's own words
        "Replaying ... of ...: ...",  # progress
        "How many pictures per tag to keep",  # the help of an option
        "<!doctype html>",
        "default-src 'none'; script-src",
        r"^import (?:(?P<whole>",
        r"^export (?:default (?P<whole>",
    ],
}

FILES = [*sorted((ROOT / "lightning_viz").rglob("*.py")), *sorted((ROOT / "lightning_viz").rglob("*.js"))]


@cache
def written(file: Path) -> dict[str, int]:
    """What a file tells, with the lines."""
    if file.suffix == ".js":
        return {} if file.stem == "uPlot" else notices(file)
    return messages(file)


@cache
def told() -> dict[str, str]:
    """All messages: `{message: where it is written}`."""
    found = {}
    for file in FILES:
        place = file.relative_to(ROOT / "lightning_viz").as_posix()
        if not place.startswith(tuple(PLACES)):
            found.update({message: f"{place}:{line}" for message, line in written(file).items()})
    return found


def test_every_message_has_an_entry_or_a_reason():
    known = [*quotes(PAGE), *(quote for some in WHY_NOT.values() for quote in some)]
    missing = [f"{place}: {text}" for text, place in told().items() if not any(covers(quote, text) for quote in known)]
    assert not missing, "\n".join(["Quote these in docs/troubleshooting.md, or say here why not:", *missing])


def test_every_entry_is_of_a_message():
    texts = {text for file in FILES for text in written(file)}
    stale = [quote for quote in quotes(PAGE) if not any(covers(quote, text) for text in texts)]
    assert not stale, "\n".join(["No message of the package has these words any more:", *stale])


def test_every_reason_is_of_a_message():
    reasons = [quote for some in WHY_NOT.values() for quote in some]
    assert [quote for quote in reasons if not any(covers(quote, text) for text in told())] == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("raise ValueError(f'Expected {a} of ' f'it, received {b}.')", "Expected \0 of it, received \0."),
        ("raise refusal('split', 'this or that', split)", "Expected split= as this or that, received \0."),
        ("warn('one thing' if a else 'another thing')", "one thing another thing"),
        ("text = 'A sentence that is told later.'", "A sentence that is told later."),
        ("'''A docstring is no message of ours.'''", ""),
        ("parser.add_argument('run', help='the folder of a run, which has some event files')", ""),
    ],
)
def test_messages_are_found_in_code(code, found, tmp_path):
    file = tmp_path / "code.py"
    file.write_text(code)
    assert " ".join(messages(file)) == found


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("const text = `No run ${name} here any more: it is gone.`;", ["No run \0 here any more: it is gone."]),
        ("this.none.textContent = 'not in this run';", ["not in this run"]),
        ("button.title = 'the list of the keys (?)';", []),
        ("/** 'No such message is told.' */\n  // nor 'No such message here.'\n", []),
        (
            "el('p', { textContent: a ? 'The first sentence.' : 'The second one, then.' })",
            ["The first sentence.", "The second one, then."],
        ),
    ],
)
def test_notices_are_found_in_javascript(code, found, tmp_path):
    file = tmp_path / "code.js"
    file.write_text(code)
    assert list(notices(file)) == found


@pytest.mark.parametrize(
    ("quote", "message", "is_of"),
    [
        ("Expected a, received ...", "Expected a, received \0.", True),
        ("... has gone: start it again", "\0 has gone: start it again.", True),
        ("Expected a, received ...", "Expected b, received \0.", False),
        ("start it ... gone", "it has gone: start it", False),
    ],
)
def test_a_quote_is_of_a_message_with_its_words_in_that_order(quote, message, is_of):
    assert covers(quote, message) == is_of
