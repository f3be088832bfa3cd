"""Exercises of 11-capstone."""

from __future__ import annotations

from typing import Any

from labkit.course.exercise import Exercise, Wrong
from labkit.course.exercises.lesson_11_gate import GATE
from labkit.course.exercises.lesson_11_harden import HARDEN
from labkit.course.judging.assessment import Assessment, not_right, passed
from labkit.course.world import World

_REFUSALS = {"key": "cannot read its key", "ledger": "cannot write to its ledger", "port": "cannot listen"}


def _check_next_no(world: World, answer: str) -> Assessment:
    argv = ["env", "LEDGER_KEY_FILE=/etc/hostname", "/app/ledger"]
    stdout = world.start.run("ledger", argv, user="1654").output
    refusal = next((name for name, text in _REFUSALS.items() if text in stdout), "none")
    if answer == refusal:
        return passed(f"It says: {stdout}.")
    if answer == "port":
        return not_right("It does not come as far as the port: something that it does before fails.")
    return not_right(f"It is not {answer!r}: with a key that it may read the app goes one step further, and no more.")


_NEXT_NO = Exercise(
    name="next-no",
    kind="predict",
    answers=str,
    choices=(*_REFUSALS, "none"),
    hints=(
        "In which order does the app do the three things that need root?",
        "`cluster/sampleapp/ledger.go` has them in its function `open`. Which comes after the key?",
        "Whose is the folder /var/lib/ledger, and who may write to it? `lab.file` shows it.",
    ),
    solution='prediction = "ledger"',
    wrong=(
        Wrong('prediction = "port"', "does not come as far as the port"),
        Wrong('prediction = "none"', "one step further, and no more"),
        Wrong('prediction = "root"', "is not one of"),
        Wrong("prediction = 80", "a string in quotes is expected"),
    ),
    check=_check_next_no,
)


_TRIED = (
    *("change-uid", "environment-secret", "listen-80", "overwrite-app", "read-shadow", "setuid-helper"),
    *("unshare-user", "write-volume-shared"),
)


def _check_what_remains(world: World, answer: list[Any]) -> Assessment:
    tried = world.start.probe("app-restricted", *_TRIED)
    could = {cell.probe for cell in tried if cell.short == "could"}
    for name in answer:
        if name not in could:
            return not_right(f"{name} was tried, and it {tried[name].full_verdict}: {tried[name].reason}.")
    if missing := len(could - set(answer)):
        return not_right(f"All that you name could be done, and {missing} more of the list could, too.")
    return passed(f"{', '.join(sorted(could))}: done there, with the controls of restricted and more in force.")


_WHAT_REMAINS = Exercise(
    name="what-remains",
    kind="choose",
    answers=list,
    choices=_TRIED,
    hints=(
        "Which of the attempts needs a capability, root's files, or a way back to root? Those are gone.",
        "What was given to the app on purpose is still its own. What does the app get from its manifest?",
        "A container of the engine opens all ports to everyone; variables can be read by whoever runs in it; volumes "
        "were made to be written.",
    ),
    solution='remains = ["environment-secret", "listen-80", "write-volume-shared"]',
    others=('remains = ["write-volume-shared", "environment-secret", "listen-80"]',),
    wrong=(
        Wrong("remains = []", "The list is empty"),
        Wrong('remains = ["setuid-helper"]', "setuid-helper was tried, and it could not"),
        Wrong('remains = ["environment-secret", "write-volume-shared"]', "1 more of the list could"),
        Wrong('remains = ["root"]', "not one of the eight"),
    ),
    check=_check_what_remains,
)

EXERCISES = (_NEXT_NO, HARDEN, _WHAT_REMAINS, GATE)
