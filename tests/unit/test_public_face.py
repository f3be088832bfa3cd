"""What `import labkit` gives a notebook: a few names, quickly, whatever else is imported later."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import labkit

_IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
import labkit
for module in pkgutil.walk_packages(labkit.__path__, "labkit."):
    if module.name != "labkit.__main__":
        importlib.import_module(module.name)
assert [name for name in labkit.__all__ if type(getattr(labkit, name)).__name__ == "module"] == []
assert "matplotlib" not in sys.modules
"""


def _python(program: str) -> str:
    """What a program prints, in a process of its own."""
    command = [sys.executable, "-c", program]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout


def test_importing_everything_changes_no_public_name_and_loads_nothing_that_draws() -> None:
    # In a process of its own: a folder would take the place of what a notebook calls when it is first imported;
    # matplotlib takes long. tests/unit/show/test_picture.py draws without its pyplot, which would open windows.
    _python(_IMPORT_EVERYTHING)
    assert callable(labkit.explain)


@pytest.mark.parametrize(
    "imports",
    [
        "import labkit.explain.rows; import labkit",
        "import labkit; import labkit.explain.rows",
        "from labkit.explain import rows; import labkit",
        "from labkit.explain.rows import Explanation; from labkit import explain; import labkit",
    ],
)
def test_explain_is_a_function_in_whatever_order_things_are_imported(imports: str) -> None:
    assert _python(f"{imports}; print(callable(labkit.explain))") == "True\n"


def test_only_what_is_public_is_listed() -> None:
    assert dir(labkit) == sorted(labkit.__all__)
    assert all(inspect.getdoc(getattr(labkit, name)) for name in labkit.__all__)


def test_importing_it_loads_nothing_that_takes_long() -> None:
    loaded = set(_python("import labkit, sys; print(*sys.modules)").split())
    assert not {"click", "docker", "yaml", "IPython", "ipywidgets", "msgspec", "lightkube", "labkit.lab"} & loaded
    assert sum(name.partition(".")[0] == "labkit" for name in loaded) <= 8


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"image": "alpine", "manifest": "kind: Pod"},
        {"image": "alpine", "image_user": {"alpine": "5"}},
        {"manifest": "kind: Pod", "image_user": "5"},
        {"image": "alpine", "dockerfile": "FROM alpine"},
        {"manifest": "kind: Pod", "dockerfile": "FROM alpine"},
    ],
)
def test_explaining_neither_an_image_nor_a_manifest_says_what_is_expected(arguments: dict[str, str]) -> None:
    with pytest.raises(labkit.Misuse, match="an image is expected, or else a manifest"):
        labkit.explain(**arguments)  # type: ignore[arg-type]
