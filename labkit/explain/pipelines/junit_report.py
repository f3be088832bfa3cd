"""Answers as JUnit's XML, which most servers for continuous integration show: a test for each container.

Source: the JUnit schema of Jenkins' xUnit plug-in (junit-10.xsd), of which all readers take testsuite and testcase.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from labkit.explain.pipelines.report_entries import ReportEntry
from labkit.explain.rows import Explanation

_NAMED_IMAGES = "images"


def junit_report(entries: Sequence[ReportEntry], rows: Sequence[Explanation]) -> str:
    """The XML: what shuts a gate fails, what is excused or known is skipped, all else has passed.

    Args:
        entries: what was found.
        rows: all containers.
    """
    with_findings = {id(entry.finding.row) for entry in entries}
    suites: dict[str, list[ElementTree.Element]] = {}
    for entry in entries:
        suites.setdefault(entry.file or _NAMED_IMAGES, []).append(_case_of_entry(entry))
    for row in rows:
        if id(row) not in with_findings:
            suites.setdefault(row.file or _NAMED_IMAGES, []).append(_case(row.title, row.file))
    top = ElementTree.Element("testsuites", name="labkit explain")
    for name, cases in suites.items():
        counts = {tag: sum(case.find(tag) is not None for case in cases) for tag in ("failure", "skipped")}
        attributes: dict[str, str] = {"tests": str(len(cases)), "failures": str(counts["failure"]), "errors": "0"}
        suite = ElementTree.SubElement(top, "testsuite", {"name": _safe(name), **attributes})
        suite.set("skipped", str(counts["skipped"]))
        suite.extend(cases)
    ElementTree.indent(top)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(top, encoding="unicode")


def _case(name: str, file: str | None) -> ElementTree.Element:
    return ElementTree.Element("testcase", name=_safe(name), classname=_safe(file or _NAMED_IMAGES))


def _case_of_entry(entry: ReportEntry) -> ElementTree.Element:
    row = entry.finding.row
    case = _case(row.title if row is not None else entry.finding.rule, entry.file)
    place = f"{entry.file}:{entry.position.line}: " if entry.file is not None and entry.position is not None else ""
    message = _safe(f"{place}{entry.finding.message}")
    if entry.excuse is not None:
        ElementTree.SubElement(case, "skipped", message=_safe(f"{entry.finding.message} ({entry.excuse})"))
    elif entry.level == "error":
        failure = ElementTree.SubElement(case, "failure", message=message, type=entry.finding.rule)
        failure.text = _safe("\n".join(row.because)) if row is not None else message
    return case


def _safe(text: str) -> str:
    """Text without what XML cannot hold."""
    return "".join(
        character if character == "\n" or character.isprintable() else ascii(character)[1:-1] for character in text
    )
