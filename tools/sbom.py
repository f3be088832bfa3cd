"""Software bills of materials, as CycloneDX 1.6 in JSON: make sbom, or python tools/sbom.py [ARCHIVE...]

labkit.cdx.json has the package and every Python package of requirements.lock, with version, licence and the hash of
each of its files. For each ARCHIVE, as `docker save` writes it, IMAGE.cdx.json has the Debian and Alpine packages and
the Go modules that its file system holds:

    docker save --output ledger.tar localhost/labkit/ledger:lab && make sbom ARGS=ledger.tar

The same input gives the same bytes: there is no time in them and no serial number, and everything is sorted.
It is read here, without an engine and a network: what makes such lists for Python knows no licence of a package that
is only locked, and what makes them for images has to be brought along.

Exit status: 0 done, 2 wrong use: an archive is none.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import importlib.metadata
import json
import re
import sys
import tarfile
import tomllib
from collections.abc import Iterable, Iterator
from email.message import Message
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).parents[1]))

from labkit.archives.image_tree import OPAQUE, WHITEOUT
from labkit.base.resources import CHECKOUT
from labkit.lab.bundles.bundled_wheels import licence_of
from tools.audit import HASH, PIN, entries

Component = dict[str, Any]

ELSEWHERE = {
    "appnope": "BSD-2-Clause",
    "colorama": "BSD License",
    "httpx2-jsfetch": "BSD-3-Clause",
    "overrides": "Apache License, Version 2.0",
    "pywin32": "Python Software Foundation License",
    "pywinpty": "MIT License",
}
"""Licences of what is locked for other systems or Pythons, as its own metadata says (read on 2026-11-27)."""

_GO_MAGIC, _GO_HEADER, _GO_INLINE = b"\xff Go buildinf:", 32, 2
_SENTINEL = 16  # bytes before and after the list of modules (Go: cmd/go/internal/modload/build.go)
_ELF, _LARGEST_PROGRAM = b"\x7fELF", 1 << 30
_DPKG, _DPKG_FOLDER, _APK = "var/lib/dpkg/status", "var/lib/dpkg/status.d/", "lib/apk/db/installed"


class NotAnImage(Exception):
    """A file that is no image as `docker save` writes it; the text says why."""


# --- the package ---


def licence(name: str) -> str:
    """The licence of an installed Python package as its metadata says it; empty where it says none."""
    try:
        metadata = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return ELSEWHERE.get(name, "")
    return licence_of(cast(Message, metadata))


def python_components(lock: str) -> list[Component]:
    """What stands in a Python lock, with the hash of each file that pip may take."""
    components = []
    for entry in entries(lock):
        match = PIN.match(entry)
        if match is None:
            continue
        name, version = match["name"].lower(), match["version"]
        component = _component("library", name, version, f"pkg:pypi/{name}@{quote(version)}")
        if text := licence(name):
            component["licenses"] = [{"license": {"name": text}}]
        component["externalReferences"] = [
            {"type": "distribution", "url": component["purl"], "hashes": [{"alg": "SHA-256", "content": digest}]}
            for digest in sorted(HASH.findall(entry))
        ]
        components.append(component)
    return components


def package_bom() -> dict[str, Any]:
    """The bill of materials of the package and of all that a lab may install with it."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"], project["version"]
    about = _component("application", name, version, f"pkg:pypi/{name}@{version}")
    return _bom(about, python_components((CHECKOUT / "requirements.lock").read_text(encoding="utf-8")))


# --- an image ---


def image_bom(archive: Path) -> dict[str, Any]:
    """The bill of materials of an image.

    Raises:
        NotAnImage: it is no archive of `docker save`, or it is damaged.
    """
    try:
        with tarfile.open(archive) as tar:
            manifest = json.load(_member(tar, "manifest.json"))[0]
            identifier = hashlib.sha256(_member(tar, manifest["Config"]).read()).hexdigest()
            files: dict[str, list[Component]] = {}
            for layer in manifest["Layers"]:
                with tarfile.open(fileobj=_member(tar, layer), mode="r:*") as content:
                    _lay(files, content)
    except (tarfile.TarError, OSError, EOFError, ValueError, KeyError, IndexError, TypeError) as error:
        raise NotAnImage(f"{archive} is no image that docker save wrote: {error}") from error
    about = _component("container", (manifest.get("RepoTags") or [archive.stem])[0], f"sha256:{identifier}", "")
    about["hashes"] = [{"alg": "SHA-256", "content": identifier}]
    return _bom(about, [component for components in files.values() for component in components])


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    source = tar.extractfile(name)
    if source is None:
        raise ValueError(f"{name} is no file")
    return source


def _lay(files: dict[str, list[Component]], layer: tarfile.TarFile) -> None:
    """Lay a layer over those below: what it replaces or removes counts no more (OCI image specification, layer.md)."""
    below = set(files)
    for member in layer:
        path = member.name.removeprefix("./").strip("/")
        folder, _, name = path.rpartition("/")
        if name == OPAQUE:
            removed = {file for file in below if file.startswith(f"{folder}/" if folder else "")}
        elif name.startswith(WHITEOUT):
            gone = f"{folder}/{name.removeprefix(WHITEOUT)}".lstrip("/")
            removed = {file for file in below if file == gone or file.startswith(f"{gone}/")}
        else:
            removed = {file for file in below if file == path or (not member.isdir() and file.startswith(f"{path}/"))}
        for file in removed:
            files.pop(file, None)
        if member.isfile() and (source := layer.extractfile(member)) is not None:
            components = list(_components(path, member, source))
            if components:
                files[path] = components


