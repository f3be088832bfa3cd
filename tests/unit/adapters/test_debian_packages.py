"""Debian packages as files: what a small system has is known, and apt is given an index of the rest."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from labkit.adapters import debian, debian_packages, processes
from labkit.adapters.debian_packages import describe_package, install_packages, small_system

STATUS = """Package: dpkg
Essential: yes
Status: install ok installed
Priority: required
Pre-Depends: libc6 (>= 2.34), liblzma5

Package: libc6
Status: install ok installed
Priority: optional
Depends: libgcc-s1
Description: a library
 Package: not-a-field

Package: libgcc-s1
Status: install ok installed
Priority: optional

Package: liblzma5
Status: install ok installed
Priority: optional

Package: mawk
Status: install ok installed
Priority: required
Provides: awk
Depends: debconf (>= 0.5) | debconf-2.0, some-virtual:any

Package: cdebconf
Status: install ok installed
Priority: optional
Provides: debconf-2.0

Package: other
Status: install ok installed
Priority: optional
Provides: some-virtual (= 1)

Package: docker.io
Status: install ok installed
Priority: optional
Depends: containerd

Package: iproute2
Status: install ok installed
Priority: important

"""


def test_a_small_system_has_what_is_required_and_what_that_needs() -> None:
    names = re.findall(r"^Package: (.+)$", small_system(STATUS), re.MULTILINE)
    assert names == ["dpkg", "libc6", "libgcc-s1", "liblzma5", "mawk", "cdebconf", "other"]
    assert small_system("") == "\n\n"


needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="Debian's own program reads its packages")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with a licence."""
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    control = "Package: hello\nVersion: 1:2.0~rc1-1\nArchitecture: all\nMaintainer: A <a@example.com>\nDescription: x\n"
    (tree / "DEBIAN" / "control").write_text(control)
    copyright_file = tree / "usr" / "share" / "doc" / "hello" / "copyright"
    copyright_file.parent.mkdir(parents=True)
    copyright_file.write_text("Files: *\nLicense: MIT\n\nFiles: y\nLicense: GPL-2+\n\nLicense: MIT\n Permission\n")
    folder = tmp_path / "files"
    folder.mkdir()
    build = ["dpkg-deb", "--root-owner-group", "--build", str(tree), str(folder / "hello_1%3a2.0~rc1-1_all.deb")]
    subprocess.run(build, check=True, capture_output=True)
    return folder / "hello_1%3a2.0~rc1-1_all.deb"


@needs_dpkg
def test_a_package_is_described_by_its_own_files(package: Path) -> None:
    assert describe_package(package) == ("hello", "1:2.0~rc1-1", "MIT, GPL-2+")


@needs_dpkg
def test_apt_gets_an_index_of_the_files_and_no_other_source(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []

    def run_program(argv: list[str], **how: object) -> str:
        if argv[0] == "dpkg-deb":
            return processes.run_program(argv, doing="", remedy="")
        calls.append(argv)
        settings = dict(word.split("=", 1) for word in argv if word.startswith("Dir::"))
        assert Path(settings["Dir::Etc::sourcelist"]).read_text() == f"deb [trusted=yes] file:{package.parent} ./\n"
        assert not list(Path(settings["Dir::Etc::sourceparts"]).iterdir())
        return ""

    monkeypatch.setattr(debian_packages, "run_program", run_program)
    monkeypatch.setattr(debian, "find_program", lambda name: None if name == "dockerd" else f"/usr/bin/{name}")
    assert debian.add_programs("dockerd", "docker", files=package.parent) == ["docker.io"]
    assert [argv[-4:] for argv in calls][1] == ["install", "--no-install-recommends", "--yes", "docker.io"]
    assert calls[0][-1] == "update"
    index = (package.parent / "Packages").read_text()
    assert f"SHA256: {hashlib.sha256(package.read_bytes()).hexdigest()}" in index
    assert "Filename: ./hello_1%3a2.0~rc1-1_all.deb" in index
    assert "Version: 1:2.0~rc1-1" in index
    install_packages(["hello"], package.parent)
