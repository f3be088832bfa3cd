"""The values of one YAML document as kubectl has them, which reads YAML 1.1 by go-yaml v2 and turns it into JSON.

Sources: go.yaml.in/yaml/v2 (resolve.go: resolve, decode.go: scalar, mapping, merge) and
sigs.k8s.io/yaml (yaml.go: convertToJSONableObject).
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from labkit.explain.manifests.yaml_nodes import PLAIN, QUOTED, BadYaml, compose

_TAGS: Final = {f"tag:yaml.org,2002:{name}": name for name in ("str", "bool", "int", "float", "null", "timestamp")}
_BINARY, _MERGE = "tag:yaml.org,2002:binary", "tag:yaml.org,2002:merge"
_NAMED: Final[dict[str, object]] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_NUMERIC = frozenset("+-.0123456789")
# strconv.ParseInt with base 0, after go-yaml has taken the underscores out
_INTEGER = re.compile(r"([+-]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_FRACTION = re.compile(r"\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?", re.ASCII)
_BASES: Final = {"0x": 16, "0b": 2, "0o": 8}
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([Tt ]\d{1,2}:\d{1,2}:\d{1,2}(\.\d+)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_LEAST_FLOAT_OF_JSON_WITH_EXPONENT = 1e21


class _NotJson(BadYaml):
    """YAML that has no value in JSON; nobody minds where a later key undoes it."""


class Fields(dict[str, Any]):
    """A mapping that knows where it begins, and which of its keys were written again, and where.

    Args:
        line: counted from 0 in the text that was read.
    """

    __slots__ = ("line", "repeated")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.repeated: tuple[tuple[str, int], ...] = ()


def read_document(text: str, only: Callable[[Any, Any], Iterable[str] | None] = lambda *_: None) -> object:
    """The value of the first document of a text, as JSON has it; kubectl reads no further.

    Args:
        text: from one --- to the next.
        only: given the apiVersion and the kind of a document, it may say that only some of its fields are wanted.

    Raises:
        BadYaml: kubectl cannot read it.
        RecursionError: it is nested too deeply.
    """
    root = compose(text)
    if root is None:
        return None
    wanted = only(_scalar_of(root, "apiVersion"), _scalar_of(root, "kind")) if isinstance(root, MappingNode) else None
    if wanted is not None:
        root.value = [(key, value) for key, value in root.value if key.value in wanted]
    return value_of(root)


def is_merge(key: Node) -> bool:
    """Whether a mapping's key says that its value is merged into the mapping."""
    return isinstance(key, ScalarNode) and key.value == "<<" and key.tag in (PLAIN, _MERGE)


def whole(number: float) -> int | float:
    """A float as it comes out of JSON: Go writes a whole one without a point, so it is read as an integer."""
    if number != number or abs(number) >= _LEAST_FLOAT_OF_JSON_WITH_EXPONENT or not number.is_integer():
        return number
    return int(Decimal(repr(number)))


def of_64_bits(number: int) -> int | float:
    """An integer as it comes out of JSON: beyond 64 bits it is read as a float (k8s.io/apimachinery:util/json)."""
    return number if -(1 << 63) <= number < 1 << 63 else whole(float(number))


def _scalar_of(root: MappingNode, name: str) -> object:
    """A scalar at the top of a document; the last of several counts."""
    values = [value.value for key, value in root.value if key.value == name and isinstance(value, ScalarNode)]
    return values[-1] if values else None


# --- nodes to values ---


def value_of(node: Node) -> object:
    """A node's value as JSON has it.

    Raises:
        BadYaml: kubectl cannot turn it into JSON.
        RecursionError: it is nested too deeply.
    """
    if isinstance(node, ScalarNode):
        value = _scalar(node)
        if value.__class__ is float:
            if value != value or value in (float("inf"), float("-inf")):
                raise _NotJson(f"{node.value} is not a number in JSON", node.start_mark.line)
            return whole(value)
        return value if type(value) is not int else of_64_bits(value)
    if isinstance(node, SequenceNode):
        return [value_of(item) for item in node.value]
    fields = Fields(node.start_mark.line)
    flaws: dict[str, _NotJson] = {}
    _fill(fields, node, set(), flaws)
    for flaw in flaws.values():
        raise flaw
    return fields


