"""What the participants of a class on a cluster share: read from the class's hub, again and again, in a thread."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal, Self

import msgspec

from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.base.errors import LabError, LabFailed
from labkit.course.course_overview import Course
from labkit.course.handing_in import showable
from labkit.instructor.record_source import Participant
from labkit.instructor.shared_records import read_shared
from labkit.lab.classroom.class_settings import HUB_PORT, ClassSettings
from labkit.lab.classroom.cluster_class import ClusterClass
from labkit.show.steps import Steps

LOOK_SECONDS = 2.0

RECORDS_PATH, TOKEN_HEADER = "hub/class/records", "X-Class-Token"
"""Where the hub's image has them: classhub/class_pages.py."""

_CARRIED = timedelta(seconds=60)
"""How long those are shown of whom a hub that has started again has heard nothing yet; they send every 20 seconds."""


class HubRecord(msgspec.Struct, frozen=True):
    """One participant, as the hub has them (classhub/shared_documents.py of the hub's image).

    Args:
        id: theirs in the class.
        name: that they signed in with.
        since_seconds: how long ago they began to share.
        seen_seconds: how long ago something came from them.
        document: what they share; None if it is the same as the last time.
    """

    id: str
    name: str
    since_seconds: float
    seen_seconds: float
    document: str | None


class HubAnswer(msgspec.Struct, frozen=True):
    """What the hub answers.

    Args:
        format: tells that it is the hub of a class.
        version: of the format.
        epoch: another one after the hub has started again.
        revision: which the next question names.
        participants: those who share.
    """

    format: Literal["labkit-class-records"]
    version: Literal[1]
    epoch: str
    revision: int
    participants: list[HubRecord]


class ClusterRecords:
    """The participants who share, as the hub has said the last time.

    Args:
        course: the lessons and exercises that are kept; anything else is dropped.
        read: asks the hub for what came after a revision; gives its answer as JSON.
        clock: the time, in UTC.
    """

    def __init__(
        self,
        course: Course,
        read: Callable[[int], bytes],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._course, self._read, self._clock = course, read, clock
        self._kept: dict[str, Participant] = {}
        self._before: dict[str, Participant] = {}
        self._numbers: dict[str, int] = {}
        self._epoch, self._revision = "", 0
        self._listed: Sequence[Participant] = ()
        self._problem = "The class's hub has not answered yet."

    def participants(self) -> Sequence[Participant]:
        """All of them, in the order in which they came."""
        return self._listed

    def problem(self) -> str:
        """Why nothing new comes, in one sentence; empty where it does."""
        return self._problem

    @contextlib.contextmanager
    def followed(self) -> Iterator[Self]:
        """These records, asked for again and again as long as the `with` lasts."""
        stop = threading.Event()
        follower = threading.Thread(target=self._follow, args=(stop,), daemon=True)
        self.refresh()
        follower.start()
        try:
            yield self
        finally:
            stop.set()
            follower.join()

    def _follow(self, stop: threading.Event) -> None:
        while not stop.wait(LOOK_SECONDS):
            self.refresh()

    def refresh(self) -> None:
        """Ask the hub once. What it does not answer is a problem for the page, and for nothing else."""
        try:
            answer = self._ask()
            if answer.epoch != self._epoch:  # It has started again: its revisions are others.
                self._before, self._kept = self._kept, {}
                self._epoch, self._revision = answer.epoch, 0
                answer = self._ask()
        except LabError as error:
            self._problem = f"{error.tried}: {error.came_back}. What is shown is older."
            return
        self._take(answer)
        self._problem = ""

    def _ask(self) -> HubAnswer:
        try:
            return msgspec.json.decode(self._read(self._revision), type=HubAnswer)
        except (msgspec.DecodeError, RecursionError) as error:
            remedy = "bring the class up again: its hub is of another labkit"
            raise LabFailed("Asking the class's hub", f"its answer cannot be read: {error}", remedy) from error

    def _take(self, answer: HubAnswer) -> None:
        now = self._clock()
        kept: dict[str, Participant] = {}
        for record in answer.participants:
            participant = self._participant(record, now)
            if participant is not None:
                kept[record.id] = participant
        self._kept, self._revision = kept, answer.revision
        self._before = {
            key: participant
            for key, participant in self._before.items()
            if key not in kept and now - participant.seen < _CARRIED
        }
        listed = [*self._before.values(), *kept.values()]
        self._listed = tuple(sorted(listed, key=lambda participant: participant.number))

    def _participant(self, record: HubRecord, now: datetime) -> Participant | None:
        """Who it is now; as they were before where what they share makes no sense, None where they never did."""
        seen, since = _ago(now, record.seen_seconds), _ago(now, record.since_seconds)
        shared = self._kept.get(record.id)
        if record.document is not None:
            with contextlib.suppress(LabError):
                shared = read_shared(record.document.encode(), self._course, seen)
        if shared is None:
            return None
        number = self._numbers.setdefault(record.id, len(self._numbers) + 1)
        return replace(shared, number=number, name=showable(record.name.strip()), since=since, seen=seen)


def hub_reader(cluster: ClusterWriter, class_name: str) -> Callable[[int], bytes]:
    """What asks the hub of a class, through the API server and with the instructor's token.

    Args:
        cluster: how it is reached.
        class_name: of the class.

    Raises:
        NoRight: the user may not read the class's secrets.
        LabFailed: there is no such class, or the API server does not answer.
    """
    keys = ClusterClass(cluster, ClassSettings(name=class_name), Steps()).keys()
    if keys is None:
        context = cluster.access.context
        line = ClassSettings(name=class_name).line(context, "up")
        remedy = f"bring it up, or name another with --class-name\n  {line}"
        raise LabFailed(f"Looking for the class in context {context}", f"there is no class {class_name} on it", remedy)
    headers = {TOKEN_HEADER: keys.instructor_token}

    def read(since: int) -> bytes:
        return cluster.ask_service(class_name, f"hub:{HUB_PORT}", RECORDS_PATH, {"since": str(since)}, headers)

    return read


def _ago(now: datetime, seconds: float) -> datetime:
    try:
        return now - timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        return now
