"""Where in a file the setting stands that decides about a container: line and column, for who has to change it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from labkit.core.causes import Cause
from labkit.explain.manifests.yaml_nodes import BadYaml, compose
from labkit.explain.rows import Explanation
from labkit.explain.workload_kinds.asked_containers import ROLES

_SEPARATOR = re.compile(r"(?m)^---")
_LINE = re.compile(r"\bline (\d+)\b")
_USER_LINE = re.compile(r"line (\d+): USER ")
_FROM = re.compile(r"(?mi)^[ \t]*FROM[ \t]")
_PATH = re.compile(r"\b(?:spec|metadata)(?:\.[A-Za-z]\w*(?:\[\d+\])?)+")
_STEP = re.compile(r"(\w+)|\[(\d+)\]")
_ABOUT_RUN_AS_NON_ROOT = (Cause.IMAGE_RUNS_AS_ROOT, Cause.IMAGE_USER_NOT_NUMERIC, Cause.IMAGE_USER_OUT_OF_RANGE)


class Position(NamedTuple):
    """A place in a text, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class ContainerNodes:
    """Where a container stands in a text.

    Args:
        offset: where its document begins in the text; marks count from there.
        document: its object.
        pod: what holds the pod's settings.
        container: its own fields.
    """

    offset: int
    document: MappingNode
    pod: MappingNode
    container: MappingNode


def position_of(text: str, row: Explanation) -> Position | None:
    """Where the setting stands that decides about a container; None if that is not found.

    Args:
        text: of its file, decoded.
        row: the container.
    """
    if row.kind == "Dockerfile":
        return _in_dockerfile(text, row)
    text = text.replace("\r\n", "\n")
    if row.kind == "Compose":
        return _in_compose(text, row)
    nodes = find_container(text, row)
    if nodes is not None:
        return _position(text, nodes.offset + int(_deciding(nodes, row).start_mark.index))
    # A step of Tekton's, or a template of Argo's: at least the object is named.
    offset, document = next(_workloads(text, row), (0, None))
    return _position(text, offset + int(document.start_mark.index)) if document is not None else None


def position_in_message(message: str) -> Position | None:
    """The line that a message names."""
    match = _LINE.search(message)
    return Position(int(match[1]), 1) if match is not None else None


def find_container(text: str, row: Explanation) -> ContainerNodes | None:
    """A container's nodes, in a text whose lines end with a line feed alone; None if it is not found, as in a stream of
    JSON objects.
    """
    for offset, document in _workloads(text, row):
        for pod, container, role in _containers(document):
            if role == row.role and _text(field_of(container, "name")) == row.container:
                return ContainerNodes(offset, document, pod, container)
    return None


def _workloads(text: str, row: Explanation) -> Iterator[tuple[int, MappingNode]]:
    """The objects that a container may be in, each with where its document begins."""
    for offset, root in _documents(text):
        for document in _objects(root):
            metadata = field_of(document, "metadata")
            name = _text(field_of(metadata, "name")) or _text(field_of(metadata, "generateName"))
            namespace, kind = _text(field_of(metadata, "namespace")), _text(field_of(document, "kind"))
            if (name, namespace or "default") == (row.name, row.namespace) and kind in (row.kind, ""):
                yield offset, document


def field_of(node: Node | None, name: str) -> Node | None:
    """The value of a field; the last of several counts, and what is merged counts where it is not there itself."""
    if not isinstance(node, MappingNode):
        return None
    own: list[Node] = [value for key, value in node.value if isinstance(key, ScalarNode) and key.value == name]
    if own:
        return own[-1]
    for key, value in node.value:
        if isinstance(key, ScalarNode) and key.value == "<<":
            for merged in value.value if isinstance(value, SequenceNode) else [value]:
                if (inherited := field_of(merged, name)) is not None:
                    return inherited
    return None


