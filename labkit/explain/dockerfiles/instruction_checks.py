"""What the builders refuse of an instruction before they build anything, and the stages that a Dockerfile has.

Source: moby/buildkit:frontend/dockerfile/instructions (parse.go, bflag.go), at v0.34.2 and v0.13.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from labkit.explain.dockerfiles.dockerfile_parser import BuildStops, Instruction
from labkit.explain.dockerfiles.expansion import Builder, go_quote
from labkit.explain.dockerfiles.run_mounts import mount_fields

_KEYWORDS = [
    "add",
    "arg",
    "cmd",
    "copy",
    "entrypoint",
    "env",
    "expose",
    "from",
    "healthcheck",
    "label",
    "maintainer",
    "onbuild",
    "run",
    "shell",
    "stopsignal",
    "user",
    "volume",
    "workdir",
]
_TEXT, _TEXTS, _FLAG = "text", "texts", "flag"
_COPY: Final = {"chown": _TEXT, "from": _TEXT, "chmod": _TEXT, "link": _FLAG}
_ADD: Final = {"chown": _TEXT, "chmod": _TEXT, "link": _FLAG, "keep-git-dir": _FLAG, "checksum": _TEXT}
_RUN: Final = {"mount": _TEXTS, "network": _TEXT}
_HEALTH: Final = dict.fromkeys(("interval", "timeout", "start-period", "start-interval", "retries"), _TEXT)
_ALLOWED: Final[dict[Builder, dict[str, dict[str, str]]]] = {
    "classic": {"copy": _COPY, "add": _ADD, "run": _RUN, "healthcheck": _HEALTH, "from": {"platform": _TEXT}},
    "buildkit": {
        "copy": {**_COPY, "exclude": _TEXTS, "parents": _FLAG},
        "add": {**_ADD, "exclude": _TEXTS, "unpack": _FLAG},
        "run": {**_RUN, "security": _TEXT, "device": _TEXTS},
        "healthcheck": _HEALTH,
        "from": {"platform": _TEXT},
    },
}
# Their flags are taken off by the parser, and nobody looks at them.
_FLAGS_UNREAD = ("arg", "stopsignal")
_AT_LEAST_ONE = ("arg", "env", "expose", "healthcheck", "label", "onbuild", "shell", "volume")
_EXACTLY_ONE = ("maintainer", "user", "workdir", "stopsignal")
_STAGE_NAME = re.compile(r"[a-z][a-z0-9-_.]*\Z", re.ASCII)
_DURATION = re.compile(r"[+-]?((\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+\Z|[+-]?0\Z", re.ASCII)
_FARTHEST = 2


@dataclass
class StageText:
    """A stage as it is written.

    Args:
        number: its place, from 0.
        base: what its FROM names, not expanded.
        name: its name in lower case; empty for none.
        platform: its --platform, not expanded; empty for none.
        line: the line of its FROM.
        instructions: what follows it.
    """

    number: int
    base: str
    name: str
    platform: str
    line: int
    instructions: list[Instruction] = field(default_factory=list)

    @property
    def title(self) -> str:
        """Its name, or else its number."""
        return self.name or str(self.number)


def read_stages(instructions: Iterable[Instruction], builder: Builder) -> tuple[list[Instruction], list[StageText]]:
    """The ARG instructions before the first FROM, and the stages.

    Raises:
        BuildStops: the builder refuses one of the instructions.
    """
    arguments: list[Instruction] = []
    stages: list[StageText] = []
    for instruction in instructions:
        try:
            flags = check_instruction(instruction, builder)
        except BuildStops as error:
            where = f"dockerfile parse error on line {instruction.line}: {error}"
            raise BuildStops(where, instruction.line) from error
        if instruction.keyword == "from":
            stages.append(_stage(instruction, flags, len(stages)))
        elif stages:
            stages[-1].instructions.append(instruction)
        elif instruction.keyword == "arg":
            arguments.append(instruction)
        else:
            raise BuildStops("no build stage in current context", instruction.line)
    if not stages:
        raise BuildStops("dockerfile contains no stages to build")
    return arguments, stages


def check_instruction(instruction: Instruction, builder: Builder) -> dict[str, list[str]]:
    """Refuse what the builder refuses.

    Returns:
        Its flags with their values.

    Raises:
        BuildStops: the builder stops at it; the text does not name the line yet.
    """
    keyword, arguments = instruction.keyword, instruction.arguments
    if keyword not in _KEYWORDS:
        near = f" (did you mean {near_keyword(instruction.spelt)}?)" if near_keyword(instruction.spelt) else ""
        raise BuildStops(f"unknown instruction: {instruction.spelt}{near}", instruction.line)
    if keyword in _EXACTLY_ONE and len(arguments) != 1:
        raise BuildStops(f"{keyword.upper()} requires exactly one argument", instruction.line)
    if keyword in ("add", "copy") and len(arguments) < 2:
        message = "requires at least two arguments, but only one was provided. Destination could not be determined"
        raise BuildStops(f"{keyword.upper()} {message}", instruction.line)
    if keyword == "from":
        _check_from(instruction)
    elif keyword == "healthcheck" and arguments and arguments[0].upper() == "NONE":
        if len(arguments) > 1:
            raise BuildStops("HEALTHCHECK NONE takes no arguments", instruction.line)
        return {}
    flags = {} if keyword in _FLAGS_UNREAD else _read_flags(instruction, builder)
    if keyword in _AT_LEAST_ONE and (not arguments or (keyword == "shell" and arguments == ("",))):
        raise BuildStops(f"{keyword.upper()} requires at least one argument", instruction.line)
    _check_rest(instruction, flags)
    return flags


def near_keyword(spelt: str) -> str | None:
    """The instruction that a misspelt one may have been meant for."""
    near = nearest(spelt.lower(), _KEYWORDS)
    return None if near is None else near if spelt.islower() else near.upper()


def nearest(name: str, names: Sequence[str]) -> str | None:
    """The nearest of some names by the letters that differ, None if all differ in more than two."""
    distances = {candidate: _distance(name, candidate) for candidate in names if abs(len(candidate) - len(name)) < 3}
    best = min(distances.values(), default=_FARTHEST + 1)
    return next(candidate for candidate, distance in distances.items() if distance == best) if best <= 2 else None


def _distance(one_name: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one_name, 1):
        before, row[0] = row[0], number
        for column, other_letter in enumerate(other, 1):
            step = min(row[column] + 1, row[column - 1] + 1, before + (letter != other_letter))
            before, row[column] = row[column], step
    return row[-1]


def _stage(instruction: Instruction, flags: dict[str, list[str]], number: int) -> StageText:
    arguments = instruction.arguments
    name = arguments[2].lower() if len(arguments) == 3 else ""
    platform = flags.get("platform", [""])[0]
    return StageText(number, arguments[0], name, platform, instruction.line)


def _check_from(instruction: Instruction) -> None:
    arguments = instruction.arguments
    if len(arguments) == 3 and arguments[1].lower() == "as":
        if not _STAGE_NAME.match(arguments[2].lower()):
            name = go_quote(arguments[2])
            message = f"invalid name for build stage: {name}, name can't start with a number or contain symbols"
            raise BuildStops(message, instruction.line)
    elif len(arguments) != 1:
        raise BuildStops("FROM requires either one or three arguments", instruction.line)


def _check_rest(instruction: Instruction, flags: dict[str, list[str]]) -> None:
    keyword, arguments, line = instruction.keyword, instruction.arguments, instruction.line
    if keyword in ("env", "label") and "" in arguments[::2]:
        raise BuildStops(f"{keyword.upper()} names can not be blank", line)
    if keyword == "arg" and any(argument.startswith("=") for argument in arguments):
        raise BuildStops("ARG names can not be blank", line)
    if keyword == "onbuild":
        _check_trigger(arguments[0].strip().upper(), line)
    if keyword == "shell" and not instruction.is_json:
        raise BuildStops("SHELL requires the arguments to be in JSON form", line)
    if keyword == "volume" and any(not argument.strip() for argument in arguments):
        raise BuildStops("VOLUME specified can not be an empty string", line)
    if keyword == "healthcheck":
        _check_health(arguments, flags, line)
    for mount in flags.get("mount", ()) if keyword == "run" else ():
        if any(part.lower().startswith("from=") and "$" in part[:-1] for part in mount_fields(mount)):
            raise BuildStops("'from' doesn't support variable expansion, define alias stage instead", line)
    if keyword == "run" and flags.get("security", ["sandbox"])[0] not in ("sandbox", "insecure"):
        raise BuildStops(f"security {go_quote(flags['security'][0])} is not valid", line)
    network = flags.get("network", ["default"])[0]
    if keyword == "run" and network not in ("default", "none", "host"):
        raise BuildStops(f"invalid network mode {go_quote(network)}", line)


def _check_trigger(keyword: str, line: int) -> None:
    if keyword == "ONBUILD":
        raise BuildStops("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed", line)
    if keyword in ("MAINTAINER", "FROM"):
        raise BuildStops(f"{keyword} isn't allowed as an ONBUILD trigger", line)


def _check_health(arguments: Sequence[str], flags: dict[str, list[str]], line: int) -> None:
    kind = arguments[0].upper()
    if kind != "CMD":
        raise BuildStops(f"Unknown type {go_quote(kind)} in HEALTHCHECK (try CMD)", line)
    if len(arguments) < 2:
        raise BuildStops("Missing command after HEALTHCHECK CMD", line)
    for name in ("interval", "timeout", "start-period", "start-interval"):
        value = flags.get(name, [""])[0]
        if value and not _DURATION.match(value):
            problem = "missing unit in" if value.isdigit() else "invalid"
            raise BuildStops(f"time: {problem} duration {go_quote(value)}", line)
    retries = flags.get("retries", [""])[0]
    if retries and not re.fullmatch(r"[+-]?[0-9]{1,9}", retries):
        raise BuildStops(f"strconv.ParseInt: parsing {go_quote(retries)}: invalid syntax", line)
    if retries.startswith("-") and int(retries):
        raise BuildStops(f"--retries cannot be negative ({retries})", line)


def _read_flags(instruction: Instruction, builder: Builder) -> dict[str, list[str]]:
    allowed = _ALLOWED[builder].get(instruction.keyword, {})
    flags: dict[str, list[str]] = {}
    for text in instruction.flags:
        spelt, equals, value = text.partition("=")
        name = spelt.removeprefix("--")
        shown = spelt if builder == "buildkit" else name
        if text == "--":
            break
        if not text.startswith("--"):
            raise BuildStops(f"arg should start with -- : {text}", instruction.line)
        if name not in allowed:
            near = nearest(name, list(allowed))
            hint = f" (did you mean {near}?)" if near else ""
            raise BuildStops(f"unknown flag: {shown}{hint}", instruction.line)
        if name in flags and allowed[name] != _TEXTS:
            raise BuildStops(f"duplicate flag specified: {shown}", instruction.line)
        if (allowed[name] == _FLAG and equals and not value) or (allowed[name] != _FLAG and not equals):
            raise BuildStops(f"missing a value on flag: {shown}", instruction.line)
        if allowed[name] == _FLAG and value.lower() not in ("true", "false", ""):
            raise BuildStops(f"expecting boolean value for flag {shown}, not: {value}", instruction.line)
        flags.setdefault(name, []).append(value)
    return flags
