"""The Debian packages of a bundle: what the kit adds to a machine that has neither an engine nor a whole Python."""

from __future__ import annotations

from labkit.adapters import debian
from labkit.adapters.debian_packages import describe_package, fetch_packages
from labkit.base.errors import Misuse
from labkit.base.os_release import read_os_release
from labkit.lab.bundles.bundle_manifest import PACKAGES
from labkit.lab.bundles.bundle_writer import BundleWriter

_WANTED = (*(debian.PROGRAMS[program] for program in debian.ENGINE_PROGRAMS), "containerd", "python3-venv")


def can_bundle_packages() -> bool:
    """Whether this machine can fetch them: for another system they would be others."""
    return debian.can_add_packages()


def debian_release() -> str:
    """This machine's release of Debian by its name; empty elsewhere."""
    release = read_os_release()
    return release.get("VERSION_CODENAME", "") if release.get("ID") == "debian" else ""


def add_packages(writer: BundleWriter) -> None:
    """Fetch the packages and add each as a part.

    Raises:
        Misuse: this machine is not Debian's, or we are not root.
        LabFailed: apt could not.
    """
    if not can_bundle_packages():
        raise Misuse(
            "Collecting the Debian packages",
            "that takes a Debian machine, and root on it",
            "leave them out\n  labkit bundle save FILE --with images,node,programs,wheels",
        )
    debian.offer_engine()
    for file in fetch_packages(_WANTED, writer.folder / PACKAGES):
        title, version, licence = describe_package(file)
        writer.add(f"{PACKAGES}{file.name}", title=title, version=version, licence=licence)
