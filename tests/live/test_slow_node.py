"""A node that does nothing for a while: what is waited for comes later, and the verdict is the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labkit.core.causes import Cause
from labkit.core.pods.manifest import container_manifest, pod_manifest
from labkit.course.judging.assessment import CheckVerdict
from labkit.lab.lab import Lab
from labkit.notebook import Lesson
from tests.course import lesson_with_own_progress

pytestmark = pytest.mark.alone  # nothing else gets a pod meanwhile

_STOPPED_SECONDS = 3.0
"""Longer than a look at a pod's events is put off, and shorter than a check waits for a pod."""
_LONGEST_SECONDS = 30
_SIGNAL = """
send() {
    for proc in /proc/[0-9]*; do
        [ "$(cat "$proc/comm" 2>/dev/null)" = kubelet ] && kill -s "$1" "${proc#/proc/}"
    done
}
send "$1"
# If the tests are killed meanwhile, nobody else lets it go on.
[ "$1" = CONT ] || (sleep "$2" && send CONT) > /dev/null 2>&1 &
"""


class _StoppedKubelet:
    """A kubelet that is stopped, and goes on by itself after a while."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._timer = threading.Timer(_STOPPED_SECONDS, self.go_on)

    def stop(self) -> None:
        """Stop it, until `go_on_later`."""
        self._signal("STOP")

    def go_on_later(self) -> None:
        """Let it go on after a while, from now."""
        self._timer.start()

    def go_on(self) -> None:
        """Let it go on, now."""
        self._timer.cancel()
        self._signal("CONT")

    def _signal(self, name: str) -> None:
        self._lab.cluster().execute(["sh", "-c", _SIGNAL, "sh", name, str(_LONGEST_SECONDS)])


@pytest.fixture
def kubelet(lab: Lab) -> Iterator[_StoppedKubelet]:
    """The node's kubelet; it goes on after the test, whatever becomes of that."""
    kubelet = _StoppedKubelet(lab)
    yield kubelet
    kubelet.go_on()


@pytest.fixture
def lesson(lab: Lab, tmp_path: Path) -> Iterator[Lesson]:
    """The lesson of the pods."""
    with lesson_with_own_progress("07-run-as-non-root", lab, tmp_path) as lesson:
        yield lesson


_NAME, _INSISTS = "in-the-container", {"runAsNonRoot": True}


@pytest.mark.parametrize(
    ("settings", "verdict", "expected"),
    [
        ({"runAsUser": 1654}, CheckVerdict.PASSED, "runs as uid 1654"),
        ({"runAsGroup": 1654}, CheckVerdict.NOT_RIGHT, "image-runs-as-root"),
    ],
)
def test_a_check_waits_for_a_slow_node(
    lesson: Lesson, lab: Lab, kubelet: _StoppedKubelet, settings: dict[str, Any], verdict: str, expected: str
) -> None:
    container = container_manifest("aspnetapp-root", lab.reference("aspnetapp-root"), security=settings)
    kubelet.stop()
    # As somebody makes it in a terminal, who does not wait.
    assert lab.kube().create_pod(pod_manifest(_NAME, [container], security=_INSISTS), _NAME, lesson.namespace) is None
    started = time.monotonic()
    kubelet.go_on_later()
    result = lesson.check(_NAME)
    assert time.monotonic() - started >= _STOPPED_SECONDS
    assert result.verdict == verdict, str(result)
    assert expected in result.message


def test_a_pod_of_a_slow_node_is_waited_for_and_said_right(lesson: Lesson, kubelet: _StoppedKubelet) -> None:
    """The same name twice, the first of which the node has not removed yet."""
    assert lesson.pod("aspnetapp-root", name=_NAME, pod=_INSISTS).cause is Cause.IMAGE_RUNS_AS_ROOT
    kubelet.stop()
    kubelet.go_on_later()
    outcome = lesson.pod("aspnetapp-root", name=_NAME, pod=_INSISTS, container={"runAsUser": 1654})
    assert outcome.verdict == "running", str(outcome)
    assert lesson.check(_NAME).verdict is CheckVerdict.PASSED
