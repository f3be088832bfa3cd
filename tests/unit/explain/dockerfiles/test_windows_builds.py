"""Dockerfiles for Windows: a name is a user there, and the kubelet refuses one name alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.explain.without_engine import explain

_NANO = "mcr.microsoft.com/windows/nanoserver:ltsc2022"


def row(folder: Path, text: str, *arguments: str) -> dict[str, Any]:
    (folder / "Dockerfile").write_text(text)
    rows = json.loads(explain("--json", *arguments, str(folder / "Dockerfile")).stdout)
    assert isinstance(rows, list)
    return dict(rows[0])


@pytest.mark.parametrize(
    "base",
    [
        _NANO,
        "mcr.microsoft.com/windows",
        "mcr.microsoft.com/dotnet/aspnet:8.0-nanoserver-ltsc2022",
        "golang:1.26-windowsservercore-ltsc2025",
    ],
)
def test_a_name_is_a_user_there(tmp_path: Path, base: str) -> None:
    text = f'# escape=`\nFROM {base}\nSHELL ["cmd", "/S", "/C"]\nWORKDIR C:\\app\nUSER ContainerUser\n'
    answer = row(tmp_path, text)
    assert answer["image_user"] == "ContainerUser"
    assert answer["runs_as"] is None
    assert answer["run_as_non_root"]["ok"] is True
    assert "line 5: USER ContainerUser decides" in answer["because"]
    assert not any("non-numeric" in sentence or "passwd" in sentence for sentence in answer["because"])
    assert explain("--gate", str(tmp_path / "Dockerfile")).exit_code == 0


@pytest.mark.parametrize(
    ("lines", "given", "gate"),
    [
        ("USER ContainerAdministrator", (), "runs as ContainerAdministrator"),
        ("USER ContainerUser\nUSER ContainerAdministrator", (), "runs as ContainerAdministrator"),
        ("", ("--image-user", f"{_NANO}="), "runs as ContainerAdministrator"),
        ("", (), "its user is that of"),
        ("USER $NAME", (), "depends on"),
    ],
)
def test_who_is_root_there_and_who_is_not_known(tmp_path: Path, lines: str, given: tuple[str, ...], gate: str) -> None:
    answer = row(tmp_path, f"FROM {_NANO} AS base\n{lines}\nFROM base\nRUN echo\n", *given)
    assert answer["runs_as"] is None
    result = explain("--gate", *given, str(tmp_path / "Dockerfile"))
    assert result.exit_code == 1
    assert gate in result.output + result.stderr


@pytest.mark.parametrize("base", ["debian:12", "example.org/windows/app:1", "app:windows", "scratch"])
def test_other_bases_are_for_linux(tmp_path: Path, base: str) -> None:
    assert row(tmp_path, f"FROM {base}\nUSER 5\n")["runs_as"]["uid"] == 5
