"""What goes into a bundle, and that nothing is left of one that could not be written."""

from __future__ import annotations

import errno
import os
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from labkit.adapters import debian, go_programs
from labkit.adapters.go_programs import GoProgram
from labkit.base.errors import LabFailed, Misuse
from labkit.cli import main
from labkit.lab.bundles import bundled_packages
from labkit.lab.bundles.bundle_file import open_bundle
from labkit.lab.bundles.bundle_manifest import default_name, kit_content
from labkit.lab.bundles.bundle_tables import bundle_table
from labkit.lab.bundles.bundle_writer import writing
from labkit.lab.bundles.bundled_packages import add_packages
from labkit.lab.bundles.bundled_programs import bundled_programs, version_and_licence
from labkit.lab.bundles.bundled_wheels import for_other_patch_levels, read_wheel
from labkit.lab.bundles.save_bundle import KINDS, read_kinds, target_file
from tests.unit.lab.bundles.small_bundle import small_manifest, write_small


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (None, ("images", "node", "programs", "wheels", "packages")),
        ("packages", ("packages",)),
        ("node", ("node",)),
        ("wheels,images", ("images", "wheels")),
        (" images , node ,", ("images", "node")),
    ],
)
def test_kinds_are_read(text: str | None, kinds: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "can_add_packages", lambda: True)
    assert read_kinds(text) == kinds


def test_only_debian_s_root_fetches_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "can_add_packages", lambda: False)
    assert "packages" not in read_kinds(None)
    with writing(tmp_path / "b.tar") as writer, pytest.raises(Misuse, match="leave them out"):
        add_packages(writer)


def test_the_packages_are_parts_with_version_and_licence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[str] = []

    def fetch(packages: tuple[str, ...], folder: Path) -> list[Path]:
        fetched.extend(packages)
        folder.mkdir()
        (folder / "runc_1.1.5+ds1-1_amd64.deb").write_bytes(b"deb")
        return sorted(folder.iterdir())

    monkeypatch.setattr(debian, "can_add_packages", lambda: True)
    monkeypatch.setattr(debian, "offer_engine", lambda: None)
    monkeypatch.setattr(bundled_packages, "fetch_packages", fetch)
    monkeypatch.setattr(bundled_packages, "describe_package", lambda _: ("runc", "1.1.5", "Apache-2.0"))
    with writing(tmp_path / "b.tar") as writer:
        add_packages(writer)
        manifest = writer.finish(small_manifest(debian="bookworm", images=[]), tmp_path / "b.tar")
    assert {"docker.io", "docker-cli", "containerd", "iptables", "python3-venv"} == set(fetched)
    (row,) = bundle_table(manifest).rows
    assert [*row[:3], row[4]] == ["package", "runc", "1.1.5", "Apache-2.0"]
    assert "Debian bookworm" in bundle_table(manifest).title
    with open_bundle(tmp_path / "b.tar") as bundle:
        bundle.check()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "--with names nothing"),
        (",", "--with names nothing"),
        ("image", "there is no 'image' to put into it.*did you mean images"),
        ("images,everything", "there is no 'everything'.*name some of images, node, programs, wheels"),
        ("images node", "there is no 'images node'"),
        ("Images", "there is no 'Images'"),
    ],
)
def test_kinds_that_make_no_sense_are_refused_before_anything_is_done(tmp_path: Path, text: str, reason: str) -> None:
    done = CliRunner().invoke(main, ["bundle", "save", str(tmp_path / "b.tar"), "--with", text])
    assert done.exit_code == 2
    assert re.search(reason, done.output, re.DOTALL)
    assert list(tmp_path.iterdir()) == []


def test_the_help_names_every_kind() -> None:
    output = CliRunner().invoke(main, ["bundle", "save", "--help"]).output
    assert all(f"  {kind} " in output for kind in KINDS)


def test_in_a_folder_it_gets_its_usual_name(tmp_path: Path) -> None:
    assert target_file(tmp_path) == tmp_path / default_name()
    assert target_file(tmp_path / "mine.tar") == tmp_path / "mine.tar"
    assert re.fullmatch(r"labkit-bundle-[a-z]+-[a-z0-9]+\.tar", default_name())
    with pytest.raises(Misuse, match="there is no such folder"):
        target_file(tmp_path / "nowhere" / "b.tar")


