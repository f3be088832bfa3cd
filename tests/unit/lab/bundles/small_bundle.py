"""A bundle of some kilobytes, and ways to spoil it."""

from __future__ import annotations

import io
import json
import platform
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from labkit.adapters import go_programs
from labkit.base.resources import kit_version
from labkit.core.image_platform import image_architecture
from labkit.lab.bundles.bundle_manifest import (
    FORMAT,
    IMAGES,
    NAME,
    SUM,
    BundledImage,
    BundleManifest,
    kit_content,
    kubernetes_version,
    sum_line,
)
from labkit.lab.bundles.bundle_writer import writing
from labkit.lab.bundles.bundled_programs import part_name

CONTENT = {"debian": "d1", "node": "n1"}
"""The images in it, and the hash of what each was made from."""

Member = tuple[tarfile.TarInfo, bytes]


def small_manifest(**other: Any) -> BundleManifest:
    """A manifest without parts for this machine and this kit."""
    images = [
        BundledImage(
            name=name, reference=f"localhost/labkit.bundle/{name}:lab", content=content, size=1, version="1", licence=""
        )
        for name, content in CONTENT.items()
    ]
    manifest = BundleManifest(
        format=FORMAT,
        system=platform.system().lower(),
        architecture=image_architecture(),
        kit=kit_version(),
        content=kit_content(),
        kubernetes=kubernetes_version(),
        source="stand-in",
        images=images,
    )
    return replace(manifest, **other)


def packed(files: Iterable[Member]) -> bytes:
    """A tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for member, content in files:
            member.size = len(content) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def write_small(
    target: Path, manifest: BundleManifest | None = None, programs: dict[str, bytes] | None = None
) -> BundleManifest:
    """Write it.

    Args:
        target: the file.
        manifest: what it says; of this machine if not given.
        programs: the tar of each program's part, by name; of `pause` and the sample program if not given.
    """
    if programs is None:
        names = {"pause": go_programs.PAUSE, "sampleapp": go_programs.SAMPLE_APP}
        programs = {part_name(program): packed([(tarfile.TarInfo(name), b"ELF")]) for name, program in names.items()}
    with writing(target) as writer:
        for name, content in programs.items():
            with writer.compressed(name, title="program", version="1", licence="Apache-2.0") as part:
                part.write(content)
        with writer.compressed(IMAGES, title="2 images", version="", licence="") as part:
            part.write(b"images " * 50)
        return writer.finish(manifest or small_manifest(), target)


def members_of(bundle: Path) -> list[Member]:
    """Its members and their bytes."""
    with tarfile.open(bundle) as tar:
        return [(member, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]


def rewrite(bundle: Path, change: Callable[[list[Member]], list[Member]]) -> None:
    """Write it again with other members."""
    bundle.write_bytes(packed(change(members_of(bundle))))


def rewrite_manifest(bundle: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Write it again with another manifest and that one's sum."""

    def changed(members: list[Member]) -> list[Member]:
        document = json.loads(members[0][1])
        text = json.dumps(change(document) or document).encode()
        return [(tarfile.TarInfo(NAME), text), (tarfile.TarInfo(SUM), sum_line(text)), *members[2:]]

    rewrite(bundle, changed)
