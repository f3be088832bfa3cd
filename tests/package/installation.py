"""The kit installed from a wheel: in a fresh virtual environment, with what the wheel asks for and nothing else.

The packages come from the present environment, each a second name for the file that is there: no index is asked, and
nothing is downloaded. pip says at the end whether what the wheel asks for is all there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from labkit.base.resources import CHECKOUT

_SECONDS = 300


@dataclass(frozen=True)
class Installation:
    """A virtual environment with the kit in it.

    Args:
        environment: its folder.
        folder: an empty folder, where the commands run.
    """

    environment: Path
    folder: Path

    @property
    def packages(self) -> Path:
        """Where its packages are."""
        return Path(sysconfig.get_path("purelib", "venv", {"base": str(self.environment)}))

    @property
    def kit(self) -> Path:
        """The kit's own files: cluster, docs and notebooks."""
        return self.packages / "labkit" / "kit"

    def variables(self, **more: str) -> dict[str, str]:
        """The environment variables of a shell that knows nothing of the checkout."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
        path = os.pathsep.join(
            name for name in ours["PATH"].split(os.pathsep) if Path(name) != Path(sys.prefix) / "bin"
        )
        # The environment stays as it was installed, and what a command imports is compiled once.
        bytecode = str(self.environment.with_name("bytecode"))
        return {**ours, "PYTHONPYCACHEPREFIX": bytecode, "PATH": path, **more}

    def run(self, *arguments: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        """Run labkit."""
        return self._run([str(self.environment / "bin" / "labkit"), *arguments], stdin, more)

    def python(self, program: str) -> str:
        """Run a program in its Python, and return what it prints."""
        done = self._run([str(self.environment / "bin" / "python"), "-c", program], "", {})
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _run(self, argv: list[str], stdin: str, more: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv,
            input=stdin,
            cwd=self.folder,
            env=self.variables(**more),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )


def build_wheel(folder: Path, checkout: Path = CHECKOUT) -> Path:
    """Build the wheel of a checkout, with the build back end that is here."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=checkout,
        check=True,
        capture_output=True,
        timeout=_SECONDS,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, place: Path, extra: str = "") -> Installation:
    """Make a virtual environment with a wheel and what it asks for.

    Args:
        wheel: the kit.
        place: a folder that is not there yet.
        extra: the extra to install; empty for the core alone.
    """
    environment, folder = place / "environment", place / "empty folder"
    folder.mkdir(parents=True)
    _check_call(sys.executable, "-m", "venv", "--without-pip", environment)
    python = environment / "bin" / "python"
    _check_call(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
    installation = Installation(environment, folder)
    for package in _closure(Requirement(f"labkit[{extra}]" if extra else "labkit"), installation.packages):
        _copy(package, installation)
    _check_call(sys.executable, "-m", "pip", "--python", python, "check")
    return installation


def _check_call(*argv: str | Path) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"


def _closure(wanted: Requirement, kit: Path) -> Iterator[Distribution]:
    """Every distribution that a requirement asks for, but the kit itself, which is installed already."""
    left, seen = [wanted], set()
    while left:
        requirement = left.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            package = _of_kit(kit) if name == "labkit" else distribution(name)
            if name != "labkit" and extra == "":
                yield package
            for needed in map(Requirement, package.requires or []):
                applies = needed.marker is None or needed.marker.evaluate({"extra": extra})
                if applies and (extra == "" or "extra" in str(needed.marker)):
                    left.append(needed)


def _of_kit(packages: Path) -> Distribution:
    (kit,) = Distribution.discover(name="labkit", path=[str(packages)])
    return kit


def _copy(package: Distribution, installation: Installation) -> None:
    """Give a distribution's files a second name in an environment, but for its commands, which name their Python."""
    base = Path(sys.prefix).resolve()
    for file in package.files or []:
        source = Path(str(package.locate_file(file))).resolve()
        relative = source.relative_to(base)
        if relative.parts[0] == "bin" or source.suffix == ".pyc" or not source.is_file():
            continue
        target = installation.environment / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            target.hardlink_to(source)
        except OSError:  # another file system
            shutil.copy2(source, target)
