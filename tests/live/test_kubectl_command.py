"""`labkit kubectl` is kubectl: every argument, the exit status, signals and the terminal are its own."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from labkit.adapters.kube import Kube
from labkit.core.pods.manifest import container_manifest, pod_manifest
from labkit.lab.lab import Lab

_KUBECTL = [sys.executable, "-m", "labkit", "kubectl"]
_SECONDS = 60.0


@pytest.fixture
def pod(lab: Lab, kube: Kube, namespace: str) -> Iterator[list[str]]:
    """A pod that runs, as kubectl's arguments name it."""
    container = container_manifest("app", lab.configuration.image_reference("debian"), command=["sleep", "600"])
    outcome = kube.make_pod(pod_manifest("web", [container]), namespace)
    assert outcome.verdict == "running", outcome
    yield ["--namespace", namespace, "web"]


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*_KUBECTL, *arguments], capture_output=True, text=True, check=False, timeout=_SECONDS, stdin=subprocess.DEVNULL
    )


def test_what_follows_two_dashes_is_the_container_s(pod: list[str], lab: Lab) -> None:
    done = _run("exec", *pod, "--", "id", "-u")
    assert (done.returncode, done.stdout) == (0, "0\n")
    done = _run("exec", *pod, "--", "sh", "-c", 'printf "%s|" "$@"; exit 7', "sh", "-h", "--", "--help", "a  b")
    assert (done.returncode, done.stdout) == (7, "-h|--|--help|a  b|")
    image = f"--image={lab.configuration.image_reference('debian')}"
    namespace = pod[:2]
    done = _run("run", *namespace, "other", image, "--dry-run=client", "--output=yaml", "--", "sh", "-c", "id -u")
    assert (done.returncode, "- id -u" in done.stdout) == (0, True), done.stderr
    done = _run(
        "create", "deployment", *namespace, "made", image, "--dry-run=client", "--output=yaml", "--", "id", "-u"
    )
    assert (done.returncode, "- -u" in done.stdout) == (0, True), done.stderr
    done = _run("debug", *pod, image, "--profile=general", "--", "sleep", "5")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("arguments", [["get", "-h"], ["get", "--help"], ["exec", "-h"]])
def test_help_is_kubectl_s(arguments: list[str]) -> None:
    done = _run(*arguments)
    assert (done.returncode, "Usage:\n  kubectl" in done.stdout) == (0, True)


def test_an_error_s_status_is_kubectl_s(namespace: str) -> None:
    done = _run("get", "pod", "--namespace", namespace, "none")
    assert (done.returncode, "NotFound" in done.stderr) == (1, True)


def test_a_terminal_is_handed_on(pod: list[str]) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*_KUBECTL, "exec", "-it", *pod, "--", "sh", "-c", "tty; exit 4"], stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    try:
        assert process.wait(_SECONDS) == 4
        assert b"/dev/pts/" in b"".join(_pieces(ours))
    finally:
        process.kill()
        os.close(ours)


def _pieces(terminal: int) -> Iterator[bytes]:
    """What was written to a terminal that nobody has open any more, which comes in any number of pieces."""
    with contextlib.suppress(OSError):  # Linux ends it with EIO.
        while piece := os.read(terminal, 4096):
            yield piece


def test_an_interrupt_ends_it(pod: list[str]) -> None:
    # What a shell starts in the background ignores interrupts, and so does whatever it starts.
    line = ["env", "--default-signal=INT", *_KUBECTL, "exec", *pod, "--", "sh", "-c", "echo begun; sleep 60"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=_SECONDS)
    assert process.returncode in (-signal.SIGINT, 128 + signal.SIGINT)
    assert "labkit" not in stderr
