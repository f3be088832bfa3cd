"""What the files beside the notebooks do on a real lab, as far as the texts speak of it and no cell can show it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from labkit.course.lessons import FOLDER
from labkit.notebook import Lesson
from tests.course import placed

_CAPSTONE = "11-capstone"


_WITHOUT_A_SHELL = """
FROM ledger AS whole
FROM scratch
COPY --from=whole /app/ledger /app/ledger
COPY --from=whole --chown=1654:1654 /etc/ledger /etc/ledger
USER 1654
ENTRYPOINT ["/app/ledger"]
"""
_POD_WITHOUT_A_SHELL = """
apiVersion: v1
kind: Pod
metadata: {name: ledger}
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 0
  securityContext:
    runAsNonRoot: true
    runAsUser: 1654
    runAsGroup: 1654
    seccompProfile: {type: RuntimeDefault}
  volumes: [{name: data, emptyDir: {}}]
  containers:
  - name: ledger
    image: ledger-without-a-shell:1
    env: [{name: LEDGER_PORT, value: "8080"}]
    volumeMounts: [{name: data, mountPath: /var/lib/ledger}]
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
"""


def _attempts(lesson: Lesson) -> dict[str, str]:
    """What each attempt on the ledger came to: its name, and what refused it; empty if it succeeded."""
    script = (FOLDER / "attempts.sh").read_text(encoding="utf-8")
    return _told(lesson.exec("ledger", ["sh", "-c", script]).expect().stdout)


def _told(stdout: str) -> dict[str, str]:
    lines = [line for line in stdout.splitlines() if line.startswith("could")]
    told = (line.removeprefix("could").lstrip().removeprefix("not  ").partition(": ") for line in lines)
    return {name: refusal for name, _, refusal in told}


def test_the_attempts_on_the_ledger_before_and_after_it_is_hardened(opened: Callable[[str], Lesson]) -> None:
    lesson = opened(_CAPSTONE)
    lesson.apply(lesson.sample("ledger")).expect_running()
    before = _attempts(lesson)
    assert len(before) == 7 and not any(before.values()), before
    harden = next(task for task in placed(_CAPSTONE) if task.exercise.name == "harden")
    harden.give(lesson, harden.exercise.solution)
    after = _attempts(lesson)
    assert list(after) == list(before)
    still = [name for name, refusal in after.items() if not refusal]
    assert still == ["read the app's key", "write to the app's ledger"]
    assert "Operation not permitted" in after["make a device"]
    assert "Operation not permitted" in after["make a user namespace"]
    assert all("Permission denied" in after[name] for name in list(after)[:3]), after


def test_the_attempts_on_an_image_without_a_shell_by_the_lines_of_the_text(
    opened: Callable[[str], Lesson], tmp_path: Path
) -> None:
    cells = json.loads((FOLDER / f"{_CAPSTONE}.ipynb").read_text(encoding="utf-8"))["cells"]
    (lines,) = re.findall(
        r"```bash\n(kubectl debug .*?)```", "\n".join("".join(cell["source"]) for cell in cells), re.S
    )
    lesson = opened(_CAPSTONE)
    lesson.enforce("restricted")
    lesson.build(_WITHOUT_A_SHELL, name="ledger-without-a-shell:1")
    lesson.apply(_POD_WITHOUT_A_SHELL).expect_running()
    for name in ("attempts.sh", "helper.yaml"):
        shutil.copy(FOLDER / name, tmp_path)
    typed = subprocess.run(
        [sys.executable, "-m", "labkit", "shell", "-c", lines],
        cwd=tmp_path,
        env={**os.environ, "SHELL": "/bin/bash", "LABKIT_LESSON": _CAPSTONE},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert typed.returncode == 0, typed.stdout
    after = _told((tmp_path / "after.txt").read_text(encoding="utf-8"))
    assert len(after) == 7, typed.stdout
    assert [name for name, refusal in after.items() if not refusal] == [
        "read the app's key",
        "write to the app's ledger",
    ]
    assert "Permission denied" in after["put another program in the app's place"]
    assert "/proc/1/root/etc/shadow" in after["read root's password file"]
