"""What a class on a cluster is: its name, images, sizes. Pure: the hub reads the same settings as the command."""

from __future__ import annotations

import ipaddress
import re
import secrets
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import msgspec

from labkit.base.errors import Misuse

CLASS_LABEL = "labkit.class"
"""On everything that a class makes; its value is the class's name."""
ROLE_LABEL = "labkit.role"
"""On its namespaces: hub, server or lab."""
PARTICIPANT_LABEL = "labkit.participant"
"""On a participant's namespaces; its value is their id."""

DEFAULT_NAME = "labkit-class"
DEFAULT_IDLE_MINUTES = 60
SETTINGS_FOLDER = "/etc/labkit-class"
"""Where the hub finds `settings.json`, which `ClassSettings.from_json` reads."""
SECRETS_FOLDER = "/etc/labkit-class-secrets"
"""Where the hub finds a file for each of `ClassKeys`: cookie-secret, proxy-token, class-code, instructor-token."""
STATE_FOLDER = "/srv/labkit-class"
"""The hub's volume: its database."""
HOME = "/home/participant"

HUB_PORT = 8081
PROXY_PORT = 8000
PROXY_API_PORT = 8001
SERVER_PORT = 8888

HUB_USER = 10002
SERVER_USER = 10001

_LEAST_LOOK_SECONDS, _MOST_LOOK_SECONDS = 10, 300
"""The most is JupyterHub's own interval."""
_MOST_NAME = 40  # With `-p-123456-lab` it is a namespace's name, of at most 63 characters.
_NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
_PARTICIPANT = re.compile(r"p-[0-9a-f]{6}")


@dataclass(frozen=True)
class Sizes:
    """How much a participant may have. Quantities are Kubernetes' own.

    Args:
        server_memory_request: what the scheduler keeps free for a server.
        server_memory_limit: where a server is ended.
        server_cpu_request: small, because a server does nothing most of the time.
        home: of the volume for notebooks and progress.
        lab_pods: how many pods a participant may have at a time.
        lab_memory: the sum of their limits.
        pod_memory: the limit of a container that says none.
        pod_disk: what a container that says nothing may write into its file system.
        engine_memory_request: what the scheduler keeps free for an engine beside a server.
        engine_memory_limit: of an engine with all the containers that it runs.
        engine_disk: for its images and containers; a server that needs more is stopped.
    """

    server_memory_request: str = "200Mi"
    server_memory_limit: str = "1Gi"
    server_cpu_request: str = "10m"
    home: str = "1Gi"
    lab_pods: int = 16
    lab_memory: str = "4Gi"
    pod_memory: str = "256Mi"
    pod_disk: str = "256Mi"
    engine_memory_request: str = "96Mi"
    engine_memory_limit: str = "1Gi"
    engine_disk: str = "4Gi"


