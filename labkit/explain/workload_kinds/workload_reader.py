"""The containers that manifests ask for, whatever kind of object holds their pod."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from labkit.core import admission
from labkit.core.admission.api_server import LET_IN, PodTemplate, is_own_kind, read_foreign_pod, read_template
from labkit.core.admission.decoding import decode
from labkit.core.identity.kubelet_rules import settings_of
from labkit.explain import workload_kinds
from labkit.explain.manifests.documents import TOO_DEEP, KubeDocument, read_documents
from labkit.explain.manifests.go_yaml import Fields
from labkit.explain.workload_kinds.asked_containers import (
    ROLES,
    Asked,
    AskedContainer,
    ContainerShape,
    MalformedManifest,
    PodShape,
    Unseen,
)

if TYPE_CHECKING:
    from labkit.core.admission.policy import Policy

_STEPS = ("jobTemplate", "podTemplate", "template", "spec")
# Helm and Jinja, envsubst, pipelines; <IMAGE> as in a manual
_PLACEHOLDER = re.compile(r"\{\{|\{%|<%|\$\{|\$\(|#\{|<[A-Z][A-Z0-9_-]+>")
_SHOWN = 40
_OWN_PREFIX = "labkit."


def read_workloads(text: str, podless: frozenset[str] = frozenset()) -> Asked:
    """Find the containers in YAML or JSON, in any number of documents.

    A document or a workload that cannot be read becomes a flaw; the others are read all the same.

    Args:
        text: as kubectl would be given it.
        podless: kinds that run no pods, besides those that are known not to: "Widget", or "Widget.example.org".
    """
    asked = Asked()
    for document in read_documents(text):
        problem = document.problem
        if problem is None:
            try:
                asked.add(_read_object(document.value, document, podless))
            except RecursionError:
                problem = TOO_DEEP
        if problem is not None:
            asked.add(Asked(flaws=[f"line {document.line}: {problem}"], broken=1))
    return asked


def read_live_object(value: Mapping[str, Any]) -> Asked:
    """Find the containers in an object of a cluster, which has let it in: nothing is said of its fields."""
    asked = _read_object(value, KubeDocument(0, value), frozenset())
    asked.containers = [
        replace(container, template=replace(container.template, verdict=LET_IN)) for container in asked.containers
    ]
    return asked


def has_placeholder(text: str) -> bool:
    """Whether something in a text is filled in later: by Helm, envsubst and their like."""
    return _PLACEHOLDER.search(text) is not None


def _read_object(value: Any, document: KubeDocument, podless: frozenset[str], *, inside: bool = False) -> Asked:
    """What an object asks for; one inside of another may leave out what a program fills in."""
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or not kind:
        return Asked(passed_over=Counter({"no kind": 1}))
    if kind.endswith("List") and isinstance(value.get("items"), list):
        asked = Asked()
        for item in value["items"]:
            asked.add(_read_object(_with_kind(item, value), document, podless, inside=inside))
        return asked
    group = workload_kinds.group_of(value)
    path = workload_kinds.pod_path(kind, group)
    if path is not None and not inside:
        return _read_workload(value, path, document)
    if kind == "Namespace" and not group:
        return Asked(passed_over=Counter({kind: 1}), policies=_policies(value))
    if workload_kinds.runs_no_pods(kind, group) or not podless.isdisjoint({kind, f"{kind}.{group}"}):
        return Asked(passed_over=Counter({kind: 1}))
    asked = _read_by_shape(value, document, podless)
    if asked == Asked():
        # Without apiVersion, no API server takes it.
        if workload_kinds.need_have_no_pods(kind, group) or not isinstance(value.get("apiVersion"), str):
            return Asked(passed_over=Counter({kind: 1}))
        return Asked(unjudged=[_unjudged(value, "no pod was found in it, and it is not known to run none")])
    return asked


def _policies(namespace: Mapping[str, Any]) -> dict[str, Policy]:
    """What a Namespace enforces, by its name; nothing where its labels do not say."""
    metadata = _mapping(namespace.get("metadata"))
    name, policy = metadata.get("name"), admission.Policy.of_labels(_mapping(metadata.get("labels")))
    return {name: policy} if isinstance(name, str) and policy is not None else {}


def _with_kind(item: Any, listed: Mapping[str, Any]) -> Any:
    """An item of a PodList and its like need not say its kind."""
    if isinstance(item, dict) and "kind" not in item and listed["kind"] != "List":
        head = {name: listed[name] for name in ("apiVersion",) if name in listed}
        return {**head, **item, "kind": listed["kind"].removesuffix("List")}
    return item


def _read_workload(value: Mapping[str, Any], path: Sequence[str], document: KubeDocument) -> Asked:
    """One of Kubernetes' own, which has to have its pod where that belongs."""
    try:
        spec = _pod_spec(value, path)
        containers = [
            ContainerShape(role, container, "")
            for list_name, role in ROLES.items()
            for container in _containers(spec, list_name)
        ]
        if not any(container.role == "main" for container in containers):
            raise MalformedManifest("it names no containers")
        for shape in containers:
            _check_container(shape.fields)
    except MalformedManifest as error:
        return _flawed(value, error)
    kind, version = value["kind"], value.get("apiVersion")
    if is_own_kind(version, kind):
        template = read_template(value, kind, path)
    else:
        template = read_foreign_pod(spec, _by_list(containers))
        hint = f"{kind} is not in {version} any more: a cluster of today has no match for it"
        template = replace(template, verdict=replace(template.verdict, hints=(hint, *template.verdict.hints)))
    return _read_pod(value, PodShape(spec, containers), document, template)


