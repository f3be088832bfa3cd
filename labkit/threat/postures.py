"""Postures: ways to run a container, each a value that becomes a `docker run` line or a pod."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import NotRequired, TypedDict

from labkit.base.configuration import Configuration
from labkit.base.errors import Misuse, did_you_mean
from labkit.core.admission.policy import ENFORCE_LABEL
from labkit.core.mappings import Manifest, ManifestPart
from labkit.core.pods.manifest import apply_line, container_manifest, kubectl_line, pod_manifest

ENGINE, CLUSTER = "engine", "cluster"
PLACES = (ENGINE, CLUSTER)
CONTAINER = "app"
HOST_FOLDER = "/host"
SHOWN_FOLDER = "/srv"
"""The host's folder in what is shown: root's, and on every Linux (the Filesystem Hierarchy Standard has it)."""


class HostOptions(TypedDict, total=False):
    """The engine's options for a container, by the names of docker-py:docker/types/containers.py (HostConfig)."""

    security_opt: list[str]
    cap_drop: list[str]
    read_only: bool
    privileged: bool
    binds: list[str]
    group_add: list[str]
    pid_mode: str


class PostureJson(TypedDict):
    """A posture, with its form on each of its places."""

    name: str
    title: str
    image: str
    root: bool
    docker: NotRequired[str]
    pod: NotRequired[Manifest]


@dataclass(frozen=True, repr=False)
class Posture:
    """One way to run a container.

    Args:
        name: what it is called in the matrix.
        title: what it is, in a few words.
        image: a sample image's name.
        user: uid, or uid:gid, in place of the image's.
        no_new_privs: `--security-opt no-new-privileges`; in a pod `allowPrivilegeEscalation: false`.
        drop_all: `--cap-drop ALL`; in a pod `capabilities.drop: [ALL]`.
        read_only: `--read-only`; in a pod `readOnlyRootFilesystem: true`.
        privileged: `--privileged`.
        host_path: a folder of the host or node, owned by root, mounted at /host.
        user_namespace: `hostUsers: false`. The engine has it for the whole daemon only (`--userns-remap`).
        runtime_default: the runtime's seccomp profile; the engine's own default in any case.
        non_root: `runAsNonRoot`, which the engine does not have.
        level: the Pod Security level that the pod's namespace enforces.
        token: whether the pod gets a token of the API, which is Kubernetes' default.
        places: which of engine and cluster have it.
    """

    name: str
    title: str
    image: str = "aspnetapp"
    user: str | None = None
    no_new_privs: bool = False
    drop_all: bool = False
    read_only: bool = False
    privileged: bool = False
    host_path: bool = False
    user_namespace: bool = False
    runtime_default: bool = False
    non_root: bool = False
    level: str = ""
    token: bool = True
    places: tuple[str, ...] = (ENGINE, CLUSTER)

    def __repr__(self) -> str:
        """What it is, and where it is tried."""
        return f"{self.name}: {self.title}, on the {' and the '.join(self.places)}"

    @property
    def is_root(self) -> bool:
        """Whether its process has uid 0."""
        return self.user == "0" or (self.user is None and self.image in _ROOT_IMAGES)

    def engine_options(self, host_folder: str) -> HostOptions:
        """The engine's options, by the SDK's names for HostConfig.

        Args:
            host_folder: what is mounted where the posture has a path of the host.
        """
        options: HostOptions = {}
        if self.no_new_privs:
            options["security_opt"] = ["no-new-privileges"]
        if self.drop_all:
            options["cap_drop"] = ["ALL"]
        if self.read_only:
            options["read_only"] = True
        if self.privileged:
            options["privileged"] = True
        if self.host_path:
            options["binds"] = [f"{host_folder}:{HOST_FOLDER}"]
        return options

    @property
    def reference(self) -> str:
        """The whole name of the image, as engine and cluster of the lab know it."""
        return Configuration.from_environment().image_reference(self.image)

    def docker_line(self, reference: str = "", host_folder: str = SHOWN_FOLDER) -> str:
        """The line to type for the engine.

        Args:
            reference: the image's, the lab's own if not given.
            host_folder: what is mounted where the posture has a path of the host.
        """
        argv = ["docker", "run", "--rm"]
        argv += ["--user", self.user] if self.user is not None else []
        argv += ["--security-opt", "no-new-privileges"] if self.no_new_privs else []
        argv += ["--cap-drop", "ALL"] if self.drop_all else []
        argv += ["--read-only"] if self.read_only else []
        argv += ["--privileged"] if self.privileged else []
        argv += ["--volume", f"{host_folder}:{HOST_FOLDER}"] if self.host_path else []
        return shlex.join([*argv, reference or self.reference])

    def kubectl_line(self) -> str:
        """The lines to type for the cluster; a namespace that enforces a level comes first."""
        if not self.level:
            return apply_line(self.pod(), "default")
        namespace = f"try-{self.level}"
        lines = [
            kubectl_line("create", "namespace", namespace),
            kubectl_line("label", "--overwrite", "namespace", namespace, f"{ENFORCE_LABEL}={self.level}"),
            # Pods need it, and it is made a moment after the namespace.
            kubectl_line("wait", "--for=create", "--namespace", namespace, "serviceaccount/default"),
            apply_line(self.pod(), namespace),
        ]
        return "\n".join(lines)

    def pod(self, reference: str = "", host_folder: str = SHOWN_FOLDER) -> Manifest:
        """The pod's manifest.

        Args:
            reference: the image's, the lab's own if not given.
            host_folder: what is mounted where the posture has a path of the node.
        """
        container = container_manifest(CONTAINER, reference or self.reference, security=self._container_security())
        manifest = pod_manifest(self.name, [container], security=self._pod_security())
        spec = manifest["spec"]
        if self.token:
            del spec["automountServiceAccountToken"]
        if self.user_namespace:
            spec["hostUsers"] = False
        if self.host_path:
            spec["volumes"] = [{"name": "host", "hostPath": {"path": host_folder, "type": "Directory"}}]
            spec["containers"][0]["volumeMounts"] = [{"name": "host", "mountPath": HOST_FOLDER}]
        return manifest

    def _pod_security(self) -> ManifestPart:
        security: ManifestPart = {"runAsNonRoot": True} if self.non_root else {}
        if self.user is not None:
            uid, _, gid = self.user.partition(":")
            security |= {"runAsUser": int(uid)} | ({"runAsGroup": int(gid)} if gid else {})
        if self.runtime_default:
            security["seccompProfile"] = {"type": "RuntimeDefault"}
        return security

    def _container_security(self) -> ManifestPart:
        security: ManifestPart = {}
        if self.no_new_privs:
            security["allowPrivilegeEscalation"] = False
        if self.drop_all:
            security["capabilities"] = {"drop": ["ALL"]}
        if self.read_only:
            security["readOnlyRootFilesystem"] = True
        if self.privileged:
            security["privileged"] = True
        return security

    def to_dict(self) -> PostureJson:
        """As JSON-ready values, with its form on each of its places."""
        record: PostureJson = {"name": self.name, "title": self.title, "image": self.image, "root": self.is_root}
        if ENGINE in self.places:
            record["docker"] = self.docker_line()
        if CLUSTER in self.places:
            record["pod"] = self.pod()
        return record


