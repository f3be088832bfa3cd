"""The packages of a bundle, taken out by a script that needs no environment."""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path

import pytest

from labkit.lab.bundles.bundle_manifest import WHEELS, python_version
from labkit.lab.bundles.bundle_writer import writing
from tests.unit.lab.bundles.small_bundle import Member, rewrite, small_manifest
from tools.bundle_wheels import main

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def write(target: Path, python: str = HERE) -> None:
    with writing(target) as writer:
        (writer.folder / WHEELS).mkdir()
        for name in ("a-1.0-py3-none-any.whl", "b_c-2+x.1-cp311-cp311-manylinux_2_17_x86_64.whl") if python else ():
            (writer.folder / WHEELS / name).write_bytes(name.encode())
            writer.add(f"{WHEELS}{name}", title="", version="", licence="")
        writer.finish(small_manifest(python=python, images=[]), target)


def test_wheels_are_for_the_python_that_runs() -> None:
    assert python_version() == HERE


def test_each_wheel_becomes_a_file(tmp_path: Path) -> None:
    write(tmp_path / "b.tar")
    assert main(tmp_path / "out", [tmp_path / "b.tar"]) == 0
    files = {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}
    assert files == {name: name for name in files}
    assert len(files) == 2


@pytest.mark.parametrize(("python", "told"), [("", ""), ("2.7", "make LABKIT_PYTHON=python2.7 environment")])
def test_wheels_for_no_or_another_python_are_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], python: str, told: str
) -> None:
    write(tmp_path / "b.tar", python)
    assert main(tmp_path / "out", [tmp_path / "b.tar"]) == 1
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_first_that_has_some_is_used(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"no tar")
    write(tmp_path / "b", "")
    write(tmp_path / "c")
    assert main(tmp_path / "out", [tmp_path / name for name in ("nowhere", "a", "b", "c")]) == 0


def test_nothing_else_is_unpacked(tmp_path: Path) -> None:
    link = tarfile.TarInfo("wheels/link.whl")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    write(tmp_path / "b.tar")

    def add(members: list[Member]) -> list[Member]:
        names = ("wheels/../../evil.whl", "/wheels/evil.whl", "wheels/sub/evil.whl", "evil.whl", "wheels/evil")
        return [*members, *((tarfile.TarInfo(name), b"evil") for name in names), (link, b"")]

    rewrite(tmp_path / "b.tar", add)
    assert main(tmp_path / "out", [tmp_path / "b.tar"]) == 0
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".whl"}
    assert len(list((tmp_path / "out").iterdir())) == 2
    assert not list(tmp_path.rglob("*evil*"))


def test_a_truncated_one_leaves_nothing(tmp_path: Path) -> None:
    write(tmp_path / "b.tar")
    content = (tmp_path / "b.tar").read_bytes()
    (tmp_path / "b.tar").write_bytes(content[: content.rindex(b"wheels/b_c") + 520])
    assert main(tmp_path / "out", [tmp_path / "b.tar"]) == 1
    assert not (tmp_path / "out").exists()
