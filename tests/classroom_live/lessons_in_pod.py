"""The lessons under nbval in a participant's own pod: whoever runs them there sees what a participant sees.

What the pod's image lacks for it (pytest, nbval, the tests' own modules) is carried into it, to /tmp.
"""

from __future__ import annotations

import importlib.util
import io
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from labkit.base.resources import CHECKOUT

_CARRIED = "/tmp/carried"
_PACKAGES = (
    "py",
    "pytest",
    "_pytest",
    "pygments",
    "pluggy",
    "iniconfig",
    "nbval",
    "xdist",
    "execnet",
    "pytest_timeout",
    "packaging",
    "coverage",
)
"""In Python alone, so that they are right for the image's Python, too."""
_SECONDS = 900.0
_OPTIONS = (
    *("-p", "nbval.plugin", "-p", "xdist.plugin", "-p", "tests.notebooks.hooks"),
    *("--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=180"),
    *("-q", "--tb=short", "--show-capture=no", "-o", "cache_dir=/tmp/carried/cache", "-r", "fx"),
)


def carry_tests(exec_argv: Sequence[str]) -> None:
    """Bring what runs the lessons into a pod.

    Args:
        exec_argv: what runs a command in it, as `kubectl exec --stdin POD --`.
    """
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz", compresslevel=1) as tar:
        for name in _PACKAGES:
            spec = importlib.util.find_spec(name)
            assert spec is not None and spec.origin is not None, name
            place = Path(spec.origin)
            place = place.parent if place.name == "__init__.py" else place
            tar.add(place, place.name, filter=_plain)
        for name in ("tests", "notebooks"):
            tar.add(CHECKOUT / name, name, filter=_plain)
    argv = [*exec_argv, "sh", "-c", f"rm -rf {_CARRIED} && mkdir {_CARRIED} && tar -xzf - -C {_CARRIED}"]
    subprocess.run(argv, input=content.getvalue(), check=True, timeout=120)


def run_lesson(exec_argv: Sequence[str], lesson: str, *plugins: str) -> subprocess.CompletedProcess[str]:
    """Run a lesson whole, as `make notebooks` does on a laptop.

    Args:
        exec_argv: as for `carry_tests`.
        lesson: the notebook's name.
        plugins: further ones of pytest's.
    """
    more = [option for plugin in plugins for option in ("-p", plugin)]
    # The server's own start puts the engine's command onto PATH.
    program = (
        f"cd {_CARRIED} && PATH=$PATH:/opt/labkit-engine/bin PYTHONPATH={_CARRIED} PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 "
        f'exec python -m pytest "$@" notebooks/{lesson}.ipynb'
    )
    argv = [*exec_argv, "sh", "-c", program, "sh", *_OPTIONS, *more]
    return subprocess.run(argv, capture_output=True, text=True, timeout=_SECONDS, check=False)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """A file as it is, owned by whoever unpacks it; no compiled Python."""
    return None if "__pycache__" in member.name or member.name.endswith(".pyc") else member