@dataclass(frozen=True)
class ClassSettings:
    """All that decides which objects a class is made of.

    Args:
        name: of the class and its namespace.
        hub_image: of the hub and the proxy.
        participant_image: of the participants' servers.
        images: what stands before the short names of the course's images as the cluster's nodes can pull them, such as
            `registry.example/labkit`; empty for the kit's own names (kind's nodes have them).
        registry: HOST/PATH where participants put images of their own; empty for nowhere.
        engine: what a participant has in place of Docker: "none" or "podman" (in the server's pod).
        engine_image: of that podman; empty where there is none.
        has_volumes: whether homes and the hub's database are on volumes; without a storage class they are not, and
            what is in them is lost with its pod.
        storage_class: of the volumes; empty for the cluster's default.
        api_addresses: networks (CIDR) of the API server; empty if they are not known.
        exposed: how the proxy is reached: "ClusterIP" (by port-forward alone), "NodePort" or "LoadBalancer".
        node_port: the port for NodePort; 0 for any.
        host: under which people reach it beyond a port-forward; empty where that is not known.
        has_certificate: whether the proxy speaks TLS with the Secret `tls`; beyond a port-forward it has to.
        prepared: ids of participants whose namespaces were made beforehand; the hub then makes none and has no right
            to.
        spawn_limit: how many servers start at a time.
        idle_minutes: after which an idle server is stopped; 0 for never.
        sizes: what each participant may have.

    Raises:
        Misuse: a value makes no sense.
    """

    name: str = DEFAULT_NAME
    hub_image: str = "localhost/labkit-class/hub:latest"
    participant_image: str = "localhost/labkit-class/participant:latest"
    images: str = ""
    registry: str = ""
    engine: str = "none"
    engine_image: str = ""
    has_volumes: bool = True
    storage_class: str = ""
    api_addresses: tuple[str, ...] = ()
    exposed: str = "ClusterIP"
    node_port: int = 0
    host: str = ""
    has_certificate: bool = False
    prepared: tuple[str, ...] = ()
    spawn_limit: int = 10
    idle_minutes: int = DEFAULT_IDLE_MINUTES
    sizes: Sizes = field(default_factory=Sizes)

    def __post_init__(self) -> None:
        doing = f"Describing the class {self.name!r}"
        if len(self.name) > _MOST_NAME or not _NAME.fullmatch(self.name):
            rule = f"a name has at most {_MOST_NAME} of a-z, 0-9 and -, begins with a letter and ends with none of -"
            raise Misuse(doing, rule, "choose another name\n  --class-name labkit-class")
        if "-p-" in f"{self.name}-":  # A class `a-p-123456` would own the namespaces of a participant of class `a`.
            raise Misuse(doing, "-p- in a name stands before a participant's id", "choose another name")
        if self.engine not in ("none", "podman"):
            raise Misuse(doing, f"there is no engine {self.engine!r} for participants", "take none or podman")
        if self.has_engine and not self.engine_image:
            raise Misuse(doing, "an engine is asked for, and no image of one is named", "give --engine-image")
        if self.idle_minutes < 0:
            raise Misuse(
                doing, f"{self.idle_minutes} minutes cannot be a timeout", "give --idle-minutes 60, or 0 for never"
            )
        if self.exposed not in ("ClusterIP", "NodePort", "LoadBalancer"):
            raise Misuse(
                doing, f"a service is not of type {self.exposed!r}", "take ClusterIP, NodePort or LoadBalancer"
            )
        if self.exposed != "ClusterIP" and not self.has_certificate:
            raise Misuse(doing, "beyond a port-forward the class is served by TLS alone", "give a certificate")
        for address in self.api_addresses:
            try:
                ipaddress.ip_network(address)
            except ValueError as error:
                raise Misuse(doing, f"{address!r} is not a network: {error}", "give it as 192.0.2.1/32") from error
        for participant in self.prepared:
            require_participant(participant)

    @classmethod
    def from_json(cls, text: str | bytes, remedy: str = "bring the class up again") -> Self:
        """The settings as `to_json_ready` gave them.

        Args:
            text: them.
            remedy: what helps where they are none; whoever knows the context names the line.

        Raises:
            Misuse: they are none.
        """
        try:
            return msgspec.json.decode(text, type=cls)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise Misuse("Reading the class's settings", str(error), remedy) from error

    def to_json_ready(self) -> dict[str, object]:
        """The settings as JSON-ready values; the same settings always give the same."""
        return {
            **asdict(self),
            "api_addresses": list(self.api_addresses),
            "prepared": list(self.prepared),
        }

    def changed(self, **values: Any) -> Self:
        """The same settings with other values."""
        return replace(self, **values)

    def server_namespace(self, participant: str) -> str:
        """Where a participant's server is; they have no rights there."""
        return f"{self.name}-{require_participant(participant)}"

    def lab_namespace(self, participant: str) -> str:
        """Where a participant's lessons make their pods."""
        return f"{self.server_namespace(participant)}-lab"

    def line(self, context: str, command: str, *options: str) -> str:
        """A line to paste for this class, such as `labkit class status --context NAME`.

        `up` keeps nothing of what it was asked for the last time, so its line says again where images and people go.

        Args:
            context: of the kubeconfig.
            command: up, down, status or doctor.
            options: further ones.
        """
        named = [] if self.name == DEFAULT_NAME else ["--class-name", self.name]
        again = self._wished(options) if command == "up" else []
        return shlex.join(["labkit", "class", command, "--context", context, *named, *again, *options])

    def _wished(self, options: Sequence[str]) -> list[str]:
        exposed = "" if self.exposed == "ClusterIP" else self.exposed
        wished = {"--registry": self.registry, "--storage-class": self.storage_class, "--expose": exposed}
        wished |= {"--node-port": str(self.node_port or ""), "--host": self.host}
        return [word for name, value in wished.items() if value and name not in options for word in (name, value)]

    @property
    def has_engine(self) -> bool:
        """Whether participants have an engine in their server's pod."""
        return self.engine != "none"

    @property
    def look_seconds(self) -> int:
        """How often the hub is told who uses their server, and stops the servers that nobody uses.

        With JupyterHub's own five minutes, whoever is at work would be stopped by an idle timeout of one to five.
        """
        if not self.idle_minutes:
            return _MOST_LOOK_SECONDS
        return max(_LEAST_LOOK_SECONDS, min(_MOST_LOOK_SECONDS, self.idle_minutes * 60 // 4))

    @property
    def hub_role(self) -> str:
        """The ClusterRole that the hub has on the whole cluster."""
        return f"{self.name}-hub"

    @property
    def keeper_role(self) -> str:
        """The ClusterRole that the hub has in the participants' namespaces."""
        return f"{self.name}-keeper"

    @property
    def participant_role(self) -> str:
        """The ClusterRole that participants have in the namespace of their lessons."""
        return f"{self.name}-participant"


def new_participant() -> str:
    """An id that nobody has; it says nothing of whose it is."""
    return f"p-{secrets.token_hex(3)}"


def require_participant(participant: str) -> str:
    """The id, if it is one.

    Raises:
        Misuse: it is none.
    """
    if not _PARTICIPANT.fullmatch(participant):
        raise Misuse(
            "Naming a participant's namespaces",
            f"{participant!r} is not a participant's id",
            "ids are p- and six digits",
        )
    return participant
