"""Patches for `--fix`: the smallest change to a file with which its refused and root containers pass.

A container gets `runAsNonRoot: true` and a `runAsUser` of its own, which overrides whatever the pod and the image say;
a Dockerfile gets a last USER. The text around it stays as it is, comments too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import unified_diff
from typing import NamedTuple

from yaml.nodes import MappingNode, Node, ScalarNode

from labkit.core.causes import Cause
from labkit.explain.pipelines.setting_positions import ContainerNodes, field_of, find_container
from labkit.explain.rows import Explanation

UID = 10001
"""Who a container becomes whose image names nobody but root: a number that no distribution gives to anybody."""

_RESTRICTED = {
    "allowPrivilegeEscalation": "false",
    "capabilities": '{"drop": ["ALL"]}',
    "seccompProfile": '{"type": "RuntimeDefault"}',
}
_NO_NEWLINE = "\\ No newline at end of file"
_MARK = "\ufeff"


class Edit(NamedTuple):
    """A change of a text.

    Args:
        begin: where the text that is replaced begins.
        end: where it ends.
        text: what stands there then.
    """

    begin: int
    end: int
    text: str


def fixed_manifest(text: str, rows: Sequence[Explanation]) -> str:
    """A manifest in which these containers have a user of their own that is not root.

    Args:
        text: of the file, decoded.
        rows: its containers that are refused or root.
    """
    has_returns, mark = "\r\n" in text, text[:1] if text.startswith(_MARK) else ""
    plain = text.removeprefix(_MARK).replace("\r\n", "\n")
    edits: list[Edit] = []
    for row in rows:
        nodes = find_container(plain, row)
        if nodes is not None and not row.answer.is_for_windows:
            edits += _edits(plain, nodes, _wanted(row))
    for edit in sorted(set(edits), reverse=True):
        plain = plain[: edit.begin] + edit.text + plain[edit.end :]
    return mark + (plain.replace("\n", "\r\n") if has_returns else plain)


def fixed_dockerfile(text: str) -> str:
    """A Dockerfile whose last stage ends with a user that is not root."""
    end = "\r\n" if "\r\n" in text else "\n"
    between = "" if not text or text.endswith("\n") else end
    return f"{text}{between}USER {UID}:{UID}{end}"


def unified_patch(file: str, before: str, after: str) -> str:
    """A patch as `git apply` and `patch -p1` take it; empty if nothing changes.

    Args:
        file: its path from where the patch is applied.
        before: its text.
        after: its text with the change.
    """
    lines = []
    # As git does it: without the tab, patch takes the name to end at a space.
    end = "\t" if " " in file else ""
    difference = unified_diff(_lines(before), _lines(after), f"a/{file}{end}", f"b/{file}{end}", lineterm="\n")
    for line in difference:
        lines.append(line if line.endswith("\n") else f"{line}\n{_NO_NEWLINE}\n")
    return "".join(lines)


def _lines(text: str) -> list[str]:
    """Lines as patch counts them: Python knows more ends of lines."""
    return [line + "\n" for line in text.split("\n")[:-1]] + [last for last in text.split("\n")[-1:] if last]


def _wanted(row: Explanation) -> dict[str, str]:
    """The fields of its securityContext, as JSON has them, for JSON is YAML as well."""
    user = {"runAsNonRoot": "true", "runAsUser": str(_uid(row))}
    return user | _RESTRICTED if row.cause is Cause.POD_SECURITY else user


def _uid(row: Explanation) -> int:
    """The image's own user where it has one that is not root."""
    own = row.image_user.partition(":")[0] if row.image_user else ""
    usable = own.isascii() and own.isdigit() and 0 < int(own[:10]) <= 2**31 - 1
    return int(own[:10]) if usable and len(own) <= len(str(2**31)) else UID


def _edits(text: str, nodes: ContainerNodes, wanted: Mapping[str, str]) -> Iterator[Edit]:
    context = _own_field(nodes.container, "securityContext")
    if context is None:
        yield _added(text, nodes.offset, nodes.container, "securityContext", wanted)
    elif isinstance(context, MappingNode) and _stands_inside(context, nodes.container):
        missing = {}
        for name, value in wanted.items():
            node = _own_field(context, name)
            if node is None:
                missing[name] = value
            elif isinstance(node, ScalarNode) and node.value != value and _stands_inside(node, context):
                yield Edit(nodes.offset + node.start_mark.index, nodes.offset + node.end_mark.index, value)
        if missing:
            yield _added_fields(text, nodes.offset, context, missing)


def _own_field(node: Node, name: str) -> Node | None:
    """A field that a mapping has itself, and not by a merge."""
    if isinstance(node, MappingNode) and any(key.value == name for key, _ in node.value):
        return field_of(node, name)
    return None


def _stands_inside(node: Node, outer: Node) -> bool:
    """Whether a node stands where it is used: an alias stands elsewhere, and others use it too."""
    return bool(outer.start_mark.index <= node.start_mark.index and node.end_mark.index <= outer.end_mark.index)


def _added(text: str, offset: int, container: MappingNode, name: str, fields: Mapping[str, str]) -> Edit:
    """A new mapping in a container."""
    if container.flow_style:
        quote = _quote(text, offset, container)
        inner = ", ".join(_field(key, value, quote) for key, value in fields.items())
        return _after_brace(text, offset, container, f"{quote}{name}{quote}: {{{inner}}}")
    indent = " " * _column(text, offset + container.value[0][0].start_mark.index)
    inner = "".join(f"\n{indent}  {_field(key, value)}" for key, value in fields.items())
    return _before_first_key(text, offset, container, f"{name}:{inner}")


def _added_fields(text: str, offset: int, mapping: MappingNode, fields: Mapping[str, str]) -> Edit:
    if mapping.flow_style:
        quote = _quote(text, offset, mapping)
        inner = ", ".join(_field(key, value, quote) for key, value in fields.items())
        return _after_brace(text, offset, mapping, inner)
    indent = " " * _column(text, offset + mapping.value[0][0].start_mark.index)
    return _before_first_key(
        text, offset, mapping, f"\n{indent}".join(_field(key, value) for key, value in fields.items())
    )


def _field(key: str, value: str, quote: str = "") -> str:
    return f"{quote}{key}{quote}: " + (value if quote else value.replace('"', ""))


def _quote(text: str, offset: int, mapping: MappingNode) -> str:
    """What its keys stand in: in JSON they have to."""
    begin = text.index("{", offset + mapping.start_mark.index) + 1
    return '"' if text[begin:].lstrip().startswith('"') else ""


def _after_brace(text: str, offset: int, mapping: MappingNode, field: str) -> Edit:
    place = text.index("{", offset + mapping.start_mark.index) + 1
    return Edit(place, place, f"{field}, " if mapping.value else field)


def _before_first_key(text: str, offset: int, mapping: MappingNode, lines: str) -> Edit:
    """In a block: behind its first field where that is one line, for a container begins with its name."""
    first, second = mapping.value[0], mapping.value[1] if len(mapping.value) > 1 else None
    begin = offset + first[0].start_mark.index
    indent = " " * _column(text, begin)
    if second is not None and isinstance(first[1], ScalarNode):
        begin = offset + second[0].start_mark.index
    return Edit(begin, begin, f"{lines}\n{indent}")


def _column(text: str, index: int) -> int:
    return index - (text.rfind("\n", 0, index) + 1)