def _full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _interrupted() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("stop", "error"), [(_full, LabFailed), (_interrupted, KeyboardInterrupt)], ids=["a full disk", "Ctrl-C"]
)
def test_whatever_stops_it_leaves_nothing_and_an_older_bundle_as_it_was(
    tmp_path: Path, stop: Callable[[], None], error: type[BaseException]
) -> None:
    target = tmp_path / "b.tar"
    target.write_bytes(b"older")
    with pytest.raises(error) as raised, writing(target) as writer:
        with writer.compressed("images.tar.gz", title="", version="", licence="") as part:
            part.write(b"x" * 100_000)
            stop()
        writer.finish(small_manifest(), target)
    assert [path.name for path in tmp_path.iterdir()] == ["b.tar"]
    assert target.read_bytes() == b"older"
    if isinstance(raised.value, LabFailed):
        assert "No space left on device" in str(raised.value)
        assert str(target) in str(raised.value)


def test_a_second_ctrl_c_leaves_nothing_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remove, calls = shutil.rmtree, list[object]()

    def interrupted_once(folder: Path, ignore_errors: bool) -> None:
        calls.append(folder)
        if len(calls) == 1:
            raise KeyboardInterrupt
        remove(folder, ignore_errors=ignore_errors)

    monkeypatch.setattr("shutil.rmtree", interrupted_once)
    with pytest.raises(KeyboardInterrupt), writing(tmp_path / "b.tar"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LabFailed, match="Not a directory"), writing(tmp_path / "file" / "b.tar"):
        pytest.fail("it was begun")


def test_the_same_lab_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.tar", "b.tar"):
        write_small(tmp_path / name)
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_every_program_that_the_kit_builds_is_in_it_with_version_and_licence() -> None:
    ours = {value.name for value in vars(go_programs).values() if isinstance(value, GoProgram)}
    assert {program.name for program in bundled_programs().values()} == ours
    for program in bundled_programs().values():
        version, licence = version_and_licence(program)
        assert re.match(r"v?\d+\.\d+", version)
        assert licence


def test_the_kits_content_is_the_same_each_time() -> None:
    assert kit_content() == kit_content()


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ("License-Expression: MIT\nLicense: other\n", "MIT"),
        ("License: BSD-3-Clause\n", "BSD-3-Clause"),
        (
            "License: Copyright\n        (c) all of the text\nClassifier: License :: OSI Approved :: MIT License\n",
            "MIT License",
        ),
        ("", "see its metadata"),
    ],
)
def test_a_wheels_licence_is_what_its_metadata_say(tmp_path: Path, fields: str, licence: str) -> None:
    wheel = tmp_path / "a-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("a-1.0.dist-info/METADATA", f"Metadata-Version: 2.4\nName: a\nVersion: 1.0\n{fields}\nText\n")
    assert read_wheel(wheel) == ("a", "1.0", licence)


def test_show_lists_a_bundle_and_says_whom_it_is_for(tmp_path: Path) -> None:
    write_small(tmp_path / "b.tar")
    done = CliRunner().invoke(main, ["bundle", "show", str(tmp_path / "b.tar")])
    assert done.exit_code == 0, done.output
    assert "it is for this machine and this labkit" in done.output
    assert "Apache-2.0" in done.output
    write_small(tmp_path / "c.tar", small_manifest(architecture="s390x"))
    done = CliRunner().invoke(main, ["bundle", "show", str(tmp_path / "c.tar")])
    assert (done.exit_code, "not for this machine: it is for linux/s390x" in done.output) == (0, True)


def test_show_refuses_a_damaged_one_by_its_name(tmp_path: Path) -> None:
    write_small(tmp_path / "b.tar")
    (tmp_path / "b.tar").write_bytes((tmp_path / "b.tar").read_bytes()[:-11000])
    done = CliRunner().invoke(main, ["bundle", "show", str(tmp_path / "b.tar")])
    assert done.exit_code == 2
    assert f"Reading the bundle {tmp_path / 'b.tar'}: it" in done.output
    assert "What to do:" in done.output


_LOCK = """a==1.0 \\
    --hash=sha256:aa
b==2.0 ; python_full_version < '3.11.5' \\
    --hash=sha256:bb
    --hash=sha256:b2
b==4.0 ; python_full_version >= '3.11.5' \\
    --hash=sha256:cc
c==1.0 ; python_full_version >= '3.12' \\
    --hash=sha256:dd
d==1.0 ; python_full_version >= '3.11.5' and sys_platform == 'emscripten' \\
    --hash=sha256:ee
# a comment
"""


@pytest.mark.parametrize(
    ("version", "wanted"),
    [
        ("3.11.7", "b==2.0 \\\n    --hash=sha256:bb\n    --hash=sha256:b2"),
        ("3.11.2", "b==4.0 \\\n    --hash=sha256:cc"),
        ("3.12.1", ""),
        ("3.11.0", "b==4.0 \\\n    --hash=sha256:cc"),
    ],
)
def test_wheels_are_for_every_patch_level_of_a_python(version: str, wanted: str) -> None:
    assert for_other_patch_levels(_LOCK, version).replace(" \n", "\n") == wanted
