"""Every lesson whole in a participant's own pod: as the cluster allows, without an engine, with policies enforced."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import pytest

from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.course.lessons import lesson_names
from labkit.lab.classroom.class_bringup import ClassWishes
from labkit.lab.lab import Lab
from tests.classroom_live.class_player import PlayedRoom, Visitor
from tests.classroom_live.lessons_in_pod import carry_tests, run_lesson
from tests.classroom_live.own_class import OwnClass
from tests.classroom_live.policy_engine import enforced_policies

_WITH_ENGINE = "tests.classroom_live.podman_cells"
_AS_ALLOWED, _ENFORCED, _NO_ENGINE = "as the cluster allows", "policies enforced", "no engine"


@contextlib.contextmanager
def without_engine(lab: Lab, cluster: ClusterWriter) -> Iterator[PlayedRoom]:
    """A class of its own whose participants have no engine, also where the cluster would allow one."""
    wishes = ClassWishes(class_name="labkit-class-bare", participants=1, engine="none", no_volumes=True)
    group = OwnClass(lab, cluster, wishes)
    try:
        group.up()
        with group.entered() as room:
            yield room
    finally:
        group.down()


@pytest.fixture(scope="module", params=[_AS_ALLOWED, _ENFORCED, _NO_ENGINE])
def learner(
    request: pytest.FixtureRequest, lab: Lab, cluster: ClusterWriter, runner: asyncio.Runner
) -> Iterator[Visitor]:
    with contextlib.ExitStack() as stack:
        if request.param == _NO_ENGINE:
            room = stack.enter_context(without_engine(lab, cluster))
        else:
            room = request.getfixturevalue("room")
        if request.param == _ENFORCED:
            stack.enter_context(enforced_policies(lab, cluster))
        lena = stack.enter_context(Visitor(room, runner, "Lena"))
        lena.start_server()
        carry_tests(lena.exec_argv)
        yield lena
        lena.run(lena.web.ask_hub("DELETE", f"users/{lena.participant}/server"))


@pytest.mark.timeout(1000, func_only=True)
@pytest.mark.parametrize("lesson", lesson_names())
def test_a_lesson_passes_whole_in_a_participants_pod(learner: Visitor, lesson: str) -> None:
    plugins = [_WITH_ENGINE] if learner.room.settings.has_engine else []
    done = run_lesson(learner.exec_argv, lesson, *plugins)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
