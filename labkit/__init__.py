"""A lab to learn, teach and check who your containers run as.

What a notebook needs:

    import labkit
    lab = labkit.open("07-run-as-non-root")
    lab.pod("aspnetapp-root", pod={"runAsNonRoot": True}).expect("image-runs-as-root")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.causes import REFUSALS, Cause
from labkit.errors import LabError, LabFailed, MachineLacks, Misuse

if TYPE_CHECKING:
    from labkit.lesson import Lesson
    from labkit.show.table import Table

__all__ = ["REFUSALS", "Cause", "LabError", "LabFailed", "MachineLacks", "Misuse", "diagnose", "doctor", "open"]


def open(lesson: str) -> Lesson:
    """Open a lesson: bring up what the lab is missing, and begin with an empty namespace.

    Args:
        lesson: the notebook's name without its ending, such as "07-run-as-non-root".

    Raises:
        LabError: what is missing and what to do about it.
    """
    from labkit.lesson import Lesson

    return Lesson(lesson)


def doctor() -> Table:
    """Check this machine for what the lab needs; each finding that is not ok comes with a remedy."""
    from labkit.doctor import doctor_table, examine
    from labkit.lab import Lab

    return doctor_table(examine(Lab()))


def diagnose(lesson: str) -> str:
    """Pods, events and logs of a lesson as text: what to read when a cell has failed.

    Args:
        lesson: the notebook's name without its ending.
    """
    from labkit.lesson import diagnose

    return diagnose(lesson)
