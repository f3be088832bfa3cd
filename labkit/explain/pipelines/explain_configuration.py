"""`labkit-explain.toml`: what a repository says once for all its calls of `labkit explain`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit.base.errors import Misuse, did_you_mean
from labkit.base.files import read_given_text
from labkit.explain.pipelines.findings import Concern
from labkit.explain.pipelines.gate_exceptions import BadException, GateException, check_allows, check_date
from labkit.explain.pipelines.gate_levels import parse_levels

FILE_NAME = "labkit-explain.toml"
_SELECTORS = ("file", "kind", "namespace", "name", "container", "image")
_REMEDY = "docs/explain.md has all keys, or see\n  labkit explain --help"


@dataclass(frozen=True)
class ExplainConfiguration:
    """What the file says.

    Args:
        gate: what shuts a gate, None if it does not say.
        image_users: users of images by their names.
        namespace_levels: as --namespace-level has them.
        no_pods: kinds whose objects run no pods.
        exceptions: in their order.
    """

    gate: frozenset[Concern] | None = None
    image_users: Mapping[str, str] = field(default_factory=dict)
    namespace_levels: tuple[str, ...] = ()
    no_pods: tuple[str, ...] = ()
    exceptions: tuple[GateException, ...] = ()


def read_configuration(path: Path) -> ExplainConfiguration:
    """Read the file.

    Raises:
        Misuse: it is not there, is no TOML, or holds what is not known: never is a typo taken for "no exceptions".
    """
    try:
        text = read_given_text(path)
    except (OSError, ValueError) as error:
        raise Misuse(f"Reading {path}", getattr(error, "strerror", None) or str(error), "name another file") from error
    try:
        return parse_configuration(tomllib.loads(text), str(path))
    except tomllib.TOMLDecodeError as error:
        raise Misuse(f"Reading {path}", f"it is not TOML: {error}", _REMEDY) from error


def parse_configuration(content: Mapping[str, Any], name: str) -> ExplainConfiguration:
    """Read what TOML made of the file.

    Raises:
        Misuse: something in it is not known, or of the wrong type.
    """
    known = ("gate", "image-users", "namespace-levels", "no-pods", "exceptions")
    _expect_keys(content, known, name)
    gate = content.get("gate")
    exceptions = content.get("exceptions", [])
    if not isinstance(exceptions, list):
        raise Misuse(f"Reading {name}", "exceptions are not tables", "write each below a line [[exceptions]]")
    levels = _texts_of(content.get("namespace-levels", {}), "namespace-levels", name)
    return ExplainConfiguration(
        parse_levels(_list_of(gate, "gate", name), f"gate in {name}") if gate is not None else None,
        _texts_of(content.get("image-users", {}), "image-users", name),
        tuple(level if namespace == "*" else f"{namespace}={level}" for namespace, level in levels.items()),
        tuple(_list_of(content.get("no-pods", []), "no-pods", name)),
        tuple(_exception(table, f"exception {number} of {name}") for number, table in enumerate(exceptions, 1)),
    )


def _exception(table: object, where: str) -> GateException:
    if not isinstance(table, dict):
        raise Misuse(f"Reading {where}", "it is not a table", "write it below a line [[exceptions]]")
    _expect_keys(table, ("allows", "reason", "expires", *_SELECTORS), where)
    reason = table.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise Misuse(f"Reading {where}", "it has no reason", 'say why, as in\n  reason = "what it needs root for"')
    if "expires" not in table:
        raise Misuse(f"Reading {where}", "it has no last day", "say until when, as in\n  expires = 2027-01-31")
    patterns = _texts_of({key: table[key] for key in _SELECTORS if key in table}, "its patterns", where)
    if not patterns:
        raise Misuse(f"Reading {where}", "it would hold for everything", f"name some of {', '.join(_SELECTORS)}")
    try:
        allows = check_allows(_list_of(table.get("allows", []), "allows", where))
        return GateException(where, allows, reason.strip(), check_date(table["expires"]), dict(patterns))
    except BadException as error:
        raise Misuse(f"Reading {where}", str(error), _REMEDY) from error


def _expect_keys(table: Mapping[str, object], known: Iterable[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise Misuse(f"Reading {where}", f"there is no key {key!r}", did_you_mean(key, known, _REMEDY))


def _texts_of(table: object, key: str, where: str) -> Mapping[str, str]:
    if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
        raise Misuse(f"Reading {where}", f"{key}: not every value is a string", "put the values into quotes")
    return table


def _list_of(value: object, key: str, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Misuse(f"Reading {where}", f"{key} is not a list of strings", f'as in\n  {key} = ["...", "..."]')
    return value
