"""Podman as the lab's engine beside Docker, rootful with a cluster of its own, and rootless (`make podman-test`).

Each kind has a throwaway Debian 13 with podman, in namespaces of its own, which goes with all that it made; the sample
images come from the lab on Docker. It takes root, Debian's mirror once, 2 GB of disk and some minutes: it is no part of
`make test`. What it cannot try is in docs/tests.md.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.adapters import debian
from labkit.base.configuration import Configuration
from labkit.base.resources import CHECKOUT
from labkit.lab.lab import Lab
from labkit.show.steps import Silent
from tests.killed_runs import new_folder
from tests.podman.lesson_cells import differences

_HERE = Path(__file__).parent
_SECONDS = 2400
_INNER = "python -m pytest -q -p no:randomly -p no:cacheprovider --show-capture=no"
_LIVE = ("test_engine.py", "test_images.py", "test_publish.py")

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root makes namespaces and a Debian system"),
    pytest.mark.skipif(shutil.which("mmdebstrap") is None, reason="there is no mmdebstrap to make a Debian system"),
    pytest.mark.timeout(2 * _SECONDS),
]


@contextlib.contextmanager
def own_folder(purpose: str) -> Iterator[Path]:
    """A folder that goes at the end, or with the next run if this one is killed."""
    folder = new_folder(purpose)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def tree() -> Path:
    """The archive of a Debian system with podman; made once for a checkout, `make distclean` removes it."""
    recipe = hashlib.sha256((_HERE / "tree.sh").read_bytes()).hexdigest()[:12]
    archive = CHECKOUT / "build" / "podman" / f"trixie-{recipe}.tar"
    if not archive.is_file():
        shutil.rmtree(archive.parent, ignore_errors=True)
        archive.parent.mkdir(parents=True)
        with own_folder("tree") as folder:
            folder.chmod(0o755)  # apt fetches packages as somebody else.
            environment = {**os.environ, "TMPDIR": str(folder)}
            subprocess.run([_HERE / "tree.sh", archive, debian.mirror()], check=True, env=environment)
    return archive


@pytest.fixture(scope="module")
def images() -> Iterator[Path]:
    """The lab's sample images and its node's, saved."""
    configuration = Configuration.from_environment()
    with own_folder("images") as folder, Lab(configuration, Silent()) as lab:
        archive = folder / "images.tar"
        with archive.open("wb") as file:
            names = [*lab.catalogue, "node"]
            lab.engine().save_images([configuration.image_reference(name) for name in names], file)
        yield archive


class Machine:
    """A folder with all that is on the machine.

    Args:
        folder: it.
        user: whose podman it is: root or ada.
    """

    def __init__(self, folder: Path, user: str) -> None:
        self.folder, self.user = folder, user

    def run(self, script: str) -> str:
        """Run a shell script in the checkout, and give what it printed; the engine, and what it made, ends with it."""
        unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
        own = {f"XDG_{kind}_HOME": str(self.folder / kind.lower()) for kind in ("STATE", "DATA", "CONFIG")}
        python = {"PYTHONPATH": str(CHECKOUT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        # From in there no process of out here can be judged: what a killed run leaves goes with this folder.
        own["TMPDIR"] = str(self.folder / "tmp")
        done = subprocess.run(
            [*unshare, str(_HERE / "machine.sh"), str(self.folder), self.user, "sh", "-euc", script],
            cwd=CHECKOUT,
            env={**os.environ, **own, **python, "LABKIT_SOURCE": "stand-in", "LABKIT_OFFLINE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout[-20_000:]}"
        return done.stdout


@pytest.fixture(params=["root", "ada"])
def machine(request: pytest.FixtureRequest, tree: Path) -> Iterator[Machine]:
    """One for a kind of podman; its control groups go, too, and those of a run that was killed."""
    with own_folder("pod") as folder:  # A short name: the engine's socket lies in it.
        machine = Machine(folder, request.param)
        (folder / "tmp").mkdir(mode=0o1777)
        (folder / "tree").mkdir()
        subprocess.run(["tar", "-C", folder / "tree", "-xf", tree], check=True)
        yield machine
    for group in sorted(Path("/sys/fs/cgroup").glob("**/libpod_parent/**/"), reverse=True):
        with contextlib.suppress(OSError):  # Another podman's container is in it.
            group.rmdir()


def test_the_lab_on_podman(machine: Machine, images: Path) -> None:
    script = f"podman load --quiet < {images} > {machine.folder}/loaded\n{_INNER} tests/podman/on_podman.py\n"
    if machine.user == "root":
        deselected = " ".join(f"'--deselect={test}'" for test in differences() if test.startswith("tests/"))
        script += f"{_INNER} {deselected} {' '.join(f'tests/live/{file}' for file in _LIVE)}\n"
    printed = machine.run(script)
    print(printed)
    assert " passed" in printed


@pytest.mark.parametrize("machine", ["root"], indirect=True)
def test_the_lessons_on_podman(machine: Machine, images: Path) -> None:
    """By itself (`make podman-lessons`): it takes as long as all the rest."""
    hooks = "-p tests.podman.lesson_cells -p tests.notebooks.hooks -p nbval"
    nbval = f"{_INNER} {hooks} --nbval-lax --nbval-current-env --nbval-cell-timeout=300 notebooks"
    printed = machine.run(f"podman load --quiet < {images} > {machine.folder}/loaded\npython -m labkit up\n{nbval}\n")
    print(printed)
    assert " passed" in printed


def test_nothing_of_it_is_left_on_this_machine(machine: Machine) -> None:
    def shared() -> set[Path]:
        return set(Path("/dev/shm").glob("libpod*")) | set(Path("/run").glob("*podman*"))

    before = shared()
    assert "Podman Engine" in machine.run("podman version")
    assert shared() == before
