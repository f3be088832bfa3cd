"""What made the unit tests slow once, and is kept from coming back."""

from __future__ import annotations

import ast
import re

from labkit.base.resources import CHECKOUT
from tests.architecture import parsed

SOURCES = {
    path.relative_to(CHECKOUT).as_posix(): path.read_text(encoding="utf-8")
    for path in (CHECKOUT / "tests").rglob("*.py")
}
MOST_FILES_THAT_START_LABKIT = 3
"""Files of unit tests that start the command as a process, this one included, which has the words, too.

Others call it in the test's own process (click's CliRunner): what a command imports takes longer than a hundred tests.
"""


def test_the_command_is_called_and_seldom_started() -> None:
    starts = [file for file, text in SOURCES.items() if file.startswith("tests/unit/") and '"-m", "labkit"' in text]
    assert len(starts) <= MOST_FILES_THAT_START_LABKIT, starts


def test_a_server_of_a_test_sends_a_body_at_once() -> None:
    """Its clients would wait 40 ms for each, until the headers are acknowledged (Nagle's algorithm)."""
    slow = []
    for file, text in SOURCES.items():
        if "protocol_version" not in text:
            continue
        for node in ast.walk(parsed(text)):
            if isinstance(node, ast.ClassDef):
                names = {
                    target.id: statement.value
                    for statement in node.body
                    if isinstance(statement, ast.Assign)
                    for target in statement.targets
                    if isinstance(target, ast.Name)
                }
                if "protocol_version" in names and "disable_nagle_algorithm" not in names:
                    slow.append(f"{file}: {node.name}")
    assert slow == []


def _rooms_of_stages() -> list[str]:
    """The folders of unit tests that have a stage of their own."""
    script = (CHECKOUT / "tools" / "test.sh").read_text(encoding="utf-8")
    places = re.findall(r"tests/unit/((?:[a-z]+/)?){([a-z,]+)}", script)
    return [f"{folder}{room}" for folder, rooms in places for room in rooms.split(",")]


def test_what_reads_the_kits_sources_shares_a_process() -> None:
    """They are parsed once in the stage of `tools/test.sh` that has all that is not in the folders of the others."""
    others = [f"tests/unit/{room}/" for room in _rooms_of_stages()]
    readers = [file for file, text in SOURCES.items() if "from tests.architecture import" in text]
    assert len(readers) > 3
    assert [file for file in readers if file.startswith((*others, "tests/notebooks/"))] == []


def test_each_folder_of_a_stage_is_there() -> None:
    """Whatever folder is in none of them is in the stage `unit`."""
    rooms = _rooms_of_stages()
    assert len(rooms) > 8
    assert [room for room in rooms if not (CHECKOUT / "tests" / "unit" / room).is_dir()] == []
