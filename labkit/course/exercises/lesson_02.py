"""Exercises of 02-root-by-default."""

from __future__ import annotations

from typing import Any

from labkit.course.exercise import Exercise, Wrong
from labkit.course.exercises.lesson_02_menu import MENU
from labkit.course.exercises.lesson_02_too_early import TOO_EARLY
from labkit.course.judging.assessment import Assessment, not_right, passed
from labkit.course.users import kubelet_refusal
from labkit.course.world import World


def _check_another_root(world: World, answer: str) -> Assessment:
    stdout = world.start.run("toor", "whoami").stdout
    if answer.casefold() != stdout:
        return not_right(
            f"whoami does not say {answer!r}. It never sees the word behind USER: a process has a number, "
            "and whoami looks in passwd for a line with that number."
        )
    return passed(f"{stdout}: the uid is 0, and the first line of passwd with a 0 is root's. toor is root.")


_ANOTHER_ROOT = Exercise(
    name="another-root",
    kind="predict",
    answers=str,
    hints=(
        "What does the kernel keep of a process's user: a word or a number?",
        "Which uid is in the line of toor, and who else has it?",
        "whoami takes the first line of passwd that has uid 0. Which one is first in all of these images?",
    ),
    solution='prediction = "root"',
    others=('prediction = "Root"',),
    wrong=(
        Wrong('prediction = "toor"', "never sees the word behind USER"),
        Wrong('prediction = "app"', "a line with that number"),
        Wrong("prediction = 0", "a string in quotes is expected"),
    ),
    check=_check_another_root,
)

_CANDIDATES = ("stepdown", "named-user", "gid-zero", "aspnetapp-chiseled", "rce-app")


def _check_who_passes(world: World, answer: list[Any]) -> Assessment:
    users = {name: facts.user for name in _CANDIDATES if (facts := world.look.image(name)) is not None}
    for name in answer:
        if kubelet_refusal(users[name]) is not None:
            outcome = world.start.pod(name, pod={"runAsNonRoot": True}, name=f"who-passes-{name}")
            message = outcome.sentence or str(outcome.verdict)
            return not_right(f'A pod of {name} is refused: "{message}". Its Config.User is "{users[name]}".')
    missing = [name for name, user in users.items() if kubelet_refusal(user) is None and name not in answer]
    if missing:
        return not_right(
            f"Those in your list pass, but {len(missing)} more would. The kubelet asks for a number that is not 0, "
            "and for nothing else: not for a name, not for the group."
        )
    return passed("A number that is not 0 passes, whatever the group is. Empty is root, and a name proves nothing.")


_WHO_PASSES = Exercise(
    name="who-passes",
    kind="choose",
    answers=list,
    choices=_CANDIDATES,
    hints=(
        "The kubelet does not run the image. What does it have to go by? `lab.image(name).user` shows it.",
        "A start script that gives up root later is not in the metadata, and a name is not looked up in passwd.",
        "Two of the five have a number that is not 0 in Config.User; what follows a colon is the group.",
    ),
    solution='passes = ["gid-zero", "aspnetapp-chiseled"]',
    others=('passes = ["aspnetapp-chiseled", "gid-zero"]',),
    wrong=(
        Wrong('passes = ["stepdown", "gid-zero", "aspnetapp-chiseled"]', "image will run as root"),
        Wrong('passes = ["named-user", "aspnetapp-chiseled", "gid-zero"]', "non-numeric user (app)"),
        Wrong('passes = ["aspnetapp-chiseled"]', "1 more would"),
        Wrong('passes = "aspnetapp-chiseled"', "a list is expected"),
        Wrong('passes = ["debian"]', "not one of the five"),
    ),
    check=_check_who_passes,
)

EXERCISES = (_ANOTHER_ROOT, TOO_EARLY, MENU, _WHO_PASSES)
