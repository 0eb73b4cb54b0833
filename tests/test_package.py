"""What the package is as a whole: its public face, who imports whom, its sizes, its wheel."""

import ast
import re
import subprocess
import sys
import zipfile
from collections import Counter
from functools import cache
from importlib.metadata import EntryPoint
from itertools import product
from pathlib import Path
from statistics import median

import pytest

import lightning_viz
from lightning_viz.callbacks.base.keywords import keywords_of
from lightning_viz.tensorboard.loader import ExplanationsLoader

ROOT = Path(lightning_viz.__file__).parents[1]
PACKAGE = ROOT / "lightning_viz"
FILES = sorted(PACKAGE.rglob("*.py"))
ROOMS = {"explain", "render", "harness", "callbacks", "food11", "tensorboard"}
MAY_IMPORT = {
    "explain": {"explain"},
    "render": {"render"},
    "harness": {"harness", "explain"},
    "callbacks": {"callbacks", "harness", "explain", "render"},
    "food11": {"food11", "public"},
    "tensorboard": {"tensorboard"},
}
# Of the rooms within a room, each may import itself, those before it in its line, and the files that lie beside them.
ORDER = {
    "explain": ["network", "attribution", "attention", "lime", "optimisation", "measures"],
    "render": ["maps", "charts"],
    "harness": ["isolation", "network", "tasks", "probes", "validation", "sinks", "run", "replay"],
    "harness.isolation": ["things", "copies", "in_place", "forks"],
    "harness.network": ["spatial"],
    "callbacks": ["base", "attribution", "features", "validation", "films"],
    "tensorboard": ["findings"],
}
FACES = {
    "callbacks/__init__.py",
    "explain/gradients.py",
    "harness/isolation/isolation.py",
    "render/__init__.py",
    "tensorboard/page.py",
    "tensorboard/plugin.py",
}
"""What shows the rooms beside it to others, or puts them together."""
STRANGERS = {
    ("render.charts", "render.maps"),
    ("harness.isolation.in_place", "harness.isolation.copies"),
    ("harness.isolation.forks", "harness.isolation.in_place"),
    ("explain.lime", "explain.attribution"),
    ("explain.lime", "explain.attention"),
    ("explain.optimisation", "explain.attention"),
    ("explain.measures", "explain.attention"),
    ("explain.optimisation", "explain.lime"),
    ("explain.measures", "explain.attribution"),
    ("explain.measures", "explain.lime"),
    ("explain.measures", "explain.optimisation"),
    ("harness.sinks", "harness.validation"),
    ("harness.sinks", "harness.network"),
    ("harness.sinks", "harness.isolation"),
    ("callbacks.features", "callbacks.attribution"),
    ("callbacks.validation", "callbacks.features"),
    ("callbacks.films", "callbacks.attribution"),
    ("callbacks.films", "callbacks.features"),
    ("callbacks.films", "callbacks.validation"),
}
"""Which of those do not even so."""


def room_of(file):
    """The room that a file lies in; none for the package's own `__init__`."""
    return file.relative_to(PACKAGE).parts[0] if file.parent != PACKAGE else None


@cache
def imported(file):
    """Dotted names of all modules that a file imports, anywhere in it."""
    return list(imports(file))


