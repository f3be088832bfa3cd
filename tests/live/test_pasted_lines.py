"""Every line that a result prints is pasted into a shell, in an empty folder, and gives what was shown.

The shell is that of a terminal of the lab: `labkit` is on PATH, no kubeconfig is chosen. What cannot be run where this
was made, such as `dotnet publish`, is listed in docs/tests.md.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from labkit.adapters.kube import Kube
from labkit.base.errors import Misuse
from labkit.base.waiting import watch
from labkit.core.causes import Cause
from labkit.core.pods.outcome import Outcome
from labkit.core.run_results import RunResult
from labkit.explain.explanations import explain_text
from labkit.explain.image_lookup import ImageFinder
from labkit.lab.lab import Lab
from labkit.notebook import Lesson
from labkit.threat.postures import CLUSTER, ENGINE, POSTURES, VULNERABLE, Posture, find_posture
from tests.course import lesson_with_own_progress

_KEPT = ("LABKIT_NAME", "LABKIT_STATE", "LABKIT_CACHE", "LABKIT_DATA", "PYTHONPATH", "HOME", "DOCKER_HOST")
_SECONDS = 60.0
_ID = re.compile(r"[0-9a-f]{64}")  # of an exec, a new one each time
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: pasted}
spec:
  selector: {matchLabels: {app: pasted}}
  template:
    metadata: {labels: {app: pasted}}
    spec: {containers: [{name: app, image: aspnetapp}]}
"""


