"""Files are taken apart as kubectl does it: encodings, separators, JSON; a broken document hides no other."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from labkit.explain.manifests.documents import decode, read_documents


def values(text: str) -> list[Any]:
    """The documents of a text that has no flaw."""
    documents = list(read_documents(text))
    assert [document.problem for document in documents] == [None] * len(documents)
    return [document.value for document in documents]


def problems(text: str) -> list[tuple[int, str]]:
    return [(document.line, document.problem) for document in read_documents(text) if document.problem is not None]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"])
def test_a_byte_order_mark_decides(encoding: str) -> None:
    mark = "\ufeff" if encoding.startswith("utf-16") else ""
    assert decode((mark + "kind: é😀\r\n").encode(encoding)) == "kind: é😀\r\n"


def test_what_is_no_utf_8_is_replaced() -> None:
    assert values(decode(b"# \xe9t\xe9\nname: caf\xe9\n")) == [{"name": "caf\ufffd"}]
    assert decode(b"\xff\xfea") == "\ufffd"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("\n\n", []),
        ("# a comment\n# another", []),
        ("---\n---\n\n---\n# none\n---\nnull\n", []),
        ("a: 1", [{"a": 1}]),
        ("a: 1\n---\nb: 2", [{"a": 1}, {"b": 2}]),
        ("a: 1\n--- # a comment\nb: 2", [{"a": 1}, {"b": 2}]),
        ("a: 1\n---   \t\nb: 2", [{"a": 1}, {"b": 2}]),
        ("a: 1\r\n---\r\nb: |\r\n  x\r\n  y\r\n", [{"a": 1}, {"b": "x\ny\n"}]),
        ("a: 1\n...\n---\nb: 2", [{"a": 1}, {"b": 2}]),
        # Nothing is read between ... and the next ---.
        ("a: 1\n...\nb: 2\n---\nc: 3", [{"a": 1}, {"c": 3}]),
        ("a: x\n ---\n b", [{"a": "x --- b"}]),
        ("a: |\n  ---\n  x", [{"a": "---\nx\n"}]),
        ("\ufeffa: 1", [{"a": 1}]),
        ("---\n...\n---\na: 1", [{"a": 1}]),
        ("---\na: 1\n---\n---\nb: 2\n---", [{"a": 1}, {"b": 2}]),
        # Two files with marks that were joined.
        ("\ufeffa: 1\n---\n\ufeffb: 2\n", [{"a": 1}, {"b": 2}]),
        # JSON
        ('{"a": 1}', [{"a": 1}]),
        (' \n\t{"a": 1}\n', [{"a": 1}]),
        ('{"a": 1}{"b": 2} \n\t{"c": 3}', [{"a": 1}, {"b": 2}, {"c": 3}]),
        ('{"a": 1}\n---\n{"b": 2}\n---\nc: 3', [{"a": 1}, {"b": 2}, {"c": 3}]),
        ('{"a": 1}\n# a comment\n', [{"a": 1}]),
        ('{"a": 1e3, "b": 1000.0, "c": 1.5, "d": "x"}', [{"a": 1000, "b": 1000, "c": 1.5, "d": "x"}]),
        ('{\n\t"a": [1,\n\t2]\n}', [{"a": [1, 2]}]),
        # braces, and yet no JSON
        ("{a: 1, b: [y]}", [{"a": 1, "b": [True]}]),
        ("{a: 1}\n---\n{b: 2}", [{"a": 1}, {"b": 2}]),
        ('{"a": 1,}', [{"a": 1}]),
        ('{"a": NaN}', [{"a": "NaN"}]),
        ('{"a": ' + "9" * 5000 + "}", [{"a": "9" * 5000}]),
        ("[{a: 1}]", [[{"a": 1}]]),
    ],
)
def test_documents(text: str, expected: list[object]) -> None:
    assert values(text) == expected


def test_a_key_twice_in_json_counts_as_the_last_and_is_remembered() -> None:
    (value,) = values('{"a": 1, "a": 2, "b": {"c": 1}}')
    assert value == {"a": 2, "b": {"c": 1}}
    assert value.repeated == (("a", -1),)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: ]\n", 1),
        ("a: 1\n\tb: 2\n", 2),
        ("a: b: c", 1),
        ("# c\n\na: 1\nb: !!int x\n", 4),
        ("a: 1\0", 1),
    ],
)
def test_a_broken_document_hides_no_other_and_says_its_line(text: str, line: int) -> None:
    for before, offset in (("", 0), ("a: 1\n---\n", 2), ('{"a": 1}\n---\n', 2)):
        whole = f"{before}{text}\n---\nb: 2\n"
        ((where, problem),) = problems(whole)
        assert problem.startswith("it is not YAML: ")
        assert where == line + offset
        assert [document.value for document in read_documents(whole) if document.problem is None][-1] == {"b": 2}


def test_only_a_comment_may_follow_a_separator() -> None:
    text = "a: 1\n--- {b: 2}\nc: 3\n---\nd: 4\n"
    assert problems(text) == [(2, "only a comment may follow ---, not '{b: 2}'")]
    assert [document.value for document in read_documents(text)] == [{"a": 1}, None, {"c": 3}, {"d": 4}]


def test_json_may_not_turn_into_yaml_after_two_objects() -> None:
    text = '{"a": 1}{"b": 2}\n---\nc: 3\n'
    assert problems(text) == [(2, "after two objects of JSON kubectl reads nothing but JSON")]
    assert [document.value for document in read_documents(text)][-1] == {"c": 3}


def test_a_schema_s_fields_are_not_built() -> None:
    text = (
        "kind: CustomResourceDefinition\napiVersion: apiextensions.k8s.io/v1\nmetadata: {name: w}\nspec: {a: !!int x}\n"
    )
    ((value),) = values(text)
    assert list(value) == ["kind", "apiVersion", "metadata"]
    # The last kind counts.
    assert len(problems(text + "kind: Pod\n")) == 1


def test_garbage_is_collected_again_after_reading() -> None:
    for text in ("a: 1", "a: ["):
        list(read_documents(text))
        assert gc.isenabled()
