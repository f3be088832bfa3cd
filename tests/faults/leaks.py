"""All that a lab could leave behind on a machine, listed before and after, and compared.

python -m tests.faults.leaks take before.json
python -m tests.faults.leaks compare before.json
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from labkit.adapters.process_stat import process_fields

MACHINE = "LABKIT_FAULTS_MACHINE"
"""The variable with the folder of the machine; see tests/faults/machine.sh."""

_ENGINE = Path("/var/lib/docker")
_ENGINE_PROGRAMS = ("dockerd", "containerd", "docker-proxy")
_LARGEST = 4 << 20
_MOUNTS = Path("/proc/self/mountinfo")
_INHERITED = "inherited-mounts"
"""The file in the folder of a machine with what was mounted when it began; see tests/bundle/offline_machine.sh."""


def control_group(machine: Path) -> str:
    """The control group of a machine's containers."""
    return f"labkit-faults-{machine.name}"


Things = dict[str, str]
"""What there is of a kind: its name, and what tells it from another of that name."""


@dataclass(frozen=True)
class Inventory:
    """All that there is on a machine, as far as a lab could have made it.

    Args:
        kinds: by their names, such as containers and mounts.
    """

    kinds: Mapping[str, Things]

    @classmethod
    def take(cls, folders: Iterable[Path]) -> Inventory:
        """List what there is now.

        Args:
            folders: whose files are listed, with their content.
        """
        listed = {name: look() for name, look in _LOOKS.items()}
        return cls({**listed, "file": _files(folders)})

    def changes_since(self, before: Inventory) -> list[str]:
        """What is new, gone, or another than before; each as a line that begins with its kind."""
        lines = []
        for kind in sorted({*self.kinds, *before.kinds}):
            old, new = before.kinds.get(kind, {}), self.kinds.get(kind, {})
            lines += [f"{kind} {name} is new: {new[name]}" for name in sorted(new.keys() - old.keys())]
            lines += [f"{kind} {name} is gone" for name in sorted(old.keys() - new.keys())]
            changed = sorted(name for name in old.keys() & new.keys() if old[name] != new[name])
            lines += [f"{kind} {name} has changed: {old[name]} -> {new[name]}" for name in changed]
        return lines


def _lines(*argv: str) -> list[str]:
    """What a program prints; nothing where there is no such program, or no engine."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []


def _pairs(lines: Iterable[str]) -> Things:
    return {name: rest for name, _, rest in (line.partition(" ") for line in lines)}


def _containers() -> Things:
    return _pairs(
        _lines("docker", "ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.Image}} {{.Labels}}")
    )


def _images() -> Things:
    """Images with all that they are called; nameless layers of builds too."""
    images: dict[str, list[str]] = {}
    form = "{{.ID}} {{.Repository}}:{{.Tag}}"
    for name, reference in (
        line.split(" ", 1) for line in _lines("docker", "images", "--all", "--no-trunc", "--format", form)
    ):
        images.setdefault(name, []).append(reference)
    return {name: " ".join(sorted(references)) for name, references in images.items()}


def _volumes() -> Things:
    return _pairs(_lines("docker", "volume", "ls", "--format", "{{.Name}} {{.Labels}}"))


def _networks() -> Things:
    """Networks by their ids; the engine's own by its name, for it is made anew whenever the engine starts."""
    form = '{{if eq .Name "bridge"}}{{.Name}}{{else}}{{.ID}}{{end}} {{.Name}} {{.Driver}}'
    return _pairs(_lines("docker", "network", "ls", "--no-trunc", "--format", form))


def _folders_of_engine() -> Things:
    """What lies on the engine's disk, whether or not the engine knows of it."""
    # BuildKit keeps its own records between builds, and they are the engine's.
    parts = (
        "overlay2",
        "containers",
        "volumes",
        "image/overlay2/imagedb/content/sha256",
        "image/overlay2/layerdb/mounts",
    )
    places = [_ENGINE / part for part in parts]
    return {str(path.relative_to(_ENGINE)): "" for place in places if place.is_dir() for path in place.iterdir()}


