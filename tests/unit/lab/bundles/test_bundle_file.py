"""A bundle is read whole or refused by name: damaged, truncated, foreign, or with members that no bundle has."""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labkit.lab.bundles.bundle_file import open_bundle
from labkit.lab.bundles.bundle_manifest import NAME, BundleManifest, BundleRefused, misfits
from labkit.lab.bundles.bundle_tables import bundle_table
from tests.examples import share_of
from tests.unit.lab.bundles.small_bundle import (
    Member,
    members_of,
    rewrite,
    rewrite_manifest,
    small_manifest,
    write_small,
)


def read(path: Path) -> dict[str, bytes]:
    """The bytes of every part, checked."""
    with open_bundle(path) as bundle:
        bundle.check()
        return {part.name: b"".join(bundle.open_part(part).pieces()) for part in bundle.manifest.parts}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "labkit-bundle.tar"
    write_small(path)
    return path


@pytest.fixture
def bundle(whole: Path, tmp_path: Path) -> Path:
    path = tmp_path / "labkit-bundle.tar"
    path.write_bytes(whole.read_bytes())
    return path


def test_what_was_written_is_read(whole: Path) -> None:
    content = {member.name: data for member, data in members_of(whole)}
    assert next(iter(content)) == NAME
    parts = read(whole)
    assert parts == {name: content[name] for name in parts}
    assert list(content)[2:] == list(parts)
    with open_bundle(whole) as bundle:
        assert bundle.manifest.size == sum(map(len, parts.values()))
        assert misfits(bundle.manifest) == []
        table = str(bundle_table(bundle.manifest))
    assert "Apache-2.0" in table
    assert "debian" in table


_ANYTHING = settings(max_examples=share_of(150), suppress_health_check=[HealthCheck.function_scoped_fixture])


@_ANYTHING
@given(data=st.data())
def test_any_damaged_byte_is_found_or_changes_nothing(whole: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(whole.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    damaged = tmp_path / "damaged.tar"
    damaged.write_bytes(content)
    try:
        parts = read(damaged)
    except BundleRefused as error:
        assert str(damaged) in error.tried
        assert error.remedy
    else:
        assert parts == read(whole)


def test_each_byte_of_each_part_counts(whole: Path, tmp_path: Path) -> None:
    content = whole.read_bytes()
    with tarfile.open(whole) as tar:
        places = [(member.offset_data, member.offset_data + member.size) for member in tar]
    damaged = tmp_path / "damaged.tar"
    for start, end in places:
        for offset in {start, (start + end) // 2, end - 1}:
            damaged.write_bytes(content[:offset] + bytes([content[offset] ^ 1]) + content[offset + 1 :])
            with pytest.raises(BundleRefused, match="damaged"):
                read(damaged)


@_ANYTHING
@given(share=st.floats(0, 1, exclude_max=True))
def test_it_may_end_nowhere_before_its_end(whole: Path, tmp_path: Path, share: float) -> None:
    with tarfile.open(whole) as tar:
        *_, last = tar
    end = last.offset_data + -(-last.size // 512) * 512 + 1024
    truncated = tmp_path / "truncated.tar"
    truncated.write_bytes(whole.read_bytes()[: int(share * end)])
    with pytest.raises(BundleRefused, match=r"truncated|it is not a bundle"):
        read(truncated)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"architecture": "s390x"}, "it is for .*/s390x, and this machine is"),
        ({"system": "plan9"}, "it is for plan9/"),
        ({"kit": "99.0"}, "it was made by labkit 99.0"),
        ({"kubernetes": "v1.2.3"}, "it has Kubernetes v1.2.3, and this labkit wants v1"),
        ({"content": "0" * 16}, "another state of cluster/"),
    ],
)
def test_what_is_not_for_here_is_told(other: dict[str, Any], reason: str) -> None:
    (told,) = misfits(small_manifest(**other))
    assert re.search(reason, told)


