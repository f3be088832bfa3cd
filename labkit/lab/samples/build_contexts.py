"""Build contexts: folders and built programs as one tar archive, and the hash that says whether they changed."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

_TOOL = 0o755
_FILE = 0o644


def collect(folder: Path, extra: Mapping[str, Path] | None = None) -> dict[str, Path]:
    """The files of a build context.

    Args:
        folder: its own files; the description beside the recipe is left out.
        extra: further files by the path that they get in the context.

    Returns:
        Path in the context -> file, sorted.
    """
    own = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    own.pop("image.toml", None)
    return dict(sorted({**own, **(extra or {})}.items()))


def archive(files: Mapping[str, Path]) -> bytes:
    """A tar archive of a build context: owned by root, executable or not, without times."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, path in files.items():
            member = tarfile.TarInfo(name)
            member.size = path.stat().st_size
            member.mode = _TOOL if path.stat().st_mode & 0o100 else _FILE
            with path.open("rb") as source:
                tar.addfile(member, source)
    return buffer.getvalue()


def archive_of_dockerfile(text: str, beside: Mapping[str, Path] | None = None) -> bytes:
    """A build context of a Dockerfile, alone or with the files beside it.

    Args:
        text: the Dockerfile's, whatever is beside it.
        beside: other files, by the path that they get in the context.
    """
    buffer = io.BytesIO(archive({name: file for name, file in (beside or {}).items() if name != "Dockerfile"}))
    buffer.seek(0)
    with tarfile.open(fileobj=buffer, mode="a") as tar:
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(text.encode())
        tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def content_hash(files: Mapping[str, Path], *more: str) -> str:
    """A short hash of a build context and of whatever else the result depends on."""
    digest = hashlib.sha256("\0".join(more).encode())
    for name, path in files.items():
        with path.open("rb") as source:
            content = hashlib.file_digest(source, "sha256").hexdigest()
        digest.update(f"\0{name}\0{path.stat().st_mode & 0o100}\0{content}".encode())
    return digest.hexdigest()[:16]
