"""Debian packages as files: fetched with all that they need beyond a small system, and installed without a network.

apt does the choosing in both directions. What is fetched was compared with the sums that Debian's archive has signed.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from labkit.adapters.processes import run, run_program
from labkit.base.fetching import fetching
from labkit.base.scratch import scratch_folder

_STATUS = Path("/var/lib/dpkg/status")
_SMALL = {"required"}
_LONGEST_LICENCE = 60
_FIELD = re.compile(r"^([A-Za-z-]+):[ \t]*(.*(?:\n[ \t].*)*)", re.MULTILINE)
_LICENCE = re.compile(r"^License:[ \t]*(\S.*)$", re.MULTILINE)


def fetch_packages(packages: Iterable[str], folder: Path) -> list[Path]:
    """Fetch packages of this machine's Debian, and what they need beyond what every Debian system has.

    Args:
        packages: their names.
        folder: gets their files; it is made.

    Returns:
        The files.

    Raises:
        LabFailed: apt could not.
    """
    (folder / "partial").mkdir(parents=True)
    with scratch_folder() as place:
        status = place / "status"
        status.write_text(small_system(_STATUS.read_text(encoding="utf-8")), encoding="utf-8")
        options = {
            "Dir::State::status": status,
            "Dir::Cache::archives": folder,
            "Dir::Cache::pkgcache": "",
            "Dir::Cache::srcpkgcache": "",
            "APT::Sandbox::User": "root",
        }
        with fetching():
            _apt(options, "install", "--download-only", "--no-install-recommends", "--yes", *packages)
    files = sorted(folder.glob("*.deb"))
    for rest in (folder / "lock", folder / "partial"):
        rest.rmdir() if rest.is_dir() else rest.unlink(missing_ok=True)
    return files


def install_packages(packages: Iterable[str], folder: Path) -> None:
    """Install packages from files alone; what is installed stays as it is, unless they need another version.

    Args:
        packages: their names.
        folder: has their files, and those of what they need.

    Raises:
        LabFailed: apt could not, as when they are of another release of Debian.
    """
    (folder / "Packages").write_text("\n".join(map(_entry, sorted(folder.glob("*.deb")))), encoding="utf-8")
    with scratch_folder() as place:
        source = place / "bundle.list"
        # Whoever made the bundle is trusted: its programs are run, too.
        source.write_text(f"deb [trusted=yes] file:{folder} ./\n", encoding="utf-8")
        for name in ("parts", "lists/partial"):
            (place / name).mkdir(parents=True)
        options = {
            "Dir::Etc::sourcelist": source,
            "Dir::Etc::sourceparts": place / "parts",
            "Dir::State::lists": place / "lists",
            "Dir::Cache::pkgcache": "",
            "Dir::Cache::srcpkgcache": "",
            "APT::Sandbox::User": "root",
            "DPkg::Lock::Timeout": "120",
        }
        _apt(options, "update")
        _apt(options, "install", "--no-install-recommends", "--yes", *packages)


def _apt(options: Mapping[str, object], *command: str) -> None:
    settings = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    run_program(
        ["apt-get", *settings, *command],
        doing=f"Running apt-get {command[0]}",
        remedy="run it yourself to see all of its output; without its packages, the engine must be there before",
        environment={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )


def _entry(file: Path) -> str:
    """A package as an index has it (deb-control(5), and Debian's page on the format of its repositories)."""
    control = run_program(
        ["dpkg-deb", "--field", str(file)], doing=f"Reading {file.name}", remedy=f"see it\n  dpkg-deb --info {file}"
    )
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return f"{control.strip()}\nFilename: ./{file.name}\nSize: {file.stat().st_size}\nSHA256: {digest}\n"


def small_system(status: str) -> str:
    """Of dpkg's status file, the packages that every Debian system has, and all that these need.

    Args:
        status: the whole file, see dpkg(1).
    """
    packages = {fields["Package"]: (text, fields) for text in status.split("\n\n") if (fields := _fields(text))}
    provided = {
        virtual: name for name, (_, fields) in packages.items() for virtual in _names(fields.get("Provides", ""))
    }
    wanted = [
        name
        for name, (_, fields) in packages.items()
        if fields.get("Priority") in _SMALL or fields.get("Essential") == "yes"
    ]
    kept: set[str] = set()
    while wanted:
        name = wanted.pop()
        name = name if name in packages else provided.get(name, name)
        if name in kept or name not in packages:
            continue
        kept.add(name)
        fields = packages[name][1]
        wanted += _names(fields.get("Depends", "")) + _names(fields.get("Pre-Depends", ""))
    return "\n\n".join(text for name, (text, _) in packages.items() if name in kept) + "\n\n"


def _fields(text: str) -> dict[str, str]:
    return dict(_FIELD.findall(text))


def _names(relation: str) -> list[str]:
    """The packages of a relation such as `a (>= 1), b | c:any`; of alternatives all."""
    return [part.split()[0].partition(":")[0] for part in re.split(r"[,|]", relation) if part.strip()]


def describe_package(file: Path) -> tuple[str, str, str]:
    """Name, version and licence of a package's file; the licence as its machine-readable copyright file says it."""
    asking = ["dpkg-deb", "--show", "--showformat=${Package} ${Version}", str(file)]
    name, _, version = run(asking).stdout.partition(" ")
    copyright_file = f"./usr/share/doc/{name}/copyright"
    text = run(["sh", "-c", 'dpkg-deb --fsys-tarfile "$1" | tar -xOf - "$2"', "sh", str(file), copyright_file]).stdout
    licences = ", ".join(dict.fromkeys(_LICENCE.findall(text)))
    return name, version, licences if 0 < len(licences) <= _LONGEST_LICENCE else f"see its {copyright_file[1:]}"
