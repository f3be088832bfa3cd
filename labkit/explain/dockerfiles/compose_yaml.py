"""The values of a Compose file's YAML documents, which Compose reads by a newer go-yaml than kubectl's.

Source: go.yaml.in/yaml/v3:decode.go, mapping and merge; resolve.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from yaml.nodes import MappingNode, Node, ScalarNode

from labkit.explain.manifests.go_yaml import is_merge, value_of
from labkit.explain.manifests.yaml_nodes import PLAIN, compose_all

_STRING, _NO_TRUTH_VALUES = "tag:yaml.org,2002:str", ("y", "n", "yes", "no", "on", "off")


def read_stream(text: str, look: Callable[[Node], object]) -> Iterator[object]:
    """The value of each document of a text.

    A mapping's own keys override what it merges, wherever they stand; y, no and on are strings.

    Args:
        text: of a file.
        look: given a document's nodes before its value, it may note and take out what it wants.

    Raises:
        BadYaml: Compose cannot read it.
        RecursionError: it is nested too deeply.
    """
    for root in compose_all(text):
        look(root)
        _read_as_v3(root)
        yield value_of(root)


def _read_as_v3(root: Node) -> None:
    """Let merges stand before a mapping's own keys, and truth values be true and false alone."""
    seen: set[int] = set()
    left = [root]
    while left:
        node = left.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, ScalarNode):
            node.tag = _STRING if node.tag == PLAIN and node.value.lower() in _NO_TRUTH_VALUES else node.tag
        elif isinstance(node, MappingNode):
            node.value.sort(key=lambda pair: not is_merge(pair[0]))
            left += [child for pair in node.value for child in pair]
        else:
            left += node.value
