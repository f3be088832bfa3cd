"""The packages of a bundle, taken out by a script that needs no environment."""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path

import pytest

from labkit.adapters import debian_packages
from labkit.lab.bundles.bundle_manifest import PACKAGES, WHEELS, python_version
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
    assert main([str(tmp_path / "out"), str(tmp_path / "b.tar")]) == 0
    files = {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}
    assert files == {name: name for name in files}
    assert len(files) == 2


@pytest.mark.parametrize(("python", "told"), [("", ""), ("2.7", "make LABKIT_PYTHON=python2.7 environment")])
def test_wheels_for_no_or_another_python_are_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], python: str, told: str
) -> None:
    write(tmp_path / "b.tar", python)
    assert main([str(tmp_path / "out"), str(tmp_path / "b.tar")]) == 1
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"no tar", b"", None])
def test_what_is_no_bundle_is_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "a").write_bytes(content)
    assert main([str(tmp_path / "out"), str(tmp_path / "a")]) == 1
    assert f"{tmp_path}/a is not used for the packages" in capsys.readouterr().err


def test_nothing_else_is_unpacked(tmp_path: Path) -> None:
    link = tarfile.TarInfo("wheels/link.whl")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    write(tmp_path / "b.tar")

    def add(members: list[Member]) -> list[Member]:
        names = ("wheels/../../evil.whl", "/wheels/evil.whl", "wheels/sub/evil.whl", "evil.whl", "wheels/evil")
        return [*members, *((tarfile.TarInfo(name), b"evil") for name in names), (link, b"")]

    rewrite(tmp_path / "b.tar", add)
    assert main([str(tmp_path / "out"), str(tmp_path / "b.tar")]) == 0
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".whl"}
    assert len(list((tmp_path / "out").iterdir())) == 2
    assert not list(tmp_path.rglob("*evil*"))


def test_a_truncated_one_leaves_nothing(tmp_path: Path) -> None:
    write(tmp_path / "b.tar")
    content = (tmp_path / "b.tar").read_bytes()
    (tmp_path / "b.tar").write_bytes(content[: content.rindex(b"wheels/b_c") + 520])
    assert main([str(tmp_path / "out"), str(tmp_path / "b.tar")]) == 1
    assert not (tmp_path / "out").exists()


# --- Debian's ---


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """What was installed, from which files, on a Debian called bookworm."""
    calls: list[tuple[str, list[str]]] = []

    def install(packages: list[str], folder: Path) -> None:
        (package,) = packages
        calls.append((package, sorted(file.name for file in folder.iterdir())))

    monkeypatch.setattr(debian_packages, "install_packages", install)
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"ID": "debian", "VERSION_CODENAME": "bookworm"})
    return calls


def write_packages(target: Path, debian: str) -> None:
    with writing(target) as writer:
        (writer.folder / PACKAGES).mkdir()
        for name in ("python3-venv_3.11.2-1+b1_amd64.deb", "containerd_1.7.24~ds1-6_amd64.deb", "a_1%3a2_all.deb"):
            (writer.folder / PACKAGES / name).write_bytes(name.encode())
            writer.add(f"{PACKAGES}{name}", title="", version="", licence="")
        writer.finish(small_manifest(debian=debian, images=[]), target)


@pytest.mark.parametrize(("debian", "status"), [("bookworm", 0), ("trixie", 1), ("", 1)])
def test_packages_are_installed_where_they_are_for_this_release(
    tmp_path: Path, installed: list[tuple[str, list[str]]], debian: str, status: int
) -> None:
    write_packages(tmp_path / "b.tar", debian)
    assert main(["--install", "python3-venv", str(tmp_path / "b.tar")]) == status
    files = ["a_1%3a2_all.deb", "containerd_1.7.24~ds1-6_amd64.deb", "python3-venv_3.11.2-1+b1_amd64.deb"]
    assert installed == ([] if status else [("python3-venv", files)])


def test_a_damaged_package_is_not_installed(
    tmp_path: Path, installed: list[tuple[str, list[str]]], capsys: pytest.CaptureFixture[str]
) -> None:
    write_packages(tmp_path / "b.tar", "bookworm")

    def damage(members: list[Member]) -> list[Member]:
        return [
            (member, b"x" * len(content) if member.name.endswith("all.deb") else content) for member, content in members
        ]

    rewrite(tmp_path / "b.tar", damage)
    assert main(["--install", "python3-venv", str(tmp_path / "b.tar")]) == 1
    assert "its part packages/a_1%3a2_all.deb is damaged" in capsys.readouterr().err
    assert installed == []