_ROOT, _APP, _CHISELED, _VULNERABLE = "aspnetapp-root", "aspnetapp", "aspnetapp-chiseled", "rce-app"
_ROOT_IMAGES = (_ROOT, _VULNERABLE)

POSTURES = {
    posture.name: posture
    for posture in (
        Posture("root-default", "root, nothing said", _ROOT),
        Posture("root-drop-all", "root, all capabilities dropped", _ROOT, drop_all=True),
        Posture("root-read-only", "root, read-only root file system", _ROOT, read_only=True),
        Posture("root-seccomp", "root, the runtime's seccomp profile", _ROOT, runtime_default=True, places=(CLUSTER,)),
        Posture("root-userns", "root in a user namespace of its own", _ROOT, user_namespace=True, places=(CLUSTER,)),
        Posture("root-hostpath", "root, with a folder of the host", _ROOT, host_path=True),
        Posture("root-privileged", "root, privileged", _ROOT, privileged=True),
        Posture("root-restricted", "root, where restricted is enforced", _ROOT, level="restricted", places=(CLUSTER,)),
        Posture("root-non-root", "root, where runAsNonRoot is said", _ROOT, non_root=True, places=(CLUSTER,)),
        Posture("app-default", "uid 1654, nothing said", _APP),
        Posture("app-no-new-privs", "uid 1654, no_new_privs", _APP, no_new_privs=True),
        Posture("app-drop-all", "uid 1654, all capabilities dropped", _APP, drop_all=True),
        Posture("app-chiseled", "uid 1654, chiseled image", _CHISELED),
        Posture("app-hostpath", "uid 1654, with a folder of the host", _APP, host_path=True),
        Posture("app-privileged", "uid 1654, privileged", _APP, privileged=True),
        Posture(
            "app-restricted",
            "uid 1654, restricted, read-only, no token",
            _APP,
            no_new_privs=True,
            drop_all=True,
            read_only=True,
            runtime_default=True,
            non_root=True,
            level="restricted",
            token=False,
        ),
        Posture("unknown-gid-0", "an unknown uid, so group 0", _APP, user="4242"),
    )
}
"""All postures of the matrix, in its order."""

VULNERABLE = {
    posture.name: posture
    for posture in (
        Posture("rce-root", "the vulnerable app, root", _VULNERABLE),
        Posture("rce-app", "the vulnerable app, uid 1654", _VULNERABLE, user="1654"),
    )
}
"""The app of lesson 01, whose hole runs what it is sent as the app's own user; not in the matrix."""


def find_posture(name: str) -> Posture:
    """A posture by its name.

    Raises:
        Misuse: it does not exist; a similar name is in the remedy.
    """
    known = POSTURES | VULNERABLE
    if name in known:
        return known[name]
    hint = did_you_mean(name, known, "see what there is\n  labkit matrix --list")
    raise Misuse(f"Looking for posture {name!r}", "there is no such posture", hint)
