"""Who is in the class: an id each, which names all that is theirs, and the name that is shown. One small file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from labkit.base.files import write_atomically
from labkit.course.handing_in import showable

MOST_MEMBERS = 300
"""Beyond this somebody is making participants up; it is also what the instructor's page shows at most."""


class Member(msgspec.Struct, frozen=True):
    """One participant.

    Args:
        id: theirs for good; the hub's name for them.
        name: what is shown; nobody else has it.
        account: what another authenticator calls them; empty for the class's own.
    """

    id: str
    name: str
    account: str = ""


class ClassFull(Exception):
    """There is no room for another participant."""


class Roster:
    """All participants. Each change is on the disk before it is told to anybody.

    Args:
        file: where it is kept.
        new_id: makes an id.
        prepared: the only ids that there are, where the namespaces were made beforehand; empty for any.
        most: participants at most.

    Raises:
        LabFailed: a damaged file cannot be put aside.
    """

    def __init__(
        self, file: Path, new_id: Callable[[], str], prepared: Sequence[str] = (), most: int = MOST_MEMBERS
    ) -> None:
        self._file, self._new_id, self._prepared = file, new_id, tuple(prepared)
        self._most = len(self._prepared) or most
        self._members: dict[str, Member] = {}
        if file.exists():
            try:
                listed = msgspec.json.decode(file.read_bytes(), type=list[Member])
            except (msgspec.DecodeError, msgspec.ValidationError, OSError):
                # Names are lost then, and nothing else: ids come back with their owners.
                file.replace(file.with_suffix(".damaged"))
                listed = []
            self._members = {member.id: member for member in listed}

    def __len__(self) -> int:
        return len(self._members)

    def get(self, participant: str) -> Member | None:
        """The participant of an id, None if there is none."""
        return self._members.get(participant)

    def add(self, name: str, account: str = "") -> Member:
        """Take in another participant. Of two with one name the second gets a number behind it.

        Args:
            name: as it was typed; made fit to be shown.
            account: what another authenticator calls them.

        Raises:
            ClassFull: there are too many.
            LabFailed: the file cannot be written.
        """
        if len(self._members) >= self._most:
            raise ClassFull
        return self._keep(Member(self._free_id(), self._free_name(clean_name(name)), account))

    def restore(self, participant: str) -> Member:
        """A participant who has proven that an id is theirs, also where the file was lost.

        Raises:
            LabFailed: the file cannot be written.
        """
        return self._members.get(participant) or self._keep(Member(participant, self._free_name("(no name)")))

    def of_account(self, account: str) -> Member:
        """The participant of another authenticator's account; taken in if they are new.

        Raises:
            ClassFull: there are too many.
            LabFailed: the file cannot be written.
        """
        known = (member for member in self._members.values() if member.account == account)
        return next(known, None) or self.add(account, account)

    def _keep(self, member: Member) -> Member:
        members = {**self._members, member.id: member}
        write_atomically(self._file, msgspec.json.encode(list(members.values())))
        self._members = members
        return member

    def _free_id(self) -> str:
        if self._prepared:
            return next(participant for participant in self._prepared if participant not in self._members)
        while (participant := self._new_id()) in self._members:
            pass
        return participant

    def _free_name(self, name: str) -> str:
        taken = {member.name.casefold() for member in self._members.values()}
        number, free = 1, name
        while free.casefold() in taken:
            number += 1
            free = f"{name} ({number})"
        return free


def clean_name(name: str) -> str:
    """A name as it is shown: one line of at most 80 characters that can be printed; empty for none."""
    return showable(name.strip())
