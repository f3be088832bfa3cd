"""The exercise evidence of 01-threat-model."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from labkit.course.exercise import Exercise, Wrong
from labkit.course.judging.assessment import Assessment, not_right, passed
from labkit.course.world import World
from labkit.show import counted
from labkit.threat.evidence import Cell
from labkit.threat.judge import Verdict
from labkit.threat.postures import Posture, find_posture


def _but_for_the_user(posture: Posture) -> Posture:
    """A posture without what tells root from uid 1654: the images of the two differ in their USER alone."""
    return replace(posture, name="", title="", user=None, image=posture.image.removesuffix("-root"))


def _is_uid_1654(posture: Posture) -> bool:
    """Whether it runs as the uid of .NET's images: their own USER, or the posture's."""
    return not posture.is_root and (posture.user is None or posture.user.partition(":")[0] == "1654")


def _pairs(rows: Sequence[Cell]) -> Iterator[tuple[Cell, Cell]]:
    """What root could and uid 1654, in the same posture but for the user, could not."""
    for first, second in itertools.product(rows, rows):
        as_root, as_user = find_posture(first.posture), find_posture(second.posture)
        is_same = (first.probe, first.where) == (second.probe, second.where)
        is_alike = _but_for_the_user(as_root) == _but_for_the_user(as_user)
        differ = (first.verdict, second.verdict) == (Verdict.COULD, Verdict.COULD_NOT)
        if is_same and is_alike and differ and as_root.is_root and _is_uid_1654(as_user):
            yield first, second


def _check_evidence(world: World, rows: list[object]) -> Assessment:
    cells = [row for row in rows if isinstance(row, Cell)]
    if len(cells) < len(rows) or not rows:
        return not_right('A list of cells is expected, such as lab.threats.probe("rce-root", "mount")["mount"].')
    pairs = {as_root.probe: (as_root, as_user) for as_root, as_user in _pairs(cells)}
    if not pairs:
        return not_right(
            f"{counted(len(cells), 'row')}, and none of them shows what the user changes. That takes two rows "
            "of one probe, in two postures that differ in the user alone: the first, root, could, "
            "the second, uid 1654, could not."
        )
    if len(pairs) < 3:
        return not_right(f"The user makes the difference for {', '.join(pairs)}. Three probes are needed.")
    mine = {cell.key: cell for cell in cells}
    for where in dict.fromkeys(cell.where for cell in mine.values()):
        there = [cell for cell in mine.values() if cell.where == where]
        # All of them, whatever they show; side by side, because nobody wants to wait for a check.
        again = world.start.matrix([cell.posture for cell in there], [cell.probe for cell in there], where)
        for was in there:
            now = again.cell(*was.key)
            if now is None or now.full_verdict != was.full_verdict:
                result = now.full_verdict if now else "was not tried"
                return not_right(
                    f"Tried again, {was.probe} in {was.posture} {result}; your row says {was.full_verdict}."
                )
    return passed(f"Tried again just now, and each row holds: {', '.join(pairs)}.")


EVIDENCE = Exercise(
    name="evidence",
    kind="build",
    answers=list,
    hints=(
        "Which probes ask for the owner of a file, or for a capability? Those are where root differs.",
        '`lab.threats.probe("rce-root", "raw-socket", ...)` gives a row for each probe. Which posture is the same '
        "app, only not as root?",
        'Take "raw-socket", "change-owner" and "change-root" in rce-root and in rce-app; '
        "`[*as_root, *as_user]` makes one list of both.",
    ),
    solution="""
names = ["raw-socket", "change-owner", "change-root"]
rows = [*lab.threats.probe("rce-root", *names), *lab.threats.probe("rce-app", *names)]
""",
    others=(
        """
names = ["write-volume-root", "make-device", "kill-other-user", "write-tmp"]
rows = [*lab.threats.probe("app-default", *names), *lab.threats.probe("root-default", *names)]
""",
    ),
    wrong=(
        Wrong('rows = list(lab.threats.probe("rce-app", "raw-socket", "change-owner", "mount"))', "none of them shows"),
        Wrong(
            """
names = ["write-tmp", "listen-80", "mount"]
rows = [*lab.threats.probe("rce-root", *names), *lab.threats.probe("rce-app", *names)]
""",
            "none of them shows",
        ),
        Wrong(
            """
names = ["raw-socket", "write-tmp", "listen-80"]
rows = [*lab.threats.probe("rce-root", *names), *lab.threats.probe("rce-app", *names)]
""",
            "the difference for raw-socket",
        ),
        # Two things differ between these postures, so that nobody knows which of them said no.
        Wrong(
            """
names = ["write-tmp", "plant-system-file", "read-shadow"]
rows = [*lab.threats.probe("root-default", *names), *lab.threats.probe("app-restricted", *names)]
""",
            "differ in the user alone",
        ),
        # This posture runs as uid 4242, with root's group.
        Wrong(
            """
names = ["change-owner", "raw-socket", "make-device"]
rows = [*lab.threats.probe("root-default", *names), *lab.threats.probe("unknown-gid-0", *names)]
""",
            "the second, uid 1654, could not",
        ),
        Wrong('rows = ["raw-socket", "change-owner", "change-root"]', "A list of cells"),
        Wrong(
            """
from dataclasses import replace
from labkit.threat.judge import Control, Verdict
names = ["raw-socket", "change-owner", "write-tmp"]
as_root, as_user = lab.threats.probe("rce-root", *names), lab.threats.probe("rce-app", *names)
rows = [*as_root, *(replace(cell, verdict=Verdict.COULD_NOT, control=Control.DAC) for cell in as_user)]
""",
            "Tried again",
        ),
        # Three right pairs, and one row more that was written by hand.
        Wrong(
            """
from dataclasses import replace
from labkit.threat.judge import Control, Verdict
names = ["raw-socket", "change-owner", "change-root"]
extra = replace(lab.threats.probe("rce-app", "write-tmp")["write-tmp"], verdict=Verdict.COULD_NOT, control=Control.DAC)
rows = [*lab.threats.probe("rce-root", *names), *lab.threats.probe("rce-app", *names), extra]
""",
            "Tried again, write-tmp in rce-app could",
        ),
    ),
    check=_check_evidence,
)
