"""The wheel, installed in a fresh environment and used in an empty folder, without the checkout."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labkit.adapters import go_programs
from labkit.base.configuration import Configuration
from labkit.base.resources import CHECKOUT
from labkit.course.lessons import lesson_names
from labkit.lab.cluster_kinds.node_image import own_files
from labkit.lab.samples.build_contexts import content_hash
from tests.jupyterlab import address_of
from tests.package.installation import Installation, build_wheel

PANEL = "panel/labextensions/labkit-panel"
_MOST_BYTES = 25_000_000
_STOP_SECONDS = 60
_LEDGER = (CHECKOUT / "cluster" / "manifests" / "ledger.yaml").read_text(encoding="utf-8")
_PROJECT = (
    "<Project Sdk='Microsoft.NET.Sdk'><PropertyGroup><OutputType>Exe</OutputType>"
    "<TargetFramework>net8.0</TargetFramework></PropertyGroup></Project>"
)
_HASHES = """
import json
from labkit.adapters import go_programs
from labkit.lab.cluster_kinds.node_image import own_files
from labkit.lab.samples.build_contexts import content_hash
kinds = {name: value for name, value in vars(go_programs).items() if isinstance(value, go_programs.GoProgram)}
programs = {name: go_programs.content_key(value) for name, value in kinds.items()}
print(json.dumps({**programs, "node": content_hash(own_files())}))
"""


def _sources() -> list[str]:
    """The checkout's files, without what git ignores: lessons leave such files beside the notebooks."""
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(argv, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout
    return [name for name in listed.split("\0") if name]


def test_the_same_sources_give_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    for name in _sources():
        copy = tmp_path / "checkout" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((CHECKOUT / name).read_bytes())
        copy.chmod(0o700 if os.access(CHECKOUT / name, os.X_OK) else 0o600)
        os.utime(copy, (1, 1))
    again = build_wheel(tmp_path / "again", tmp_path / "checkout")
    assert again.read_bytes() == wheel.read_bytes()


def test_the_version_is_the_projects(core: Installation, wheel: Path) -> None:
    assert core.run("--version").stdout == f"labkit, version {wheel.name.split('-')[1]}\n"


def test_the_wheel_has_the_panel_as_it_was_built(core: Installation) -> None:
    installed, built = core.packages / "labkit" / PANEL, CHECKOUT / "labkit" / PANEL
    files = {path.relative_to(built): path.read_bytes() for path in built.rglob("*") if path.is_file()}
    assert len(files) == 2
    assert {path.relative_to(installed): path.read_bytes() for path in installed.rglob("*") if path.is_file()} == files


def test_the_core_is_small(core: Installation) -> None:
    files = [path for path in core.packages.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert sum(path.stat().st_size for path in files) <= _MOST_BYTES


def test_the_core_names_the_extra_that_a_command_needs(core: Installation) -> None:
    for command in ("lab", "up", "images"):
        done = core.run(command)
        assert done.returncode == 3
        assert "pip install 'labkit[lab]'" in done.stderr
        assert "Traceback" not in done.stderr


def _explains(installation: Installation) -> bool:
    given = ("--image-user", "ledger=1654")
    done = installation.run("explain", "-f", "-", "--json", *given, stdin=_LEDGER)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    return bool(row["kubelet"]["ok"]) and row["image_user"] == "1654"


def test_the_core_explains_and_says_what_would_be_published(core: Installation) -> None:
    assert _explains(core)
    case = {"id": 1, "project": _PROJECT, "project_sdk": "Microsoft.NET.Sdk", "arguments": [], "base": None}
    done = core.run("publish", "--batch", stdin=json.dumps({**case, "base_reference": None, "base_format": "Docker"}))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["base_image"] == "mcr.microsoft.com/dotnet/runtime:8.0"


def test_explain(complete: Installation) -> None:
    assert _explains(complete)


def test_lessons(complete: Installation) -> None:
    described = json.loads(complete.run("lessons", "--json").stdout)
    assert [lesson["lesson"] for lesson in described] == lesson_names()
    assert all(Path(lesson["notebook"]).is_relative_to(complete.kit) for lesson in described)


def test_images(complete: Installation) -> None:
    done = complete.run("images", "--json")
    assert done.returncode == 0, done.stderr
    assert {image["name"] for image in json.loads(done.stdout)} >= {"alpine", "aspnetapp", "ledger"}


def test_doctor(complete: Installation) -> None:
    done = complete.run("doctor", "--json")
    assert done.returncode in (0, 3), done.stderr
    assert len(json.loads(done.stdout)) > 5


def test_what_is_built_from_the_wheel_is_what_is_built_from_the_checkout(complete: Installation) -> None:
    programs = {
        name: go_programs.content_key(value)
        for name, value in vars(go_programs).items()
        if isinstance(value, go_programs.GoProgram)
    }
    assert json.loads(complete.python(_HASHES)) == {**programs, "node": content_hash(own_files())}


def test_up_has_nothing_to_do_where_the_checkouts_lab_is_up(complete: Installation) -> None:
    before = json.loads(complete.run("status", "--json").stdout)
    done = complete.run("up", "--json")
    assert done.returncode == 0, done.stderr
    # Another `up`, such as a lesson's that is opened meanwhile, says how far it is.
    assert {**json.loads(done.stdout), "making": None} == {**before, "making": None}
    assert before["state"] == "up"
    assert not re.search(r"compiled|image", done.stderr), done.stderr


def _kit_files(installation: Installation) -> dict[str, int]:
    files = [path for path in installation.kit.rglob("*") if path.is_file()]
    return {str(path.relative_to(installation.kit)): path.stat().st_mtime_ns for path in files}


def _get(address: str, path: str) -> Any:
    base, _, token = address.partition("/lab")
    with urllib.request.urlopen(f"{base}{path}{token[token.index('?') :]}", timeout=30) as response:
        return json.load(response)


@contextlib.contextmanager
def jupyterlab(installation: Installation, *arguments: str, **more: str) -> Iterator[tuple[str, list[str]]]:
    """`labkit lab`, until it has printed its address; that, and the lines that it printed before."""
    command = [str(installation.environment / "bin" / "labkit"), "lab", "--port=0", "--no-browser", *arguments]
    process = subprocess.Popen(
        command,
        cwd=installation.folder,
        env=installation.variables(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield address_of(process)
    finally:
        process.terminate()
        process.communicate(timeout=_STOP_SECONDS)


def test_lab_opens_jupyterlab_on_the_course_in_a_folder_of_the_participants(
    complete: Installation, tmp_path: Path
) -> None:
    configuration, before = Configuration.from_environment(), _kit_files(complete)
    places = {
        "HOME": str(tmp_path),
        "LABKIT_STATE": str(configuration.state),
        "LABKIT_CACHE": str(configuration.cache),
        "LABKIT_DATA": str(tmp_path / "data"),
    }
    with jupyterlab(complete, **places) as (address, lines):
        course = tmp_path / "labkit-course"
        assert f"your folder is {course}\n" in lines
        listed = {entry["name"] for entry in _get(address, "/api/contents/notebooks")["content"]}
        assert listed > {f"{name}.ipynb" for name in lesson_names()}
        in_checkout = {name.split("/")[1] for name in _sources() if name.startswith("notebooks/")}
        assert listed == in_checkout - {"ruff.toml"}  # For whoever edits the lessons.
        kernel = _get(address, "/api/kernelspecs")["kernelspecs"]["python3"]["spec"]
        assert kernel["argv"][0] == str(complete.environment / "bin" / "python")
        panel = _get(address, "/lab/extensions/labkit-panel/package.json")
        assert panel == json.loads((CHECKOUT / "labkit" / PANEL / "package.json").read_text(encoding="utf-8"))
        shown_lessons = _get(address, "/labkit/course")["lessons"]
        assert [lesson["path"] for lesson in shown_lessons] == [f"notebooks/{name}.ipynb" for name in lesson_names()]
        second = complete.run("lab", **places)
        assert second.returncode == 1
        assert "another `labkit lab` has it open" in second.stderr
        listing = second.stderr.partition("What to do:")[2].splitlines()[1].split()
        shown = subprocess.run(listing, env=complete.variables(**places), capture_output=True, text=True, check=True)
        assert str(course) in shown.stdout
    # It has ended, and JupyterLab with it.
    with pytest.raises(OSError):
        _get(address, "/api/status")
    assert _kit_files(complete) == before


@pytest.fixture
def without_data(complete: Installation) -> Iterator[Installation]:
    """An installation that has lost the kit's own files."""
    elsewhere = complete.kit.rename(complete.kit.with_name("elsewhere"))
    yield complete
    elsewhere.rename(complete.kit)


@pytest.mark.parametrize("command", ["lessons", "images", "lab"])
def test_a_wheel_without_its_data_says_so(
    without_data: Installation, wheel: Path, tmp_path: Path, command: str
) -> None:
    done = without_data.run(command, LABKIT_COURSE=str(tmp_path / "mine"))
    assert done.returncode == 3
    assert "lacks files of its own" in done.stderr
    assert f"pip install --force-reinstall --no-deps {wheel.as_uri()}" in done.stderr
    assert "Traceback" not in done.stderr
