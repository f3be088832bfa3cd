"""A participant's progress as a table, and that of many as a table, as CSV and as one HTML file."""

from __future__ import annotations

import csv
import html
import io

from labkit.course.course_overview import LessonOverview, Overview
from labkit.course.records import ExerciseRecord
from labkit.course.reports import HandedIn, Report
from labkit.course.stuck import StuckExercise, stuck_exercises
from labkit.show import shown_path
from labkit.show.table import Table

# The last four are the same in full width, which a spreadsheet may take for them.
_STARTS_A_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
_TITLE = "Progress of the class"
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
"""


def progress_table(overview: Overview) -> Table:
    """How a participant stands, a lesson a line, and with what to go on."""
    rows = [
        (
            lesson.lesson,
            _of(lesson.passed, len(lesson.exercises)),
            lesson.hints,
            lesson.solutions,
            lesson.minutes,
            _tried(lesson),
        )
        for lesson in overview.lessons
    ]
    head = ("lesson", "passed", "hints", "solutions", "minutes", "exercises")
    note = [_next(overview)]
    if overview.path is not None:
        place = shown_path(overview.path)
        note.append(f"Kept in {place}. To hand it in: labkit progress export; is it shared? labkit progress share")
    following = f"{overview.next[0]}.ipynb" if overview.next else ""
    # A notebook's page is in the folder of the others.
    links = {f"notebooks/{following}": following} if following else {}
    return Table("", head, rows, "\n".join(note), links=links)


def report_table(report: Report) -> Table:
    """How many participants stand, one a line; then the files that could not be read."""
    rows = [
        (
            row.name or "(no name)",
            _of(row.lessons_done, report.lessons),
            _of(row.total("passed"), report.exercises),
            row.total("hints"),
            row.total("solutions"),
            row.total("minutes"),
            row.last,
            row.file,
        )
        for row in report.rows
    ]
    head = ("name", "lessons", "exercises", "hints", "solutions", "minutes", "last", "file")
    stuck = [f"most are stuck at {row}" for row in stuck_of(report)]
    return Table("", head, rows, "\n".join([*stuck, *remarks(report)]))


def remarks(report: Report) -> list[str]:
    """What stands below the table: files that could not be read, names that occur twice."""
    twice = [f"more than one file carries the name {name}" for name in report.same_names]
    return [f"not read: {unread.file}: {unread.why}" for unread in report.unread] + twice


def report_csv(report: Report) -> str:
    """The same as CSV; a file that could not be read has a row with the reason.

    No cell begins as a formula does: a spreadsheet would compute what somebody typed as their name.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    counts = ("lessons_done", "lessons", "passed", "exercises", "hints", "solutions", "minutes")
    writer.writerow(("name", "file", *counts, "last", "not_read"))
    for row in report.rows:
        done = (row.lessons_done, report.lessons, row.total("passed"), report.exercises)
        rest = (row.total("hints"), row.total("solutions"), row.total("minutes"))
        writer.writerow((tame(row.name), tame(row.file), *done, *rest, tame(row.last), ""))
    for unread in report.unread:
        writer.writerow(("", tame(unread.file), *[""] * len(counts), "", tame(unread.why)))
    return out.getvalue()


def report_html(report: Report) -> str:
    """The same as one HTML file that needs nothing else and runs nothing, with a table of the exercises."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width"><title>{_TITLE}</title><style>{_STYLE}</style>'
    )
    table = report_table(report)
    notes = "".join(f"<li>{html.escape(remark)}</li>" for remark in remarks(report))
    stuck = "".join(f"<li>{html.escape(str(row))}</li>" for row in stuck_of(report))
    body = [f"<h1>{_TITLE}</h1>", Table("", table.headers, table.rows)._repr_html_()]
    body += [f"<ul>{notes}</ul>"] if notes else []
    body += ["<h2>Most are stuck at</h2>", f"<ol>{stuck}</ol>"] if stuck else []
    body += ["<h2>Exercises</h2>", exercises_table(report)._repr_html_()]
    lines = "\n".join(body)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{lines}\n</body></html>\n'


def stuck_of(report: Report) -> list[StuckExercise]:
    """The three exercises where most are stuck, with what the checks said to most of them."""
    kept = [{lesson.lesson: lesson.kept for lesson in row.overview.lessons if lesson.kept} for row in report.rows]
    return stuck_exercises(kept, report.course)


def exercises_table(report: Report) -> Table:
    """How many participants passed each exercise, read hints, or saw the solution first: where the class is stuck."""
    rows = []
    for lesson, names in report.course.items():
        for name in names:
            kept = [record for row in report.rows if (record := _record(row, lesson, name)) is not None]
            passed = sum(record.passed is not None for record in kept)
            hints = sum(bool(record.hints) for record in kept)
            rows.append((lesson, name, len(kept), passed, hints, sum(record.solution_first for record in kept)))
    return Table("", ("lesson", "exercise", "tried by", "passed by", "hints read by", "solution seen first by"), rows)


def _record(row: HandedIn, lesson: str, name: str) -> ExerciseRecord | None:
    kept = next(overview.kept for overview in row.overview.lessons if overview.lesson == lesson)
    return kept.exercises.get(name) if kept else None


def _tried(lesson: LessonOverview) -> str:
    """Each exercise that was tried, with the last check's verdict."""
    if lesson.kept is None:
        return ""
    tried = [(name, lesson.kept.exercises[name]) for name in lesson.exercises if name in lesson.kept.exercises]
    lines = [f"{name}: {'passed' if kept.passed else kept.verdict or 'not checked'}" for name, kept in tried]
    return "\n".join(lines) or ("opened, none tried" if lesson.exercises else "")


def _next(overview: Overview) -> str:
    if overview.next is None:
        return "All exercises are passed."
    lesson, exercise = overview.next
    return f"Next: {exercise}, in notebooks/{lesson}.ipynb"


def _of(part: int, whole: int) -> str:
    return f"{part} of {whole}" if whole else "-"


def tame(text: str) -> str:
    """A cell of a CSV that no spreadsheet computes."""
    return f"'{text}" if text.lstrip().startswith(_STARTS_A_FORMULA) else text
