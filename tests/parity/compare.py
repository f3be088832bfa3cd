"""Comparing what `labkit explain` says with what was seen, and making a disagreement small."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from labkit.core.identity.identity_cases import answer_case
from labkit.core.identity.model import Versions
from tests.parity.cases import Case
from tests.parity.observe import Seen

_SHRINKING_STEPS = 60
_NEWEST = Versions()


@dataclass(frozen=True)
class Disagreement:
    """A case on which the rules and the world differ.

    Args:
        case: as it was found.
        fields: the differences, each in a sentence, and what else is to be told.
        small: the smallest case that still differs, if there was the time to find one.
    """

    case: Case
    fields: tuple[str, ...]
    small: Case | None = None


def differences(case: Case, seen: Seen, versions: Versions = _NEWEST) -> tuple[str, ...]:
    """The fields in which what is predicted differs from what was seen, each in a sentence."""
    predicted = answer_case(case, versions)
    if predicted["cause"] != seen.cause:
        return (f"cause: predicted {predicted['cause']}, seen {seen.cause} {seen.message}",)
    if seen.cause is not None:
        kubelet = predicted["kubelet"]
        message = kubelet["message"] if "docker" not in case and kubelet["cause"] == seen.cause else None
        message = message or predicted["because"][-1].partition("refuses: ")[2]
        is_seen = message and message in seen.message
        return () if is_seen else (f"message: predicted {message!r}, seen {seen.message!r}",)
    if seen.uid is None:
        return (f"it runs, and nothing could be read from it: {seen.message}",)
    if (who := predicted["runs_as"]) is None:
        return (f"predicted that nobody knows who, seen uid {seen.uid}",)
    pairs = {
        "uid": (who["uid"], seen.uid),
        "gid": (who["gid"], seen.gid),
        "groups": (tuple(who["groups"] or ()), seen.groups),
        "HOME": (who["home"], seen.home),
    }
    return tuple(
        f"{name}: predicted {wanted!r}, seen {observed!r}"
        for name, (wanted, observed) in pairs.items()
        if wanted != observed
    )


def shrink(case: Case, still_differs: Callable[[Case, float], bool], seconds: float) -> Case:
    """The smallest case that still differs, found by taking parts away one after another.

    Args:
        case: one that differs.
        still_differs: whether a smaller one does too; it is given the seconds that are left, and what it says after
            them does not count.
        seconds: for all of it; then the smallest so far is the answer.
    """
    end = time.monotonic() + seconds
    steps = 0
    progress = True
    while progress:
        progress = False
        for smaller in _smaller(case):
            left = end - time.monotonic()
            if steps >= _SHRINKING_STEPS or left <= 0:
                return case
            steps += 1
            if still_differs(smaller, left) and time.monotonic() < end:
                case, progress = smaller, True
                break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    """The case without one of its parts: a line of a file, a setting, a group, a file."""
    for name in ("group", "passwd"):
        text = case["image"][name]
        if text is None:
            continue
        yield _with(case, ("image", name), None)
        lines = text.split("\n")
        for index in range(len(lines)):
            yield _with(case, ("image", name), "\n".join(lines[:index] + lines[index + 1 :]))
    for part in ("container", "pod"):
        for setting in case.get(part, {}).get("securityContext", {}):
            rest = {name: value for name, value in case[part]["securityContext"].items() if name != setting}
            yield _with(case, (part, "securityContext"), rest)
    if "docker" in case:
        if case["docker"]["user"] is not None and case["image"]["user"]:
            yield _with(case, ("image", "user"), "")
        for index in range(len(case["docker"]["group_add"])):
            added = case["docker"]["group_add"]
            yield _with(case, ("docker", "group_add"), added[:index] + added[index + 1 :])
    elif case["image"]["user"]:
        yield _with(case, ("image", "user"), "")


def _with(case: Case, path: tuple[str, str], value: object) -> Case:
    changed = copy.deepcopy(case)
    if changed[path[0]][path[1]] == value:
        return changed
    changed[path[0]][path[1]] = value
    return changed
