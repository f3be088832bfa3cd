"""The kit's own files: `cluster/` and `notebooks/`, beside the package in a checkout, inside it once installed."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

from labkit.base.errors import MachineLacks

_PACKAGE = Path(str(importlib.resources.files("labkit")))

CHECKOUT = _PACKAGE.parent
"""The folder that the package lies in: the checkout's root, where there is one."""


def _folder(name: str) -> Path:
    installed = _PACKAGE / "kit" / name
    return installed if installed.is_dir() else CHECKOUT / name


CLUSTER = _folder("cluster")
"""What is brought up: the node, the sample images, manifests, programs."""

NOTEBOOKS = _folder("notebooks")
"""The course as it is taught; never the participant's copies."""


def require(path: Path) -> Path:
    """A file or folder of the kit's own.

    Raises:
        MachineLacks: the package was installed without its data.
    """
    if not path.exists():
        raise MachineLacks(
            f"Looking for {path}",
            "this installation of labkit lacks its own files",
            "install it again\n  pip install --force-reinstall 'labkit[lab]'",
        )
    return path
