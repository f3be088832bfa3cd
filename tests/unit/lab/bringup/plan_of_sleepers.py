"""The steps of the real plan, one of which runs a real program that never ends; the others do nothing.

In a process of its own: `python -m tests.unit.lab.bringup.plan_of_sleepers STEP` brings a lab up behind a lesson, as
`labkit up --behind` does; with --front it begins such a process and waits, as `labkit lab` does for JupyterLab.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from labkit.adapters.processes import Popen, run
from labkit.adapters.started_programs import start_server
from labkit.base.configuration import Configuration
from labkit.lab.bringup import background
from labkit.lab.bringup.schedule import Schedule
from labkit.lab.lab import Lab
from labkit.lab.up_plan import UpPlan
from labkit.show.steps import Silent

_real_schedule = UpPlan.schedule
NAMES = [
    *("engine", "source", "debian-image", "sample-images", "modules", "kubernetes", "containerd", "runc", "pause"),
    *("kind", "node-image", "cluster", "kubectl"),
]
"""The steps of a lab with a cluster of kind's, in the order in which they stand."""


def program_file(configuration: Configuration) -> Path:
    """Where the program that never ends writes its number."""
    return configuration.state / "program"


def schedule_with(
    name: str, configuration: Configuration, then: Callable[[], None] = lambda: None, *, deaf: bool = False
) -> Callable[[UpPlan], Schedule]:
    """In place of the plan's own schedule: one step runs the program.

    Args:
        name: of the step; one that does not exist lets all end well.
        configuration: of the lab.
        then: called by the step beside its program.
        deaf: whether the program goes on after an interrupt; it writes a file `interrupted` then.
    """
    file = program_file(configuration)
    sleep = "sleep 600 & while :; do wait; done" if deaf else "exec sleep 600"
    hear = f"trap ': > {file.with_name('interrupted')}' INT; " if deaf else ""
    argv = ["sh", "-c", f"{hear}echo $$ > '{file}.new' && mv '{file}.new' '{file}' && {sleep}"]

    def work() -> None:
        then()
        run(argv)

    def schedule(plan: UpPlan) -> Schedule:
        return Schedule(
            replace(step, run=work if step.name == name else lambda: None, is_made=None)
            for step in _real_schedule(plan)
        )

    return schedule


def begin_behind(argv: Sequence[str], *_: object) -> Popen[bytes]:
    """In place of `start_server`: a plan of sleepers, and not the lab."""
    with Path(os.devnull).open("wb") as nowhere:
        return start_server([sys.executable, "-m", __spec__.name, os.environ["SLEEPER"]], nowhere, Path.cwd())


def main() -> None:
    """Bring up, or begin that and wait."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    lab = Lab(steps=Silent())
    if sys.argv[1] == "--front":
        vars(background)["start_server"] = begin_behind
        lab.begin()
        print("JupyterLab is open", flush=True)
        signal.pause()
    UpPlan.schedule = schedule_with(sys.argv[1], lab.configuration)  # type: ignore[method-assign, assignment]
    lab.up(background=True)


if __name__ == "__main__":
    main()
