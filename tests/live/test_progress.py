"""Progress in a real kernel that is killed: what was done before is in the file."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel

from labkit.lab.lab import Lab

_LESSON = "07-run-as-non-root"


def test_a_killed_kernel_loses_nothing(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path))
    monkeypatch.delenv("LABKIT_STRICT", raising=False)
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        printed: list[str] = []
        answer = client.execute_interactive(
            f'import labkit, os\nlab = labkit.open("{_LESSON}")\nlab.hint("which-cause")\n'
            'print(lab.check("which-cause", "a guess"))\nprint(labkit.progress())\nprint("pid", os.getpid())',
            timeout=120,
            output_hook=lambda message: printed.append(message["content"].get("text", "")),
        )
        assert answer["content"]["status"] == "ok", answer["content"]
        text = "".join(printed)
        assert "which-cause: not right" in text
        os.kill(int(text.rpartition("pid ")[2]), signal.SIGKILL)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    kept = json.loads((tmp_path / "progress.json").read_text(encoding="utf-8"))["lessons"][_LESSON]
    exercise = kept["exercises"]["which-cause"]
    assert (exercise["verdict"], exercise["checks"], exercise["hints"]) == ("not right", 1, [1])
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        printed = []
        client.execute_interactive(
            f'import labkit\nlab = labkit.open("{_LESSON}")\nprint(lab.hint("which-cause"))\nlab.close()',
            timeout=120,
            output_hook=lambda message: printed.append(message["content"].get("text", "")),
        )
        assert "hint 2 of 3" in "".join(printed)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
