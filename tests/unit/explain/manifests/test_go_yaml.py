"""What a YAML document means to kubectl.

The values were given by sigs.k8s.io/yaml; `make parity` asks kubectl itself.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest

from labkit.explain.manifests.go_yaml import Fields, read_document, whole
from labkit.explain.manifests.yaml_nodes import BadYaml

SCALARS: list[tuple[str, Any]] = [
    # octal, decimal, hexadecimal, binary
    ("0o1750", 1000),
    ("0O17", 15),
    ("01750", 1000),
    ("-010", -8),
    ("0750", 488),
    ("0800", 800),
    ("09", 9),
    ("08.5", 8.5),
    ("0x3e8", 1000),
    ("0X3E8", 1000),
    ("-0x10", -16),
    ("0b101", 5),
    ("-0b11", -3),
    ("+12", 12),
    ("1_000", 1000),
    ("1__0_", 10),
    ("0x_3_e8", 1000),
    ("_1", "_1"),
    ("0o8", "0o8"),
    ("0xg", "0xg"),
    ("0b2", "0b2"),
    ("0x", "0x"),
    ("00", 0),
    ("-0", 0),
    # beyond 64 bits
    ("9223372036854775807", 2**63 - 1),
    ("9223372036854775808", 9223372036854776000),
    ("18446744073709551615", 18446744073709552000),
    ("18446744073709551616", 18446744073709552000),
    ("-9223372036854775809", -9223372036854776000),
    ("1" + "0" * 400, "1" + "0" * 400),
    ("0x" + "f" * 5000, "0x" + "f" * 5000),
    ("9" * 5000, "9" * 5000),
    # floats, whole ones without a point
    ("1e3", 1000),
    ("1.0E+3", 1000),
    ("1000.0", 1000),
    ("1.00066e+09", 1000660000),
    ("1.0006600000e9", 1000660000),
    ("1.", 1),
    (".5", 0.5),
    (".5e1", 5),
    (".5_0", 0.5),
    (".5__0", ".5__0"),
    ("1e-1", 0.1),
    ("1000.5", 1000.5),
    ("1_000.5", 1000.5),
    ("-0.0", 0),
    ("1e20", 100000000000000000000),
    ("1e21", 1e21),
    ("1e400", "1e400"),
    ("1e", "1e"),
    ("0x1p3", "0x1p3"),
    # truth values and nothing
    *((text, True) for text in ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")),
    *((text, False) for text in ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")),
    *((text, None) for text in ("", "~", "null", "Null", "NULL")),
    *((text, text) for text in ("yEs", "tRUE", "nULL", "oN", "None", "nil", "t", "f")),
    ('"y"', "y"),
    ("'1000'", "1000"),
    ('"true"', "true"),
    # no sexagesimal numbers, no dates
    ("16:40", "16:40"),
    ("1:30:00", "1:30:00"),
    ("190:20:30.15", "190:20:30.15"),
    ("2024-01-01", "2024-01-01"),
    ("2024-02-30", "2024-02-30"),
    ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
    ("=", "="),
    ("<<", "<<"),
    ("a=b", "a=b"),
    # tags of YAML's own
    ("!!str 0800", "0800"),
    ("!!int 0o17", 15),
    ('!!int "17"', 17),
    ("!!float 1", 1),
    ("!!float 1.5", 1.5),
    ("!!bool y", True),
    ("!!null ''", None),
    ("!!timestamp 2024-01-01", "2024-01-01"),
    ("!!binary aGk=", "hi"),
    # any other tag: the value
    ("!Ref Parameter", "Parameter"),
    ("!Sub '${AWS::StackName}-b'", "${AWS::StackName}-b"),
    ("!vault |\n  6162\n", "6162\n"),
    ("!!python/name:a.b.c ''", ""),
    ("!reference [.setup, script]", [".setup", "script"]),
    ("!Ref 7", "7"),
    ("!mine {a: 1}", {"a": 1}),
    ("!!set {a, b}", {"a": None, "b": None}),
]


@pytest.mark.parametrize(("text", "value"), SCALARS, ids=[text[:30] for text, _ in SCALARS])
def test_a_scalar_means_what_it_means_to_kubectl(text: str, value: object) -> None:
    document = read_document(f"a: {text}\n")
    assert isinstance(document, dict)
    assert document["a"] == value
    assert isinstance(value, dict) or type(document["a"]) is type(value)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("7", "7"),
        ("0x10", "16"),
        ("y", "true"),
        ("off", "false"),
        ("1.5", "1.5"),
        ("1e3", "1000"),
        ("1.00066e+09", "1.00066e+09"),
        ("0.00001", "1e-05"),
        ("1234567.5", "1.2345675e+06"),
        (".inf", ".inf"),
        ("'y'", "y"),
        ("2024-01-01", "2024-01-01"),
    ],
)
def test_a_key_becomes_a_string(key: str, name: str) -> None:
    assert read_document(f"{key}: 1\n") == {name: 1}


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        ("a: [\n", "did not find expected node content", 1),
        ("a: b: c", "mapping values are not allowed in this context", 0),
        ("a: 1\n\tb: 2", "tab character", 1),
        ("a: *nobody", "", 0),
        ("a: 'x", "found unexpected end of stream", 0),
        ("? [a]\n: 1", "a list or a mapping cannot be a key", 0),
        ("~: 1", "cannot be a key in JSON", 0),
        ("18446744073709551615: 1", "cannot be a key in JSON", 0),
        ("a: 1\n<<: 7", "map merge requires map or sequence of maps", 1),
        ("<<: [{a: 1}, 7]", "map merge requires map or sequence of maps", 0),
        ("a: 1\nb: .nan", ".nan is not a number in JSON", 1),
        ("a: -.inf", "-.inf is not a number in JSON", 0),
        ("a: !!bool x", "cannot decode `x` as a !!bool", 0),
        ("a: !!int ''", "cannot decode `` as a !!int", 0),
        ("a: !!int 1.5", "cannot decode `1.5` as a !!int", 0),
        ("a: !!timestamp x", "cannot decode `x` as a !!timestamp", 0),
        ("a: !!binary '!'", "invalid base64", 0),
        ("a\0b", "control characters are not allowed", 0),
        ("%YAML 1.1\n", "did not find expected <document start>", 1),
    ],
)
def test_what_kubectl_cannot_read_says_where_and_why(text: str, problem: str, line: int) -> None:
    with pytest.raises(BadYaml) as error:
        read_document(text)
    assert problem in str(error.value)
    assert str(error.value)
    assert error.value.line == line


def test_half_of_a_character_is_no_yaml() -> None:
    with pytest.raises(BadYaml, match="half of a character"):
        read_document("a: \ud800")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # A merge overrides what stands before it, and not what comes after.
        ("a: &x {k: 1, l: 1}\nb: {k: 2, <<: *x}", {"k": 1, "l": 1}),
        ("a: &x {k: 1, l: 1}\nb: {<<: *x, k: 2}", {"k": 2, "l": 1}),
        ("a: &x {k: 1}\nb: {<<: [{k: 2}, *x]}", {"k": 2}),
        ("a: &x {k: 1}\nb: {<<: [*x, {k: 2, l: 3}]}", {"k": 1, "l": 3}),
        ("a: &x {k: 1}\nb: {'<<': *x}", {"<<": {"k": 1}}),
        ("a: &x {k: 1}\nb: *x", {"k": 1}),
        ("a: &x 1\nc: &x 2\nb: *x", 2),
    ],
)
def test_anchors_and_merges(text: str, value: object) -> None:
    document = read_document(text)
    assert isinstance(document, dict)
    assert document["b"] == value


def test_the_last_of_two_keys_counts_and_is_remembered() -> None:
    document = read_document("a: 1\nb: {c: 1, d: 2,\n  c: 3}\na: 2\n")
    assert document == {"a": 2, "b": {"c": 3, "d": 2}}
    assert isinstance(document, Fields)
    assert isinstance(document["b"], Fields)
    assert (document.repeated, document["b"].repeated) == ((("a", 3),), (("c", 2),))
    assert (document.line, document["b"].line) == (0, 1)
    merged = read_document("a: &x {k: 1}\nb: {<<: *x, k: 2}")
    assert isinstance(merged, dict)
    assert merged["b"].repeated == ()


@pytest.mark.parametrize("undone", [".nan", "{b: [.inf]}"])
def test_what_a_later_key_undoes_need_not_be_json(undone: str) -> None:
    assert read_document(f"a: {undone}\na: 1\n") == {"a": 1}
    with pytest.raises(BadYaml, match="is not a number in JSON"):
        read_document(f"a: 1\na: {undone}\n")
    # It has to be YAML all the same.
    with pytest.raises(BadYaml, match="cannot decode"):
        read_document("a: !!int x\na: 1\n")


def test_only_the_first_document_is_read() -> None:
    assert read_document("a: 1\n...\n") == {"a": 1}
    assert read_document("") is None
    assert read_document("# a comment\n") is None


def test_only_some_fields_may_be_wanted() -> None:
    text = "kind: K\napiVersion: v1\nspec: {a: !!int x}\nmetadata: {name: m}\n"
    only = {("v1", "K"): ("metadata", "kind")}
    assert read_document(text, lambda version, kind: only.get((version, kind))) == {
        "kind": "K",
        "metadata": {"name": "m"},
    }
    with pytest.raises(BadYaml):
        read_document(text)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", ""), ("a:\n", "")])
def test_no_depth_ends_the_process(opening: str, closing: str) -> None:
    with suppress(RecursionError, BadYaml):
        read_document(opening * 50_000 + "7" + closing * 50_000)


def test_much_repetition_in_a_small_document_is_fine() -> None:
    text = "a: &x {k: 1}\nb: [" + ", ".join(["*x"] * 3000) + "]\n"
    document = read_document(text)
    assert isinstance(document, dict)
    assert len(document["b"]) == 3000


def test_a_bomb_is_refused_before_it_is_built() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    start = time.monotonic()
    with pytest.raises(BadYaml, match="excessive aliasing"):
        read_document(bomb)
    assert time.monotonic() - start < 1


@pytest.mark.parametrize(("number", "value"), [(1e3, 1000), (0.5, 0.5), (-0.0, 0), (1e21, 1e21)])
def test_a_whole_float_is_an_integer_in_json(number: float, value: float) -> None:
    assert whole(number) == value
    assert type(whole(number)) is type(value) if number < 1e21 else float
