"""What a cell must show: kept in its metadata as `labkit.expect`, out of the reader's sight; nbval's run holds it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from labkit.core.causes import Cause
from labkit.core.pods.outcome import Verdict
from labkit.notebook.cell_evidence import MARK, NOT_RECORDED

_CAUSE = re.compile(r"^(?:cause +|did not run: )([a-z0-9-]+)", re.MULTILINE)
_VERDICT = re.compile(r"^verdict +(.+)$", re.MULTILINE)
_EXIT_STATUS = re.compile(r"^exit status +(\d+)$", re.MULTILINE)
_UID = re.compile(r"\buid[= ](\d+)")
_TYPED = re.compile(r"^(?:\$ .*|  .* \.\.\.|  done: .*, \d+\.\d s)(?:\n|$)", re.MULTILINE)
"""What was typed, and the progress of what only the first cell of a lab that needs it makes."""
_TAG = re.compile(r"<[^>]*>")


class Expectation(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"phrases": "words", "absent": "not"},
):
    """What a cell must show; what is left out is not looked at.

    The line that begins with `$ `, which repeats what was typed, counts for `words` alone.

    Args:
        text: all of it.
        lines: each is a whole line of it.
        phrases: `words` in the metadata: each occurs in it, as text or as HTML, wherever lines break.
        absent: `not` in the metadata: none occurs in it.
        verdict: of every pod that is shown.
        cause: the only one that is named; null for none.
        exit_status: the last one that is named; 0 where none is.
        uid: the only one that is shown, as `id` prints it or as `uid N`.
        table: for the first cell of a row, the text of another cell of it, or the texts of all others in order.
    """

    text: str | None = None
    lines: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    verdict: Verdict | None = None
    cause: Cause | msgspec.UnsetType | None = msgspec.UNSET
    exit_status: int | None = None
    uid: int | None = None
    table: dict[str, str | tuple[str, ...]] = {}


class InClass(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a cell differs in a class on a shared cluster: `in_class` in the metadata.

    Args:
        why: the reason, which the participant is told above the cell's output.
        recorded: whether it is not run there, and what a lab showed is shown in its place.
        expect: what it must show there, where that is another thing than in a lab of one's own.
    """

    why: str
    recorded: bool = False
    expect: Expectation | None = None


def in_class_of(cell: Mapping[str, Any]) -> InClass | None:
    """How a cell differs in a class; None if it does not.

    Args:
        cell: as the notebook has it.

    Raises:
        ValueError: a key is unknown, or a value is of the wrong type.
    """
    record = cell["metadata"].get("labkit", {}).get("in_class")
    return msgspec.convert(record, InClass) if record is not None else None


def expectation_of(cell: Mapping[str, Any], *, is_class: bool = False) -> Expectation | None:
    """What a cell must show; None if it does not say.

    Args:
        cell: as the notebook has it.
        is_class: whether it is run in a class on a shared cluster.

    Raises:
        ValueError: a key is unknown, a value is of the wrong type, or nothing is expected.
    """
    if is_class and (differs := in_class_of(cell)) is not None and differs.expect is not None:
        return differs.expect
    record = cell["metadata"].get("labkit", {}).get("expect")
    if record is None:
        return None
    expectation = msgspec.convert(record, Expectation)
    if expectation == Expectation():
        raise ValueError("nothing is expected")
    return expectation


def unmet(expectation: Expectation, outputs: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a cell does not show of what it must, a sentence each.

    Where a class has no engine, what a lab showed has to meet the same; the sentence above it does not count.

    Args:
        expectation: of the cell.
        outputs: of the cell, as a notebook keeps them.
    """
    outputs = [output for output in outputs if output.get("metadata") != MARK]
    return list(_unmet(expectation, shown_by(outputs), " ".join(map(_html_of, outputs))))


def is_not_recorded(outputs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a cell of a class only says that what it would show is not recorded.

    Args:
        outputs: of the cell, as a notebook keeps them.
    """
    return any(out.get("metadata") == MARK and NOT_RECORDED in _text_of(out) for out in outputs)


def shown_by(outputs: Sequence[Mapping[str, Any]]) -> str:
    """What a cell shows, as text: what it prints on stdout and its results, in order.

    Args:
        outputs: of the cell, as a notebook keeps them.
    """
    return "\n".join(text.rstrip("\n") for text in map(_text_of, outputs) if text.strip())


def _unmet(expectation: Expectation, shown: str, page: str) -> Iterator[str]:
    result = _TYPED.sub("", shown).strip("\n")
    if not shown:
        yield "something to see was expected, the cell shows nothing"
    if expectation.text is not None and result.strip() != expectation.text.strip():
        yield f"nothing but {expectation.text!r} was expected"
    lines = {line.strip() for line in result.splitlines()}
    yield from (f"a line {line!r} was expected" for line in expectation.lines if line.strip() not in lines)
    flat = _flat(f"{shown} {page}")
    yield from (f"the words {phrase!r} were expected" for phrase in expectation.phrases if _flat(phrase) not in flat)
    flat = _flat(result)
    yield from (f"the words {phrase!r} were not expected" for phrase in expectation.absent if _flat(phrase) in flat)
    if expectation.verdict is not None:
        yield from _only("verdict", expectation.verdict, _VERDICT.findall(result))
    if expectation.cause is not msgspec.UNSET:
        causes = _CAUSE.findall(result)
        if expectation.cause is None and causes:
            yield f"no cause was expected, shown is {', '.join(causes)}"
        elif expectation.cause is not None:
            yield from _only("cause", str(expectation.cause), causes)
    if expectation.exit_status is not None:
        status = int((_EXIT_STATUS.findall(result) or ["0"])[-1])
        if status != expectation.exit_status:
            yield f"exit status {expectation.exit_status} was expected, it is {status}"
    if expectation.uid is not None:
        yield from _only("uid", str(expectation.uid), _UID.findall(result))
    for label, cells in expectation.table.items():
        yield from _unmet_row(label, cells, result)


def _only(name: str, expected: str, shown: Sequence[str]) -> Iterator[str]:
    if set(shown) != {expected}:
        yield f"{name} {expected} was expected, shown is {', '.join(shown) or 'none'}"


def _unmet_row(label: str, expected: str | Sequence[str], shown: str) -> Iterator[str]:
    rows = [cells for line in shown.splitlines() if (cells := re.split(r" {2,}", line.strip()))[0] == label]
    others = [tuple(cells[1:]) for cells in rows]
    if not rows:
        yield f"a row {label!r} was expected"
    elif isinstance(expected, str):
        if not any(expected in cells for cells in others):
            yield f"row {label!r} with {expected!r} was expected, it has {others}"
    elif tuple(expected) not in others:
        yield f"row {label!r} with {tuple(expected)} was expected, it has {others}"


def _text_of(output: Mapping[str, Any]) -> str:
    if output["output_type"] == "stream":
        return str(output["text"]) if output["name"] == "stdout" else ""
    return str(output.get("data", {}).get("text/plain", ""))


def _html_of(output: Mapping[str, Any]) -> str:
    return html.unescape(_TAG.sub(" ", str(output.get("data", {}).get("text/html", ""))))


def _flat(text: str) -> str:
    return " ".join(text.split())
