"""Cases as JSON: what `labkit publish --batch` reads and answers, one a line.

PURE.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypedDict

from labkit.publish.rules.arguments import read_arguments
from labkit.publish.rules.image_config import ConfigObject
from labkit.publish.rules.messages import Refused
from labkit.publish.rules.msbuild import NotUnderstood
from labkit.publish.rules.project import evaluate
from labkit.publish.rules.publish_result import FORMATS, PublishResult, complete, prepare

_KEYS = {"id", "project", "project_sdk", "arguments", "base", "base_reference", "base_format", "project_name"}


class MalformedPublishCase(ValueError):
    """A line that is not a case; the text says what is wrong with it."""


class PublishedCase(TypedDict):
    """What would come out of a case, as `labkit publish --batch` prints it."""

    id: object
    exit: int
    codes: list[str]
    messages: list[str]
    base_image: str
    repository: str
    tags: list[str]
    format: str
    config: ConfigObject | None


def answer_case(case: object) -> PublishedCase:
    """What would come out of one case; nothing is written.

    Args:
        case: a mapping with `project` (the project file's text), `arguments`, `base` (the base's config object, or
            null to infer only the base image) and `base_format`.

    Returns:
        JSON-ready: `id`, `exit`, `codes`, `messages`, `base_image`, `repository`, `tags`, `format`, `config`.

    Raises:
        MalformedPublishCase: it is not a case, or holds what the kit does not evaluate.
    """
    fields = _fields(case)
    try:
        result = _result(fields)
    except Refused as refused:
        result = PublishResult(messages=(refused.message,))
    except NotUnderstood as error:
        raise MalformedPublishCase(f"the kit does not evaluate {error}") from error
    return {
        "id": fields.get("id"),
        "exit": int(result.failed),
        "codes": sorted({message.code for message in result.messages if message.code}),
        "messages": [str(message) for message in result.messages],
        "base_image": result.base_image,
        "repository": result.target.repository,
        "tags": list(result.target.tags),
        "format": result.image_format or fields.get("base_format") or "Docker",
        "config": result.config,
    }


def answer_lines(lines: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Answer JSON lines.

    Args:
        lines: a case each; blank ones are skipped.

    Yields:
        The answer as a line of JSON, and whether the line was a case.
    """
    for line in lines:
        if not line.strip():
            continue
        identifier: Any = None
        try:
            case = json.loads(line)
            identifier = case.get("id") if isinstance(case, dict) else None
            yield json.dumps(answer_case(case), ensure_ascii=False), True
        except RecursionError:
            yield json.dumps({"id": identifier, "error": "nested too deeply"}), False
        except ValueError as error:
            yield json.dumps({"id": identifier, "error": str(error)}), False


def _result(fields: Mapping[str, Any]) -> PublishResult:
    given = read_arguments(fields["arguments"])
    if fields.get("project") is None:
        raise Refused("MSB1003", "there is no project file")
    if (reference := fields.get("base_reference")) and "containerbaseimage" not in {name.lower() for name, _ in given}:
        given = [("ContainerBaseImage", reference), *given]
    project = evaluate(fields["project"], given, name=fields.get("project_name") or "hello")
    result = prepare(project)
    if fields.get("base") is None:
        return result
    return complete(project, result, fields["base"], fields.get("base_format") or "Docker")


def _fields(case: object) -> Mapping[str, Any]:
    if not isinstance(case, dict):
        raise MalformedPublishCase("a case is a JSON object")
    if unknown := sorted(set(case) - _KEYS):
        raise MalformedPublishCase(f"unknown keys {', '.join(unknown)}")
    for name in ("project", "project_sdk", "base_reference", "base_format", "project_name"):
        if not isinstance(case.get(name), str | None):
            raise MalformedPublishCase(f"{name} is a text or null")
    arguments = case.setdefault("arguments", [])
    if not isinstance(arguments, list) or not all(isinstance(argument, str) for argument in arguments):
        raise MalformedPublishCase("arguments is a list of strings")
    if not isinstance(case.get("base"), dict | None):
        raise MalformedPublishCase("base is a JSON object or null")
    _check_base(case.get("base") or {})
    if case.get("base_format") not in (None, *FORMATS):
        raise MalformedPublishCase(f"base_format is one of {', '.join(FORMATS)}")
    return case


def _check_base(base: Mapping[str, Any]) -> None:
    for name in ("Env", "Entrypoint", "Cmd"):
        value = base.get(name)
        if value is not None and not (isinstance(value, list) and all(isinstance(entry, str) for entry in value)):
            raise MalformedPublishCase(f"base.{name} is a list of strings")
    for name in ("Labels", "ExposedPorts", "Volumes"):
        if not isinstance(base.get(name), dict | None):
            raise MalformedPublishCase(f"base.{name} is a JSON object")
    if not isinstance(base.get("User"), str | None):
        raise MalformedPublishCase("base.User is a text")
