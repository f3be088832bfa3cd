"""Who is let in: by the class's code and a name, by a personal return code, or by the instructor's token.

Whoever has the right one is let in at once, always. Wrong ones are answered by a no until there were too many from one
place, and by a shorter no from then on: a class behind one router is not locked out by whoever guesses there.
"""

from __future__ import annotations

import hmac
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from classhub.return_codes import participant_of, return_code
from classhub.roster import ClassFull, Member, Roster, clean_name
from labkit.instructor.flood_limits import Pace

INSTRUCTOR = "instructor"
"""The hub's name for the instructor, who has no server."""

_ONE_ATTEMPT_SECONDS = 600.0
_MOST_ATTEMPTS = 1000


class NotLetIn(Exception):
    """Nobody is let in. The text says why, to whoever tried.

    Args:
        sentence: what was wrong, and what to do.
        status: of HTTP: 403, or 429 for too many tries, or 400 for a name that is none.
    """

    def __init__(self, sentence: str, status: int = 403) -> None:
        super().__init__(sentence)
        self.sentence, self.status = sentence, status


@dataclass
class SignIn:
    """The class's door.

    Args:
        roster: who is in the class.
        class_code: shown to the class.
        instructor_token: the instructor's alone.
        key: makes the return codes.
        wrong: how often a neighbourhood may have a wrong one before it gets the shorter no.
        clock: seconds that never go back.
    """

    roster: Roster
    class_code: str
    instructor_token: str
    key: bytes
    wrong: Pace = field(default_factory=lambda: Pace(0.2, 20))
    clock: Callable[[], float] = time.monotonic
    _attempts: OrderedDict[tuple[str, str], tuple[float, Member]] = field(default_factory=OrderedDict, init=False)

    def join(self, code: str, name: str, attempt: str, neighbours: str) -> Member:
        """Take in a new participant.

        Args:
            code: what was typed for the class's.
            name: what was typed; anything at all.
            attempt: a number of the form that was filled in. Sent twice, as by a double click, it is one participant.
            neighbours: where it comes from.

        Raises:
            NotLetIn: the code is wrong, the name is empty, or the class is full.
        """
        self._require(
            _plain(code),
            _plain(self.class_code),
            "the class's code is wrong: type it as it is shown in class",
            neighbours,
        )
        shown = clean_name(name)
        if not shown:
            raise NotLetIn("a name is missing: type what your instructor may call you", 400)
        before = self._of_attempt(attempt, shown)
        if before is not None:
            return before
        try:
            member = self.roster.add(name)
        except ClassFull:
            raise NotLetIn(f"the class is full, with {len(self.roster)} participants: tell your instructor") from None
        if attempt:
            self._attempts[attempt, shown] = (self.clock(), member)
        return member

    def come_back(self, code: str, neighbours: str) -> Member:
        """The participant whose return code it is.

        Raises:
            NotLetIn: it is nobody's.
        """
        participant = participant_of(self.key, code)
        if participant is None:
            self._refuse("the return code is wrong: it was shown to you when you signed in the first time", neighbours)
        return self.roster.restore(participant)

    def require_instructor(self, token: str, neighbours: str) -> None:
        """Let the instructor in.

        Raises:
            NotLetIn: the token is wrong.
        """
        self._require(
            token.strip(),
            self.instructor_token,
            "the instructor's token is wrong: labkit class up prints it",
            neighbours,
        )

    def return_code(self, participant: str) -> str:
        """By which a participant comes back from another browser."""
        return return_code(self.key, participant)

    def _require(self, given: str, expected: str, no: str, neighbours: str) -> None:
        if not expected or not hmac.compare_digest(given.encode(errors="replace"), expected.encode()):
            self._refuse(no, neighbours)

    def _refuse(self, no: str, neighbours: str) -> NoReturn:
        if not self.wrong.allows(neighbours):
            raise NotLetIn("wrong too often from here: look at it once more, and type it in a minute", 429)
        raise NotLetIn(no)

    def _of_attempt(self, attempt: str, shown: str) -> Member | None:
        """Whom a form has taken in already under this name."""
        while self._attempts:
            oldest, (moment, _) = next(iter(self._attempts.items()))
            if len(self._attempts) <= _MOST_ATTEMPTS and self.clock() - moment < _ONE_ATTEMPT_SECONDS:
                break
            del self._attempts[oldest]
        kept = self._attempts.get((attempt, shown))
        return kept[1] if kept else None


def _plain(code: str) -> str:
    """A code without what people type differently: case, blanks, hyphens."""
    return re.sub(r"[\s-]+", "", code[:100]).casefold()
