"""A Compose file's documents as mappings, with what their tags !reset and !override undo in what stands below.

Source: compose-spec/compose-go:loader/reset.go and loader/loader.go (loadYamlFile), at v2.16.2.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yaml.nodes import MappingNode, Node, SequenceNode

from labkit.explain.dockerfiles.compose_yaml import read_stream
from labkit.explain.manifests.documents import decode
from labkit.explain.manifests.go_yaml import Fields
from labkit.explain.manifests.yaml_nodes import BadYaml

LARGEST = 4 << 20
_DEEPEST = 20
_RESET, _OVERRIDE = "!reset", "!override"
_MOST_NODES = 100_000

ComposeFields = dict[str, Any]
"""A mapping of a Compose file as it is written: `compose_services` refuses wrong types, in Compose's words."""

Place = tuple[str, ...]
"""The keys on the way to a value."""


class NotCompose(ValueError):
    """A file that Compose does not take; the text says why."""


@dataclass(frozen=True)
class ComposeDocument:
    """A YAML document of a Compose file; the next one overrides it, as an override file's does.

    Args:
        project: its fields, with services; what has the tag !reset is not among them.
        undone: where it has !reset or !override: what stands below it there does not count.
    """

    project: Mapping[str, Any]
    undone: frozenset[Place] = frozenset()

    def undo(self, value: Mapping[str, Any], place: Place = ()) -> ComposeFields:
        """A mapping of a document below it, without what it undoes.

        Args:
            value: the mapping.
            place: where that stands.
        """
        if not any(undone[: len(place)] == place for undone in self.undone):
            return dict(value)
        return {
            key: self.undo(part, (*place, key)) if isinstance(part, dict) else part
            for key, part in value.items()
            if (*place, key) not in self.undone
        }


def parse_documents(data: bytes) -> list[ComposeDocument]:
    """A Compose file's bytes as mappings with services, a mapping for each of its YAML documents.

    Raises:
        NotCompose: they are no such file.
    """
    text = decode(data).replace("\r\n", "\n").removeprefix("\ufeff")
    undone: list[frozenset[Place]] = []
    try:
        values = list(read_stream(f"{text}\n", lambda root: undone.append(frozenset(_take_tags(root)))))
    except BadYaml as error:
        raise NotCompose(f"it is not YAML: line {error.line + 1}: {error}") from error
    except RecursionError:
        raise NotCompose("it is nested too deeply") from None
    return [_document(*parts) for parts in zip(values, undone, strict=True)]


def _document(value: object, undone: frozenset[Place]) -> ComposeDocument:
    if not isinstance(value, dict):
        raise NotCompose("it has no services: each of its documents must be a mapping")
    services = value.get("services", {})
    if not isinstance(services, dict) and (services is not None or "include" not in value):
        raise NotCompose("services must be a mapping")
    for repeated, line in _repeated(value):
        raise NotCompose(f"line {line + 1}: mapping key {repeated!r} already defined")
    return ComposeDocument({**value, "services": services or {}}, undone)


def read_file(path: Path) -> bytes:
    """A file's bytes, as far as a Compose file may go.

    Raises:
        OSError: it cannot be read.
    """
    if str(path) == "-":
        return sys.stdin.buffer.read(LARGEST + 1)
    if not path.is_file():
        raise OSError(2, "there is no such file", str(path))
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def _take_tags(root: Node) -> Iterator[Place]:
    """The places with such a tag. What is to be reset is taken out of the nodes."""
    left: list[tuple[Node, Place]] = [(root, ())]
    holders: list[MappingNode | SequenceNode] = []
    number = 0
    while left:
        node, place = left.pop()
        number += 1
        if number > _MOST_NODES:
            raise BadYaml(f"compose file exceeds maximum node visit limit ({_MOST_NODES})")
        if node.tag in (_RESET, _OVERRIDE):
            yield place
        elif isinstance(node, MappingNode):
            holders.append(node)
            left += [(value, place if key.value == "<<" else (*place, str(key.value))) for key, value in node.value]
        elif isinstance(node, SequenceNode):
            holders.append(node)
            left += [(item, (*place, str(index))) for index, item in enumerate(node.value)]
    # Only now: a node with an anchor stands in several places.
    for holder in holders:
        if isinstance(holder, MappingNode):
            holder.value = [(key, value) for key, value in holder.value if value.tag != _RESET]
        else:
            holder.value = [item for item in holder.value if item.tag != _RESET]


def _repeated(value: object, depth: int = 0) -> Iterator[tuple[str, int]]:
    """The keys that a mapping or one in it has twice."""
    if isinstance(value, Fields):
        yield from value.repeated
    if isinstance(value, dict) and depth < _DEEPEST:
        for part in value.values():
            yield from _repeated(part, depth + 1)
