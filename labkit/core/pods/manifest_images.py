"""The images that a manifest's text names: found and replaced where they stand, and all else stays as it is. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import yaml

from labkit.core.pods.pod_containers import CONTAINER_FIELDS

_POLICY = "imagePullPolicy"


@dataclass(frozen=True)
class ImageInPlace:
    """What is to stand where a manifest names an image.

    Args:
        reference: in place of the name.
        policy: the imagePullPolicy of the container, if it says none itself.
    """

    reference: str
    policy: str | None = None


def replace_images(manifest: str, place: Callable[[str], ImageInPlace | None]) -> str:
    """A manifest's text with other images; the same text if it is no YAML, which is for its reader to say.

    Args:
        manifest: any number of documents, YAML or JSON.
        place: what is to stand in an image's place; None for what stands there.
    """
    try:
        documents = list(yaml.compose_all(manifest, Loader=yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError):
        return manifest
    changes: dict[tuple[int, int], str] = {}
    for document in documents:
        for container in _containers(document):
            changes |= _changes(container, place, manifest)
    for (start, end), text in sorted(changes.items(), reverse=True):
        manifest = manifest[:start] + text + manifest[end:]
    return manifest


def _containers(node: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    """The containers, wherever a workload has them; each once, though aliases may lead there twice or in a circle."""
    seen: set[int] = set()
    left = [node] if node is not None else []
    while left:
        current = left.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, yaml.SequenceNode):
            left += current.value
        elif isinstance(current, yaml.MappingNode):
            for key, value in current.value:
                left.append(value)
                if key.value in CONTAINER_FIELDS and isinstance(value, yaml.SequenceNode):
                    yield from (item for item in value.value if isinstance(item, yaml.MappingNode))


def _changes(
    container: yaml.MappingNode, place: Callable[[str], ImageInPlace | None], manifest: str
) -> Iterator[tuple[tuple[int, int], str]]:
    fields = {key.value: (key, value) for key, value in container.value if isinstance(key, yaml.ScalarNode)}
    key, image = fields.get("image", (None, None))
    if key is None or not isinstance(image, yaml.ScalarNode) or not (new := place(image.value)):
        return
    if image.value != new.reference:
        span = image.start_mark.index, image.end_mark.index
        yield span, _in_place_of(manifest[slice(*span)], new.reference)
    if new.policy is not None and _POLICY not in fields:
        start = key.start_mark.index
        # In braces a comma goes between fields, else a new line, as far to the right.
        between = ", " if container.flow_style else "\n" + " " * key.start_mark.column
        quote = '"' if manifest[start : start + 1] == '"' else ""
        yield (start, start), f"{quote}{_POLICY}{quote}: {quote}{new.policy}{quote}{between}"


def _in_place_of(written: str, reference: str) -> str:
    """A reference in place of a name as it was written: anchor, quotes and a line's end stay."""
    anchor = written[: written.rfind(" ") + 1] if written[:1] in ("&", "!") else ""
    quote = written[len(anchor)] if written[len(anchor) :][:1] in ("'", '"') else ""
    return anchor + quote + reference + quote + ("\n" if written.endswith("\n") else "")
