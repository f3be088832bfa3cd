"""What the documents name is there: paths, tests, commands, lessons, pages."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import click
import pytest

from labkit.base.resources import CHECKOUT
from labkit.cli import main
from labkit.course.lessons import lessons

DOCUMENTS = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
FOLDERS = ("labkit", "cluster", "tests", "notebooks", "tools", "docs", ".ci")

WRITTEN_BY_THE_READER = {"cluster/images.lock"}
"""What a document tells its reader to make."""

PLACEHOLDERS = {"NAME": "*", "NN": "[0-9][0-9]"}
"""What stands in a path for one of many."""

_SPAN = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(rf"(?<![\w./:-])(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./*{{}},-]*")
_TEST = re.compile(r"`(test_\w+)`")
_FILE_NAME = re.compile(r"[\w{},*]+\.(?:py|toml|csv|sh)")


def without_braces(path: str) -> list[str]:
    """A path with {a,b} in it as the paths that it stands for."""
    parts = re.split(r"\{([^}]*)\}", path)
    choices = [[part] if number % 2 == 0 else part.split(",") for number, part in enumerate(parts)]
    return ["".join(chosen) for chosen in product(*choices)]


def patterns(text: str) -> Iterator[str]:
    """What a text's code spans name in this project, as patterns that must match something."""
    for span in _SPAN.findall(text):
        names = [span] if _FILE_NAME.fullmatch(span) else _PATH.findall(span)
        for name in names:
            for path in without_braces(name):
                for placeholder, pattern in PLACEHOLDERS.items():
                    path = path.replace(placeholder, pattern)
                yield path


def is_there(pattern: str) -> bool:
    """Whether a path exists, or a file of that name in any folder."""
    if any(CHECKOUT.glob(pattern.rstrip("/"))):
        return True
    return "/" not in pattern and any(path for folder in FOLDERS for path in (CHECKOUT / folder).rglob(pattern))


def missing(text: str) -> list[str]:
    """The patterns of a text that match nothing here."""
    return sorted(pattern for pattern in set(patterns(text)) - WRITTEN_BY_THE_READER if not is_there(pattern))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(CHECKOUT)))
def test_every_path_that_a_document_names_is_there(document: Path) -> None:
    assert missing(document.read_text(encoding="utf-8")) == []


def test_no_document_says_where_somebody_had_the_checkout() -> None:
    places = re.compile(r"(?<![\w.])(/work/|/check/|/home/[a-z]+/labkit|/tmp/pytest-)")
    assert [str(document) for document in DOCUMENTS if places.search(document.read_text(encoding="utf-8"))] == []


def test_every_test_that_a_document_names_is_there() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in (CHECKOUT / "tests").rglob("test_*.py"))
    named = {name for document in DOCUMENTS for name in _TEST.findall(document.read_text(encoding="utf-8"))}
    assert named
    assert {name for name in named if f"def {name}(" not in tests} == set()


def test_every_lesson_is_on_the_courses_page_with_its_title_and_minutes() -> None:
    page = (CHECKOUT / "docs" / "course.md").read_text(encoding="utf-8")
    rows = [
        f"| [{str(lesson['lesson'])[:2]} {lesson['title']}](../{lesson['notebook']}) | {lesson['minutes']} |"
        for lesson in lessons()
    ]
    assert [line for line in page.splitlines() if "](../notebooks/" in line] == rows


def test_every_page_is_named_on_the_first() -> None:
    first = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in (CHECKOUT / "docs").glob("*.md") if f"(docs/{page.name})" not in first] == []


_DELIMITERS = re.compile(r"\|(?: *:?-+:? *\|)+")


def broken_tables(text: str) -> list[str]:
    """The first lines of what begins like a table and is none: GitHub and Sphinx show its rows as a paragraph."""
    lines = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL).splitlines()
    first = [
        (line, below)
        for above, line, below in zip(["", *lines], lines, [*lines[1:], ""], strict=False)
        if line.startswith("|") and not above.startswith("|")
    ]
    return [line for line, below in first if not _DELIMITERS.fullmatch(below)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(CHECKOUT)))
def test_every_row_of_a_document_is_in_a_table(document: Path) -> None:
    assert broken_tables(document.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("| a | b |\n| --- | :-: |\n| 1 | 2 |\n", []),
        ("| a |\n| --- |\n| 1 |\n\n| 2 |\n", ["| 2 |"]),
        ("```\n| no table |\n```\n", []),
        ("text\n\n| a |", ["| a |"]),
    ],
)
def test_a_row_outside_of_a_table_is_noticed(text: str, expected: list[str]) -> None:
    assert broken_tables(text) == expected


def commands(text: str) -> list[str]:
    """Every call of labkit in a code span or a fence."""
    spans = re.findall(r"`([^`\n]+)`", text) + re.findall(r"^(labkit .*)$", text, re.MULTILINE)
    return sorted({span for span in spans if span.split()[0] == "labkit"})


def problem(call: str) -> str:
    """What click has against a call; empty if it would run it."""
    argv, context = shlex.split(call, comments=True)[1:], click.Context(main, info_name="labkit")
    command: click.Command = main
    while isinstance(command, click.Group) and argv and not argv[0].startswith("-"):
        name = argv.pop(0)
        inner = command.get_command(context, name)
        if inner is None:
            return f"there is no {name}"
        command = inner
        context = click.Context(command, parent=context, info_name=name)
    options = {
        name for option in command.get_params(context) if isinstance(option, click.Option) for name in option.opts
    }
    unknown = [word for word in argv if word.startswith("--") and word.split("=")[0] not in options]
    return f"there is no {', '.join(unknown)}" if unknown else ""


@pytest.mark.parametrize(
    "call", sorted({call for document in DOCUMENTS for call in commands(document.read_text("utf-8"))})
)
def test_a_command_that_a_document_names_exists(call: str) -> None:
    assert problem(call) == ""


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("labkit status --json", ""),
        ("labkit registry up --listen 192.0.2.10", ""),
        ("labkit up      # --sauce is for the kitchen", ""),
        ("labkit solve 07", "there is no solve"),
        ("labkit registry start", "there is no start"),
        ("labkit up --sauce stand-in", "there is no --sauce"),
    ],
)
def test_a_command_that_does_not_exist_is_noticed(call: str, expected: str) -> None:
    assert problem(call) == expected


def test_the_map_is_read() -> None:
    named = set(patterns((CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")))
    assert {"labkit/core/causes.py", "labkit/course/exercises/lesson_[0-9][0-9].py", "cluster/images/*/"} <= named


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`labkit/host/`", ["labkit/host/"]),
        ("see `labkit/core/{causes,effects}.py`", ["labkit/core/effects.py"]),
        ("`labkit/course/exercises/lesson_NN.py`, `cluster/images/NAME/`", []),
        ("`tests/unit/attic`", ["tests/unit/attic"]),
        ("`python -m pytest tests/unit/core tests/attic`", ["tests/attic"]),
        ("`causes.py`, `effects.py`", ["effects.py"]),
        ("`kubernetes:pkg/labkit/none.go` and labkit/none outside of a code span", []),
    ],
)
def test_a_path_that_leads_nowhere_is_noticed(text: str, expected: list[str]) -> None:
    assert missing(text) == expected