def _components(path: str, member: tarfile.TarInfo, source: IO[bytes]) -> Iterator[Component]:
    if path == _DPKG or (path.startswith(_DPKG_FOLDER) and not path.endswith(".md5sums")):
        yield from debian_components(source.read().decode("utf-8", "replace"))
    elif path == _APK:
        yield from alpine_components(source.read().decode("utf-8", "replace"))
    elif member.mode & 0o111 and member.size <= _LARGEST_PROGRAM and source.read(len(_ELF)) == _ELF:
        yield from go_components(source.read())


def debian_components(status: str) -> Iterator[Component]:
    """What dpkg has installed; its status has neither licences nor hashes."""
    for fields in _paragraphs(status, ": "):
        if "installed" in fields.get("Status", "installed").split() and "Package" in fields and "Version" in fields:
            name, version, system = fields["Package"], fields["Version"], fields.get("Architecture", "all")
            purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={system}"
            yield _component("library", name, version, purl)


def alpine_components(installed: str) -> Iterator[Component]:
    """What apk has installed, with its licence."""
    for fields in _paragraphs(installed, ":"):
        if "P" in fields and "V" in fields:
            purl = f"pkg:apk/alpine/{quote(fields['P'])}@{quote(fields['V'])}?arch={fields.get('A', '')}"
            component = _component("library", fields["P"], fields["V"], purl)
            if fields.get("L"):
                component["licenses"] = [{"license": {"name": fields["L"]}}]
            yield component


def _paragraphs(text: str, colon: str) -> Iterator[dict[str, str]]:
    for paragraph in re.split(r"\n\s*\n", text):
        pairs = (line.partition(colon) for line in paragraph.splitlines() if not line.startswith((" ", "\t")))
        yield {name: value.strip() for name, separator, value in pairs if separator}


def go_components(program: bytes) -> Iterator[Component]:
    """The compiler and the modules that a Go program says it was built with (Go 1.18 or later: debug/buildinfo)."""
    start = program.find(_GO_MAGIC)
    while start >= 0:
        flags = program[start + 15 : start + 16]
        if flags and flags[0] & _GO_INLINE:
            compiler, end = _go_string(program, start + _GO_HEADER)
            modules, _ = _go_string(program, end)
            if re.match(rb"go\d", compiler):
                version = compiler.decode("ascii", "replace").split()[0].removeprefix("go")
                yield _component("library", "std", version, f"pkg:golang/std@{version}")
                yield from _go_modules(modules[_SENTINEL:-_SENTINEL].decode("utf-8", "replace"))
                return
        start = program.find(_GO_MAGIC, start + 1)


def _go_string(program: bytes, position: int) -> tuple[bytes, int]:
    """A string behind its length, as Go's varint; and where it ends."""
    length = shift = 0
    for byte in program[position : position + 5]:
        position += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return program[position : position + length], position + length
    return b"", position


def _go_modules(listed: str) -> Iterator[Component]:
    lines = [line.split("\t") for line in listed.splitlines()]
    for line, after in zip(lines, [*lines[1:], [""]], strict=False):
        replaced = line[0] in ("mod", "dep") and after[0] == "=>"
        if len(line) < 3 or line[0] not in ("mod", "dep", "=>") or replaced:
            continue
        path, version, checksum = line[1], line[2], "".join(line[3:4])
        component = _component("library", path, version, f"pkg:golang/{quote(path)}@{quote(version)}")
        if checksum.startswith("h1:"):
            # As cyclonedx-gomod does: what go.sum has, in hexadecimal.
            content = base64.b64decode(checksum.removeprefix("h1:")).hex()
            component["hashes"] = [{"alg": "SHA-256", "content": content}]
        yield component


# --- both ---


def _component(kind: str, name: str, version: str, purl: str) -> Component:
    named = {"type": kind, "name": name, "version": version}
    return {**named, "bom-ref": purl or f"{name}@{version}", **({"purl": purl} if purl else {})}


def _bom(about: Component, components: Iterable[Component]) -> dict[str, Any]:
    by_reference: dict[str, Component] = {}
    for component in components:
        by_reference.setdefault(component["bom-ref"], component)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": about},
        "components": [by_reference[reference] for reference in sorted(by_reference)],
    }


def as_text(bom: dict[str, Any]) -> str:
    """A bill of materials as it is written: the same for the same content."""
    return json.dumps(bom, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main(argv: list[str] | None = None) -> int:
    """Write them, and print where each is and how much stands in it."""
    parser = argparse.ArgumentParser(prog="sbom", description="Write software bills of materials (CycloneDX, JSON).")
    parser.add_argument("--output", type=Path, default=CHECKOUT / "build" / "sbom", metavar="FOLDER")
    parser.add_argument("archives", nargs="*", type=Path, metavar="ARCHIVE", help="an image as docker save writes it")
    arguments = parser.parse_args(argv)
    try:
        of_images = {path.stem: image_bom(path) for path in arguments.archives}
    except NotAnImage as error:
        print(f"sbom: {error}; write it with: docker save --output image.tar IMAGE", file=sys.stderr)
        return 2
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name, bom in {"labkit": package_bom(), **of_images}.items():
        path = arguments.output / f"{name}.cdx.json"
        path.write_text(as_text(bom), encoding="utf-8")
        print(f"{path}: {len(bom['components'])} components")
    return 0


if __name__ == "__main__":
    sys.exit(main())
