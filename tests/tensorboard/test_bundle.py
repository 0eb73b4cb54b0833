"""The page's modules as one behave as they do apart; what could not is refused."""

import subprocess
import sys
from pathlib import Path

import pytest

from lightning_viz.tensorboard import front
from lightning_viz.tensorboard.bundle import bundle

NODE = Path(sys.executable).with_name("node")

MODULES = {
    "index.js": """// The entry.
import whole from './whole.js';
import { count, Thing as Other } from './things.js';
import { name } from './names.js';

const hidden = 'of the entry';
export async function render() {
  return [whole, new Other().told, count(), count(), name, hidden].join(', ');
}
""",
    "whole.js": "const whole = 'whole';\nexport default whole; // as a package has it\n",
    "things.js": """import { name } from './names.js';
let calls = 0;
const hidden = 'of things';
/** @param {import('./names.js').Name} told */
export const count = () => ++calls;
export class Thing {
  told = `${name} ${hidden}`;
}
""",
    "names.js": "export const name = 'a </script> name';\nexport function unused() {}\n",
    "apart.js": "throw new Error('nobody imports it');\n",
}


def files(folder, **other):
    sources = {**MODULES, **{f"{stem}.js": source for stem, source in other.items()}}
    for name, source in sources.items():
        (folder / name).write_text(source, "utf-8")
    return {name: folder / name for name in sources}


def ran(source, folder):
    """What `render` of a module returns."""
    (folder / "run.mjs").write_text(f"{source}\nconsole.log(await render());\n", "utf-8")
    return subprocess.run([NODE, "run.mjs"], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_the_modules_work_together_and_keep_their_names_to_themselves(tmp_path):
    one = bundle(files(tmp_path))
    (tmp_path / "package.json").write_text('{"type": "module"}')
    apart = ran("import { render } from './index.js';", tmp_path)
    assert ran(one, tmp_path) == apart
    assert apart == "whole, a </script> name of things, 1, 2, a </script> name, of the entry"


def test_those_of_the_page_are_all_in_it_each_once():
    source = bundle(front.listing())
    scripts = {name for name in front.listing() if name.endswith(".js")} - front.ALONE
    assert len(scripts) > 50
    assert {name: source.count(f"// {name}\n") for name in scripts} == dict.fromkeys(scripts, 1)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (
            "import { render } from './index.js';\nexport const name = 1;\n",
            "no circle, found index.js > things.js > names.js",
        ),
        ("export let name = 1;\n", "in names.js, found: export let name = 1;"),
        ("import * as all from './whole.js';\nexport const name = 1;\n", "in names.js, found: import \\* as all"),
        ("export const other = 1;\n", r"names.js to export what things.js imports, found no \['name'\]"),
    ],
)
def test_what_is_written_in_another_way_is_refused(names, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        bundle(files(tmp_path, names=names))


def test_what_is_not_installed_is_told(tmp_path):
    some = files(tmp_path)
    del some["names.js"]
    with pytest.raises(FileNotFoundError, match=r"not installed \(names.js\): pip install"):
        bundle(some)
