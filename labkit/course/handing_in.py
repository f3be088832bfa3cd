"""Handing in one's progress as one small file; without a path or a machine's name in it."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

from labkit.base.errors import LabFailed, Misuse
from labkit.base.files import write_atomically
from labkit.course.course_overview import Course
from labkit.course.hand import Hand
from labkit.course.progress_file import read_document
from labkit.course.records import Lessons

HAND_IN = "labkit-hand-in"
"""The format of such a file, as it names it."""

VERSION = 1
LONGEST_NAME = 80
GIVE_OTHER = "name another file"
"""The remedy where a file is not what it should be."""


def hand_in(kept: Lessons, course: Course, name: str, hand: Hand | None = None) -> str:
    """What a participant hands in or shares, as JSON: how far they are, and the name that they chose.

    There is no path in it, and no machine's name.

    Args:
        kept: of the participant.
        course: what it is limited to.
        name: at most 80 characters that can be shown; empty for none.
        hand: theirs, if it is up.

    Raises:
        Misuse: the name cannot be shown on one line.
    """
    name = require_name(name)
    lessons = {}
    for lesson, record in kept.items():
        if lesson in course:
            values = record.to_dict()
            values["exercises"] = {name: kept for name, kept in values["exercises"].items() if name in course[lesson]}
            lessons[lesson] = values
    made = datetime.now(UTC).isoformat(timespec="seconds")
    document = {"format": HAND_IN, "version": VERSION, "name": name, "made": made, "lessons": lessons}
    if hand is not None:
        document["hand"] = hand.to_dict()
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def require_name(name: str) -> str:
    """The name that a participant chose, without blanks around it.

    Raises:
        Misuse: it cannot be shown on one line.
    """
    name = name.strip()
    if not name.isprintable() or len(name) > LONGEST_NAME:
        limit = f"at most {LONGEST_NAME} characters on one line are expected"
        raise Misuse("Writing a file to hand in", f"the name cannot be used: {limit}", "choose another\n  --name NAME")
    return name


def file_to_hand_in(name: str) -> Path:
    """The default name of a file to hand in: `progress-ann-lee.json`, in this folder.

    Args:
        name: that the participant chose.
    """
    slug = re.sub(r"[^\w]+", "-", name.lower()).strip("-")[:40]
    return Path(f"progress-{slug}.json" if slug else "progress-to-hand-in.json")


def export(text: str, file: Path) -> None:
    """Write what is handed in. One that was written before is replaced, any other file is left alone.

    Args:
        text: of the hand-in.
        file: where to.

    Raises:
        Misuse: there is something else there.
        LabFailed: it cannot be written.
    """
    if os.path.lexists(file) and not is_of_format(file, HAND_IN):
        raise Misuse(f"Writing {file}", "it exists, and is not a file that was made to hand in", GIVE_OTHER)
    write_atomically(file, text, mode=0o644)


def showable(text: str, most: int = LONGEST_NAME) -> str:
    """Text of others on one line: what cannot be printed, or turns the direction, becomes a question mark.

    Args:
        text: of others.
        most: how many characters are shown.
    """
    text = "".join(character if character.isprintable() else "?" for character in text[: most + 1])
    return text if len(text) <= most else f"{text[: most - 1]}…"


def is_of_format(file: Path, *formats: str) -> bool:
    """Whether a file is one of some formats, and can be read."""
    try:
        read_document(file, formats, VERSION)
    except (LabFailed, FileNotFoundError):
        return False
    return True
