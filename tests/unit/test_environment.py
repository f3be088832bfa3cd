"""The three lists of packages agree, and the scripts behind `make` act on them as they say.

The scripts run in temporary folders with stand-ins for conda, Python and apt-get that note how they were called.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from labkit.base.resources import CHECKOUT
from labkit.base.waiting import wait_until, watch

CONDA_NAMES = {
    "docker": "docker-py",
    "jupyter-client": "jupyter_client",
    "jupyter-server": "jupyter_server",
    "matplotlib": "matplotlib-base",
    "playwright": "playwright-python",
}
"""Names that differ on conda-forge; every other package is called the same in both places."""

TOOLS = {"python", "pip", "docker-cli", "go", "kubernetes-client", "kubernetes-kind"}
"""What environment.yml names besides the packages of pyproject.toml."""

PYPROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
CONDA = yaml.safe_load((CHECKOUT / "environment.yml").read_text(encoding="utf-8"))
LOCK = (CHECKOUT / "requirements.lock").read_text(encoding="utf-8")
SITE_LOCK = (CHECKOUT / "requirements-site.lock").read_text(encoding="utf-8")
LOCKS = ["requirements.lock", "requirements-site.lock", "tools/uv.lock", "tools/audit.lock"]
LISTS = ["pyproject.toml", "environment.yml", *LOCKS]


def declared() -> list[Requirement]:
    """Everything that pyproject.toml asks for: to run, to test and to build."""
    project: dict[str, Any] = PYPROJECT["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values(), PYPROJECT["build-system"]["requires"]]
    return [Requirement(text) for texts in lists for text in texts]


def conda_requirements() -> dict[str, Requirement]:
    """environment.yml by name, its `pip:` part included."""
    lines: list[str | dict[str, list[str]]] = CONDA["dependencies"]
    flat = [text for line in lines for text in (line["pip"] if isinstance(line, dict) else [line])]
    return {requirement.name: requirement for requirement in map(Requirement, flat)}


def locked(text: str) -> Iterator[tuple[Requirement, list[str]]]:
    """Each requirement of a lock with its options."""
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.startswith("#"):
            requirement, *options = re.split(r"\s+(?=--)", line.strip())
            yield Requirement(requirement), options


@cache
def pins_of_the_lock() -> dict[str, list[Requirement]]:
    """What requirements.lock pins, by name; a name may be pinned for several systems."""
    pins: dict[str, list[Requirement]] = {}
    for pin, _ in locked(LOCK):
        pins.setdefault(canonicalize_name(pin.name), []).append(pin)
    return pins


@pytest.mark.parametrize("wanted", declared(), ids=str)
def test_a_dependency_is_in_all_three_lists(wanted: Requirement) -> None:
    conda = conda_requirements()[CONDA_NAMES.get(wanted.name, wanted.name)]
    assert conda.specifier == wanted.specifier
    pins = pins_of_the_lock().get(canonicalize_name(wanted.name))
    assert pins
    for pin in pins:
        (version,) = pin.specifier
        assert wanted.specifier.contains(version.version)


def test_environment_yml_names_nothing_else() -> None:
    packages = {CONDA_NAMES.get(requirement.name, requirement.name) for requirement in declared()}
    assert conda_requirements().keys() == packages | TOOLS


def test_environment_yml_asks_for_the_same_python_from_conda_forge_alone() -> None:
    assert str(conda_requirements()["python"].specifier) == PYPROJECT["project"]["requires-python"]
    assert CONDA["channels"] == ["conda-forge", "nodefaults"]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_one_version_with_hashes_on_every_line(name: str) -> None:
    for requirement, options in locked((CHECKOUT / name).read_text(encoding="utf-8")):
        assert [specifier.operator for specifier in requirement.specifier] == ["=="]
        assert options
        assert all(re.fullmatch("--hash=sha256:[0-9a-f]{64}", option) for option in options)


@pytest.mark.parametrize(
    "name", [*LISTS, "Makefile", ".ci/run", "tools/environment.sh", "tools/site/environment.sh", "tools/lock.sh"]
)
def test_no_address_is_written_down(name: str) -> None:
    text = (CHECKOUT / name).read_text(encoding="utf-8")
    assert not re.findall(r"://|--(?:extra-)?index-url|--find-links|--trusted-host|\b[\w-]+\.(?:org|com|io)\b", text)


def test_what_builds_the_site_has_a_lock_of_its_own_and_is_in_no_list_of_the_lab() -> None:
    pins = {canonicalize_name(pin.name): pin for pin, _ in locked(SITE_LOCK)}
    lab = {canonicalize_name(name) for name in [*(pin.name for pin, _ in locked(LOCK)), *conda_requirements()]}
    for wanted in map(Requirement, PYPROJECT["dependency-groups"]["site"]):
        (version,) = pins[canonicalize_name(wanted.name)].specifier
        assert wanted.specifier.contains(version.version)
        assert canonicalize_name(wanted.name) not in lab


GOOD = f'exec {shlex.quote(sys.executable)} "$@"'
TOO_OLD = "exit 2"
WITHOUT_VENV = """case "$2" in *print*) echo python3.11-venv ;; *) exit 3 ;; esac"""
MISSING = "exit 127"
"""What a stand-in for Python does when it is probed."""

PIP = """case "$*" in
*--editable*) : > .venv/bin/labkit && chmod +x .venv/bin/labkit ;;
esac"""
"""The Python inside .venv: installing the project makes its command."""

ORDINARY = ["bash", "cat", "chmod", "cksum", "cp", "date", "dirname", "flock", "grep", "mkdir", "mv", "paste"]
ORDINARY += ["rm", "sed", "sh", "sleep", "tar", "tr"]
"""All of the machine's own programs that the scripts find under test."""

