"""Texts that stand in a Dockerfile itself: what `<<EOF` begins.

Source: moby/buildkit:frontend/dockerfile/parser/parser.go (ParseHeredoc), at v0.34.2 (BuildKit) and at v0.13.2 (the
classic builder of docker 26.1.5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from labkit.explain.dockerfiles.expansion import Budget, Builder, CannotExpand, Lexing, expand

_HEREDOC = {
    "buildkit": re.compile(r"([0-9]*)<<(-?)[\t\n\f\r ]*([^<]*)\Z", re.ASCII),
    "classic": re.compile(r"([0-9]*)<<(-?)([^<]*)\Z", re.ASCII),
}


@dataclass(frozen=True)
class Heredoc:
    """A text that stands in the Dockerfile itself.

    Args:
        name: what ends it.
        expands: whether variables in it are expanded.
        chomps: whether leading tabs are taken off.
        content: the text.
    """

    name: str
    expands: bool
    chomps: bool
    content: str = ""


def find_heredoc(part: str, builder: Builder, budget: Budget) -> Heredoc | None:
    """What `<<EOF` begins, None if a part of an instruction begins no heredoc.

    Raises:
        CannotExpand: its name cannot be read.
    """
    match = _HEREDOC[builder].match(part)
    if match is None or not match[3]:
        return None
    bare, raw = (
        expand(match[3], lambda _: None, Lexing(builder=builder, raw_quotes=quotes, keep_unset=True), budget).parts
        for quotes in (False, True)
    )
    if len(bare) != 1:
        return None
    if len(raw) != 1:
        raise CannotExpand(f"internal lexing of heredoc produced inconsistent results: {match[3]}")
    return Heredoc(bare[0], _quotes(bare[0]) == _quotes(raw[0]), bool(match[2]))


def _quotes(text: str) -> int:
    return text.count("'") + text.count('"')
