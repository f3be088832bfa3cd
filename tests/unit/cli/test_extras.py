"""With the core alone, a command that needs more says what to install, and the others work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BLOCKED = """
import sys
from importlib.machinery import PathFinder

class Blocked(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {blocked} else super().find_spec(name, path, target)

sys.meta_path[:] = [Blocked if finder is PathFinder else finder for finder in sys.meta_path]
from labkit.cli import main
main(prog_name="labkit")
"""
"""A program that runs the command as if some packages were not installed."""

EXTRA = {"docker", "requests", "lightkube", "httpx2", "httpx", "jupyterlab", "IPython", "ipykernel", "nbformat"} | {
    *("ipywidgets", "matplotlib", "numpy", "pandas", "packaging")
}
"""What `pip install labkit` does not bring."""


def labkit_core(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a Python that has none of the extra's packages."""
    program = BLOCKED.format(blocked=EXTRA)
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("command", ["doctor", "up", "lab", "status", "images", "matrix", "kubectl", "clean"])
def test_a_command_whose_extra_is_missing_says_what_to_install(command: str) -> None:
    done = labkit_core(command)
    assert (done.returncode, done.stdout) == (3, "")
    assert "pip install 'labkit[lab]'" in done.stderr
    assert "is not installed" in done.stderr
    assert "Traceback" not in done.stderr


def test_publishing_says_so_too() -> None:
    done = labkit_core("publish", "app")
    assert (done.returncode, "pip install 'labkit[lab]'" in done.stderr) == (3, True)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["explain", "--help"], ["publish", "--help"]])
def test_help_needs_no_extra(arguments: list[str]) -> None:
    done = labkit_core(*arguments)
    assert (done.returncode, done.stderr) == (0, "")


POD = """
kind: Pod
spec:
  securityContext: {runAsNonRoot: true}
  containers: [{name: web, image: "nginx:1.29"}]
"""


def test_explain_says_that_the_engine_was_not_asked_and_how_it_would_be() -> None:
    done = labkit_core("explain", "-f", "-", stdin=POD)
    assert (done.returncode, done.stderr) == (0, "")
    assert "the engine was not asked: the Python package 'docker' is not installed" in done.stdout
    assert "pip install 'labkit[lab]'" in done.stdout
    assert "--image-user NAME=USER" in done.stdout


def test_explain_answers_for_a_user_that_is_given() -> None:
    done = labkit_core("explain", "--json", "--gate", "-f", "-", "--image-user", "nginx:1.29=101", stdin=POD)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["kubelet"]["ok"] is True


def test_an_image_by_name_needs_an_engine_and_the_packages_for_it() -> None:
    done = labkit_core("explain", "nginx:1.29")
    assert (done.returncode, done.stdout) == (3, "")
    assert "What to do: give each image's user" in done.stderr


def test_explain_reads_an_archive_without_an_engine(tmp_path: Path) -> None:
    (tmp_path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (tmp_path / "index.json").write_text('{"schemaVersion": 2, "manifests": []}')
    done = labkit_core("explain", "--archive", str(tmp_path), "-f", "-", stdin=POD)
    assert done.returncode == 0, done.stderr


def test_completing_an_image_offers_files_alone() -> None:
    complete = {"_LABKIT_COMPLETE": "bash_complete", "COMP_WORDS": "labkit explain al", "COMP_CWORD": "2"}
    done = labkit_core(**complete)
    assert (done.stdout, done.stderr) == ("file,al\n", "")


def test_completing_a_command_that_cannot_be_loaded_offers_nothing() -> None:
    complete = {"_LABKIT_COMPLETE": "bash_complete", "COMP_WORDS": "labkit up --so", "COMP_CWORD": "2"}
    done = labkit_core(**complete)
    assert "Traceback" not in done.stderr


MOST_MODULES = 39
"""Where no engine is asked; tests/unit/adapters/test_engine_socket.py has one. docs/design.md says why not fewer."""


@pytest.mark.parametrize("given", [[], ["--image-user", "nginx:1.29=101"]])
def test_explaining_a_manifest_loads_few_modules(given: list[str]) -> None:
    """A gate runs it on each commit; `make bench` measures the seconds."""
    program = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n" + BLOCKED
    done = subprocess.run(
        [sys.executable, "-c", program.format(blocked=EXTRA), "explain", "-f", "-", *given],
        input=POD,
        capture_output=True,
        text=True,
        check=True,
    )
    own = [name for name in done.stderr.split() if name.partition(".")[0] == "labkit"]
    assert len(own) <= MOST_MODULES, own


def test_publish_answers_cases_without_an_extra() -> None:
    project = '<Project Sdk="Microsoft.NET.Sdk"/>'
    done = labkit_core("publish", "--batch", stdin=json.dumps({"id": 1, "project": project, "base": {}}))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["id"] == 1


def test_a_package_missing_from_the_kit_itself_is_no_missing_extra() -> None:
    program = BLOCKED.format(blocked={"labkit.lab.lab"}).replace('name.partition(".")[0]', "name")
    done = subprocess.run([sys.executable, "-c", program, "up"], capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (1, True)
