"""The containers that manifests ask for, whatever kind of workload wraps them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from labkit.core.identity.identity_cases import CONTAINER_FIELDS, POD_FIELDS, MalformedCase, read_settings
from labkit.core.identity.model import Settings

Role = Literal["init", "main", "ephemeral"]
ROLES: Final[dict[str, Role]] = {"initContainers": "init", "containers": "main", "ephemeralContainers": "ephemeral"}

# Where each kind keeps the pod's metadata and spec (kubernetes/api: core/v1, apps/v1, batch/v1).
_TEMPLATES: Final[dict[str, tuple[str, ...]]] = {
    "Pod": (),
    "ReplicationController": ("spec", "template"),
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
# Other projects have kinds of the same names (batch.volcano.sh has a Job).
_GROUPS = ("", "apps", "batch", "extensions")
_MOST_NODES = 1_000_000
# Python writes and reads numbers of up to 4300 decimal digits, and no API takes one of more than 20.
_LONGEST_NUMBER = 1000
_NUMBER, _VALUE, _DATE = (f"tag:yaml.org,2002:{name}" for name in ("int", "value", "timestamp"))


try:
    from yaml.cyaml import CParser  # type: ignore[attr-defined]
except ImportError:  # PyYAML was built without libyaml.
    _Parser: Any = yaml.SafeLoader
else:

    class _LibYaml(Composer, CParser, SafeConstructor, Resolver):
        """Reads with libyaml's parser, as Kubernetes' own is a port of it, and it is five times as fast as Python's.

        Nodes are composed by Python: libyaml's composer ends the process where a text is nested too deeply.
        """

        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            Composer.__init__(self)
            SafeConstructor.__init__(self)
            Resolver.__init__(self)

    _Parser = _LibYaml


class _Loader(_Parser):  # type: ignore[misc]
    """YAML as Kubernetes reads it: dates and a lone = are strings (gopkg.in/yaml.v2:resolve.go)."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, Any]]]] = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in (_VALUE, _DATE)]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class MalformedManifest(ValueError):
    """A manifest that cannot be read; the text says why."""


@dataclass(frozen=True)
class AskedContainer:
    """A container that a manifest asks for, with the settings that concern its identity.

    Args:
        kind: of its workload.
        name: of its workload.
        namespace: of its workload.
        container: its own name.
        role: init, main or ephemeral.
        image: as the manifest names it.
        pod: the pod's settings.
        own: the container's settings.
        notes: what Kubernetes passes over in them.
        file: the manifest's file, None if it comes from none.
    """

    kind: str
    name: str
    namespace: str
    container: str
    role: Role
    image: str
    pod: Settings
    own: Settings
    notes: tuple[str, ...] = ()
    file: str | None = None


@dataclass
class Asked:
    """What manifests ask for.

    Args:
        containers: in their order.
        passed_over: how many documents of which other kind there are.
        flaws: what is wrong with files and workloads that could not be read.
    """

    containers: list[AskedContainer] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    flaws: list[str] = field(default_factory=list)

    def add(self, other: Asked) -> None:
        """Add what another text asks for."""
        self.containers += other.containers
        self.passed_over += other.passed_over
        self.flaws += other.flaws

    def notes(self) -> list[str]:
        """One sentence on what was skipped, if anything was."""
        if not self.passed_over:
            return []
        counted = ", ".join(f"{count} {kind}" for kind, count in sorted(self.passed_over.items()))
        return [f"skipped, because no container is known in: {counted}"]


def read_workloads(text: str) -> Asked:
    """Find the containers in YAML or JSON, in any number of documents.

    A workload that cannot be read becomes a flaw; the others are read all the same.

    Raises:
        MalformedManifest: it is not YAML, or its anchors multiply beyond measure.
    """
    asked = Asked()
    try:
        for document in _documents(text):
            if document is not None:
                asked.add(_read_document(document))
    except RecursionError as error:
        raise MalformedManifest("it is nested too deeply") from error
    return asked


def _documents(text: str) -> Iterator[Any]:
    if text.lstrip().startswith("{"):
        # JSON may have tabs, which YAML may not.
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            pass  # a mapping of YAML in braces, or YAML's reader says what is wrong
        else:
            yield document
            return
    try:
        yield from _yaml_documents(text)
    except (MalformedManifest, RecursionError):
        raise
    except yaml.YAMLError as error:
        raise MalformedManifest(f"it is not YAML: {error}") from error
    except Exception as error:  # whatever PyYAML's arithmetic meets, such as a KeyError for `!!bool x`
        raise MalformedManifest(f"it is not YAML: a value does not fit its tag ({error!r})") from error


def _yaml_documents(text: str) -> Iterator[Any]:
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                _check_size(node)
                yield loader.construct_document(node)
    finally:
        loader.dispose()