def _processes() -> Things:
    """What runs, by its command line, and how often; without us, what started us, the engine and the kernel."""
    ours, pid = set(), os.getpid()
    while pid > 0:
        ours.add(pid)
        pid = _parent(pid)
    counted: dict[str, int] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) in ours:
            continue
        try:
            argv = (folder / "cmdline").read_bytes().decode("utf-8", "replace").rstrip("\0").split("\0")
        except OSError:
            continue
        if argv != [""] and Path(argv[0]).name not in _ENGINE_PROGRAMS:
            line = " ".join(argv)
            counted[line] = counted.get(line, 0) + 1
    return {line: f"{count} times" for line, count in counted.items()}


def _parent(pid: int) -> int:
    fields = process_fields(pid)
    return int(fields[1]) if fields else 0


def _mounts() -> Things:
    """What is mounted where, without what was so before the machine for faults began."""
    inherited = {mount_id for mount_id, _, _ in _mounts_in(Path(os.environ.get(MACHINE, "none")) / _INHERITED)}
    return {place: kind for mount_id, place, kind in _mounts_in(_MOUNTS) if mount_id not in inherited}


def _mounts_in(file: Path) -> Iterator[tuple[str, str, str]]:
    """The mounts of a file that is written as proc(5) says: their ids, places and kinds."""
    if file.is_file():
        for fields in (line.split() for line in file.read_text(encoding="utf-8").splitlines()):
            yield fields[0], fields[4], fields[fields.index("-") + 1]


def _cgroups() -> Things:
    """The control groups under that of the machine's containers, in every hierarchy."""
    name = control_group(Path(os.environ.get(MACHINE, "none")))
    roots = [Path("/sys/fs/cgroup") / name, *Path("/sys/fs/cgroup").glob(f"*/{name}")]
    return {folder: "" for root in roots if root.is_dir() for folder, _, _ in os.walk(root) if folder != str(root)}


def _firewall() -> Things:
    rules = [*_lines("iptables-save"), *_lines("ip6tables-save")]
    # Counters and the time are no rules, and the engine puts its own chains in another order after a restart.
    return {line.split(" [")[0]: "" for line in rules if line[:1] in ("-", ":", "*")}


def _links() -> Things:
    return {line.split(":")[1].split("@")[0].strip(): "" for line in _lines("ip", "-oneline", "link")}


def _files(folders: Iterable[Path]) -> Things:
    """Every file, folder and link, with mode, owner and content; what is mounted there is another place's."""
    listed: Things = {}
    mounted = {place for _, place, _ in _mounts_in(_MOUNTS)}  # A folder of the same file system can be mounted, too.
    for root in folders:
        for folder, names, files in os.walk(root):
            names[:] = [name for name in names if str(Path(folder) / name) not in mounted]
            for name in [*names, *files]:
                path = Path(folder) / name
                try:
                    listed[str(path)] = _fingerprint(path)
                except OSError:
                    continue  # It went meanwhile.
    return listed


def _fingerprint(path: Path) -> str:
    status = path.lstat()
    about = f"{stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid}"
    if stat.S_ISLNK(status.st_mode):
        return f"{about} -> {path.readlink()}"
    if not stat.S_ISREG(status.st_mode):
        return about
    if status.st_size > _LARGEST:
        return f"{about} {status.st_size} bytes of {status.st_mtime_ns}"
    return f"{about} {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"


_LOOKS: dict[str, Callable[[], Things]] = {
    "container": _containers,
    "image": _images,
    "volume": _volumes,
    "network": _networks,
    "engine's folder": _folders_of_engine,
    "process": _processes,
    "mount": _mounts,
    "control group": _cgroups,
    "firewall rule": _firewall,
    "network interface": _links,
}


def main(arguments: list[str]) -> int:
    """Take an inventory, or compare with an earlier one."""
    verb, file, *folders = arguments
    taken = Inventory.take(map(Path, folders))
    if verb == "take":
        Path(file).write_text(json.dumps(taken.kinds), encoding="utf-8")
        return 0
    changes = taken.changes_since(Inventory(json.loads(Path(file).read_text(encoding="utf-8"))))
    print("\n".join(changes) or "nothing has changed")
    return 1 if changes else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
