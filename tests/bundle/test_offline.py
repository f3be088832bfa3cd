"""The lab and three lessons from a bundle, on a machine without anything and without a network (`make bundle-test`).

It takes some minutes, a gigabyte and a half of disk for that time, and root: so it is not part of `make test`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.base.resources import CHECKOUT
from tests.killed_runs import new_folder

_LESSONS = ("00-start-here", "02-root-by-default", "07-run-as-non-root")
_SECONDS = 900
_NAME = "labkit-offline"

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a network namespace and starts an engine"),
    pytest.mark.skipif(shutil.which("dockerd") is None, reason="there is no dockerd to start a second time"),
    pytest.mark.timeout(3 * _SECONDS),
]


class OfflineMachine:
    """A folder that holds all that is on the machine, and a checkout in it beside which the bundle lies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkout = folder / "class" / "checkout"
        self.bundle = folder / "class" / "labkit-bundle-for-the-class.tar"

    def copy_checkout(self) -> None:
        """Copy what git would, and nothing that was made since."""
        listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listing, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout.split("\0")
        for name in names:
            if (CHECKOUT / name).is_file():
                (self.checkout / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(CHECKOUT / name, self.checkout / name)

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a shell script in the checkout; whatever it starts ends with it, also the engine."""
        unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
        machine = [str(CHECKOUT / "tests" / "bundle" / "offline_machine.sh"), str(self.folder)]
        ours = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "VIRTUAL_ENV", "LABKIT_"))
        }
        return subprocess.run(
            [*unshare, *machine, "sh", "-euxc", script],
            cwd=self.checkout,
            env={**ours, "LABKIT_NAME": _NAME, "LABKIT_PYTHON": str(Path(sys.base_prefix) / "bin" / "python3")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )


@pytest.fixture(scope="module")
def machine() -> Iterator[OfflineMachine]:
    """One with a checkout and a bundle with everything; it goes with all that it made."""
    with contextlib.ExitStack() as stack:
        folder = new_folder("offline")
        stack.callback(shutil.rmtree, folder)
        machine = OfflineMachine(folder)
        machine.copy_checkout()
        saved = subprocess.run(
            [sys.executable, "-m", "labkit", "bundle", "save", str(machine.bundle), "--json"],
            check=True,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
        size = json.loads(saved.stdout)["size"]
        print(f"\na bundle with everything has {size / 1e6:.0f} MB")
        assert size <= 800e6
        yield machine


def test_a_bare_debian_gets_its_engine_and_its_python_from_a_bundle(machine: OfflineMachine) -> None:
    folder, script = machine.folder / "bare", str(CHECKOUT / "tools" / "bare_machine.sh")
    try:
        subprocess.run([script, "make", str(folder)], check=True, timeout=_SECONDS)
        shutil.copy(machine.bundle, folder / "root" / "root" / "labkit-bundle.tar")
        steps = """
        ip link set eth0 down
        ! command -v dockerd
        ! python3 -c 'import ensurepip'
        make up
        .venv/bin/labkit status --json | grep '"state": "up"'
        .venv/bin/labkit clean --yes
        """
        argv = [script, "run", str(folder), "sh", "-euxc", steps]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=_SECONDS)
    finally:
        subprocess.run([script, "remove", str(folder)], check=True, timeout=_SECONDS)
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
    assert "-venv comes from" in done.stderr
    assert "compiled from its Go module" not in done.stderr


def test_the_lab_and_its_lessons_come_from_a_bundle_without_a_network(machine: OfflineMachine) -> None:
    nbval = "-p tests.notebooks.hooks -p nbval -p no:randomly --nbval-lax --nbval-current-env --nbval-cell-timeout=180"
    notebooks = " ".join(f"notebooks/{lesson}.ipynb" for lesson in _LESSONS)
    done = machine.run(
        f"""
        ip route
        began=$(date +%s)
        make environment
        environment=$(date +%s)
        make up
        echo "SECONDS environment $((environment - began)) up $(($(date +%s) - environment))"
        .venv/bin/labkit status --json | tee /run/status
        grep -q '"state": "up"' /run/status
        .venv/bin/labkit bundle show ../labkit-bundle-for-the-class.tar
        .venv/bin/labkit up
        env PYTHONNOUSERSITE=1 .venv/bin/python -m pytest -q {nbval} {notebooks}
        .venv/bin/labkit clean --yes
        """
    )
    figures = [line for line in done.stdout.splitlines() if line.startswith("SECONDS")]
    print("\n".join(figures))
    assert done.returncode == 0, done.stdout[-8000:]
    assert "the packages come from" in done.stdout
    assert "compiled from its Go module" not in done.stdout
    assert "it is for this machine and this labkit" in done.stdout
