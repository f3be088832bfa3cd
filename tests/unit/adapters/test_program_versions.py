"""Versions are read out of whatever a program prints, and compared as versions."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from labkit.adapters.program_versions import minor_of, printed_version, version_in


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v0.33.0", "0.33.0"),
        ("kind v0.33.0 go1.26.3 linux/amd64", "0.33.0"),
        ("20.10.24+dfsg1", "20.10.24"),
        ("29.0.0-rc.1", "29.0.0"),
        ("1.26rc1", "1.26"),
        ("6.1.0-30-amd64", "6.1.0"),
    ],
)
def test_versions_are_read_out_of_their_decorations(text: str, version: str) -> None:
    assert version_in(text) == Version(version)


@pytest.mark.parametrize("text", ["29", "", "v", "one.two", "\u0661.\u0662"])
def test_what_is_no_version_is_none(text: str) -> None:
    assert version_in(text) is None


def test_a_program_is_asked_once_until_its_file_changes(tmp_path: Path) -> None:
    program, asked = tmp_path / "program", tmp_path / "asked"
    script = f'#!/bin/sh\necho >> {asked}\necho "v1.2.3 $1"\n'
    program.write_text(script, encoding="utf-8")
    program.chmod(0o755)
    assert [printed_version(str(program), "version") for _ in range(2)] == ["v1.2.3 version\n"] * 2
    assert printed_version(str(program), "--version") == "v1.2.3 --version\n"
    assert asked.read_text(encoding="utf-8") == "\n\n"
    program.write_text(script.replace("1.2.3", "1.2.30"), encoding="utf-8")
    assert printed_version(str(program), "version") == "v1.2.30 version\n"


def test_a_program_that_says_nothing_is_asked_again(tmp_path: Path) -> None:
    program, ready = tmp_path / "program", tmp_path / "ready"
    program.write_text(f"#!/bin/sh\ncat {ready}\n", encoding="utf-8")
    program.chmod(0o755)
    assert printed_version(str(program)) == ""
    ready.write_text("v2", encoding="utf-8")
    assert printed_version(str(program)) == "v2"
    assert printed_version(str(tmp_path / "no-program")) == ""


@given(st.text())
def test_no_text_is_too_much(text: str) -> None:
    version_in(text)


def test_they_are_compared_by_number() -> None:
    ten, nine = version_in("v0.10.0"), version_in("v0.9.9")
    assert ten is not None and nine is not None and ten > nine
    assert ten >= minor_of(Version("0.10.7"))
    assert not nine >= minor_of(Version("0.10.7"))
    assert version_in("20.10") == version_in("20.10.0")
