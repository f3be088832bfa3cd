"""The kit's own files, such as `cluster/`: beside the package in a checkout, inside of it once it is installed."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.base.errors import MachineLacks

if TYPE_CHECKING:
    from importlib.metadata import Distribution

_PACKAGE = Path(__file__).parents[1]

CHECKOUT = _PACKAGE.parent
"""The folder that the package lies in: the root of the checkout, if `IS_CHECKOUT`."""

IS_CHECKOUT = (CHECKOUT / "pyproject.toml").is_file()
"""Whether the package lies in a checkout; else it was installed from a wheel."""

_FILES = CHECKOUT if IS_CHECKOUT else _PACKAGE / "kit"

CLUSTER = _FILES / "cluster"
"""What is brought up: the node, the sample images, manifests, programs."""

DOCS = _FILES / "docs"
"""What there is to read beside the course."""

NOTEBOOKS = _FILES / "notebooks"
"""The course as it is taught; never the participant's copies."""


def require(path: Path) -> Path:
    """A file or folder of the kit's own, which has to be there.

    Args:
        path: where it lies.

    Returns:
        The same path.

    Raises:
        MachineLacks: the package was installed without it, or somebody has removed it.
    """
    if not path.exists():
        raise MachineLacks(
            f"Looking for {path}",
            "this installation of labkit lacks files of its own",
            f"bring them back\n  {restoring(path)}",
        )
    return path


def restoring(path: Path) -> str:
    """The command that brings a file of the kit's own back as it was.

    Args:
        path: where it lies.
    """
    if IS_CHECKOUT:
        return shlex.join(["git", "-C", str(CHECKOUT), "checkout", "--", str(path)])
    return f"{shlex.quote(sys.executable)} -m pip install --force-reinstall --no-deps {shlex.quote(_origin())}"


def kit_version() -> str:
    """The version of this labkit; empty where it was never installed, as when it runs from a folder on PYTHONPATH."""
    distribution = _distribution()
    return distribution.version if distribution is not None else ""


def _distribution() -> Distribution | None:
    """What pip installed of this labkit; None where it did not."""
    from importlib import metadata  # A twentieth of a second that hardly a command needs.

    try:
        return metadata.distribution("labkit")
    except metadata.PackageNotFoundError:
        return None


def _origin() -> str:
    """What to install again: the wheel, folder or repository that pip noted down, else this version from the index.

    The note: https://packaging.python.org/en/latest/specifications/direct-url/
    """
    package = _distribution()
    note = json.loads((package and package.read_text("direct_url.json")) or "{}")
    if "url" not in note:
        return f"labkit=={package.version}" if package is not None else "labkit"
    repository = note.get("vcs_info")
    return f"{repository['vcs']}+{note['url']}@{repository['commit_id']}" if repository else str(note["url"])
