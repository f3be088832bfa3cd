"""Tab in a notebook: images, exercises, postures and probes by name, where the kit's calls expect one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from labkit.core.admission.policy import LEVELS
from labkit.course.exercises import exercises_of
from labkit.course.lessons import lesson_names
from labkit.notebook.opened_lesson import OpenedLesson
from labkit.threat.cves import CARDS
from labkit.threat.postures import CLUSTER, ENGINE, POSTURES
from labkit.threat.probes import PROBES

_Names = Callable[[], Iterable[str]]
_CALL = re.compile(
    r"""\b(?:lab|labkit)(?:\.\w+)*\.(?P<call>\w+)\((?P<before>[^()]*)(?P<quote>["'])(?P<begun>[\w./:-]*)$"""
)
"""The innermost call whose bracket is open, and a quoted text in it whose end is missing."""
_LIST = re.compile(r"\[[^\]]*\]")
_OF_KEYWORD = re.compile(r"(\w+)\s*=\s*\[?\s*(?:[\"'][^\"']*[\"']\s*,\s*)*$")


_IDENTIFIER = "labkit.names"


@dataclass(frozen=True)
class _Completion:
    """As IPython's SimpleCompletion."""

    text: str
    type: str = "name"


class NameCompletion:
    """Completes the names that a lesson's calls take.

    Args:
        lesson: that is open.
    """

    def __init__(self, lesson: OpenedLesson) -> None:
        def exercises() -> Iterable[str]:
            return (exercise.name for exercise in exercises_of(lesson.name))

        def images() -> Iterable[str]:
            return (*lesson.lab.catalogue, *lesson.own_images)

        self._first: dict[str, _Names] = {
            **dict.fromkeys(("check", "hint", "solution"), exercises),
            **dict.fromkeys(("pod", "image", "file", "run", "start", "explain"), images),
            **dict.fromkeys(("posture", "probe", "matrix"), lambda: POSTURES),
            "describe": lambda: PROBES,
            "breakout": lambda: CARDS,
            "enforce": lambda: LEVELS,
            "open": lesson_names,
        }
        self._later: dict[str, _Names] = {"probe": lambda: PROBES, "matrix": lambda: PROBES, "table": _places}
        self._keywords: dict[str, _Names] = {
            **dict.fromkeys(("init", "image"), images),
            "where": _places,
            "postures": lambda: POSTURES,
            "probes": lambda: PROBES,
        }

    def names(self, text: str) -> list[str] | None:
        """The names that may stand where a cell's text ends.

        Args:
            text: of the cell, up to the cursor.

        Returns:
            None if no call of the kit's expects a name there; else those that begin as what is typed already.
        """
        match = _CALL.search(text)
        if match is None:
            return None
        before = match["before"]
        if keyword := _OF_KEYWORD.search(before):
            known = self._keywords.get(keyword[1])
        else:
            arguments = _LIST.sub("", before).partition("[")[0]
            known = (self._later if "," in arguments else self._first).get(match["call"])
        return None if known is None else [name for name in known() if name.startswith(match["begun"])]


def _places() -> Iterable[str]:
    return (ENGINE, CLUSTER)


def install_name_completion(shell: Any, lesson: OpenedLesson) -> None:
    """Have a kernel complete the names of a lesson, in place of the files of the folder; once for each kernel.

    Args:
        shell: IPython's.
        lesson: that was opened.
    """
    completion = NameCompletion(lesson)

    def complete(context: Any) -> dict[str, object]:
        until = "\n".join([*context.full_text.split("\n")[: context.cursor_line], context.text_until_cursor])
        names = completion.names(until)
        begun = re.search(r"[\w./:-]*$", context.text_until_cursor)
        return {
            "completions": [_Completion(name) for name in names or ()],
            "suppress": names is not None,
            "matched_fragment": begun[0] if begun else "",
        }

    # IPython's protocol of matchers, without importing it: IPython.core.completer, context_matcher.
    attributes = {"matcher_identifier": _IDENTIFIER, "matcher_priority": 1000, "matcher_api_version": 2}
    vars(complete).update(attributes)
    matchers = shell.Completer.custom_matchers
    matchers[:] = [matcher for matcher in matchers if getattr(matcher, "matcher_identifier", "") != _IDENTIFIER]
    matchers.append(complete)
