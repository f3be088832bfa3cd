"""Which live tests may run at the same time on the one lab (`make live`, with pytest-xdist).

Tests of one group run one after another, in one process; groups run side by side. A lesson is opened by one kernel at
a time, so a lesson is a group, whichever files its tests are in; any other file is one. What asks what the whole lab
holds, or stops it, is marked `alone` and runs when nothing else does.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePosixPath

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

_FIRST = "test_lifecycle"
"""The longest group: it begins first."""

OF_A_LESSON = {
    "test_course_bad_input": "07",
    "test_course_files": "11",
    "test_images": "05",
    "test_opened_lessons": "07",
    "test_pasted_lines": "10",
    "test_progress": "07",
    "test_typed_commands": "08",
}
"""Files whose tests open a lesson without naming it in their ids."""

_LESSON = re.compile(r"\[(\d\d)-")


class GroupScheduling(LoadScopeScheduling):
    """Hands whole groups to processes. (The plugin's own groups, --dist=loadgroup, are lost with pytest 9.2.)"""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> GroupScheduling:
    """Whatever --dist says."""
    return GroupScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest group be the first, and of the others those of most tests."""
    sizes = Counter(group_of(item.nodeid) for item in items)
    items.sort(key=lambda item: (item.path.stem != _FIRST, -sizes[group_of(item.nodeid)], group_of(item.nodeid)))


def group_of(nodeid: str) -> str:
    """A test's group: the number of the lesson with which its parameters begin, else its file.

    Args:
        nodeid: pytest's name of the test.
    """
    if match := _LESSON.search(nodeid):
        return match[1]
    file = PurePosixPath(nodeid.partition("::")[0]).stem
    return OF_A_LESSON.get(file, file)