class Terminal:
    """A terminal of the lab, in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"])
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self._environment = {**kept, "PATH": path, "TERM": "dumb"}

    def start(self, line: str) -> subprocess.Popen[str]:
        """Paste a line, and do not wait for its end."""
        return subprocess.Popen(
            ["bash", "-c", line],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def paste(self, line: str) -> tuple[int, str]:
        """Paste a line; its exit status, and what it printed."""
        with self.start(line) as process:
            output, _ = process.communicate(timeout=_SECONDS)
        return process.returncode, output.strip()

    def compare(self, result: RunResult) -> None:
        """Paste the line of a result; it ends in the same way and prints the same, whatever stands around that."""
        status, output = self.paste(result.command)
        assert status == result.exit_status, output
        # kubectl puts words of its own before the API server's, of which there may be several, too.
        shown = (result.message or result.output).strip().rpartition("Internal error occurred: ")[2]
        assert _ID.sub("ID", shown) in _ID.sub("ID", output)


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """A terminal of the lab."""
    (tmp_path / "terminal").mkdir()
    return Terminal(tmp_path / "terminal")


@pytest.fixture(scope="module")
def lesson(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lesson]:
    """A lesson for all lines; what it makes goes at its end."""
    with lesson_with_own_progress("10-beyond-non-root", lab, tmp_path_factory.mktemp("lesson")) as lesson:
        yield lesson


@contextlib.contextmanager
def _removed_later(lab: Lab) -> Iterator[Callable[[], set[str]]]:
    """Gives the containers that are new, and removes them at the end: for tests that are alone."""
    engine = lab.engine()
    before = set(engine.labelled_containers())
    try:
        yield lambda: set(engine.labelled_containers()) - before
    finally:
        for container in set(engine.labelled_containers()) - before:
            engine.remove_container(container)


# --- the engine ---


@pytest.mark.parametrize(
    ("command", "user"),
    [
        ("id -u", None),
        ("id -u", 1654),
        (["sh", "-c", 'echo "two  blanks" $((6 * 7)); exit 3'], None),
        ("id", "nobody-here"),
        ("no-such-command", None),
        ("/etc/passwd", None),
    ],
)
def test_of_a_run(lesson: Lesson, terminal: Terminal, command: str | list[str], user: str | int | None) -> None:
    terminal.compare(lesson.run("debian", command, user=user))


@pytest.mark.alone
def test_of_a_container_and_of_what_is_run_in_it(lesson: Lesson, lab: Lab, terminal: Terminal) -> None:
    with _removed_later(lab) as new:
        container = lesson.start("debian", user=1654)
        first = new()
        for command, user in (("id -u", None), ("id -u", 0), ("sh -c 'exit 5'", None), ("no-such-command", None)):
            terminal.compare(container.exec(command, user=user))
        status, output = terminal.paste(container.line)
        (name,) = new() - first
        assert status == 0
        state = lab.engine().container(name)
        assert state is not None and state.running
        assert lab.engine().execute(output, ["id", "-u"]).stdout.strip() == "1654"


@pytest.mark.alone
@pytest.mark.parametrize(
    "dockerfile",
    ["FROM aspnetapp\nUSER 4242", "FROM debian\nRUN exit 3", "FROM debian\nRUN echo 'EOF\\\nEOF' > /x; id -u; false"],
)
def test_of_a_build(lesson: Lesson, lab: Lab, terminal: Terminal, dockerfile: str) -> None:
    result = lesson.build(dockerfile, name="pasted")
    if result.exit_status == 0:
        lab.engine().remove_image("pasted")
    before = set(lab.engine().labelled_containers())
    status, output = terminal.paste(result.command)
    assert status == result.exit_status, output
    assert set(lab.engine().labelled_containers()) <= before
    if status == 0:
        assert lesson.image("pasted").user == "4242"
        lab.engine().remove_image("pasted")


# --- the cluster ---


def _again(kube: Kube, outcome: Outcome) -> Outcome:
    return kube.observe(outcome.pod, outcome.namespace)


@pytest.mark.parametrize(
    ("name", "image", "settings"),
    [
        ("runs", "aspnetapp", {"runAsNonRoot": True}),
        ("refused", "aspnetapp-root", {"runAsNonRoot": True}),
        ("out-of-range", "aspnetapp", {"runAsUser": 2147483648}),
    ],
)
def test_of_a_pod(
    lesson: Lesson, kube: Kube, terminal: Terminal, name: str, image: str, settings: dict[str, object]
) -> None:
    outcome = lesson.pod(image, pod=settings, name=name)
    status, output = terminal.paste(outcome.command)
    if outcome.verdict == "not admitted":
        assert status == 1
        assert (outcome.message or "no message").partition(": ")[2][:40] in output
        return
    assert status == 0, output
    kube.delete_pod(name, lesson.namespace)
    assert terminal.paste(outcome.command) == (0, f"pod/{name} created")
    again = _again(kube, outcome)
    assert (again.verdict, again.cause) == (outcome.verdict, outcome.cause)


def test_of_what_is_asked_of_a_pod(lesson: Lesson, terminal: Terminal) -> None:
    pod = lesson.pod("aspnetapp", name="asked")
    terminal.compare(lesson.exec(pod, "id -u"))
    terminal.compare(lesson.exec(pod, ["sh", "-c", 'echo "two  blanks"; exit 6']))
    # A pod runs before its app listens.
    page = watch(lambda: lesson.page(pod, 8080, "/"), lambda result: result.exit_status == 0, _SECONDS)
    assert page.exit_status == 0, page
    terminal.compare(page)
    terminal.compare(lesson.exec(pod, "no-such-command"))


def test_of_what_was_applied(lesson: Lesson, terminal: Terminal) -> None:
    created = lesson.create(DEPLOYMENT)
    status, output = terminal.paste(created.command)
    assert (status, output) == (0, "deployment.apps/pasted serverside-applied")
    enforced = lesson.enforce("baseline")
    status, output = terminal.paste(enforced.command)
    assert (status, enforced.changed in output) == (0, True), output
    assert lesson.enforced() == "baseline"
    privileged = lesson.pod("aspnetapp", container={"privileged": True}, name="privileged")
    assert privileged.cause is Cause.POD_SECURITY
    status, output = terminal.paste(privileged.command)
    assert status == 1
    assert all(violation in output for violation in privileged.violations)
    lesson.enforce("privileged")


# --- postures and probes ---


def _uid(lab: Lab, container: str) -> str:
    """The uid of a container's first process, as the engine shows it: some have no `id`."""
    done = subprocess.run(
        ["docker", "top", container, "-o", "pid,uid"], capture_output=True, text=True, check=True, timeout=_SECONDS
    )
    return done.stdout.splitlines()[1].split()[1]