@pytest.mark.parametrize("version", [0, 2, "1", None, [1]])
def test_another_format_is_refused_by_its_version(bundle: Path, version: object) -> None:
    rewrite_manifest(bundle, lambda document: document.update(format=version))
    with pytest.raises(BundleRefused, match=r"its format is .*, and this labkit reads format 1"):
        read(bundle)


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.pop("parts"),
        lambda document: document["parts"][0].pop("sha256"),
        lambda document: document["parts"][0].update(size=-1),
        lambda document: document["parts"][0].update(size=1e30),
        lambda document: document["parts"][0].update(sha256="x"),
        lambda document: document["parts"].append(document["parts"][0]),
        lambda document: document.update(images=7),
        lambda document: document["parts"][0].update(name="../evil"),
        lambda document: document["parts"][0].update(name="/etc/passwd"),
        lambda document: document["parts"][0].update(name="programs/../../evil"),
        lambda document: document["parts"][0].update(name="programs/a/b"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused(bundle: Path, change: Callable[[dict[str, Any]], object]) -> None:
    rewrite_manifest(bundle, lambda document: change(document) and None)
    with pytest.raises(BundleRefused):
        read(bundle)


def _typed(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member


@pytest.mark.parametrize(
    "member",
    [
        tarfile.TarInfo("../evil"),
        tarfile.TarInfo("/etc/cron.d/evil"),
        tarfile.TarInfo("more"),
        _typed("programs/link", tarfile.SYMTYPE, "/etc"),
        _typed("programs/hard", tarfile.LNKTYPE, "../../etc/passwd"),
        _typed("disk", tarfile.BLKTYPE),
        _typed("pipe", tarfile.FIFOTYPE),
        _typed("programs", tarfile.DIRTYPE),
    ],
    ids=lambda member: member.name,
)
@pytest.mark.parametrize("place", [2, 3, 5])
def test_a_member_that_no_bundle_has_is_refused(bundle: Path, member: tarfile.TarInfo, place: int) -> None:
    rewrite(bundle, lambda members: [*members[:place], (member, b""), *members[place:]])
    with pytest.raises(BundleRefused, match=r"its member .* is (not the part|not a file)"):
        read(bundle)


def _without(place: int) -> Callable[[list[Member]], list[Member]]:
    return lambda members: [*members[:place], *members[place + 1 :]]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_without(0), "not a bundle"),
        (_without(1), "damaged"),
        (_without(2), "is not the part"),
        (_without(4), "truncated"),
        (lambda members: [*members[:2], *reversed(members[2:])], "is not the part"),
        (lambda members: [*members[:2], (members[2][0], members[2][1] + b"x"), *members[3:]], "bytes, and should have"),
    ],
)
def test_members_are_the_parts_in_their_order(bundle: Path, change: Any, reason: str) -> None:
    rewrite(bundle, change)
    with pytest.raises(BundleRefused, match=reason):
        read(bundle)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x1f\x8b\x08", bytes(20480), os.urandom(2048)])
def test_what_is_no_bundle_is_refused_with_the_way_to_make_one(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "labkit-bundle.tar"
    path.write_bytes(content)
    with pytest.raises(BundleRefused, match=r"it is not a bundle: it does not begin with a manifest.json") as error:
        read(path)
    assert "labkit bundle save" in error.value.remedy


def test_no_file_a_folder_and_a_pipe_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, reason in {
        "nothing": "there is no such file",
        ".": "it is not a file",
        "pipe": "it is not a file",
    }.items():
        with pytest.raises(BundleRefused, match=reason):
            read(tmp_path / name)


def test_a_part_that_changes_after_the_check_is_refused(bundle: Path) -> None:
    write_small(bundle, programs={"programs/large.tar.gz": os.urandom(1 << 20)})
    with open_bundle(bundle) as opened:
        opened.check()
        part = opened.manifest.parts[0]
        with tarfile.open(bundle) as tar, bundle.open("r+b") as file:
            file.seek(tar.getmember(part.name).offset_data + (1 << 19))
            file.write(b"changed")
        with pytest.raises(BundleRefused, match="changed while it was read"):
            list(opened.open_part(part).pieces())


def test_reading_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "labkit-bundle.tar"
    write_small(path, programs={"programs/large.tar.gz": os.urandom(8 << 20)})
    tracemalloc.start()
    try:
        with open_bundle(path) as bundle:
            bundle.check()
            for part in bundle.manifest.parts:
                digest = hashlib.sha256()
                for piece in bundle.open_part(part).pieces():
                    digest.update(piece)
        assert tracemalloc.get_traced_memory()[1] < 5 << 20
    finally:
        tracemalloc.stop()


def test_the_manifest_is_as_it_was_written(tmp_path: Path) -> None:
    written: BundleManifest = write_small(tmp_path / "a.tar")
    with open_bundle(tmp_path / "a.tar") as bundle:
        assert bundle.manifest == written
