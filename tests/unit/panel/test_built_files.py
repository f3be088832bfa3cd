"""What JupyterLab loads belongs to its sources, and neither makes HTML or code of text."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from labkit.base.resources import CHECKOUT
from labkit.panel.panel_handlers import FORMAT

_SOURCES = CHECKOUT / "extension"
_BUILT = CHECKOUT / "labkit" / "panel" / "labextensions" / "labkit-panel"
_MOST_BYTES = 150_000
_MAKES_CODE_OF_TEXT = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|DOMParser|document\.write|srcdoc|\beval\(|"
    r"new Function|javascript:"
)


def _package() -> dict[str, object]:
    package: dict[str, object] = json.loads((_BUILT / "package.json").read_text(encoding="utf-8"))
    return package


def _script() -> Path:
    (script,) = (_BUILT / "static").iterdir()
    return script


def test_the_built_files_belong_to_these_sources() -> None:
    """extension/build.mjs computes the same; where it differs: make extension."""
    digest = hashlib.sha256()
    sources = sorted(path.relative_to(_SOURCES).as_posix() for path in (_SOURCES / "src").iterdir())
    for name in ["build.mjs", "package-lock.json", "package.json", "tsconfig.json", *sources]:
        digest.update(f"{name}\0".encode() + (_SOURCES / name).read_bytes() + b"\0")
    assert _package()["labkit"] == {"sources": digest.hexdigest()}


def test_the_script_is_the_one_that_was_built() -> None:
    script = _script()
    assert script.name == f"remoteEntry.{hashlib.sha256(script.read_bytes()).hexdigest()[:20]}.js"
    assert _package()["jupyterlab"] == {
        "extension": True,
        "_build": {"load": f"static/{script.name}", "extension": "./extension"},
    }


@pytest.mark.skipif(
    not (_SOURCES / "node_modules").is_dir() or shutil.which("node") is None, reason="needs Node: make extension"
)
def test_the_same_sources_give_the_same_script() -> None:
    done = subprocess.run(["node", "build.mjs", "--check"], cwd=_SOURCES, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in _BUILT.rglob("*") if path.is_file()) <= _MOST_BYTES


def test_no_text_becomes_markup_or_code() -> None:
    files = [*(_SOURCES / "src").glob("*.ts"), _script()]
    assert [path.name for path in files if _MAKES_CODE_OF_TEXT.search(path.read_text(encoding="utf-8"))] == []


def test_the_packages_that_build_it_are_pinned_and_hashed() -> None:
    wanted = json.loads((_SOURCES / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    assert [name for name, version in wanted.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
    lock = json.loads((_SOURCES / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert [name for name, package in packages.items() if not package.get("integrity", "").startswith("sha512-")] == []


def test_browser_and_server_speak_of_one_format() -> None:
    assert f"const FORMAT = {FORMAT};" in (_SOURCES / "src" / "server.ts").read_text(encoding="utf-8")
