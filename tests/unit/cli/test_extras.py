"""With the core alone, a command that needs more says what to install, and the others work."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

BLOCKED = """
import sys
from importlib.abc import MetaPathFinder

class Blocked(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
from labkit.cli import main
main(prog_name="labkit")
"""

EXTRA = {"docker", "requests", "lightkube", "httpx2", "httpx", "jupyterlab", "IPython", "ipykernel", "nbformat"} | {
    *("ipywidgets", "matplotlib", "numpy", "pandas", "packaging")
}
"""What `pip install labkit` does not bring."""


def labkit_core(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command in a Python that has none of the extra's packages."""
    program = BLOCKED.format(blocked=EXTRA)
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], input=stdin, capture_output=True, text=True, check=False
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


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["publish", "--help"]])
def test_help_needs_no_extra(arguments: list[str]) -> None:
    done = labkit_core(*arguments)
    assert (done.returncode, done.stderr) == (0, "")


def test_publish_answers_cases_without_an_extra() -> None:
    project = '<Project Sdk="Microsoft.NET.Sdk"/>'
    done = labkit_core("publish", "--batch", stdin=json.dumps({"id": 1, "project": project, "base": {}}))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["id"] == 1


def test_a_package_missing_from_the_kit_itself_is_no_missing_extra() -> None:
    program = BLOCKED.format(blocked={"labkit.lab"}).replace('name.partition(".")[0]', "name")
    done = subprocess.run([sys.executable, "-c", program, "up"], capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (1, True)
