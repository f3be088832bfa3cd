"""What a gate may mind: one finding for each container that is root, refused or not known, and for what was unseen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from os.path import normpath

from labkit.core.causes import Cause
from labkit.core.image_reference import full_name
from labkit.explain.rows import Explanation, Explanations


class Concern(StrEnum):
    """An answer to one of the gate's two questions: can it be root? will it start?"""

    ROOT = "root"
    MAYBE_ROOT = "maybe-root"
    REFUSED = "refused"
    MAYBE_REFUSED = "maybe-refused"


RUNS_AS_ROOT = "runs-as-root"
USER_NOT_KNOWN = "user-not-known"
START_NOT_KNOWN = "start-not-known"
BUILD_STOPS = "build-stops"
NOT_JUDGED = "not-judged"
NOT_READ = "not-read"
EXCEPTION_INVALID = "exception-invalid"

RULES = {
    **{str(cause): cause.meaning for cause in Cause},
    RUNS_AS_ROOT: "the container runs, and as root",
    USER_NOT_KNOWN: "it is not known as whom the container runs, so it may be root",
    START_NOT_KNOWN: "the container is never root, and it is not known whether it starts",
    BUILD_STOPS: "the builder stops at the Dockerfile",
    NOT_JUDGED: "an object or a folder may run pods that were not seen",
    NOT_READ: "a file, a document or a workload could not be read",
    EXCEPTION_INVALID: "an exception has expired, has no reason, or cannot be read",
}
"""The rules' ids, with what each means: the causes, and what has no cause because nobody refuses it."""


_MOST_LISTED = 3


@dataclass(frozen=True)
class GateFinding:
    """Something that a gate may mind.

    Args:
        rule: its id, of `RULES`.
        concerns: which answers it gives to the gate's questions.
        message: why, in a sentence.
        row: the container; None for what holds no container that is known.
        always: whether every gate minds it, whatever its levels.
    """

    rule: str
    concerns: frozenset[Concern]
    message: str
    row: Explanation | None = None
    always: bool = False

    @property
    def text(self) -> str:
        """The message behind the container's title."""
        return f"{self.row.title}: {self.message}" if self.row is not None else self.message

    @property
    def identity(self) -> tuple[str, ...]:
        """What stays the same when lines move and images get new tags: a baseline knows it again by this."""
        row = self.row
        if row is None:
            return (self.rule, "", "", "", "", "", self.message)
        return (self.rule, normpath(row.file or ""), row.kind, row.namespace, row.name, row.container, "")


def findings_of(explained: Explanations) -> list[GateFinding]:
    """The findings, in the order of the containers; what could not be judged or read comes last."""
    findings = [finding for row in explained.rows if (finding := _finding(row)) is not None]
    unseen = frozenset({Concern.MAYBE_ROOT, Concern.MAYBE_REFUSED})
    findings += [GateFinding(NOT_JUDGED, unseen, sentence) for sentence in explained.unjudged]
    findings += [GateFinding(NOT_READ, unseen, flaw, always=True) for flaw in explained.flaws]
    return findings


def lines_of(findings: Iterable[GateFinding]) -> list[str]:
    """A line for each, and one for all containers of an image that is not known; those that are known come first."""
    lines, unseen = [], []
    by_image: dict[tuple[str, str], tuple[str, list[str]]] = {}
    for finding in findings:
        if finding.row is None:
            unseen.append(finding.text)
        elif finding.rule in (USER_NOT_KNOWN, START_NOT_KNOWN):
            image = finding.row.image
            # Two spellings of a name are one image, and have one line, in the words for the first.
            key = (full_name(image), finding.message.replace(image, "") if image else "")
            by_image.setdefault(key, (finding.message, []))[1].append(finding.row.title)
        else:
            lines.append(finding.text)
    return [*lines, *(f"{_listed(titles)}: {message}" for message, titles in by_image.values()), *unseen]


def _listed(titles: Sequence[str]) -> str:
    """Containers in a few words."""
    if len(titles) <= _MOST_LISTED:
        return ", ".join(titles)
    return f"{', '.join(titles[:_MOST_LISTED])} and {len(titles) - _MOST_LISTED} more"


def _finding(row: Explanation) -> GateFinding | None:
    answer = row.answer
    if row.objection is None:
        return None
    if row.build is not None and not row.build.ok:
        return GateFinding(BUILD_STOPS, frozenset({Concern.REFUSED}), row.objection, row)
    if row.seen is not None and row.is_seen_as_root:
        return GateFinding(RUNS_AS_ROOT, frozenset({Concern.ROOT}), row.objection, row)
    if row.seen is not None and row.seen.refusals and not row.is_refused:
        cause = row.seen.refusals[0].cause
        return GateFinding(str(cause), frozenset({Concern.REFUSED}), row.objection, row)
    if row.is_refused:
        return GateFinding(str(row.cause), frozenset({Concern.REFUSED}), row.objection, row)
    if row.unknown is None:
        return GateFinding(RUNS_AS_ROOT, frozenset({Concern.ROOT}), row.objection, row)
    if answer.uid is not None or row.never_root:
        return GateFinding(START_NOT_KNOWN, frozenset({Concern.MAYBE_REFUSED}), row.objection, row)
    return GateFinding(USER_NOT_KNOWN, frozenset({Concern.MAYBE_ROOT, Concern.MAYBE_REFUSED}), row.objection, row)
