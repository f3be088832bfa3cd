"""`make sbom`: every locked package stands in it, an image's as its layers leave them, and the same bytes each time."""

from __future__ import annotations

import base64
import io
import json
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from labkit.base.resources import CHECKOUT
from tools import sbom

SUM = base64.b64encode(bytes(range(32))).decode()
MODULES = (
    "path\tlabkit/probe\n"
    "mod\tlabkit/probe\t(devel)\t\n"
    f"dep\tgolang.org/x/sys\tv0.50.0\th1:{SUM}\n"
    "dep\tk8s.io/api\tv0.0.0\n"
    f"=>\tk8s.io/api\tv0.37.2\th1:{SUM}\n"
    "build\t-trimpath=true\n"
)
STATUS = """Package: bash
Status: install ok installed
Architecture: amd64
Version: 1:5.2-3+b1
Description: a shell
 Version: of no package

Package: gone
Status: deinstall ok config-files
Version: 1
"""
APK = "C:Q1=\nP:musl\nV:1.2.5-r9\nA:x86_64\nL:MIT\n\nP:busybox\nV:1.37\nA:x86_64\nL:GPL-2.0-only\n"


def go_program(modules: str = MODULES) -> bytes:
    """What `go build` leaves of a program's modules in it (debug/buildinfo), behind the magic as a mere constant."""
    wrapped = b"0" * 16 + modules.encode() + b"1" * 16
    strings = b"".join(_varint(len(text)) + text for text in (b"go1.26.8", wrapped))
    header = b"\xff Go buildinf:\x08\x02".ljust(32, b"\0")
    return b"\x7fELF" + b"\xff Go buildinf:" + b"\0" * 50 + header + strings + b"\0" * 20


def _varint(number: int) -> bytes:
    encoded = b""
    while number >= 0x80:
        encoded += bytes([number & 0x7F | 0x80])
        number >>= 7
    return encoded + bytes([number])


def tar_of(files: Mapping[str, bytes], mode: int = 0o755) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def image_archive(path: Path, *layers: Mapping[str, bytes]) -> Path:
    """An image as `docker save` writes it."""
    names = [f"{number}/layer.tar" for number, _ in enumerate(layers)]
    manifest = [{"Config": "config.json", "RepoTags": ["localhost/labkit/x:lab"], "Layers": names}]
    parts = {"manifest.json": json.dumps(manifest).encode(), "config.json": b"{}"}
    path.write_bytes(tar_of(parts | dict(zip(names, map(tar_of, layers), strict=True))))
    return path


def versions(bom: dict[str, Any]) -> dict[str, str]:
    return {component["name"]: component["version"] for component in bom["components"]}


def test_every_locked_package_is_in_it_with_version_licence_and_hashes() -> None:
    lock = (CHECKOUT / "requirements.lock").read_text(encoding="utf-8")
    locked = re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE)
    components = sbom.package_bom()["components"]
    assert sorted((part["name"], part["version"]) for part in components) == sorted(locked)
    assert [part["name"] for part in components if not part.get("licenses")] == []
    hashes = [
        digest["content"] for part in components for file in part["externalReferences"] for digest in file["hashes"]
    ]
    assert sorted(hashes) == sorted(re.findall(r"--hash=sha256:([0-9a-f]{64})", lock))
    assert all(part["externalReferences"] for part in components)


def test_it_is_of_this_package_and_has_the_same_bytes_each_time(tmp_path: Path) -> None:
    assert sbom.main(["--output", str(tmp_path / "first")]) == 0
    assert sbom.main(["--output", str(tmp_path / "second")]) == 0
    first = (tmp_path / "first" / "labkit.cdx.json").read_bytes()
    assert first == (tmp_path / "second" / "labkit.cdx.json").read_bytes()
    bom = json.loads(first)
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    assert bom["metadata"].keys() == {"component"}
    assert bom["metadata"]["component"]["name"] == "labkit"


def test_two_versions_for_different_pythons_are_both_in_it() -> None:
    lock = "a==1 ; python_version < '3.12' \\\n    --hash=sha256:aa\na==2 ; python_version >= '3.12'\n"
    assert [part["bom-ref"] for part in sbom.python_components(lock)] == ["pkg:pypi/a@1", "pkg:pypi/a@2"]


def test_a_go_program_tells_its_compiler_and_modules() -> None:
    parts = {part["purl"]: part for part in sbom.go_components(go_program())}
    assert set(parts) == {
        "pkg:golang/std@1.26.8",
        "pkg:golang/labkit/probe@%28devel%29",
        "pkg:golang/golang.org/x/sys@v0.50.0",
        "pkg:golang/k8s.io/api@v0.37.2",
    }
    hashes = parts["pkg:golang/k8s.io/api@v0.37.2"]["hashes"]
    assert hashes == [{"alg": "SHA-256", "content": bytes(range(32)).hex()}]


@pytest.mark.parametrize("program", [b"", b"\x7fELF", go_program()[:70], go_program()[:120], b"\xff Go buildinf:" * 9])
def test_what_is_no_go_program_or_cut_off_ends(program: bytes) -> None:
    assert len(list(sbom.go_components(program))) <= 2


def test_dpkg_and_apk_tell_what_is_installed() -> None:
    assert [part["purl"] for part in sbom.debian_components(STATUS)] == [
        "pkg:deb/debian/bash@1%3A5.2-3%2Bb1?arch=amd64"
    ]
    alpine = list(sbom.alpine_components(APK))
    assert [part["name"] for part in alpine] == ["musl", "busybox"]
    assert alpine[0]["licenses"] == [{"license": {"name": "MIT"}}]


def test_an_image_holds_what_its_layers_leave(tmp_path: Path) -> None:
    base = {"var/lib/dpkg/status": STATUS.encode(), "app/old": go_program(), "./srv/tool": go_program()}
    newer = STATUS.replace("1:5.2-3+b1", "1:5.2-4").encode()
    app = {"var/lib/dpkg/status": newer, "app/.wh.old": b"", "srv/.wh..wh..opq": b"", "srv/apk": b"\x7fELF"}
    bom = sbom.image_bom(image_archive(tmp_path / "x.tar", base, app))
    assert versions(bom) == {"bash": "1:5.2-4"}
    about = bom["metadata"]["component"]
    assert (about["type"], about["name"]) == ("container", "localhost/labkit/x:lab")
    assert "golang.org/x/sys" in versions(sbom.image_bom(image_archive(tmp_path / "y.tar", base)))


def test_distroless_images_have_a_status_for_each_package(tmp_path: Path) -> None:
    files = {"var/lib/dpkg/status.d/tzdata": b"Package: tzdata\nVersion: 2026a\n", "lib/apk/db/installed": APK.encode()}
    bom = sbom.image_bom(image_archive(tmp_path / "x.tar", files))
    assert versions(bom) == {"tzdata": "2026a", "musl": "1.2.5-r9", "busybox": "1.37"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no tar",
        tar_of({"manifest.json": b"{"}),
        tar_of({"manifest.json": b"[]"}),
        tar_of({"manifest.json": b'[{"Config": "c", "Layers": ["l"]}]', "c": b"{}"}),
        tar_of({"manifest.json": b'[{"Config": "c", "Layers": ["l"]}]', "c": b"{}", "l": b"no layer"}),
    ],
)
def test_what_is_no_image_ends_in_a_sentence(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = tmp_path / "bad.tar"
    archive.write_bytes(content)
    assert sbom.main(["--output", str(tmp_path / "out"), str(archive)]) == 2
    assert "is no image that docker save wrote" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
