"""Exceptions of a gate: who allowed what, why, and until when; in the configuration file, or as an annotation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from fnmatch import fnmatchcase
from os.path import normpath

from labkit.core.image_reference import ImageReference
from labkit.explain.pipelines.findings import EXCEPTION_INVALID, RULES, Concern, GateFinding
from labkit.explain.pipelines.gate_levels import LEVELS
from labkit.explain.rows import Explanation

ANNOTATION = "labkit.explain.exception"
"""Of a workload, for all its containers; with a slash and a container's name behind it, for that one."""

_FORM = "LEVELS until YYYY-MM-DD: REASON"
_VALUE = re.compile(r"(?P<allows>.*?)(?<!\s)\s+until\s+(?P<expires>[^\s:]+)\s*(:\s*(?P<reason>.*))?", re.DOTALL)
_SIMILAR = 0.75


class BadException(ValueError):
    """An exception that cannot be read; the text says why."""


@dataclass(frozen=True)
class GateException:
    """What somebody allowed.

    Args:
        where: it stands, for messages.
        allows: levels and ids of rules.
        reason: why.
        expires: the last day on which it holds.
        patterns: of file, kind, namespace, name, container and image, with * as in a shell; all have to fit.
        is_annotation: whether it stands in the workload itself.
    """

    where: str
    allows: frozenset[str]
    reason: str
    expires: date
    patterns: dict[str, str] = field(default_factory=dict)
    is_annotation: bool = False

    def covers(self, finding: GateFinding, shut_by: frozenset[Concern]) -> bool:
        """Whether it allows all that would shut a gate about a finding."""
        row = finding.row
        if finding.always or not all(
            row is not None and _fits(row, name, pattern) for name, pattern in self.patterns.items()
        ):
            return False
        allowed = frozenset().union(*(LEVELS[name] for name in self.allows if name in LEVELS))
        return finding.rule in self.allows or finding.concerns & shut_by <= allowed

    def has_expired(self, today: date) -> bool:
        """Whether its last day is over."""
        return today > self.expires


def check_allows(names: Iterable[str]) -> frozenset[str]:
    """Levels and ids of rules, as an exception names them.

    Raises:
        BadException: one is neither, or there is none.
    """
    allows = frozenset(name.strip() for name in names)
    known = [*LEVELS, *(rule for rule in RULES if rule != EXCEPTION_INVALID)]
    for name in sorted(allows):
        if name not in known:
            near = get_close_matches(name, known, n=1)
            raise BadException(
                f"{name!r} is neither a level nor a rule" + (f"; did you mean {near[0]}?" if near else "")
            )
    if not allows:
        raise BadException("it does not say what it allows, such as root or refused")
    return allows


def check_date(value: object) -> date:
    """The last day of an exception.

    Raises:
        BadException: it is none.
    """
    if isinstance(value, date):
        return date(value.year, value.month, value.day)
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise BadException(f"{value!r} is not a date such as 2027-01-31") from None


def of_annotations(rows: Sequence[Explanation], today: date) -> tuple[list[GateException], list[GateFinding]]:
    """The exceptions in workloads' annotations, and a finding for each that cannot be read or has expired."""
    exceptions: dict[tuple[object, ...], GateException] = {}
    findings: dict[tuple[object, ...], GateFinding] = {}
    for row in rows:
        for key, value in row.annotations.items():
            identity = (row.file, row.kind, row.namespace, row.name, key)
            if identity in exceptions or identity in findings or not _is_meant(key):
                continue
            try:
                exception = _of_annotation(row, key, value)
                if exception.has_expired(today):
                    raise BadException(
                        f"it expired on {exception.expires} ({exception.reason}): renew it, or remove it"
                    )
                exceptions[identity] = exception
            except BadException as error:
                message = f"annotation {key}: {error}"
                findings[identity] = GateFinding(EXCEPTION_INVALID, frozenset(), message, row, always=True)
    return list(exceptions.values()), list(findings.values())


def _is_meant(key: str) -> bool:
    """Whether an annotation is an exception, or was to be."""
    return bool(get_close_matches(key.partition("/")[0], [ANNOTATION], cutoff=_SIMILAR))


def _of_annotation(row: Explanation, key: str, value: object) -> GateException:
    name, _, container = key.partition("/")
    if name != ANNOTATION:
        raise BadException(f"there is no such annotation; did you mean {ANNOTATION}?")
    match = _VALUE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise BadException(f"{value!r} is not {_FORM}")
    if not (match["reason"] or "").strip():
        raise BadException(f"it has no reason: write {_FORM}")
    patterns = {
        **{name: _literal(_value(row, name)) for name in ("file", "kind", "namespace", "name")},
        **({"container": _literal(container)} if container else {}),
    }
    allows, expires = check_allows(match["allows"].split(",")), check_date(match["expires"])
    where = f"annotation {key} of {row.kind} {row.name}"
    return GateException(where, allows, match["reason"].strip(), expires, patterns, is_annotation=True)


def _fits(row: Explanation, name: str, pattern: str) -> bool:
    """Whether a value of a row fits a pattern; an image does by any of its spellings."""
    value = _value(row, name)
    spellings = ImageReference.parse(value).spellings() if name == "image" and value else ()
    return any(fnmatchcase(text, pattern) for text in (value, *spellings))


def _value(row: Explanation, name: str) -> str:
    """What a pattern is compared with: of a file its path without ./ and the like."""
    return normpath(row.file or "") if name == "file" else str(getattr(row, name))


def _literal(text: str) -> str:
    """A pattern that fits this text alone."""
    return re.sub(r"[*?[]", lambda match: f"[{match[0]}]", text)
