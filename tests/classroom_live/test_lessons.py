"""Every lesson whole in a participant's own pod, with the engine that the class gives or without one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from labkit.course.lessons import lesson_names
from tests.classroom_live.class_player import PlayedRoom, Visitor
from tests.classroom_live.lessons_in_pod import carry_tests, run_lesson

_WITH_ENGINE = "tests.classroom_live.podman_cells"


@pytest.fixture(scope="module")
def learner(room: PlayedRoom, runner: asyncio.Runner) -> Iterator[Visitor]:
    with Visitor(room, runner, "Lena") as visitor:
        visitor.start_server()
        carry_tests(visitor.exec_argv)
        yield visitor


@pytest.mark.timeout(1000, func_only=True)
@pytest.mark.parametrize("lesson", lesson_names())
def test_a_lesson_passes_whole_in_a_participants_pod(learner: Visitor, lesson: str) -> None:
    plugins = [_WITH_ENGINE] if learner.room.settings.has_engine else []
    done = run_lesson(learner.exec_argv, lesson, *plugins)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
