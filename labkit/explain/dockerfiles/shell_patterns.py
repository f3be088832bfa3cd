"""The patterns of `${X#pattern}`, `${X%pattern}` and `${X/pattern/replacement}`: * and ? and nothing else.

Source: moby/buildkit:frontend/dockerfile/shell/lex.go (convertShellPatternToRegex), which makes regular expressions of
them for an engine without backtracking. Python's has backtracking, so they are matched here, in bounded time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

_MOST_STEPS = 50_000_000
_TEMPLATE = re.compile(r"\$(?:(\$)|\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))", re.ASCII)


class InvalidPattern(ValueError):
    """A pattern that the builder refuses; the text is the builder's."""


class _Span(NamedTuple):
    start: int
    end: int


def remove_prefix(value: str, pattern: str, longest: bool) -> str:
    """`${X#pattern}`, or `${X##pattern}` for the longest.

    Raises:
        InvalidPattern: it escapes what needs no escape.
    """
    span = _find(_segments(pattern), value, 0, longest, anchored=True)
    return value[span.end :] if span else value


def remove_suffix(value: str, pattern: str, longest: bool) -> str:
    """`${X%pattern}`, or `${X%%pattern}` for the longest: the same, on the texts turned round.

    Raises:
        InvalidPattern: it escapes what needs no escape.
    """
    turned = [segment[::-1] for segment in reversed(_segments(pattern))]
    span = _find(turned, value[::-1], 0, longest, anchored=True)
    return value[: len(value) - span.end] if span else value


def replace(value: str, pattern: str, replacement: str, everywhere: bool, spend: Callable[[int], None]) -> str:
    """`${X/pattern/replacement}`, or `${X//pattern/replacement}` for every match.

    Args:
        value: of the variable.
        pattern: for the longest match.
        replacement: for `//` it may name the match as $0, as Go's regexp has it.
        everywhere: for `//`.
        spend: counts the characters that are made.

    Raises:
        InvalidPattern: it escapes what needs no escape.
    """
    segments = _segments(pattern)
    pieces: list[str] = []
    search, last_end = 0, 0
    while search <= len(value) and (span := _find(segments, value, search, longest=True, anchored=False)):
        pieces.append(value[last_end : span.start])
        # regexp.ReplaceAllString: no empty match right behind another match.
        if span.end > last_end or span.start == 0:
            made = _filled(replacement, value[span.start : span.end]) if everywhere else replacement
            spend(len(made) + 1)
            pieces.append(made)
        last_end = span.end
        if not everywhere:
            break
        search = max(span.end, search + 1)
    return "".join(pieces) + value[last_end:]


def _filled(replacement: str, matched: str) -> str:
    """Go's regexp.Expand for a match without groups."""

    def fill(match: re.Match[str]) -> str:
        if match[1]:
            return "$"
        return matched if (match[2] or match[3]) == "0" else ""

    return _TEMPLATE.sub(fill, replacement)


def _segments(pattern: str) -> list[list[str | None]]:
    """What stands between the stars: characters, and None for any one of them."""
    segments: list[list[str | None]] = [[]]
    characters = iter(pattern.removeprefix("\ufeff"))
    ahead = None
    while True:
        character = ahead if ahead is not None else next(characters, "")
        ahead = None
        if character == "":
            return segments
        if character == "*":
            segments.append([])
        elif character == "?":
            segments[-1].append(None)
        elif character == "\\":
            ahead = next(characters, "")
            # } and / are escaped in a Dockerfile because they would end the pattern.
            if ahead not in ("}", "/"):
                if ahead not in ("*", "?", "\\"):
                    escaped = ahead or "\ufffd"
                    raise InvalidPattern(f"invalid escape '\\{escaped}'")
                segments[-1].append(ahead)
                ahead = None
        else:
            segments[-1].append(character)


def _find(segments: list[list[str | None]], value: str, start: int, longest: bool, *, anchored: bool) -> _Span | None:
    """The leftmost match: each star takes as little as it can, or as much.

    Without backtracking: where a segment fits at all, it fits at its first place (or at its last), for a star takes
    anything.
    """
    first, *rest = segments
    begin = start
    if not anchored:
        begin = _first_place(first, value, start, len(value))
    if begin < 0 or not _fits(first, value, begin):
        return None
    after = begin + len(first)
    end = after
    limit = len(value)
    if not longest:
        for segment in rest:
            place = _first_place(segment, value, end, limit)
            if place < 0:
                return None
            end = place + len(segment)
        return _Span(begin, end)
    for number, segment in enumerate(reversed(rest)):
        place = _last_place(segment, value, after, limit)
        if place < 0:
            return None
        if number == 0:
            end = place + len(segment)
        limit = place
    return _Span(begin, end)


def _fits(segment: list[str | None], value: str, place: int) -> bool:
    return place + len(segment) <= len(value) and all(
        character is None or character == value[place + offset] for offset, character in enumerate(segment)
    )


def _first_place(segment: list[str | None], value: str, start: int, end: int) -> int:
    if None not in segment:
        return value.find("".join(map(str, segment)), start, end)
    _check_steps(segment, value)
    return next((place for place in range(start, end - len(segment) + 1) if _fits(segment, value, place)), -1)


def _last_place(segment: list[str | None], value: str, start: int, end: int) -> int:
    if None not in segment:
        return value.rfind("".join(map(str, segment)), start, end)
    _check_steps(segment, value)
    places = range(end - len(segment), start - 1, -1)
    return next((place for place in places if _fits(segment, value, place)), -1)


def _check_steps(segment: list[str | None], value: str) -> None:
    if len(segment) * len(value) > _MOST_STEPS:
        raise InvalidPattern("it is too long to be matched here")