@lru_cache(maxsize=1)
def _documents(text: str) -> tuple[tuple[int, Node], ...]:
    """The documents of a text that can be read, each with where it begins; kept for the next container of the file."""
    documents, begin = [], 0
    ends = [*(match.start() for match in _SEPARATOR.finditer(text)), len(text)]
    for end in ends:
        chunk = text[begin:end]
        # The separator's own line belongs to no document.
        first = begin + (chunk.find("\n") + 1 if chunk.startswith("---") else 0)
        begin = end
        try:
            root = compose(text[first:end])
        except (BadYaml, RecursionError):
            continue
        if root is not None:
            documents.append((first, root))
    return tuple(documents)


def _objects(root: Node) -> Iterator[MappingNode]:
    """The objects of a document: itself, and those of a list."""
    if isinstance(root, MappingNode):
        yield root
        items = field_of(root, "items")
        if isinstance(items, SequenceNode):
            for item in items.value:
                yield from _objects(item)


def _containers(document: MappingNode) -> Iterator[tuple[MappingNode, MappingNode, str]]:
    """Each container with what holds its pod's settings, and its role."""
    left: list[Node] = [document]
    seen: set[int] = set()
    while left:
        node = left.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, SequenceNode):
            left += node.value
        elif isinstance(node, MappingNode):
            left += [value for _, value in node.value]
            for key, role in ROLES.items():
                listed = field_of(node, key)
                if isinstance(listed, SequenceNode):
                    yield from ((node, item, role) for item in listed.value if isinstance(item, MappingNode))


def _deciding(nodes: ContainerNodes, row: Explanation) -> Node:
    """The node of the setting that decides; the container itself if there is none."""
    own, of_pod = (field_of(part, "securityContext") for part in (nodes.container, nodes.pod))
    image = field_of(nodes.container, "image")
    if row.api.cause is Cause.INVALID_MANIFEST:
        return _named_in(nodes.document, row.api.message or "") or own or of_pod or nodes.container
    if row.api.cause is Cause.POD_SECURITY:
        return own or of_pod or nodes.container
    if row.cause in _ABOUT_RUN_AS_NON_ROOT:
        return image or nodes.container
    by_own, by_pod = field_of(own, "runAsUser"), field_of(of_pod, "runAsUser")
    deciding = {"container": by_own, "pod": by_pod}.get(row.answer.decided_by)
    return deciding or image or nodes.container


def _named_in(document: MappingNode, message: str) -> Node | None:
    """The node at the first path that a message names, or the last on the way to it that is there."""
    match = _PATH.search(message)
    node: Node | None = document
    for step in _STEP.finditer(match[0]) if match is not None else ():
        following = _step(node, step[1], step[2])
        if following is None:
            break
        node = following
    return node if match is not None else None


def _step(node: Node | None, name: str | None, index: str | None) -> Node | None:
    if name is not None:
        return field_of(node, name)
    items: Sequence[Node] = node.value if isinstance(node, SequenceNode) else ()
    return items[int(index or 0)] if int(index or 0) < len(items) else None


def _in_dockerfile(text: str, row: Explanation) -> Position | None:
    stops = row.build is not None and not row.build.ok
    if stops and row.build is not None:
        return position_in_message(row.build.message or "")
    lines = [int(match[1]) for link in row.because if (match := _USER_LINE.match(link)) is not None]
    if lines:
        return Position(lines[0], 1)
    stages = list(_FROM.finditer(text))
    return _position(text, stages[-1].start()) if stages else None


def _in_compose(text: str, row: Explanation) -> Position | None:
    for offset, root in _documents(text):
        services = field_of(root, "services")
        service = field_of(services, row.container)
        node = field_of(service, "user") or field_of(service, "image") or field_of(service, "build") or service
        if node is not None:
            return _position(text, offset + int(node.start_mark.index))
    return None


def _position(text: str, index: int) -> Position:
    """Lines as editors count them: libyaml counts more characters as ends of lines."""
    begin = text.rfind("\n", 0, index) + 1
    return Position(text.count("\n", 0, index) + 1, index - begin + 1)


def _text(node: Node | None) -> str:
    return str(node.value) if isinstance(node, ScalarNode) else ""
