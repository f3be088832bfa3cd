"""Imports point one way: a pure core, a thin edge, one file or folder for each outside tool."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.base.resources import CHECKOUT

_MAY_IMPORT = {
    "labkit.core.causes": (),
    "labkit.core.identity": ("labkit.core.causes", "labkit.core.identity"),
    "labkit.publish.rules": ("labkit.core.causes", "labkit.core.identity", "labkit.publish.rules"),
    "labkit.core.pods": ("labkit.core.causes", "labkit.core.identity", "labkit.core.pods"),
}
_OUTSIDE = {
    "docker": "labkit/adapters/engine/",
    "lightkube": "labkit/adapters/kube/",
    "httpx2": "labkit/adapters/kube/",
}
_EDGE = (
    "labkit.adapters.engine",
    "labkit.adapters.kind",
    "labkit.adapters.kube",
    "labkit.lab.lab",
    "labkit.lab.kind_cluster",
    "labkit.host",
)


def imports(source: str) -> Iterator[str]:
    """The modules that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _lies_in(path: str, place: str) -> bool:
    """Whether a path is a file, or lies in a folder, whose name ends with a slash."""
    return path.startswith(place) if place.endswith("/") else path == place


def broken_rules(path: str, source: str) -> list[str]:
    """What a file of the kit imports and must not."""
    module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    broken = []
    for imported in imports(source):
        root = imported.partition(".")[0]
        if root in _OUTSIDE and not _lies_in(path, _OUTSIDE[root]):
            broken.append(f"{path} imports {imported}; only {_OUTSIDE[root]} may")
        if module.startswith("labkit.show") and imported.startswith(_EDGE):
            broken.append(f"{path} imports {imported}; what shows results calls no outside tool")
        for core, allowed in _MAY_IMPORT.items():
            if module.startswith(core) and root == "labkit" and not imported.startswith(allowed or ("-",)):
                broken.append(f"{path} imports {imported}; {core} is pure")
    return broken


FILES = sorted(str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / "labkit").rglob("*.py"))


@pytest.mark.parametrize("path", FILES)
def test_a_file_keeps_the_rules(path: str) -> None:
    assert broken_rules(path, (CHECKOUT / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("labkit/lab/lab.py", "import docker"),
        ("labkit/adapters/engine.py", "import docker"),
        ("labkit/engines/images.py", "from docker.errors import NotFound"),
        ("labkit/host/engine/images.py", "def f():\n    import docker.errors"),
        ("labkit/adapters/engine/engine_images.py", "import lightkube"),
        ("labkit/lab/lab.py", "from lightkube import Client"),
        ("labkit/adapters/kube.py", "import lightkube"),
        ("labkit/kubes/pods.py", "import httpx2"),
        ("labkit/notebook/pods.py", "def f():\n    from lightkube.resources.core_v1 import Pod"),
        ("labkit/adapters/kube/kube_pods.py", "import docker"),
        ("labkit/show/table.py", "def f():\n    from labkit.adapters.engine import Engine"),
        ("labkit/show/table.py", "from labkit.adapters.engine.engine_images import PathInImage"),
        ("labkit/show/table.py", "from labkit.adapters.kube.pod_access import page_path"),
        ("labkit/core/identity/accounts.py", "from labkit.base.errors import LabError"),
        ("labkit/core/pods/outcome.py", "import labkit.show"),
        ("labkit/publish/rules/labels.py", "from labkit.publish import base"),
        ("labkit/core/causes.py", "from labkit.base.errors import LabError"),
    ],
)
def test_the_rules_catch(path: str, source: str) -> None:
    assert broken_rules(path, source) != []


@pytest.mark.parametrize("path", ["labkit/engine/__init__.py", "labkit/adapters/engine/engine_images.py"])
def test_the_engine_s_folder_may_import_docker(path: str) -> None:
    assert broken_rules(path, "import docker\nfrom docker.errors import NotFound") == []


@pytest.mark.parametrize("path", ["labkit/kube/__init__.py", "labkit/adapters/kube/kube_pods.py"])
def test_the_cluster_s_folder_may_import_lightkube(path: str) -> None:
    assert broken_rules(path, "import httpx2\nfrom lightkube.core.exceptions import ApiError") == []


def test_only_one_file_runs_kind() -> None:
    runs = [path for path in FILES if '"get", "clusters"' in Path(CHECKOUT / path).read_text(encoding="utf-8")]
    assert runs == ["labkit/adapters/kind.py"]
