"""The first member of a bundle: what it is for and what it holds, with the size and the sum of each part."""

from __future__ import annotations

import hashlib
import platform
import re
import sys
from dataclasses import asdict, dataclass, field
from typing import NoReturn

from labkit.adapters import go_programs
from labkit.base.errors import Misuse
from labkit.base.resources import CLUSTER, kit_version, require
from labkit.core.image_platform import image_architecture
from labkit.lab.samples.build_contexts import collect, content_hash

FORMAT = 1
"""The version of the format; a bundle of another one is refused."""

NAME = "manifest.json"
SUM = "manifest.sha256"
"""The second member: the sum of the first, as sha256sum writes it."""

IMAGES = "images.tar.gz"
PROGRAMS, WHEELS, PACKAGES = "programs/", "wheels/", "packages/"
LARGEST_MANIFEST = 4 << 20
AGAIN = "make it again, on a machine where the lab is up\n  labkit bundle save FILE"
_COPY_AGAIN = "copy it again, whole; if that does not help, make it again where it was made\n  labkit bundle save FILE"

_PLATFORM_PARTS = ("images", "node", "tools", "probe", "registry", "sampleapp")
"""The folders of `cluster/` that programs and images are made from."""

_PART = re.compile(r"images\.tar\.gz|(?:programs|wheels|packages)/[A-Za-z0-9][A-Za-z0-9._+~%-]{0,200}")
_SUM = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One member of a bundle.

    Args:
        name: in the tar.
        size: in bytes, as it lies there.
        sha256: of these bytes.
        title: what it is.
        version: of it.
        licence: of it, as its makers say it.
    """

    name: str
    size: int
    sha256: str
    title: str
    version: str
    licence: str


@dataclass(frozen=True, kw_only=True)
class BundledImage:
    """An image in the part `IMAGES`.

    Args:
        name: in the catalogue, or `node`.
        reference: what it is called in the archive; no lab has images of that name.
        content: the hash of what it was made from.
        size: in bytes, unpacked, with the layers that others have too.
        version: of it.
        licence: of it, as its makers say it.
    """

    name: str
    reference: str
    content: str
    size: int
    version: str
    licence: str


@dataclass(frozen=True, kw_only=True)
class BundleManifest:
    """What a bundle is for, and what it holds.

    Args:
        format: the version of the format.
        system: of the machines that it is for, such as linux.
        architecture: of these machines, such as amd64.
        kit: the version of labkit that made it.
        content: the hash of what its programs and images are made from (`kit_content`).
        kubernetes: the version of the cluster.
        source: where its images came from: upstream or stand-in.
        mirror: the registry that they came from, if it was another than upstream's own.
        python: the version of Python that its wheels are for; empty if it has none.
        debian: the release of Debian that its packages are for, by its name; empty if it has none.
        parts: in their order.
        images: in the part `IMAGES`.
    """

    format: int
    system: str
    architecture: str
    kit: str
    content: str
    kubernetes: str
    source: str
    mirror: str = ""
    python: str = ""
    debian: str = ""
    parts: list[Part] = field(default_factory=list)
    images: list[BundledImage] = field(default_factory=list)

    def to_dict(self) -> dict[str, object]:
        """As JSON-ready values."""
        return asdict(self)

    @property
    def size(self) -> int:
        """Of all parts, in bytes."""
        return sum(part.size for part in self.parts)


def sum_line(text: bytes) -> bytes:
    """What the second member holds.

    Args:
        text: the first one's bytes.
    """
    return f"{hashlib.sha256(text).hexdigest()}  {NAME}\n".encode()


def kit_content() -> str:
    """The hash of what this kit's programs and images are made from."""
    files = {
        f"{folder}/{name}": path
        for folder in _PLATFORM_PARTS
        for name, path in collect(require(CLUSTER / folder)).items()
        if not name.endswith("_test.go")
    }
    lock = CLUSTER / "images.lock"
    return content_hash(files | ({"images.lock": lock} if lock.is_file() else {}))


def kubernetes_version() -> str:
    """The version of the lab's cluster."""
    return go_programs.module_version(go_programs.KUBERNETES.module, "k8s.io/kubernetes")


def python_version() -> str:
    """The version of Python that wheels are chosen for."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def default_name() -> str:
    """What a bundle for this machine is called."""
    return f"labkit-bundle-{platform.system().lower()}-{image_architecture()}.tar"


def read_manifest(text: bytes, path: object) -> BundleManifest:
    """Read a manifest.

    Args:
        text: the member's bytes.
        path: of the bundle, for the error.

    Raises:
        BundleRefused: it is none, or of another version of the format.
    """
    import msgspec  # Up to a tenth of a second that most commands would wait for in vain.

    try:
        document = msgspec.json.decode(text, type=dict[str, object])
        if document.get("format") != FORMAT:
            version = str(document.get("format"))[:20]
            refuse(path, f"its format is {version!r}, and this labkit reads format {FORMAT}", AGAIN)
        manifest = msgspec.convert(document, BundleManifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        refuse(path, f"its {NAME} is damaged: {error}")
    _check_names(manifest, path)
    return manifest


def _check_names(manifest: BundleManifest, path: object) -> None:
    names = [part.name for part in manifest.parts]
    for part in manifest.parts:
        if not _PART.fullmatch(part.name):
            refuse(path, f"its {NAME} names a part that no bundle has: {part.name[:80]!a}", "do not use it")
        if part.size < 0 or not _SUM.fullmatch(part.sha256):
            refuse(path, f"its {NAME} is damaged: size or checksum of {part.name} cannot be")
    if len(set(names)) < len(names):
        refuse(path, f"its {NAME} names a part twice", "do not use it")


def misfits(manifest: BundleManifest) -> list[str]:
    """Why a bundle is not for this machine and this kit, a sentence each; empty if it is.

    Args:
        manifest: of the bundle.
    """
    here = (platform.system().lower(), image_architecture())
    reasons = []
    if (manifest.system, manifest.architecture) != here:
        reasons.append(f"it is for {manifest.system}/{manifest.architecture}, and this machine is {'/'.join(here)}")
    if manifest.kit != kit_version():
        reasons.append(f"it was made by labkit {manifest.kit}, and this is {kit_version()}")
    if manifest.kubernetes != kubernetes_version():
        reasons.append(f"it has Kubernetes {manifest.kubernetes}, and this labkit wants {kubernetes_version()}")
    if not reasons and manifest.content != kit_content():
        reasons.append("it was made from another state of cluster/ than this labkit has")
    return reasons


class BundleRefused(Misuse):
    """A bundle that is damaged, or not for this machine or this kit; nothing of it was used."""


def refuse(path: object, reason: str, remedy: str = _COPY_AGAIN) -> NoReturn:
    """Refuse a bundle.

    Args:
        path: of it.
        reason: why.
        remedy: what to do next.
    """
    raise BundleRefused(f"Reading the bundle {path}", reason, remedy)
