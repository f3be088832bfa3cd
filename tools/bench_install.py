"""What the kit takes where it is installed for the gate alone, as `pip install labkit` does; part of `make bench`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from labkit.base.resources import CHECKOUT

Row = tuple[str, str, str]


def rows() -> list[Row]:
    """The rows for docs/timings.md: a wheel of this checkout, the rest from the index that pip knows, or its cache."""
    with tempfile.TemporaryDirectory(prefix="labkit-bench-") as folder:
        wheels, environment = Path(folder, "wheels"), Path(folder, "environment")
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(CHECKOUT)])
        _run([sys.executable, "-m", "venv", "--without-pip", str(environment)])
        (wheel,) = wheels.glob("labkit-*.whl")
        started = time.monotonic()
        _run([*pip, "--python", str(environment / "bin" / "python"), "install", str(wheel)])
        seconds = time.monotonic() - started
        size = sum(path.stat().st_size for path in environment.rglob("*") if path.is_file() and not path.is_symlink())
    measured = f"{size / 1e6:.0f} MB, {seconds:.1f} s"
    return [("installed for the gate alone (core)", "at most 25 MB, at most 10 s", measured)]


def _run(argv: list[str]) -> None:
    subprocess.run(argv, check=True, capture_output=True, cwd=tempfile.gettempdir())


if __name__ == "__main__":
    for row in rows():
        print(*row, sep=" | ")
