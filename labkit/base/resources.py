"""The kit's own files, such as `cluster/`: beside the package in a checkout, inside of it once it is installed."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

from labkit.base.errors import MachineLacks

_PACKAGE = Path(str(importlib.resources.files("labkit")))

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
        if IS_CHECKOUT:
            remedy = f"bring it back\n  git -C {CHECKOUT} checkout -- {path.relative_to(CHECKOUT)}"
        else:
            remedy = "install labkit again\n  pip install --force-reinstall 'labkit[lab]'"
        raise MachineLacks(f"Looking for {path}", "this installation of labkit lacks files of its own", remedy)
    return path
