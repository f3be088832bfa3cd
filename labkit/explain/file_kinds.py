"""What a file is, by its name or by how it begins: a manifest, a Dockerfile, for Compose, an image archive."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from labkit.base.errors import Misuse

_NAME = re.compile(r"(?:.*\.)?(?:dockerfile|containerfile)|(?:dockerfile|containerfile)\.(?P<rest>.*)", re.IGNORECASE)
# What stands beside a Dockerfile under its name, and is none.
_NO_DOCKERFILES = (
    ".dockerignore",
    ".md",
    ".txt",
    ".yaml",
    ".yml",
    ".json",
    ".tar",
    ".gz",
    ".j2",
    ".tmpl",
    ".tpl",
    ".erb",
)
_HEAD_BYTES = 16 << 10
_BEGINS = re.compile(
    rb"\A(?:\xef\xbb\xbf)?(?:[ \t]*(?:#[^\n]*)?\r?\n)*(?:[ \t]*ARG[ \t][^\n]*\n(?:[ \t]*(?:#[^\n]*)?\r?\n)*)*"
    rb"[ \t]*FROM[ \t]+(?:--\S+[ \t]+)*[^\s'\"=]+(?:[ \t]+AS[ \t]+\S+)?[ \t]*(?:\r?\n|\Z)",
    re.IGNORECASE,
)
_SERVICES = re.compile(rb"(?m)^(?:\xef\xbb\xbf)?[\"']?services[\"']?[ \t]*:")
_INCLUDES = re.compile(rb"(?m)^(?:\xef\xbb\xbf)?[\"']?include[\"']?[ \t]*:")
_COMPOSE_NAME = re.compile(r"(docker-)?compose([.-].*)?\.ya?ml", re.IGNORECASE)
_LARGEST_COMPOSE = 4 << 20
# kubernetes/cli-runtime:pkg/resource/builder.go, FileExtensions
MANIFEST_ENDINGS = (".json", ".yaml", ".yml")
_YAML_ENDINGS = (".yaml", ".yml")
_ARCHIVE_ENDINGS = (".tar", ".tgz", ".tar.gz", ".tar.zst")
# gzip, zstd, bzip2, xz, zip; and of tar in its first block
_ARCHIVE_BEGINNINGS = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ", b"PK\x03\x04")
# opencontainers/image-spec:image-layout.md, and docker save before it wrote one
_MARKS_OF_A_LAYOUT = ("oci-layout", "index.json", "manifest.json")
_TAR_MAGIC, _TAR_MAGIC_AT = b"ustar", 257


def is_manifest(name: str) -> bool:
    """Whether a name is that of a file or folder of manifests, and not of an image or of an image archive.

    A folder has to have a / in its name, for it may have the name of an image.
    """
    path = Path(name)
    try:
        if path.is_dir():
            return "/" in name and not any((path / mark).exists() for mark in _MARKS_OF_A_LAYOUT)
        if not path.exists():
            return name.endswith(MANIFEST_ENDINGS)
        if name.endswith(_ARCHIVE_ENDINGS):
            return False
        if name.endswith(MANIFEST_ENDINGS) or not path.is_file():
            return True
        with path.open("rb") as file:
            beginning = file.read(_TAR_MAGIC_AT + len(_TAR_MAGIC))
    except (OSError, ValueError):  # such as a name too long for a file; reading a file says why it cannot be read
        return os.path.lexists(name) if "\0" not in name and len(name) < os.pathconf("/", "PC_PATH_MAX") else False
    return not beginning.startswith(_ARCHIVE_BEGINNINGS) and beginning[_TAR_MAGIC_AT:] != _TAR_MAGIC


def has_dockerfile_name(name: str) -> bool:
    """Whether a path ends like a Dockerfile's: Dockerfile, Dockerfile.prod, app.Dockerfile, Containerfile."""
    last = name.rpartition("/")[2]
    return _NAME.fullmatch(last) is not None and not last.lower().endswith(_NO_DOCKERFILES)


def has_compose_name(name: str) -> bool:
    """Whether a path ends like a Compose file's: compose.yaml, docker-compose.prod.yml."""
    return _COMPOSE_NAME.fullmatch(name.rpartition("/")[2]) is not None


def is_dockerfile(name: str) -> bool:
    """Whether a name is that of a Dockerfile, and not of an image, an archive or a manifest.

    Raises:
        Misuse: it is named like one, or holds one, and is none.
    """
    if name == "-":
        return _BEGINS.match(_begins_standard_input()) is not None
    path = Path(name)
    try:
        if path.is_dir():
            _refuse_folder(name, path)
            return False
        if not path.exists():
            if "/" not in name and has_dockerfile_name(name) and name[:1].isupper():
                raise Misuse(f"Reading {name}", "there is no such file", "see what there is\n  ls")
            return False
        if has_dockerfile_name(name):
            return True
        if name.endswith(MANIFEST_ENDINGS) or not path.is_file():
            return False
        with path.open("rb") as file:
            return _BEGINS.match(file.read(_HEAD_BYTES)) is not None
    except (OSError, ValueError):  # such as a name too long for a file; reading it says why not
        return False


def may_be_compose(name: str) -> bool:
    """Whether a file has a line that begins services, as a Compose file has; its text says whether it is one."""
    if name == "-":
        head = _begins_standard_input()
        return _SERVICES.search(head) is not None and b"apiVersion" not in head
    path = Path(name)
    try:
        if not name.endswith(_YAML_ENDINGS) or not path.is_file():
            return False
        with path.open("rb") as file:
            text = file.read(_LARGEST_COMPOSE)
        return bool(_SERVICES.search(text) or (has_compose_name(name) and _INCLUDES.search(text)))
    except (OSError, ValueError):
        return False


def _begins_standard_input() -> bytes:
    """How standard input begins, of which nothing is taken; empty if it cannot be looked at."""
    ahead = getattr(sys.stdin.buffer, "peek", None)
    return bytes(ahead(_HEAD_BYTES)) if ahead is not None else b""


def refuse_empty_folder(name: str) -> None:
    """Say it of an empty folder that is named like a Dockerfile, such as an engine makes for a mount.

    Raises:
        Misuse: it is one.
    """
    if has_dockerfile_name(name) and not any(Path(name).iterdir()):
        raise Misuse(f"Reading {name}", "it is a folder", "name a Dockerfile\n  labkit explain PATH/Dockerfile")


def _refuse_folder(name: str, path: Path) -> None:
    refuse_empty_folder(name)
    inside = path / "Dockerfile"
    if inside.is_file() and not (path / "index.json").exists():
        raise Misuse(f"Reading {name}", "it is a folder", f"name the Dockerfile in it\n  labkit explain {inside}")