def _check_size(node: yaml.Node) -> None:
    """Refuse anchors that hold themselves, or multiply a small text into a large one, and numbers without end."""
    sizes: dict[int, int | None] = {}

    def size(node: yaml.Node) -> int:
        if isinstance(node, yaml.ScalarNode):
            if node.tag == _NUMBER and len(node.value) > _LONGEST_NUMBER:
                raise MalformedManifest(f"it has a number of more than {_LONGEST_NUMBER} digits")
            return 1
        if id(node) in sizes:
            known = sizes[id(node)]
            if known is None:
                raise MalformedManifest("one of its anchors holds itself")
            return known
        sizes[id(node)] = None
        parts = node.value if isinstance(node, yaml.SequenceNode) else [part for pair in node.value for part in pair]
        total = 1 + sum(size(part) for part in parts)
        if total > _MOST_NODES:
            raise MalformedManifest(f"its anchors multiply it to more than {_MOST_NODES} values")
        sizes[id(node)] = total
        return total

    size(node)


def _read_document(document: Any) -> Asked:
    kind = document.get("kind") if isinstance(document, dict) else None
    if not isinstance(kind, str):
        return Asked(passed_over=Counter({"no kind": 1}))
    if kind.endswith("List") and isinstance(document.get("items"), list):
        asked = Asked()
        for item in document["items"]:
            asked.add(_read_document(_with_kind(item, kind)))
        return asked
    if kind not in _TEMPLATES or not _is_kubernetes_own(document):
        return Asked(passed_over=Counter({kind: 1}))
    return _read_workload(kind, document)


def _with_kind(item: Any, list_kind: str) -> Any:
    """An item of a PodList and its like need not say its kind."""
    if isinstance(item, dict) and "kind" not in item and list_kind != "List":
        return {**item, "kind": list_kind.removesuffix("List")}
    return item


def _is_kubernetes_own(document: Mapping[str, Any]) -> bool:
    version = document.get("apiVersion", "v1")
    return isinstance(version, str) and version.rpartition("/")[0] in _GROUPS


def _read_workload(kind: str, document: Mapping[str, Any]) -> Asked:
    metadata = _mapping(document.get("metadata"))
    name = str(metadata.get("name") or metadata.get("generateName") or "")
    title = f"{kind} {name}".strip()
    try:
        spec = _pod_spec(kind, document)
        if _mapping(spec.get("os")).get("name") == "windows":
            return Asked(passed_over=Counter({f"{kind} for Windows": 1}))
        pod, notes = _settings(spec, "pod", POD_FIELDS)
        containers = [
            _container(kind, name, str(metadata.get("namespace") or "default"), role, container, pod, notes)
            for list_name, role in ROLES.items()
            for container in _containers(spec, list_name)
        ]
        if not any(container.role == "main" for container in containers):
            raise MalformedManifest("it names no containers")
    except (MalformedManifest, MalformedCase) as error:
        return Asked(flaws=[f"{title}: {error}"])
    return Asked(containers)


def _pod_spec(kind: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
    part: Any = document
    for step in (*_TEMPLATES[kind], "spec"):
        part = part.get(step) if isinstance(part, dict) else None
    if not isinstance(part, dict):
        raise MalformedManifest(f"it has no {'.'.join((*_TEMPLATES[kind], 'spec'))}")
    return part


def _containers(spec: Mapping[str, Any], list_name: str) -> Sequence[Mapping[str, Any]]:
    containers = spec.get(list_name)
    if containers is None:
        return []
    if not isinstance(containers, list) or not all(isinstance(container, dict) for container in containers):
        raise MalformedManifest(f"its {list_name} are not a list of containers")
    return containers


def _container(
    kind: str,
    name: str,
    namespace: str,
    role: Role,
    container: Mapping[str, Any],
    pod: Settings,
    notes: tuple[str, ...],
) -> AskedContainer:
    own_name, image = container.get("name"), container.get("image")
    if not isinstance(own_name, str) or not isinstance(image, str) or not own_name or not image:
        raise MalformedManifest(f"its container {own_name!r} lacks a name or an image")
    own, own_notes = _settings(container, "container", CONTAINER_FIELDS)
    return AskedContainer(kind, name, namespace, own_name, role, image, pod, own, notes + own_notes)


def _settings(part: Mapping[str, Any], where: str, known: frozenset[str]) -> tuple[Settings, tuple[str, ...]]:
    """The settings, and a note on each field that the API server would drop: a misspelt one protects nobody."""
    context = part.get("securityContext")
    unknown: list[str] = []
    if isinstance(context, dict):
        unknown = sorted(map(str, context.keys() - known))
        context = {name: value for name, value in context.items() if name in known}
    host_users = part.get("hostUsers") if where == "pod" else None
    settings = read_settings({"securityContext": context, "hostUsers": host_users}, where, known)
    return settings, tuple(
        f"securityContext.{name} is not a field of a {where}: the API server ignores it" for name in unknown
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
