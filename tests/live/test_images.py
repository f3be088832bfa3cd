"""Images looked into from outside: what their layers hold, and whom the kernel lets do what in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import labkit
from labkit.adapters.engine import Engine, engine_processes
from labkit.core.identity.model import Identity
from labkit.lab.container_programs import READER, processes_of
from labkit.lab.lab import Lab
from labkit.lab.samples.image_trees import ImageTrees
from labkit.notebook import Lesson

_NAME = "looked-into"
_MESS = """
FROM debian
RUN mkdir -p /m/open /m/closed /m/sticky /m/group \\
 && for folder in /m/open /m/closed /m/sticky /m/group; do \\
      for mode in 0 4 6 7 40 60 70 400 600 700 644 755 4755 666; do echo x > $folder/$mode; done; \\
      chown 1654:50 $folder/6* $folder/70; chown 7:1654 $folder/40 $folder/400; chmod 700 $folder; \\
      for mode in 0 4 6 7 40 60 70 400 600 700 644 755 4755 666; do chmod $mode $folder/$mode; done; \\
    done \\
 && chmod 777 /m/open && chmod 750 /m/closed && chmod 1777 /m/sticky && chown 0:50 /m/group && chmod 770 /m/group \\
 && ln -s /m/closed /m/to-closed && ln /m/open/755 /m/open/hard && rm /m/open/0
