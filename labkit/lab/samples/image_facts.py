"""What there is to know of an image without running it."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from labkit.core.identity.accounts import Account, parse_passwd
from labkit.show import counted

if TYPE_CHECKING:
    from labkit.adapters.engine import InspectedImage


@dataclass(frozen=True, repr=False)
class FileFact:
    """Who owns a file of an image and who may use it."""

    uid: int
    gid: int
    mode: str

    def __str__(self) -> str:
        return f"uid {self.uid}, gid {self.gid}, mode {self.mode} ({stat.filemode(int(self.mode, 8))[1:]})"

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class ImageFacts:
    """An image's metadata and its account files.

    Args:
        reference: its name.
        user: Config.User to the letter; empty where the image sets none.
        env: its environment.
        entrypoint: its ENTRYPOINT.
        command: its CMD.
        ports: the ports that it exposes, such as 8080/tcp.
        working_dir: its WORKDIR.
        passwd: the text of its passwd file, None where it has none.
        group: the text of its group file, None where it has none.
        shell: whether it has a /bin/sh.
        size: in bytes.
        source: upstream or stand-in; empty for an image that is not the lab's.
        digest: the upstream reference with its digest, or the image's id.
        files: facts of the files that its contract names; None for one that is not there.
        labels: its labels.
        layers: the digests of what its layers hold, from the bottom (rootfs.diff_ids).
        volumes: the paths that a container of it gets a volume of its own at.
        id: the engine's id of it, which another image of that name has not.
    """

    reference: str
    user: str
    env: Mapping[str, str]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    ports: tuple[str, ...]
    working_dir: str
    passwd: str | None
    group: str | None
    shell: bool
    size: int
    source: str = ""
    digest: str = ""
    files: Mapping[str, FileFact | None] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    id: str = ""

    @classmethod
    def from_inspect(
        cls,
        inspected: InspectedImage,
        *,
        reference: str,
        texts: Mapping[str, str | None],
        shell: bool,
        files: Mapping[str, FileFact | None] | None = None,
    ) -> ImageFacts:
        """Read what `docker image inspect` tells.

        Args:
            inspected: the same, from the engine.
            reference: the name that was asked for.
            texts: text of /etc/passwd and /etc/group, None where the image has no such file.
            shell: whether the image has a /bin/sh.
            files: facts of further files.
        """
        config = inspected["Config"]
        labels = config.get("Labels") or {}
        pairs = (pair.partition("=") for pair in config.get("Env") or [])
        return cls(
            reference=reference,
            user=config.get("User") or "",
            env={name: value for name, _, value in pairs},
            entrypoint=tuple(config.get("Entrypoint") or ()),
            command=tuple(config.get("Cmd") or ()),
            ports=tuple(sorted(config.get("ExposedPorts") or ())),
            working_dir=config.get("WorkingDir") or "",
            passwd=texts.get("/etc/passwd"),
            group=texts.get("/etc/group"),
            shell=shell,
            size=inspected.get("Size", 0),
            source=labels.get("labkit.source", ""),
            digest=labels.get("labkit.upstream") or inspected["Id"],
            files=files or {},
            labels=dict(labels),
            layers=tuple((inspected.get("RootFS") or {}).get("Layers") or ()),
            volumes=tuple(sorted(config.get("Volumes") or ())),
            id=inspected["Id"],
        )

    def stands_on(self, other: ImageFacts) -> bool:
        """Whether it is made of another image: its layers begin with the other's. Nothing stands on no layers."""
        return bool(other.layers) and self.layers[: len(other.layers)] == other.layers

    @property
    def users(self) -> list[Account]:
        """The accounts of its passwd file."""
        return parse_passwd(self.passwd or "")

    def to_dict(self) -> dict[str, object]:
        """As JSON-ready values."""
        return asdict(self)

    def rows(self) -> list[tuple[str, str]]:
        """What to show: a label and a text each."""
        env = {name: value for name, value in self.env.items() if name != "PATH"}
        return [
            ("image", self.reference),
            ("Config.User", f'"{self.user}"' + ("" if self.user else "  (none set: root)")),
            ("Config.Env", " ".join(f"{name}={value}" for name, value in env.items()) or "(only PATH)"),
            ("Entrypoint", " ".join(self.entrypoint) or "(none)"),
            ("passwd", counted(len(self.users), "user") if self.passwd is not None else "(no such file)"),
            ("shell", "/bin/sh" if self.shell else "none"),
            ("size", f"{self.size / 1e6:.0f} MB"),
            ("source", self.source or "not of the lab"),
        ]

    def __str__(self) -> str:
        return "\n".join(f"{label:<12}  {text}" for label, text in self.rows())

    __repr__ = __str__
