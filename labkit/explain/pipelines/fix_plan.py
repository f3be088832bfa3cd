"""`--fix`: which files can be patched so that their containers pass; each patch is tried before it is offered."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from labkit.base.errors import LabError
from labkit.base.files import read_given
from labkit.core.causes import Cause
from labkit.explain.pipelines.findings import Concern, findings_of
from labkit.explain.pipelines.patches import fixed_dockerfile, fixed_manifest, unified_patch
from labkit.explain.pipelines.report_entries import path_inside
from labkit.explain.rows import Explanation, Explanations

Explain = Callable[[str, str, str], Explanations]
"""Explains a text again: its kind, the name of its file, the text."""

Workloads = list[list[Explanation]]
_LEVEL = re.compile(r'PodSecurity "([a-z]+(:v1\.\d+)?)')
_WRONG = frozenset({Concern.ROOT, Concern.REFUSED})


@dataclass(frozen=True)
class FixPlan:
    """What can be done.

    Args:
        patch: a unified diff of all files; empty if there is nothing to do.
        unfixed: the containers that no patch makes pass, and why.
    """

    patch: str
    unfixed: Sequence[str]


def plan_fixes(explained: Explanations, explain: Explain) -> FixPlan:
    """Find a patch for each file with containers that are refused or root.

    Args:
        explained: the answers.
        explain: gives those for a changed text.
    """
    files: dict[str | None, list[Explanation]] = {}
    for row in _wrong_rows(explained):
        files.setdefault(row.file, []).append(row)
    patches, unfixed = [], []
    for file, rows in files.items():
        path, before, reason = _readable(file, rows[0].kind)
        if reason:
            unfixed += [f"{row.title}: {reason}" for row in rows]
            continue
        after, left = _fixed(str(file), before, rows, explain)
        patches.append(unified_patch(path, before, after))
        unfixed += [f"{row.title}: no change of its user makes it pass: {row.objection}" for row in left]
    return FixPlan("".join(patches), unfixed)


def levels_of(explained: Explanations) -> list[str]:
    """The levels of namespaces that refused something, as --namespace-level has them: a Namespace may be in another
    file than the pod.
    """
    levels = {}
    for row in explained.rows:
        if row.api.cause is Cause.POD_SECURITY and (match := _LEVEL.search(row.api.message or "")) is not None:
            levels[row.namespace] = match[1]
    return [f"{namespace}={level}" for namespace, level in levels.items()]


def _wrong_rows(explained: Explanations) -> list[Explanation]:
    return [finding.row for finding in findings_of(explained) if finding.row is not None and finding.concerns & _WRONG]


def _readable(file: str | None, kind: str) -> tuple[str, str, str]:
    """A file's path from here and its text; or else why there is no patch for it."""
    path = path_inside(file, Path.cwd()) if file not in (None, "-") else None
    if path is None:
        return "", "", "a patch is for a file in this folder or below it"
    if kind == "Compose":
        return "", "", "there are no patches for Compose files: give the service a user"
    if not path.isprintable() or set(path) & {'"', "\\"}:
        return "", "", "a patch cannot name its file"
    try:
        return path, read_given(Path(path)).decode(), ""
    except (OSError, ValueError) as error:
        return "", "", f"its file is not read as UTF-8: {error}"


def _fixed(file: str, text: str, rows: Sequence[Explanation], explain: Explain) -> tuple[str, list[Explanation]]:
    """The text with a fix for each workload whose containers pass with it; and those that do not."""
    if rows[0].kind == "Dockerfile":
        after = fixed_dockerfile(text)
        passes = _key(rows[-1]) in _passing(explain, "Dockerfile", file, after)
        return (after, list(rows[:-1])) if passes else (text, list(rows))
    workloads: dict[tuple[str, ...], list[Explanation]] = {}
    for row in rows:
        workloads.setdefault(_key(row)[:-2], []).append(row)
    left: list[Explanation] = []
    for group in _tried_together(list(workloads.values()), text, file, explain):
        rows_of_group = [row for workload in group for row in workload]
        after = fixed_manifest(text, rows_of_group)
        if {_key(row) for row in rows_of_group} <= _passing(explain, rows[0].kind, file, after):
            text = after
        else:
            left += rows_of_group
    return text, left


def _tried_together(workloads: Workloads, text: str, file: str, explain: Explain) -> list[Workloads]:
    """Workloads in groups to be tried: those that pass when all are changed together, and each of the others alone.

    To try each alone takes the square of the time.
    """
    after = fixed_manifest(text, [row for workload in workloads for row in workload])
    passing = _passing(explain, workloads[0][0].kind, file, after)
    together = [workload for workload in workloads if {_key(row) for row in workload} <= passing]
    alone = [[workload] for workload in workloads if workload not in together]
    return [together, *alone] if together else alone


def _passing(explain: Explain, kind: str, file: str, text: str) -> set[tuple[str, ...]]:
    """The containers of a changed text that are neither refused nor root; none if it cannot be read any more."""
    try:
        explained = explain(kind, file, text)
    except LabError:
        return set()
    return {_key(row) for row in explained.rows} - {_key(row) for row in _wrong_rows(explained)}


def _key(row: Explanation) -> tuple[str, ...]:
    return (row.kind, row.namespace, row.name, row.container, row.role)
