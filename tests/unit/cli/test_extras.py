"""With the core alone, a command that needs more says what to install, and the others work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
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
"""
"""The beginning of a program that has the command as if some packages were not installed."""

RUN = """
main(prog_name="labkit")
"""

RUN_EACH = """
import importlib.metadata, json, os
import labkit.cli.explain_command, labkit.cli.publish_command
for request in iter(sys.stdin.readline, ""):
    arguments, environment, files = json.loads(request)
    if not (child := os.fork()):
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    sys.exit()
for number, file in enumerate(files):
    os.dup2(os.open(file, os.O_RDWR), number)
os.environ |= environment
sys.argv[1:] = arguments
"""
"""Forks for each request, a line of JSON, and prints the exit status: starting Python each time took seconds in all."""

EXTRA = {"docker", "requests", "lightkube", "httpx2", "httpx", "jupyterlab", "IPython", "ipykernel", "nbformat"} | {
    *("ipywidgets", "matplotlib", "numpy", "pandas", "packaging")
}
"""What `pip install labkit` does not bring."""


class Core:
    """Runs commands in a Python that has none of the extra's packages, each in a process of its own.

    Args:
        server: a process of the program above.
        folder: where input and output are kept.
    """

    def __init__(self, server: subprocess.Popen[str], folder: Path) -> None:
        self._server = server
        self._files = [folder / name for name in ("stdin", "stdout", "stderr")]

    def __call__(self, *arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command."""
        for file, text in zip(self._files, [stdin, "", ""], strict=True):
            file.write_text(text, encoding="utf-8")
        assert self._server.stdin and self._server.stdout
        request = json.dumps([arguments, {**os.environ, **environment}, [str(file) for file in self._files]])
        print(request, file=self._server.stdin, flush=True)
        status = int(self._server.stdout.readline())
        stdout, stderr = (file.read_text(encoding="utf-8") for file in self._files[1:])
        return subprocess.CompletedProcess(arguments, status, stdout, stderr)


@pytest.fixture(scope="module")
def labkit_core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Core]:
    program = BLOCKED.format(blocked=EXTRA) + RUN_EACH + RUN
    argv = [sys.executable, "-c", program]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        yield Core(server, tmp_path_factory.mktemp("core"))


@pytest.mark.parametrize("command", ["doctor", "up", "lab", "status", "images", "matrix", "kubectl", "clean"])
def test_a_command_whose_extra_is_missing_says_what_to_install(labkit_core: Core, command: str) -> None:
    done = labkit_core(command)
    assert (done.returncode, done.stdout) == (3, "")
    assert "pip install 'labkit[lab]'" in done.stderr
    assert "is not installed" in done.stderr
    assert "Traceback" not in done.stderr


def test_publishing_says_so_too(labkit_core: Core) -> None:
    done = labkit_core("publish", "app")
    assert (done.returncode, "pip install 'labkit[lab]'" in done.stderr) == (3, True)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["explain", "--help"], ["publish", "--help"]])
def test_help_needs_no_extra(labkit_core: Core, arguments: list[str]) -> None:
    done = labkit_core(*arguments)
    assert (done.returncode, done.stderr) == (0, "")


POD = """
kind: Pod
spec:
  securityContext: {runAsNonRoot: true}
  containers: [{name: web, image: "nginx:1.29"}]
"""


def test_explain_says_that_the_engine_was_not_asked_and_how_it_would_be(labkit_core: Core) -> None:
    done = labkit_core("explain", "-f", "-", stdin=POD)
    assert (done.returncode, done.stderr) == (0, "")
    assert "the engine was not asked: the Python package 'docker' is not installed" in done.stdout
    assert "pip install 'labkit[lab]'" in done.stdout
    assert "--image-user NAME=USER" in done.stdout


def test_explain_answers_for_a_user_that_is_given(labkit_core: Core) -> None:
    done = labkit_core("explain", "--json", "--gate", "-f", "-", "--image-user", "nginx:1.29=101", stdin=POD)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["kubelet"]["ok"] is True


def test_an_image_by_name_needs_an_engine_and_the_packages_for_it(labkit_core: Core) -> None:
    done = labkit_core("explain", "nginx:1.29")
    assert (done.returncode, done.stdout) == (3, "")
    assert "What to do: give each image's user" in done.stderr


def test_explain_reads_an_archive_without_an_engine(labkit_core: Core, tmp_path: Path) -> None:
    (tmp_path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (tmp_path / "index.json").write_text('{"schemaVersion": 2, "manifests": []}')
    done = labkit_core("explain", "--archive", str(tmp_path), "-f", "-", stdin=POD)
    assert done.returncode == 0, done.stderr


def test_completing_an_image_offers_files_alone(labkit_core: Core) -> None:
    complete = {"_LABKIT_COMPLETE": "bash_complete", "COMP_WORDS": "labkit explain al", "COMP_CWORD": "2"}
    done = labkit_core(**complete)
    assert (done.stdout, done.stderr) == ("file,al\n", "")


def test_completing_a_command_that_cannot_be_loaded_offers_nothing(labkit_core: Core) -> None:
    complete = {"_LABKIT_COMPLETE": "bash_complete", "COMP_WORDS": "labkit up --so", "COMP_CWORD": "2"}
    done = labkit_core(**complete)
    assert "Traceback" not in done.stderr


MOST_MODULES = 37
"""Where no engine is asked and no user is given. docs/design.md says why not fewer.

tests/unit/adapters/test_engine_socket.py has the number with an engine.
"""


@pytest.mark.parametrize(("given", "more"), [([], 0), (["--image-user", "nginx:1.29=101"], 2)])
def test_explaining_a_manifest_loads_few_modules(given: list[str], more: int) -> None:
    """A gate runs it on each commit; `make bench` measures the seconds."""
    program = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n" + BLOCKED + RUN
    done = subprocess.run(
        [sys.executable, "-c", program.format(blocked=EXTRA), "explain", "-f", "-", *given],
        input=POD,
        capture_output=True,
        text=True,
        check=True,
    )
    own = [name for name in done.stderr.split() if name.partition(".")[0] == "labkit"]
    assert len(own) <= MOST_MODULES + more, own


def test_publish_answers_cases_without_an_extra(labkit_core: Core) -> None:
    project = '<Project Sdk="Microsoft.NET.Sdk"/>'
    done = labkit_core("publish", "--batch", stdin=json.dumps({"id": 1, "project": project, "base": {}}))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["id"] == 1


def test_a_package_missing_from_the_kit_itself_is_no_missing_extra() -> None:
    program = BLOCKED.format(blocked={"labkit.lab.lab"}).replace('name.partition(".")[0]', "name") + RUN
    done = subprocess.run([sys.executable, "-c", program, "up"], capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (1, True)