def _fill(fields: Fields, node: Node, own: set[str], flaws: dict[str, _NotJson]) -> None:
    """Add a mapping's pairs in their order: a merge overrides what stands before it, as go-yaml has it."""
    for key, value in node.value:
        if is_merge(key):
            _merge(fields, value, flaws)
            continue
        name = _key(key)
        if name in own:
            fields.repeated += ((name, key.start_mark.line),)
        own.add(name)
        try:
            fields[name] = value_of(value)
        except _NotJson as flaw:
            flaws[name] = flaw
        else:
            flaws.pop(name, None)


def _merge(fields: Fields, node: Node, flaws: dict[str, _NotJson]) -> None:
    # Of several, the first has precedence.
    merged = node.value[::-1] if isinstance(node, SequenceNode) else [node]
    for mapping in merged:
        if not isinstance(mapping, MappingNode):
            problem = "map merge requires map or sequence of maps as the value"
            raise BadYaml(problem, node.start_mark.line)
        _fill(fields, mapping, set(), flaws)


def _key(node: Node) -> str:
    line = node.start_mark.line
    if not isinstance(node, ScalarNode):
        raise BadYaml("a list or a mapping cannot be a key in JSON", line)
    if node.tag == QUOTED:
        return str(node.value)
    value = _scalar(node)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float_key(value)
    if isinstance(value, int) and value < 1 << 63:
        return str(value)
    raise BadYaml(f"{node.value or 'nothing'} cannot be a key in JSON", line)


def _float_key(value: float) -> str:
    """strconv.FormatFloat(value, 'g', -1, 32)."""
    if value != value or value in (float("inf"), float("-inf")):
        return {"inf": ".inf", "-inf": "-.inf"}.get(repr(value), ".nan")
    try:
        short = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return ".inf" if value > 0 else "-.inf"
    digits = next(n for n in range(1, 18) if struct.unpack("f", struct.pack("f", float(f"{short:.{n}g}")))[0] == short)
    if digits <= 6 or abs(short) < 1e6:
        return f"{short:.{max(digits, 6) if abs(short) < 1e6 else digits}g}"
    return f"{short:.{digits - 1}e}"


def _scalar(node: ScalarNode) -> object:
    text: str = node.value
    tag = node.tag
    if tag == QUOTED:
        return text
    if tag == PLAIN:
        if text in _NAMED:
            return _NAMED[text]
        return _number(text) if text[0] in _NUMERIC else text
    if tag == _BINARY:
        try:
            return base64.b64decode(re.sub("[\r\n]", "", text), validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError) as error:
            raise BadYaml("!!binary value contains invalid base64 data", node.start_mark.line) from error
    name = _TAGS.get(tag)
    return text if name in (None, "str") else _tagged(name or "", text, node.start_mark.line)


def _tagged(name: str, text: str, line: int) -> object:
    """A scalar with a tag of YAML's own; go-yaml reads it as if it had none, and it has to be of that type then."""
    if name == "timestamp":
        if _DATE.fullmatch(text):
            return text
        raise BadYaml(f"cannot decode `{text[:60]}` as a !!timestamp", line)
    value = _NAMED[text] if text in _NAMED else _number(text) if text[0] in _NUMERIC else text
    types: dict[str, tuple[type, ...]] = {"bool": (bool,), "int": (int,), "float": (float, int), "null": (type(None),)}
    if type(value) not in types[name]:
        raise BadYaml(f"cannot decode `{text[:60]}` as a !!{name}", line)
    return float(value) if name == "float" and isinstance(value, int) and value < 1 << 63 else value


def _number(text: str) -> int | float | str:
    """What begins like a number: an integer of 64 bits, else a float, else a string."""
    if text[0] == ".":
        return float(text) if _FRACTION.fullmatch(text) and float(text) != float("inf") else text
    plain = text.replace("_", "")
    if (match := _INTEGER.fullmatch(plain)) is not None:
        sign, digits = match.groups()
        value = _integer(digits)
        if value is not None:
            value = -value if sign == "-" else value
            if -(1 << 63) <= value < (1 << 63) or (not sign and value < 1 << 64):
                return value
    if _FLOAT.fullmatch(plain) and abs(number := float(plain)) != float("inf"):
        return number
    return text


def _integer(digits: str) -> int | None:
    base = _BASES.get(digits[:2].lower())
    if base is not None:
        return int(digits[2:], base)
    if digits[0] == "0" and len(digits) > 1:
        return int(digits, 8)
    return int(digits) if len(digits) <= 20 else None