"""
_ASK = (
    'for path in $(cat /etc/paths); do for bit in r w x; do test -$bit "$path" && echo "$bit $path"; done; done; true'
)


@pytest.fixture
def lesson(lab: Lab) -> Iterator[Lesson]:
    with labkit.open("05-dockerfile-user") as lesson:
        yield lesson


@pytest.mark.parametrize(("uid", "gid", "groups"), [(0, 0, ()), (1654, 1654, ()), (1654, 0, (50,)), (7, 50, (7,))])
def test_who_may_is_what_the_kernel_says(
    lesson: Lesson, engine: Engine, uid: int, gid: int, groups: tuple[int, ...]
) -> None:
    lesson.build(_MESS, name=f"{_NAME}-base").expect()
    tree = lesson._images.tree(f"{_NAME}-base")
    assert tree is not None
    paths = [entry.path for entry in tree.under("/m")] + ["/m/to-closed/755", "/bin/sh", "/etc/shadow"]
    assert "/m/open/hard" in paths
    assert "/m/open/0" not in paths
    lesson.build(f"FROM {_NAME}-base\nRUN echo {' '.join(paths)} > /etc/paths", _NAME).expect()
    options = {"group_add": [str(group) for group in groups]}
    seen = engine.run(_NAME, ["sh", "-c", _ASK], user=f"{uid}:{gid}", options=options).expect().stdout.splitlines()
    identity = Identity(uid, gid, groups, None, "/")
    may = {"r": tree.may_read, "w": tree.may_write, "x": tree.may_execute}
    # test -w asks for a folder's own bit; to add to it takes the right to search it, too.
    folders = {entry.path for entry in tree.under("/m") if entry.kind == "folder"}
    asked = [(bit, path) for path in paths for bit in may if (bit, path in folders) != ("w", True)]
    assert {(bit, path): may[bit](identity, path) for bit, path in asked} == {
        (bit, path): f"{bit} {path}" in seen for bit, path in asked
    }


def test_an_images_tree_is_what_stat_says(lab: Lab, engine: Engine) -> None:
    inspected = engine.image(lab.reference("setuid"))
    assert inspected is not None
    tree = ImageTrees().of(engine, inspected)
    script = "find /etc /usr/bin -xdev -type f -exec stat -c '%u %g %a %s %n' {} +"
    made_by_the_engine = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
    lines = lab.run("setuid", ["sh", "-c", script], user="0").stdout.splitlines()
    wanted = {line for line in lines if not line.endswith(made_by_the_engine)}
    entries = [entry for folder in ("/etc", "/usr/bin") for entry in tree.under(folder) if entry.kind == "file"]
    assert {f"{entry.uid} {entry.gid} {entry.octal} {entry.size} {entry.path}" for entry in entries} >= wanted
    digest = lab.run("setuid", ["sha256sum", "/etc/passwd"]).stdout.split()[0]
    assert tree.content_digest("/etc/passwd") == digest
    assert "/usr/bin/su" in [entry.path for entry in tree.setuid_files()]


def test_an_app_is_seen_from_outside_with_and_without_a_shell(lesson: Lesson) -> None:
    start = lesson._checking._world.start
    for image, user, uid in (
        ("aspnetapp", None, 1654),
        ("aspnetapp-chiseled", None, 1654),
        ("aspnetapp", "4242", 4242),
    ):
        started = start.app(image, user=user, groups=[7])
        assert started.is_running, started
        assert started.main is not None
        assert (started.main.uid, 7 in started.main.groups) == (uid, True)


def test_an_app_that_does_not_start_or_ends_says_how(lesson: Lesson) -> None:
    start = lesson._checking._world.start
    assert start.app("appliance").result.exit_status == 125
    ended = start.app("ledger", user="1654")
    assert (ended.is_running, bool(ended.result.exit_status)) == (False, True), ended
    lesson.build('FROM scratch\nENTRYPOINT ["/nothing"]', name=_NAME).expect()
    assert start.app(_NAME).result.cause == "command-not-found"
    assert start.app(_NAME, user="rich").result.cause == "unknown-user"


def test_a_build_that_stops_leaves_nothing_even_while_a_container_of_the_older_one_runs(lesson: Lesson) -> None:
    lesson.build("FROM debian", name=_NAME).expect()
    lesson.start(_NAME)
    stopped = lesson.build("FROM debian\nRUN useradd --uid 0 me", name=_NAME)
    assert (stopped.exit_status, "UID 0 is not unique" in stopped.stderr) == (4, True)
    look = lesson._checking._world.look
    assert look.image(_NAME) is None
    assert look.last_stop(_NAME) == stopped
    assert "RUN useradd --uid 0 me" in str(stopped.message)
    lesson.build("FROM debian\nUSER 1654", name=_NAME).expect()
    assert look.last_stop(_NAME) is None
    image, base = look.image(_NAME), look.image("debian")
    assert image is not None
    assert base is not None
    assert image.stands_on(base)


def test_sample_images_are_named_as_people_write_them(lesson: Lesson) -> None:
    dockerfile = """
    ARG BASE=debian
    from --platform=linux/amd64 alpine as alpine
    FROM $BASE
    copy   --from=alpine /etc/os-release /a
    COPY --chown=7:7 --from=runtime-deps /etc/os-release /b
    """
    lesson.build(dockerfile, name=_NAME).expect()
    file = lesson.file(_NAME, "/b")
    assert file is not None
    assert file.uid == 7


def test_what_a_process_executes_is_seen_from_here_and_from_beside_the_container(
    lesson: Lesson, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = lesson.start("aspnetapp")
    here = lesson._checking._world.look.processes(container)
    assert here[0].program == "/app/aspnetapp"
    assert here[0].digest == lesson._checking._world.look.digest("aspnetapp", "/app/aspnetapp")
    # As if the engine were another machine, whose /proc is not this one's.
    monkeypatch.setattr(engine_processes, "_PROC", Path("/nowhere"))
    assert processes_of(engine, container.id, lesson._lesson.lab.reference(READER)) == tuple(here)


def test_what_a_lessons_pods_brought_into_the_node_goes_with_the_lesson(
    lesson: Lesson, lab: Lab, engine: Engine
) -> None:
    names = ("gone-with-the-lesson", "gone-with-it-too")
    lesson.build("FROM debian\nUSER 1654", name=names[0])
    # One that was built without the lab is known by its pod alone.
    engine.tag(lab.reference("debian"), names[1])
    try:
        for name in names:
            assert lesson.pod(name, name=name, command="sleep 60").verdict == "running"
        listing = ["ctr", "--namespace", "k8s.io", "images", "ls", "-q", *(f"name~={name}" for name in names)]
        assert len(lab.cluster().execute(listing).stdout.split()) == 2
        lesson.reset()
        assert lab.cluster().execute(listing).stdout.split() == []
    finally:
        engine.remove_name(names[1])