INSTALL_PACKAGES = (
    "python -m pip install --quiet --require-hashes --no-deps --only-binary :all: --no-compile "
    "--requirement requirements.lock"
)
INSTALL_PROJECT = "python -m pip install --quiet --no-deps --no-build-isolation --editable ."


class CheckoutWithStandIns:
    """A checkout of its own, and a PATH with stand-ins for every tool that must not really run."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "check out"
        self.bin = folder / "bin"
        self.log = folder / "calls"
        self.os_release = folder / "os-release"
        self.checkout.mkdir()
        self.bin.mkdir()
        shutil.copytree(CHECKOUT / "tools", self.checkout / "tools", ignore=shutil.ignore_patterns("site", "*.lock"))
        for name in ("requirements.lock", "environment.yml", "pyproject.toml"):
            self.write(name, "as it was\n")
        self.os_release.write_text("ID=fedora\n")
        for name in ORDINARY:
            if program := shutil.which(name):
                (self.bin / name).symlink_to(program)
        self.environment = {"PATH": str(self.bin), "LABKIT_OS_RELEASE": str(self.os_release)}
        self.uid(1000)
        for name in ("python3.13", "python3.12", "python3.11", "python3", "apt-get"):
            self.stand_in(name, MISSING)

    def write(self, name: str, text: str) -> None:
        (self.checkout / name).write_text(text, encoding="utf-8")

    def uid(self, uid: int) -> None:
        (self.bin / "id").write_text(f"#!/bin/sh\necho {uid}\n")
        (self.bin / "id").chmod(0o755)

    def stand_in(self, name: str, script: str, folder: Path | None = None) -> Path:
        """A program that notes how it was called (probes aside) and then does as the script says."""
        note = f'[ "$1" = -c ] || echo "{name} $*" >> {shlex.quote(str(self.log))}'
        path = (folder or self.bin) / name
        path.write_text(f"#!/bin/sh\n{note}\n{script}\n", encoding="utf-8")
        path.chmod(0o755)
        return path

    def python(self, name: str, probe: str = GOOD, pip: str = PIP) -> None:
        """A Python that can be probed and makes .venv; `pip` is what the Python in .venv does then."""
        inner = shlex.quote(str(self.stand_in("python", pip, self.checkout.parent)))
        self.stand_in(name, f'case $1 in -c) {probe} ;; -m) mkdir -p "$3/bin" && cp {inner} "$3/bin/python" ;; esac')

    def conda(self, name: str, status: int = 0) -> None:
        inner = shlex.quote(str(self.stand_in("python", PIP, self.checkout.parent)))
        self.stand_in(name, f"mkdir -p .venv/bin && cp {inner} .venv/bin/python; exit {status}")

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.checkout / (command or ("tools/environment.sh",))[0], *command[1:]],
            env=self.environment | more,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def ready(self, **more: str) -> list[str]:
        """Run the script, which must succeed; return the calls it made."""
        result = self.run(**more)
        assert result.returncode == 0, result.stderr
        return self.calls()

    def calls(self) -> list[str]:
        """How the stand-ins were called since the last look."""
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def place(tmp_path: Path) -> CheckoutWithStandIns:
    return CheckoutWithStandIns(tmp_path)


def test_a_virtual_environment_is_made_from_the_lock_once(place: CheckoutWithStandIns) -> None:
    place.python("python3.11")
    made = ["python3.11 --version", "python3.11 -m venv .venv", INSTALL_PACKAGES, "python -m pip check --quiet"]
    assert place.ready() == [*made, INSTALL_PROJECT]
    assert place.ready() == []


def test_a_shim_that_does_not_run_and_an_old_python_are_passed_over(place: CheckoutWithStandIns) -> None:
    place.python("python3.12", TOO_OLD)
    place.python("python3")
    assert place.ready()[:2] == ["python3 --version", "python3 -m venv .venv"]


@pytest.mark.parametrize("probe", [TOO_OLD, WITHOUT_VENV, MISSING])
def test_no_fitting_python_ends_with_one_sentence_and_its_command(place: CheckoutWithStandIns, probe: str) -> None:
    place.python("python3.11", probe)
    result = place.run()
    assert (result.returncode, place.calls()) == (3, [])
    package = "python3.11-venv" if probe == WITHOUT_VENV else "python3-venv"
    (line,) = result.stderr.splitlines()
    assert line.endswith(f"add it with: sudo apt-get install {package}")


@pytest.mark.parametrize(("system", "uid"), [("debian", 1000), ("ubuntu", 0)])
def test_only_on_debian_as_root_is_anything_installed(place: CheckoutWithStandIns, system: str, uid: int) -> None:
    place.os_release.write_text(f"ID={system}\n")
    place.uid(uid)
    assert (place.run().returncode, place.calls()) == (3, [])


def test_on_debian_as_root_python_is_added(place: CheckoutWithStandIns) -> None:
    place.os_release.write_text("NAME=Debian\nID=debian\n")
    place.uid(0)
    place.python("python3.11", WITHOUT_VENV)
    shutil.copy(place.bin / "python3.11", place.checkout.parent / "incomplete")
    place.python("python3.11")
    complete = (place.bin / "python3.11").rename(place.checkout.parent / "complete")
    (place.checkout.parent / "incomplete").rename(place.bin / "python3.11")
    copy = f"cp {shlex.quote(str(complete))} {shlex.quote(str(place.bin / 'python3.11'))}"
    place.stand_in("apt-get", f'case "$*" in *install*) {copy} ;; esac')
    assert place.ready()[:4] == [
        "apt-get -qq update",
        "apt-get -qq install --yes --no-install-recommends python3.11-venv",
        "python3.11 --version",
        "python3.11 -m venv .venv",
    ]


@pytest.mark.parametrize(
    ("tool", "verb"), [("mamba", "env create"), ("conda", "env create"), ("micromamba", "create --yes")]
)
def test_conda_makes_the_environment_where_it_is_there(place: CheckoutWithStandIns, tool: str, verb: str) -> None:
    place.conda(tool)
    place.python("python3.11")
    created = f"{tool} {verb} --prefix {place.checkout.resolve()}/.venv --file environment.yml"
    assert place.ready() == [created, INSTALL_PROJECT]
    assert place.ready() == []
    place.write("requirements.lock", "of no concern to conda\n")
    assert place.ready() == []
    place.write("environment.yml", "changed\n")
    assert place.ready() == [created, INSTALL_PROJECT]


def test_conda_off_the_path_is_found_by_what_its_shell_exports(place: CheckoutWithStandIns) -> None:
    place.conda("conda-elsewhere")
    elsewhere = (place.bin / "conda-elsewhere").rename(place.checkout.parent / "conda")
    assert place.ready(CONDA_EXE=str(elsewhere))[0].startswith("conda-elsewhere env create")


def test_conda_that_fails_says_how_to_go_on_without_it(place: CheckoutWithStandIns) -> None:
    place.conda("conda", status=1)
    place.python("python3")
    result = place.run()
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].endswith("without conda: make LABKIT_PYTHON=python3 environment")
    place.calls()
    assert "python3 -m venv .venv" in place.ready(LABKIT_PYTHON="python3")


def test_a_python_that_was_asked_for_is_used_or_named_as_wrong(place: CheckoutWithStandIns) -> None:
    place.conda("conda")
    place.python("python3.13")
    place.python("mine")
    assert place.ready(LABKIT_PYTHON="mine")[1] == "mine -m venv .venv"
    assert place.ready() == []
    place.python("old", TOO_OLD)
    result = place.run(LABKIT_PYTHON="old")
    assert (result.returncode, place.calls()) == (3, [])
    assert "LABKIT_PYTHON is 'old'" in result.stderr


EARLY = "python3.11 -B -S -m labkit.lab.bringup.early_compile 4711"


def _early_calls(place: CheckoutWithStandIns, expected: int) -> list[str]:
    """The calls for what is begun beside, which nobody waits for."""

    def look() -> list[str]:
        lines = place.log.read_text(encoding="utf-8").splitlines() if place.log.exists() else []
        return [line for line in lines if "early_compile" in line]

    return watch(look, lambda lines: len(lines) >= expected, 5.0, interval=0.02) if expected else look()


@pytest.mark.parametrize("probe", [GOOD, WITHOUT_VENV])
def test_compiling_begins_beside_an_environment_that_a_lab_waits_for(place: CheckoutWithStandIns, probe: str) -> None:
    place.stand_in("go", "exit 0")
    place.python("python3.11", probe)
    assert place.run(LABKIT_COMPILE_FOR="4711").returncode == (0 if probe == GOOD else 3)
    assert _early_calls(place, 1) == [EARLY]
    if probe == GOOD:
        place.calls()
        assert place.ready(LABKIT_COMPILE_FOR="4711") == []


@pytest.mark.parametrize("why", ["no lab is wanted", "there is no Go", "a bundle has it", "conda brings its own Go"])
def test_compiling_does_not_begin(place: CheckoutWithStandIns, why: str) -> None:
    place.python("python3.11")
    if why != "there is no Go":
        place.stand_in("go", "exit 0")
    if why == "a bundle has it":
        (place.checkout.parent / "labkit-bundle.tar").touch()
    if why == "conda brings its own Go":
        place.conda("conda")
    place.ready(**({} if why == "no lab is wanted" else {"LABKIT_COMPILE_FOR": "4711"}))
    assert _early_calls(place, 0) == []


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        (["lab"], True),
        (["up", "ARGS=--no-wait"], True),
        (["up", "ARGS=--bundle x.tar"], False),
        (["up", "ARGS=--source upstream"], False),
        (["doctor"], False),
    ],
)
def test_only_a_make_that_brings_a_lab_up_asks_for_it(
    place: CheckoutWithStandIns, arguments: list[str], begins: bool
) -> None:
    shutil.copy(CHECKOUT / "Makefile", place.checkout)
    script = place.stand_in("environment.sh", "echo for=$LABKIT_COMPILE_FOR=$PPID", place.checkout / "tools")
    assert script.exists()
    (place.checkout / ".venv" / "bin").mkdir(parents=True)
    place.stand_in("labkit", "exit 0", place.checkout / ".venv" / "bin")
    argv = [str(shutil.which("make")), "-s", *arguments]
    done = subprocess.run(argv, cwd=place.checkout, env=place.environment, capture_output=True, text=True, check=True)
    (line,) = done.stdout.splitlines()
    _, asked, parent = line.split("=")
    assert asked == (parent if begins else "")


WHEELS = """case "$*" in
*--editable*) : > .venv/bin/labkit && chmod +x .venv/bin/labkit ;;
*bundle_wheels*) {status} ;;
*install*--requirement*) echo "from ${{PIP_FIND_LINKS-the index}} ${{PIP_NO_INDEX-}}" >> {log}; {pip} ;;
esac"""


@pytest.mark.parametrize(
    ("status", "pip", "asked"),
    [
        ("exit 0", "exit 0", ["from .venv/wheels 1"]),
        ("exit 1", "exit 0", ["from the index "]),
        ("exit 0", '[ -z "${PIP_NO_INDEX-}" ] || exit 1', ["from .venv/wheels 1", "from the index "]),
    ],
    ids=["it has them", "it has none", "it has others"],
)
def test_packages_of_a_bundle_beside_the_checkout_come_before_the_index(
    place: CheckoutWithStandIns, status: str, pip: str, asked: list[str]
) -> None:
    place.python("python3.11", pip=WHEELS.format(status=status, log=shlex.quote(str(place.log)), pip=pip))
    (place.checkout.parent / "labkit-bundle-linux-amd64.tar").touch()
    calls = place.ready()
    assert "python tools/bundle_wheels.py .venv/wheels ../labkit-bundle-linux-amd64.tar" in calls
    assert [call for call in calls if call.startswith("from ")] == asked
    assert not (place.checkout / ".venv" / "wheels").exists()


def test_a_bundle_that_is_named_is_the_only_one_that_is_asked(place: CheckoutWithStandIns) -> None:
    place.python("python3.11")
    (place.checkout / "labkit-bundle").touch()
    (place.checkout / "mine file.tar").touch()
    calls = place.ready(LABKIT_BUNDLE="mine file.tar")
    assert "python tools/bundle_wheels.py .venv/wheels mine file.tar" in calls


def test_the_next_bundle_is_asked_where_one_has_none(place: CheckoutWithStandIns) -> None:
    wheels = WHEELS.format(
        status='case "$*" in *bundle-a) exit 1 ;; esac', log=shlex.quote(str(place.log)), pip="exit 0"
    )
    place.python("python3.11", pip=wheels)
    for name in ("labkit-bundle-a", "labkit-bundle-b"):
        (place.checkout / name).touch()
    calls = [call.rpartition(" ")[2] for call in place.ready() if "bundle_wheels" in call]
    assert calls == ["labkit-bundle-a", "labkit-bundle-b"]


@pytest.mark.parametrize("has", [True, False])
def test_what_python_lacks_comes_from_a_bundle_before_the_network(place: CheckoutWithStandIns, has: bool) -> None:
    place.os_release.write_text("NAME=Debian\nID=debian\n")
    place.uid(0)
    (place.checkout / "labkit-bundle").touch()
    place.python("python3.11")
    whole = (place.bin / "python3.11").rename(place.checkout.parent / "whole")
    # It lacks venv until it was asked to install that, or apt-get was.
    become = f"cp {shlex.quote(str(whole))} {shlex.quote(str(place.bin / 'python3.11'))}"
    lacking = f'case "$*" in -c*) {WITHOUT_VENV} ;; *--install*) {become if has else "exit 1"} ;; esac'
    place.stand_in("python3.11", lacking)
    place.stand_in("apt-get", f'case "$*" in *install*) {become} ;; esac')
    calls = place.ready()
    assert calls[0] == "python3.11 -S tools/bundle_wheels.py --install python3.11-venv labkit-bundle"
    assert [call for call in calls if call.startswith("apt-get")] == (
        [] if has else ["apt-get -qq update", "apt-get -qq install --yes --no-install-recommends python3.11-venv"]
    )


def test_an_interrupted_installation_is_begun_again(place: CheckoutWithStandIns) -> None:
    place.python("python3.11", pip="kill -9 $PPID; exit 1")
    assert place.run().returncode != 0
    (place.checkout / ".venv" / "leftover").touch()
    place.calls()
    place.python("python3.11")
    assert INSTALL_PACKAGES in place.ready()
    assert not (place.checkout / ".venv" / "leftover").exists()


def test_an_index_that_does_not_answer_as_one_is_told_with_what_may_be_in_its_place(
    place: CheckoutWithStandIns,
) -> None:
    place.python("python3.11", pip="echo 'ERROR: No matching distribution found for anyio==4.16.0' >&2; exit 1")
    result = place.run()
    assert result.returncode == 1
    reason, told = result.stderr.splitlines()[-2:]
    assert reason.startswith("ERROR: No matching")
    assert "answer with a login page: open any page in a browser" in told
    assert "pip config list" in told


def test_a_failed_installation_of_the_project_alone_is_repeated_alone(place: CheckoutWithStandIns) -> None:
    place.python("python3.11", pip='case "$*" in *--editable*) exit 1 ;; esac')
    assert place.run().returncode == 1
    place.calls()
    (place.checkout.parent / "python").write_text(f"#!/bin/sh\n{PIP}\n")
    shutil.copy(place.checkout.parent / "python", place.checkout / ".venv" / "bin" / "python")
    assert place.ready() == []
    assert (place.checkout / ".venv" / "bin" / "labkit").exists()


def test_what_changed_is_installed_again_and_no_more(place: CheckoutWithStandIns) -> None:
    place.python("python3.11")
    place.ready()
    place.write("pyproject.toml", "changed\n")
    assert place.ready() == [INSTALL_PROJECT]
    place.write("requirements.lock", "changed\n")
    assert INSTALL_PACKAGES in place.ready()


def test_a_checkout_that_moved_or_lost_its_python_gets_a_new_environment(place: CheckoutWithStandIns) -> None:
    place.python("python3.11")
    place.ready()
    place.checkout = place.checkout.rename(place.checkout.with_name("moved"))
    assert INSTALL_PACKAGES in place.ready()
    (place.checkout / ".venv" / "bin" / "python").unlink()
    assert INSTALL_PACKAGES in place.ready()


def test_an_activated_environment_does_not_make_its_successor(place: CheckoutWithStandIns) -> None:
    place.python("python3.11")
    place.ready()
    inside = place.checkout / ".venv" / "bin"
    place.stand_in("python3.13", GOOD, inside)
    place.write("requirements.lock", "changed\n")
    assert "python3.11 -m venv .venv" in place.ready(PATH=f"{inside}:{place.bin}")


REPORT = """
for word; do case $word in --counts=*) report=${word#*=} ;; esac; done
echo 'tests=7 skipped=0' > "$report"
"""


def stages(place: CheckoutWithStandIns, python: str) -> None:
    inside = place.checkout / ".venv" / "bin"
    inside.mkdir(parents=True, exist_ok=True)
    for name in ("ruff", "mypy", "labkit"):
        place.stand_in(name, "", inside)
    place.stand_in("python", REPORT + python, inside)


def test_every_stage_runs_in_order_and_the_last_line_counts_the_tests(place: CheckoutWithStandIns) -> None:
    stages(place, "")
    result = place.run("tools/test.sh")
    assert result.returncode == 0, result.stderr
    calls = [re.sub(r"python -m pytest -p tests.stage_counts --counts=\S+", "pytest", call) for call in place.calls()]
    of_rules = ("adapters", "archives", "base", "core", "explain", "publish")
    of_lab = ("bundles", "samples")
    rules = [*(f"tests/unit/{room}" for room in of_rules), *(f"tests/unit/lab/{room}" for room in of_lab)]
    of_course = ("classhub", "cli", "course", "instructor", "notebook", "panel", "show", "threat")
    course = ["tests/notebooks", *(f"tests/unit/{room}" for room in of_course)]
    beside_alone = {
        "ruff check .",
        "ruff format --check .",
        "mypy ",
        "pytest -m alone tests/live",
        f"pytest {' '.join(rules)}",
        f"pytest {' '.join(course)}",
        f"pytest {' '.join(f'--ignore={room}' for room in (*rules, *course))} tests/unit",
        "pytest --numprocesses=auto tests/recorded tests/fuzz",
        "pytest --numprocesses=3 tests/faults",
    }
    assert calls[0] == "labkit up"
    assert set(calls[1:10]) == beside_alone
    assert calls[10:-2] == [
        "pytest --numprocesses=3 --no-loadscope-reorder -m not alone tests/live",
        "pytest --numprocesses=3 -p tests.notebooks.hooks -p nbval -p no:randomly --nbval-lax "
        "--nbval-current-env --nbval-cell-timeout=180 --durations=10 notebooks",
    ]
    assert sorted(calls[-2:]) == [
        "pytest tests/browser",
        "pytest tests/package",
    ]
    assert re.match(
        r"all stages passed in \d+ s: up \d+ s, "
        r"lint and alone and rules and course and unit and recorded and faults \d+ s, "
        r"live \d+ s, notebooks \d+ s, package and browser \d+ s$",
        result.stdout.splitlines()[-2],
    )
    assert result.stdout.splitlines()[-1] == "test: 70 passed, 0 failed"


@pytest.mark.parametrize("uid", [0, 1000])
def test_what_the_faults_mount_is_seen_by_them_alone(place: CheckoutWithStandIns, uid: int) -> None:
    """Only root mounts, and only root may have mounts of its own."""
    stages(place, "")
    place.uid(uid)
    place.stand_in("unshare", '[ "$1" = --mount ] && shift && exec "$@"')
    assert place.run("tools/test.sh", "faults").returncode == 0
    *apart, call = place.calls()
    assert call.endswith(" tests/faults")
    assert apart == ([f"unshare --mount {call}"] if uid == 0 else [])


@pytest.mark.parametrize(("stage", "properties"), [("unit", True), ("recorded", True), ("live", False)])
def test_a_stage_loads_the_plugins_that_it_uses(place: CheckoutWithStandIns, stage: str, properties: bool) -> None:
    stages(place, 'echo "only: $PYTEST_DISABLE_PLUGIN_AUTOLOAD, $PYTEST_PLUGINS"')
    more = ",_hypothesis_pytestplugin" if properties else ""
    assert f"only: 1, xdist.plugin,pytest_timeout{more}\n" in place.run("tools/test.sh", stage).stdout


@pytest.mark.parametrize("stage", ["notebooks", "bundle"])
def test_what_needs_nbval_or_runs_pytest_elsewhere_has_it_as_it_is(place: CheckoutWithStandIns, stage: str) -> None:
    stages(place, 'echo "only: $PYTEST_DISABLE_PLUGIN_AUTOLOAD, $PYTEST_PLUGINS"')
    assert "only: , \n" in place.run("tools/test.sh", stage).stdout


def test_a_failing_stage_is_the_last_and_is_named(place: CheckoutWithStandIns) -> None:
    stages(place, 'case "$*" in *tests/live) exit 5 ;; esac')
    result = place.run("tools/test.sh", "unit", "live", "browser")
    assert result.returncode == 5
    assert len(place.calls()) == 2
    *_, left, last = result.stdout.splitlines()
    assert left == "not run: browser"
    assert re.fullmatch(r"test: the stage 'live' failed after \d+ s with exit status 5", last)


MEET = """
name=${*##*/}
echo "$name begins"
: > "$name.there"
while [ ! -e package.there ] || [ ! -e browser.there ]; do sleep 0.01; done
echo "$name ends"
"""
"""Each waits for the other: stages that did not run at the same time would never end."""


def test_what_runs_side_by_side_is_shown_whole_one_after_another(place: CheckoutWithStandIns) -> None:
    stages(place, MEET)
    result = place.run("tools/test.sh", "package+browser")
    assert result.returncode == 0
    shown = re.sub(r" \d+ s", " N s", result.stdout).split("== package ==")[1].splitlines()
    assert shown[1:7] == [
        "package begins", "package ends", "the stage 'package' took N s", "", "== browser ==", "browser begins"
    ]  # fmt: skip
    assert result.stdout.splitlines()[-1] == "test: 14 passed, 0 failed"


def test_one_that_fails_beside_another_is_named_and_the_other_ends_first(place: CheckoutWithStandIns) -> None:
    stages(place, f'{MEET}\ncase "$*" in *tests/package) exit 5 ;; esac')
    result = place.run("tools/test.sh", "package+browser", "live")
    assert result.returncode == 5
    assert "browser ends" in result.stdout
    *_, left, last = result.stdout.splitlines()
    assert left == "not run: live"
    assert re.fullmatch(r"test: the stage 'package' failed after \d+ s with exit status 5", last)


WAIT = """
trap 'echo "${*##*/} cleaned up"; exit 2' INT
: > "${*##*/}.there"
while :; do sleep 0.01; done
"""


def test_an_interrupted_step_ends_all_its_stages_and_waits_for_them(place: CheckoutWithStandIns) -> None:
    stages(place, WAIT)
    step = ["package+browser", "live"]
    script = str(place.checkout / "tools/test.sh")
    # What a shell starts in the background ignores Ctrl-C, and a script cannot undo that.
    python = (
        f"import os, signal; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv({script!r}, {[script, *step]!r})"
    )
    there = [place.checkout / f"{name}.there" for name in ("package", "browser")]
    with subprocess.Popen(
        [sys.executable, "-c", python],
        env=place.environment, stdout=subprocess.PIPE, text=True, start_new_session=True,
    ) as running:  # fmt: skip
        wait_until("both stages", lambda: all(file.exists() for file in there), seconds=30, remedy="see tools/test.sh")
        os.killpg(running.pid, signal.SIGINT)
        try:
            stdout, _ = running.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            raise
    assert running.returncode == 130
    assert stdout.splitlines()[-1] == "test: interrupted; ending package and browser"
    for name in ("package", "browser"):
        log = (place.checkout / "build" / "test" / f"{name}.log").read_text(encoding="utf-8")
        assert f"{name} cleaned up" in log
    assert not any("live" in call for call in place.calls())


LEARNS = """
mkdir -p .mypy_cache
[ -e .mypy_cache/learned ] && echo 'knew it'
echo "$PWD" >> .mypy_cache/learned
"""


def lint_with_cache(place: CheckoutWithStandIns, cache: Path, mypy: str = LEARNS) -> subprocess.CompletedProcess[str]:
    stages(place, "")
    place.stand_in("mypy", mypy, place.checkout / ".venv" / "bin")
    return place.run("tools/test.sh", "lint", LABKIT_CACHE=str(cache))


def test_a_new_checkout_begins_with_what_mypy_learned_in_another(place: CheckoutWithStandIns, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    assert "knew it" not in lint_with_cache(place, cache).stdout
    assert [file.name for file in cache.iterdir()] == ["mypy.tar"]
    (tmp_path / "another").mkdir()
    another = CheckoutWithStandIns(tmp_path / "another")
    assert "knew it" in lint_with_cache(another, cache).stdout
    # It goes on by itself, with what it has.
    (cache / "mypy.tar").unlink()
    assert "knew it" in lint_with_cache(another, cache).stdout
    assert not list(cache.iterdir())


def test_what_was_learned_of_mistakes_is_not_kept_and_none_of_it_must_be_there(
    place: CheckoutWithStandIns, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    assert lint_with_cache(place, cache).returncode == 0
    assert not cache.exists(), "no lab has a cache here"
    shutil.rmtree(place.checkout / ".mypy_cache")
    cache.mkdir()
    assert lint_with_cache(place, cache, f"{LEARNS}\nexit 3").returncode == 3
    assert not list(cache.iterdir())


def test_what_mypy_learned_and_is_damaged_is_learned_anew(place: CheckoutWithStandIns, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "mypy.tar").write_text("no archive")
    result = lint_with_cache(place, cache)
    assert (result.returncode, result.stderr) == (0, "")
    assert "knew it" not in result.stdout
    assert tarfile.is_tarfile(cache / "mypy.tar")


def test_an_unknown_stage_is_refused_before_anything_runs(place: CheckoutWithStandIns) -> None:
    stages(place, "")
    assert (place.run("tools/test.sh", "unit", "everything").returncode, place.calls()) == (2, [])


def make(*arguments: str) -> str:
    command = ["make", "--directory", str(CHECKOUT), *arguments]
    # The flags of the make that runs these tests are not for this one.
    environment = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "ARGS"}}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60).stdout


TARGETS = ["lab", "up", "down", "status", "reset", "doctor", "images", "test", "lint", "unit", "recorded", "live"]
TARGETS += [
    "package",
    "notebooks",
    "browser",
    "bundle-test",
    "podman-test",
    "podman-lessons",
    "class-test",
    "class-bench",
    "parity",
    "mutations",
    "fuzz",
    "faults",
    "bench",
    "bench-bare",
    "site",
    "screenshots",
    "clean",
    "distclean",
]
TARGETS += ["environment", "extension", "lock", "audit", "sbom"]


def test_make_alone_prints_every_target_with_its_help() -> None:
    lines = [line for line in make("--no-print-directory").splitlines() if line.startswith("  make ")]
    assert [line.split()[1] for line in lines] == TARGETS
    assert all(len(line.split()) > 3 for line in lines)


@pytest.mark.parametrize("target", [target for target in TARGETS if target != "distclean"])
def test_every_target_first_makes_sure_of_the_environment(target: str) -> None:
    assert make("--no-print-directory", "--dry-run", target).splitlines()[0] == "tools/environment.sh"


@pytest.mark.parametrize("status", [0, 1])
def test_ci_runs_make_test_without_standard_input_and_passes_its_status_on(
    place: CheckoutWithStandIns, status: int
) -> None:
    shutil.copytree(CHECKOUT / ".ci", place.checkout / ".ci")
    place.stand_in("make", f"[ ! -s /dev/stdin ] && exit {status}; exit 9")
    assert place.run(".ci/run").returncode == status
    assert place.calls() == ["make test"]