def _read_by_shape(value: Mapping[str, Any], document: KubeDocument, podless: frozenset[str]) -> Asked:
    asked = Asked()
    for part in workload_kinds.find_pods(value, value["kind"], workload_kinds.group_of(value)):
        if isinstance(part, PodShape):
            asked.add(_read_pod(value, part, document))
        elif isinstance(part, Unseen):
            asked.unjudged.append(_unjudged(value, part.reason))
        else:
            asked.add(_read_object(part, document, podless, inside=True))
    return asked


def _unjudged(value: Mapping[str, Any], reason: str) -> str:
    group = workload_kinds.group_of(value)
    kind = f"{value['kind']}.{group}" if group else value["kind"]
    return f"{_title(value)} ({value.get('apiVersion')}): {reason}; if it runs none, say --no-pods {kind}"


def _read_pod(
    value: Mapping[str, Any], shape: PodShape, document: KubeDocument, template: PodTemplate | None = None
) -> Asked:
    """The containers of a pod.

    Args:
        value: the object that it is in.
        shape: the pod.
        document: the document that the object is in.
        template: the pod as the API server reads it, if the object is of one of Kubernetes' own kinds.
    """
    template = template or read_foreign_pod(shape.spec, _by_list(shape.containers))
    try:
        if template.mismatched is not None and has_placeholder(str(template.mismatched)):
            raise MalformedManifest(f"{_shown(template.mismatched)} must be filled in first")
        metadata = _mapping(value.get("metadata"))
        name, namespace = _name(metadata, "name") or _name(metadata, "generateName"), _name(metadata, "namespace")
        annotations = {
            key: value for key, value in _mapping(metadata.get("annotations")).items() if key.startswith(_OWN_PREFIX)
        }
        pod = settings_of(template.spec)
        above = [part for part in _chain(value) if part is not shape.spec]
        notes = tuple(_repeated([*above, shape.spec], document))
        containers = []
        for container in shape.containers:
            fields = decode(container.fields, "Container").value
            image = container.fields.get("image")
            containers.append(
                AskedContainer(
                    kind=value["kind"],
                    name=name,
                    namespace=namespace or "default",
                    container=_name(container.fields, "name") or container.fallback_name,
                    role=container.role,
                    image=image if isinstance(image, str) and image.strip() else "",
                    pod=pod,
                    own=settings_of(fields),
                    template=template,
                    fields=fields,
                    notes=(*notes, *_repeated((container.fields,), document)),
                    annotations=annotations,
                )
            )
    except MalformedManifest as error:
        return _flawed(value, error)
    return Asked(containers)


def _by_list(containers: Sequence[ContainerShape]) -> dict[str, list[Mapping[str, Any]]]:
    """Containers by the list of a pod's spec that they belong into."""
    lists = {
        list_name: [container.fields for container in containers if container.role == role]
        for list_name, role in ROLES.items()
    }
    return {list_name: listed for list_name, listed in lists.items() if listed}


def _flawed(value: Mapping[str, Any], error: ValueError) -> Asked:
    """What cannot be read, and is a template if something in it is filled in later."""
    sentence = f"{_title(value)}: {error}"
    return Asked(templates=[sentence]) if has_placeholder(str(error)) else Asked(flaws=[sentence])


def _title(value: Mapping[str, Any]) -> str:
    metadata = _mapping(value.get("metadata"))
    name = metadata.get("name") or metadata.get("generateName") or ""
    return f"{value['kind']} {name if isinstance(name, str) else _shown(name)}".strip()


def _pod_spec(value: Mapping[str, Any], path: Sequence[str]) -> Mapping[str, Any]:
    part: Any = value
    for step in (*path, "spec"):
        part = part.get(step) if isinstance(part, dict) else None
    if not isinstance(part, dict):
        raise MalformedManifest(f"it has no {'.'.join((*path, 'spec'))}")
    return part


def _containers(spec: Mapping[str, Any], list_name: str) -> Sequence[Mapping[str, Any]]:
    containers = spec.get(list_name)
    if containers is None:
        return []
    if not isinstance(containers, list) or not all(isinstance(container, dict) for container in containers):
        raise MalformedManifest(f"its {list_name} are not a list of containers")
    return containers


def _check_container(container: Mapping[str, Any]) -> None:
    own_name, image = container.get("name"), container.get("image")
    for name, value in (("name", own_name), ("image", image)):
        if value is not None and not isinstance(value, str):
            raise MalformedManifest(_not_a_string(f"a container's {name}", value))
    if not own_name or not image:
        raise MalformedManifest(f"its container {own_name!r} lacks a name or an image")


def _name(fields: Mapping[str, Any], key: str) -> str:
    """A name, empty for none; kubectl takes nothing but a string, and YAML's y and 1 are none."""
    name = fields.get(key)
    if name is None or isinstance(name, str):
        return name or ""
    raise MalformedManifest(_not_a_string(f"its {key}", name))


def _not_a_string(subject: str, value: object) -> str:
    return f"{subject} is {_shown(value)}, which is not a string: quote it"


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)[:_SHOWN]


def _chain(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """An object and the mappings on the way to its pod's spec."""
    chain = [value]
    while step := next((name for name in _STEPS if isinstance(chain[-1].get(name), dict)), None):
        chain.append(chain[-1][step])
    return chain


def _repeated(parts: Sequence[Mapping[str, Any]], document: KubeDocument) -> Iterator[str]:
    """A sentence on each key that was written again: kubectl takes the last without a word."""
    contexts = [("securityContext.", _mapping(parts[-1].get("securityContext")))]
    for prefix, fields in [*(("", part) for part in parts), *contexts]:
        if isinstance(fields, Fields):
            for name, line in fields.repeated:
                where = f", again on line {document.line + line}" if line >= 0 else ""
                yield f"{prefix}{name} is written twice{where}: kubectl takes the last, which undoes the first"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
