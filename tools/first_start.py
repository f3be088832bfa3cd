"""Measures a first start: `make lab` as somebody types it, until a container and then a refusal answer in a lesson.

Run by a bare machine's own Python (tools/bare_machine.sh), in its checkout; prints one line of JSON. With --front it
ends behind the container.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

_OPEN = "JupyterLab is open"
_MOST_SECONDS = 1800.0
_STATE = Path.home() / ".local" / "state" / "labkit" / "labkit"

CONTAINER = 'lab = labkit.open("00-start-here"); lab.run("debian", "whoami").expect("root")'
REFUSAL = (
    'lab = labkit.open("07-run-as-non-root");'
    ' lab.pod("aspnetapp-root", pod={"runAsNonRoot": True}).expect("image-runs-as-root")'
)


class FirstStart:
    """One, from its first second."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.log = Path("lab.log")
        with self.log.open("wb") as log:
            self._make = subprocess.Popen(["make", "lab"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def seconds(self) -> float:
        """Since it was typed."""
        return round(time.monotonic() - self._began, 1)

    def await_jupyterlab(self) -> float:
        """When JupyterLab was open."""
        while _OPEN not in self.log.read_text(encoding="utf-8", errors="replace"):
            if self._make.poll() is not None or self.seconds() > _MOST_SECONDS:
                sys.exit(f"JupyterLab did not open in {self.seconds()} s:\n{self.log.read_text(encoding='utf-8')}")
            time.sleep(0.2)
        return self.seconds()

    def cell(self, code: str) -> float:
        """When a cell had answered."""
        argv = [".venv/bin/python", "-c", f"import labkit; {code}"]
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"the cell failed after {self.seconds()} s:\n{done.stdout}")
        return self.seconds()

    def end(self) -> None:
        """End JupyterLab and the lab, so that nothing of it is left in this machine's kernel."""
        self._make.terminate()
        self._make.wait()
        subprocess.run(
            [".venv/bin/labkit", "clean", "--yes"], stdout=subprocess.DEVNULL, stderr=sys.stderr, check=False
        )


def main() -> None:
    """Measure and print."""
    start = FirstStart()
    figures: dict[str, object] = {"JupyterLab open": start.await_jupyterlab(), "first container": start.cell(CONTAINER)}
    if "--front" not in sys.argv:
        figures["first refusal"] = start.cell(REFUSAL)
    state = json.loads((_STATE / "up.json").read_text(encoding="utf-8"))
    figures["steps"] = {step["title"]: step["seconds"] for step in state["steps"]}
    lines = start.log.read_text(encoding="utf-8", errors="replace").splitlines()
    figures["environment"] = next((line for line in lines if "the environment is ready" in line), "")
    start.end()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