def imports(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            folder = file.relative_to(ROOT).parts[: -node.level] if node.level else ()
            name = ".".join([*folder, *([node.module] if node.module else [])])
            # `from lightning_viz import explain` names a room, `from lightning_viz import Probes` the public face.
            rooms = {alias.name for alias in node.names} & ROOMS if name == "lightning_viz" else set()
            yield from (f"{name}.{room}" for room in rooms)
            if not rooms:
                yield name


def rooms_imported(file):
    for name in imported(file):
        head, *rest = name.split(".")
        if head == "lightning_viz":
            yield rest[0] if rest else "public"


def test_public_names():
    assert lightning_viz.__all__ == [
        "AttentionMaps",
        "AttentionWall",
        "AttributionCallback",
        "CaptumAttribution",
        "ConfusionMatrixPanel",
        "ConfusionPanels",
        "DeepDream",
        "ExplanationCallback",
        "Films",
        "FilterActivations",
        "FilterAscent",
        "FilterWall",
        "GradCam",
        "IntegratedGradients",
        "LimePanels",
        "Occlusion",
        "Picture",
        "Probes",
        "SaliencyMaps",
        "Scalar",
        "Scene",
        "Snapshots",
        "findings",
        "replay",
        "show",
    ]
    for name in lightning_viz.__all__:
        assert getattr(lightning_viz, name).__name__ == name
    assert set(dir(lightning_viz)) >= {*lightning_viz.__all__, "__version__"}


def test_type_checkers_know_the_very_same_names():
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    (block,) = [
        node for node in tree.body if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
    ]
    seen = {alias.asname: node.module for node in block.body for alias in node.names}
    assert seen == {name: f"lightning_viz.{home}" for name, home in lightning_viz._HOME.items()}


USES = """
import lightning_viz
from lightning_viz import Films, FilterWall, Probes, SaliencyMaps

SaliencyMaps(method="smoothgrad", probes=Probes(count=4), against="rival", every_n_steps=10, max_overhead=0.05)
FilterWall(channels=16, lr=0.1, layer="net.4", memory=64)
Films(every_n_epochs=2, on_error="raise")
SaliencyMaps(probez=3)  # wrong
SaliencyMaps(seed="1")  # wrong
FilterWall(on_error="ignore")  # wrong
Films(2)  # wrong
lightning_viz.Saliency  # wrong
reveal_type(SaliencyMaps(probes=3).probes)
"""


def test_right_and_wrong_uses_are_told_apart_by_mypy(tmp_path):
    (tmp_path / "uses.py").write_text(USES)
    run = subprocess.run(
        [sys.executable, "-m", "mypy", str(tmp_path / "uses.py")],  # with what `make check` has found out already
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    wrong = {int(line) for line in re.findall(r"uses\.py:(\d+): error", run.stdout)}
    assert wrong == {i for i, line in enumerate(USES.splitlines(), start=1) if line.endswith("# wrong")}, run.stdout
    assert 'Revealed type is "lightning_viz.harness.probes.spec.Probes"' in run.stdout


CALLBACKS = [
    cls
    for name in lightning_viz.__all__
    if isinstance(cls := getattr(lightning_viz, name), type) and issubclass(cls, lightning_viz.ExplanationCallback)
]


@pytest.mark.parametrize("callback", CALLBACKS)
def test_towers_are_short(callback):
    own = [cls for cls in callback.__mro__[1:] if cls.__module__.startswith("lightning_viz.callbacks")]
    assert len(own) <= 4


@pytest.mark.parametrize("callback", CALLBACKS)
def test_help_lists_every_argument_with_its_meaning(callback):
    arguments = callback.__doc__.partition("Args:\n")[2]
    for name in keywords_of(callback):
        assert re.search(rf"^ +{name}: \w*\W*\w", arguments, re.MULTILINE), name
    assert len(callback.__doc__.splitlines()) < 80


def test_a_wrong_keyword_is_answered_with_the_one_that_was_meant():
    with pytest.raises(TypeError, match=r"keyword of SaliencyMaps, received prob=: did you mean probes=\?"):
        lightning_viz.SaliencyMaps(prob=3)
    with pytest.raises(TypeError, match="received zz=: it takes channels, size, steps"):
        lightning_viz.FilterWall(zz=3)
    with pytest.raises(TypeError, match="received probes=, seed=: Films draws nothing itself"):
        lightning_viz.Films(seed=1, probes=3)

    class Own(lightning_viz.SaliencyMaps):
        def __init__(self, shade, **more):
            super().__init__(**more)

    assert Own(1, probes=3).probes.count == 3
    with pytest.raises(TypeError, match="did you mean shade="):
        Own(shad=1)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Saliency"):
        _ = lightning_viz.Saliency


def test_importing_the_package_does_not_import_torch():
    code = "import sys, lightning_viz; print({'torch', 'pytorch_lightning', 'matplotlib'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.strip() == "set()"


def test_every_room_has_a_rule():
    assert {room_of(file) for file in FILES} - {None} <= ROOMS == set(MAY_IMPORT)


def test_who_imports_whom():
    wrong = {
        str(file.relative_to(PACKAGE)): foreign
        for file in FILES
        if (room := room_of(file)) and (foreign := set(rooms_imported(file)) - MAY_IMPORT[room])
    }
    assert not wrong


def within(room, dotted):
    """The room within this room that a dotted name lies in, as `explain.lime`; none where it lies elsewhere."""
    rest = dotted.removeprefix(f"lightning_viz.{room}.")
    inner = f"{room}.{rest.split('.')[0]}"
    return inner if rest != dotted and (PACKAGE / inner.replace(".", "/")).is_dir() else None


def dotted(file):
    return ".".join(file.relative_to(ROOT).with_suffix("").parts)


def test_rooms_within_rooms_are_built_on_each_other_in_one_direction():
    wrong = []
    for (room, line), file in product(ORDER.items(), FILES):
        own = within(room, dotted(file))
        for name in imported(file) if own else ():
            other = within(room, name)
            if other is None or own == other:
                continue
            early, late = (line.index(one.rpartition(".")[2]) for one in (other, own))
            if early > late or (own, other) in STRANGERS:
                wrong.append(f"{file.relative_to(PACKAGE)} imports {name}")
    assert not wrong


def test_what_lies_beside_the_rooms_within_a_room_is_built_on_none_of_them():
    wrong = [
        f"{file.relative_to(PACKAGE)} imports {name}"
        for room in ORDER
        for file in (PACKAGE / room.replace(".", "/")).glob("*.py")
        if file.relative_to(PACKAGE).as_posix() not in FACES
        for name in imported(file)
        if within(room, name)
    ]
    assert not wrong


def test_every_room_within_a_room_has_its_place():
    ruled = {file.parent.relative_to(PACKAGE).parts for file in FILES if room_of(file) not in {None, "food11"}}
    for room in map(".".join, ruled):
        inner = {f.name for f in (PACKAGE / room.replace(".", "/")).iterdir() if (f / "__init__.py").exists()}
        assert inner == set(ORDER.get(room, ())), room


def test_a_room_is_seen_at_a_glance():
    full = Counter(file.parent for file in FILES if file.name != "__init__.py")
    assert not {folder: count for folder, count in full.items() if count > 14}


def test_only_rooms_that_know_lightning_import_it():
    lightning = {"pytorch_lightning", "lightning", "torchmetrics"}
    assert not [
        str(file)
        for file in FILES
        if room_of(file) in {"explain", "render", "tensorboard"}
        and {name.split(".")[0] for name in imported(file)} & lightning
    ]


def test_files_are_short():
    lines = {str(file.relative_to(PACKAGE)): len(file.read_text().splitlines()) for file in FILES}
    assert not {file: count for file, count in lines.items() if count > 300}


def test_functions_are_short():
    bodies = {f"{file}:{name}:{line}": lines for file, name, line, lines, _ in functions()}
    assert not {name: lines for name, lines in bodies.items() if lines > 40}
    assert median(bodies.values()) <= 8


@cache
def functions():
    """Of each function its file, name, first line, lines and positional arguments."""
    return [
        (str(file.relative_to(PACKAGE)), node.name, node.lineno, length(node), positional(node))
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]


def length(function):
    """Lines of a function's body, without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def test_no_function_takes_more_than_five_positional_arguments():
    ours = [found for found in functions() if not found[1].startswith("on_")]  # hooks are as Lightning calls them
    assert not [f"{file}:{name}" for file, name, *_, arguments in ours if arguments > 5]


def positional(function):
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return len([name for name in names if name not in ("self", "cls")])


def test_the_wheel_holds_the_package_and_nothing_else(tmp_path):
    wheel = pytest.importorskip("hatchling.builders.wheel", reason="hatchling builds the wheel: pip install '.[dev]'")
    (built,) = wheel.WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(built) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        (points,) = [archive.read(name).decode() for name in archive.namelist() if name.endswith("/entry_points.txt")]
    files = {file.relative_to(ROOT) for file in PACKAGE.rglob("*") if file.is_file()}  # the viewer's page among them
    assert names == {file.as_posix() for file in files if "__pycache__" not in file.parts}
    (line,) = re.findall(r"^\[tensorboard_plugins\]\nlightning_viz = (.*)$", points, re.MULTILINE)
    assert EntryPoint("lightning_viz", line, "tensorboard_plugins").load() is ExplanationsLoader


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="an unpacked sdist has no list of its own files")
def test_no_file_knows_the_machine_that_it_was_made_on():
    run = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = re.compile(rb"(?<![\w.}])/(?:tmp|work|home|root|Users)/\w")
    assert not [name for name in run.stdout.split("\0") if name and paths.search((ROOT / name).read_bytes())]


def test_test_files_have_names_of_their_own():
    names = Counter(file.name for file in Path(__file__).parent.rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []  # pytest imports them by name alone
