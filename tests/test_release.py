"""What a maintainer relies on at a release: the tag is the version, and weaknesses of pinned versions are told."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]

INDEX = '''
"""Python imports this first: answers in the place of PyPI, so that pip-audit needs no network."""
import io, json
import requests
from urllib3 import HTTPResponse

def send(adapter, request, *more):
    answers = json.loads(ANSWERS)
    name, version = request.url.split("/")[-3:-1]
    if answers is None:
        raise requests.exceptions.ConnectionError("Name or service not known")
    status = 200 if name in answers else 404
    body = json.dumps({"vulnerabilities": answers.get(name)}).encode()
    return adapter.build_response(request, HTTPResponse(io.BytesIO(body), status=status, preload_content=False))

requests.adapters.HTTPAdapter.send = send
'''


@pytest.fixture
def audited(tmp_path):
    """Runs `.ci/audit.py` over pinned versions, with an index that answers with weaknesses by names of packages."""

    def run(pins, answers):
        (tmp_path / ".ci").mkdir()
        shutil.copy(ROOT / ".ci" / "audit.py", tmp_path / ".ci")
        (tmp_path / "constraints.txt").write_text(pins)
        (tmp_path / "sitecustomize.py").write_text(INDEX.replace("ANSWERS", repr(answers)))
        kept = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "PIP_NO_CACHE_DIR": "1"}
        return subprocess.run(
            [sys.executable, tmp_path / ".ci" / "audit.py"],
            env={**os.environ, **kept, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_known_weakness_fails_with_the_version_that_mends_it(audited):
    ended = audited(
        "sound==1.0\nweak==2.0\n",
        '{"sound": [], "weak": [{"id": "PYSEC-1", "aliases": [], "summary": "it leaks", "fixed_in": ["2.1"]}]}',
    )
    assert ended.returncode == 1, ended.stderr
    assert "weak 2.0: PYSEC-1, mended in ['2.1']" in ended.stdout
    assert "2 of 2 pinned versions were audited, 1 weaknesses are known." in ended.stdout


def test_an_index_that_knows_no_advisories_is_told_and_not_fatal(audited):
    ended = audited("sound==1.0\nelse==2.0\n", '{"sound": []}')
    assert ended.returncode == 0, ended.stderr
    assert "1 of 2 pinned versions were audited" in ended.stdout
    assert "tells nothing of: else" in ended.stdout


def test_an_index_out_of_reach_is_told_and_not_fatal(audited):
    ended = audited("sound==1.0\n", "null")
    assert ended.returncode == 0, ended.stderr
    assert "No index of advisories can be reached" in ended.stdout
    assert "Name or service not known" in ended.stdout


def test_pins_that_cannot_be_read_are_no_matter_of_the_index(audited):
    ended = audited("sound=1.0\n", "{}")
    assert ended.returncode == 1
    assert "sound=1.0" in ended.stderr
    assert "No index" not in ended.stdout


@pytest.fixture
def released(tmp_path):
    """Runs the step of the release workflow that holds a tag against the version of a repository."""
    steps = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())["jobs"]["build"]["steps"]
    (step,) = [step["run"] for step in steps if step.get("name") == "The tag names the version"]

    def run(tag, *, changelog="## [1.2.0] - 2026-11-28\n", citation="version: 1.2.0\n"):
        (tmp_path / "lightning_viz").mkdir()
        (tmp_path / "lightning_viz" / "__init__.py").write_text('__version__ = "1.2.0"\n')
        (tmp_path / "CHANGELOG.md").write_text(changelog)
        (tmp_path / "CITATION.cff").write_text(citation)
        (tmp_path / ".ci").mkdir()
        shutil.copy(ROOT / ".ci" / "version.py", tmp_path / ".ci")
        return subprocess.run(
            ["bash", "-e", "-c", step.replace("python3.11", sys.executable)],  # as GitHub runs it
            cwd=tmp_path,
            env={**os.environ, "GITHUB_REF_NAME": tag},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.parametrize(("tag", "passes"), [("v1.2.0", True), ("v1.2.1", False), ("1.2.0", False), ("v", False)])
def test_a_tag_has_to_name_the_version(released, tag, passes):
    assert (released(tag).returncode == 0) == passes


@pytest.mark.parametrize("tag", ["v1.2.0", "v"])
@pytest.mark.parametrize(
    ("stale", "name"),
    [({"changelog": "## [1.2.0] - unreleased\n"}, "CHANGELOG.md"), ({"citation": "version: 1.1.0\n"}, "CITATION.cff")],
)
def test_what_else_names_the_version_has_to_follow(released, tag, stale, name):
    ended = released(tag, **stale)
    assert ended.returncode != 0
    assert f"in {name}: mend it before the release" in ended.stderr
