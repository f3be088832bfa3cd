"""Files of manifests as kubectl takes them apart: bytes to text, text to documents.

Sources: kubernetes/cli-runtime:pkg/resource/visitor.go (FileVisitor.Visit: a byte order mark decides, what is no UTF-8
is replaced) and kubernetes/apimachinery:pkg/util/yaml/decoder.go (YAMLOrJSONDecoder, YAMLReader).
"""

from __future__ import annotations

import codecs
import gc
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from labkit.explain.manifests.go_yaml import Fields, of_64_bits, read_document, whole
from labkit.explain.manifests.yaml_nodes import BadYaml

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_SEPARATOR = re.compile(r"(?m)^---(.*)$")
_SPACE_AND_LINE_END = re.compile(r"[^\S\n]*\n?")
_JSON_SPACE = re.compile(r"[ \t\r\n]*")
_LONGEST_INTEGER = 40
# Schemas are nine tenths of what operators ship, and hold no containers.
_HEAD = ("apiVersion", "kind", "metadata")
TOO_DEEP = "it is nested too deeply"


@dataclass(frozen=True)
class KubeDocument:
    """One document of a text.

    Args:
        line: on which it begins, counted from 1.
        value: as JSON has it; None for nothing.
        problem: why kubectl cannot read it, None if it can; `line` is where.
    """

    line: int
    value: Any = None
    problem: str | None = None


def decode(data: bytes) -> str:
    """The text of a file: UTF-16 by its mark, else UTF-8, in which what is none is replaced."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    return data.decode("utf-8", "replace")


def read_documents(text: str) -> Iterator[KubeDocument]:
    """All documents of a text, YAML or JSON; one that cannot be read hides no other."""
    start = count = 0
    if text.lstrip().startswith("{"):
        for document, end in _json_documents(text):
            yield document
            count, start = count + 1, end
        if count and (space := _SPACE_AND_LINE_END.match(text, start)):
            start = space.end()
    line = text.count("\n", 0, start)
    if count > 1 and text[start:].strip():
        yield KubeDocument(line + 1, problem="after two objects of JSON kubectl reads nothing but JSON")
    if start < len(text):
        yield from _yaml_documents(text[start:].replace("\r\n", "\n"), line)


def _json_documents(text: str) -> Iterator[tuple[KubeDocument, int]]:
    """The objects at the beginning of a text that are JSON, each with the place where it ends."""
    position = 0
    while True:
        space = _JSON_SPACE.match(text, position)
        begin = space.end() if space else position
        try:
            value, position = _DECODER.raw_decode(text, begin)
        except ValueError:  # YAML's reader says what is wrong with the rest
            return
        except RecursionError:
            if position:
                yield KubeDocument(text.count("\n", 0, begin) + 1, problem=TOO_DEEP), len(text)
            return
        yield KubeDocument(text.count("\n", 0, begin) + 1, value), position


def _yaml_documents(text: str, line: int) -> Iterator[KubeDocument]:
    begin = 0
    for separator in _SEPARATOR.finditer(text):
        rest = separator[1].strip()
        is_valid = not rest or rest.startswith("#")
        # With nothing before it, it belongs to what comes after it.
        if separator.start() == begin and is_valid:
            continue
        yield from _chunk(text[begin : separator.start()], line)
        line += text.count("\n", begin, separator.start()) + 1
        begin = separator.end() + 1
        if not is_valid:
            yield KubeDocument(line, problem=f"only a comment may follow ---, not {rest[:40]!r}")
    yield from _chunk(text[begin:], line)


def _chunk(text: str, line: int) -> Iterator[KubeDocument]:
    """What stands between two separators: one document, as kubectl reads no second one behind `...`."""
    # Files that were joined have a mark of their own each.
    text = text.removeprefix("\ufeff")
    if not text:
        return
    try:
        with _without_collection():
            value = read_document(text if text.endswith("\n") else text + "\n", _head_of_schemas)
    except BadYaml as error:
        yield KubeDocument(line + error.line + 1, problem=f"it is not YAML: {error}")
    except RecursionError:
        yield KubeDocument(line + 1, problem=TOO_DEEP)
    else:
        if value is not None:
            yield KubeDocument(line + 1, value)


def _head_of_schemas(_: object, kind: object) -> tuple[str, ...] | None:
    return _HEAD if kind == "CustomResourceDefinition" else None


@contextmanager
def _without_collection() -> Iterator[None]:
    """A tree in the making holds no garbage, and to look for some takes longer than to read it."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


# --- JSON ---


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    fields = Fields(-1)
    for name, item in pairs:
        if name in fields:
            fields.repeated += ((name, -1),)
        fields[name] = item
    return fields


def _integer(digits: str) -> int | float:
    return of_64_bits(int(digits)) if len(digits) <= _LONGEST_INTEGER else _float(digits)


def _float(digits: str) -> int | float:
    number = float(digits)
    if abs(number) == float("inf"):
        raise ValueError(f"{digits[:_LONGEST_INTEGER]} is too large a number")
    return whole(number)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_no_constant
)