@pytest.mark.alone
def test_of_postures_on_the_engine(lab: Lab, terminal: Terminal) -> None:
    shown = [posture for posture in [*POSTURES.values(), *VULNERABLE.values()] if ENGINE in posture.places]
    for posture in shown:
        with _removed_later(lab) as new:
            process = terminal.start(posture.docker_line())
            (name,) = watch(new, bool, _SECONDS) or {"nothing was started"}
            look = partial(lab.engine().container, name)
            state = watch(look, lambda state: bool(state and state.running), _SECONDS)
            assert state is not None and state.running, posture.name
            user = (posture.user or ("0" if posture.is_root else "1654")).partition(":")[0]
            assert _uid(lab, name) == user, posture.name
        process.communicate(timeout=_SECONDS)


def _remove_pod(terminal: Terminal, posture: Posture) -> None:
    namespace = f"try-{posture.level}" if posture.level else "default"
    terminal.paste(f"labkit kubectl delete pod --now --ignore-not-found --namespace {namespace} {posture.name}")


@pytest.mark.parametrize(
    "name", ["root-default", "root-hostpath", "root-non-root", "root-restricted", "app-restricted"]
)
def test_of_postures_on_the_cluster(kube: Kube, terminal: Terminal, name: str) -> None:
    posture = find_posture(name)
    try:
        status, output = terminal.paste(posture.kubectl_line())
        if name == "root-restricted":
            assert status == 1
            assert 'violates PodSecurity "restricted:' in output
            return
        assert status == 0, output
        outcome = kube.observe(name, f"try-{posture.level}" if posture.level else "default")
        cause = Cause.IMAGE_RUNS_AS_ROOT if posture.non_root and posture.is_root else None
        assert (outcome.verdict, outcome.cause) == ("refused" if cause else "running", cause)
    finally:
        _remove_pod(terminal, posture)
        if posture.level:
            terminal.paste(f"labkit kubectl delete namespace try-{posture.level}")


@pytest.mark.parametrize("where", [ENGINE, CLUSTER])
def test_of_probes(lesson: Lesson, terminal: Terminal, where: str) -> None:
    tried = lesson.threats.probe("app-default", "read-shadow", "write-tmp", where=where)
    status, output = terminal.paste(tried.line)
    assert status == 0, output
    printed = output.split()
    assert all(cell.short in printed and cell.probe in printed for cell in tried), output


def test_of_what_is_sent_to_the_vulnerable_app(lesson: Lesson, terminal: Terminal) -> None:
    with contextlib.closing(lesson.threats.victim(root=True)) as app:
        terminal.compare(app.send("id -u"))
        terminal.compare(app.send('echo "two  blanks" > /dev/null; exit 0'))
        tried = app.probe("read-shadow")
        status, output = terminal.paste(tried.line)
        assert (status, '"probe":"read-shadow"' in output) == (0, True), output


# --- remedies ---


def _remedy(fails: Callable[[], object]) -> Sequence[str]:
    """The lines of a remedy that are commands."""
    with pytest.raises(Misuse) as caught:
        fails()
    return [line.strip() for line in caught.value.remedy.splitlines() if line.startswith("  ")]


@pytest.mark.parametrize("wrong", ["kind: Nothing", "- a list"])
def test_of_a_remedy_that_explains_a_field(lesson: Lesson, terminal: Terminal, wrong: str) -> None:
    with ImageFinder() as finder:
        commands = [
            *_remedy(lambda: lesson.apply(wrong)),
            *_remedy(lambda: lesson.create(wrong)),
            *_remedy(lambda: explain_text(finder, "a: [")),
        ]
    assert len(commands) >= 3
    for command in commands:
        status, output = terminal.paste(command)
        assert (status, "DESCRIPTION" in output) == (0, True), (command, output)
