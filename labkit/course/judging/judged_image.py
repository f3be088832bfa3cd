"""An image as a check judges it: what is in it, and what it does when it is started as it will be started."""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from labkit.core.identity.docker_run import explain_in_engine
from labkit.core.identity.model import Identity, Image
from labkit.course.judging.assessment import Assessment, not_right, not_yet
from labkit.course.judging.given_dockerfiles import differs_from_given
from labkit.course.judging.stopped_builds import advice_on_stop

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from labkit.archives import ImageTree, TreeEntry
    from labkit.core.run_results import RunResult
    from labkit.core.started import AppProcess, Started
    from labkit.course.world import World
    from labkit.lab.samples.image_facts import ImageFacts

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Docker's classic builder, and podman's, which takes the lab's two labels for one instruction.
_STEP = re.compile(r"(Step \d+/(?P<all>\d+) :|(\[\d+/\d+\] )?STEP \d+/(?P<but_one>\d+):) (?P<instruction>.*)")
STRANGER = 4711
"""A uid that no image of the course knows."""


@dataclass(frozen=True)
class AppStart:
    """A way to start an image: with its own entrypoint, and as it says itself but for what is given.

    Args:
        user: whom its process is to be; None for whom it says.
        contents: what is in files of it instead: path and content of each.
        files: paths of files to look at in the end.
    """

    user: str | None = None
    contents: tuple[tuple[str, bytes], ...] = ()
    files: tuple[str, ...] = ()


AS_IT_IS = AppStart()
"""As its own user, and with nothing changed."""


class JudgedImage:
    """An image of the lesson.

    Nothing of ours runs in it, so that an image without a shell is judged like any other.

    Args:
        world: the lesson's.
        name: the image's.
    """

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self._looking: Future[ImageFacts | None] | None = None
        self._reading: Future[ImageTree | None] | None = None
        self._starting: dict[AppStart, Future[Started]] = {}

    @cached_property
    def facts_or_none(self) -> ImageFacts | None:
        """What it says of itself; None if it does not exist."""
        return self._looking.result() if self._looking is not None else self.world.look.image(self.name)

    def missing(self) -> Assessment | None:
        """Why there is no such image."""
        if self.facts_or_none is not None:
            return None
        if self._stop is None:
            return not_yet(f"There is no image {self.name} yet: the cell was not run.")
        return not_right(f"Your last {self._made_by} stopped, so there is no image {self.name}. {self.why_it_stopped}")

    @property
    def _made_by(self) -> str:
        return "publish" if self._stop is not None and self._stop.command.startswith("dotnet ") else "build"

    @cached_property
    def _stop(self) -> RunResult | None:
        return self.world.look.last_stop(self.name)

    @property
    def why_it_stopped(self) -> str:
        """The builder's own words for why there is no such image, and what helps; empty if nothing stopped."""
        if self._stop is None:
            return ""
        who = {"build": "The builder", "publish": "It"}[self._made_by]
        advice = advice_on_stop(self._stop.message or "", self._stop.stdout)
        return "\n".join(filter(None, [f"{who} says: {self._stop.message}", advice]))

    def stopped_at(self, number: int, *instructions: str) -> bool:
        """Whether there is no such image because the last build of it stopped: after these instructions, at the last.

        Args:
            number: how many instructions its Dockerfile had.
            instructions: those that were begun, but for FROM.
        """
        if self.facts_or_none is not None or self._stop is None:
            return False
        steps = [match for match in map(_STEP.fullmatch, self._stop.stdout.splitlines()) if match]
        texts = tuple(match["instruction"] for match in steps[1:])
        numbers = {int(match["all"] or 0) or int(match["but_one"]) + 1 for match in steps}
        return numbers == {number} and texts == instructions

    @property
    def facts(self) -> ImageFacts:
        """What it says of itself."""
        assert self.facts_or_none is not None  # a missing one is told before any demand is looked at
        return self.facts_or_none

    def begin(self, pool: Executor, starts: Sequence[AppStart] = (AS_IT_IS,), *, reads_tree: bool = True) -> None:
        """Look at it, start it and read its files, side by side, before anybody asks: each takes tenths of a second.

        Args:
            pool: does it.
            starts: the ways in which it will be started.
            reads_tree: whether its files will be asked for.
        """
        self._looking = pool.submit(self.world.look.image, self.name)
        for start in starts:
            self._starting[start] = pool.submit(self._start, start)
        if reads_tree:
            self._reading = pool.submit(self.world.look.tree, self.name)

    def app(self, start: AppStart) -> Started:
        """What it does when it is started in some way, which is tried once."""
        if start not in self._starting:
            tried: Future[Started] = Future()
            tried.set_result(self._start(start))
            self._starting[start] = tried
        return self._starting[start].result()

    def _start(self, start: AppStart) -> Started:
        return self.world.start.app(
            self.name, user=start.user, contents=dict(start.contents) or None, files=start.files
        )

    @cached_property
    def tree(self) -> ImageTree:
        """Its finished file system: owners, modes and contents."""
        tree = self._reading.result() if self._reading is not None else self.world.look.tree(self.name)
        assert tree is not None  # the image exists
        return tree

    def tree_of(self, sample: str) -> ImageTree:
        """The file system of a sample image, to compare with."""
        return JudgedImage(self.world, sample).tree

    def digest_of(self, sample: str, path: str) -> str | None:
        """The sha256 of a sample image's file; None if it has none there."""
        return self.world.look.digest(sample, path)

    def content_digest(self, program: str) -> str | None:
        """The sha256 of one of its own files, or of a program by its name; None if there is no such file."""
        return self.world.look.digest(self.name, *self._places(program))

    def find(self, program: str, *, is_program: bool) -> str | None:
        """Where a file or a program lies; None if there is none.

        Args:
            program: as the image's metadata or its processes name it.
            is_program: whether a bare name is looked for in PATH, and not in the working folder.
        """
        places = self._places(program) if is_program else [self._absolute(program)]
        return next((path for path in places if self.tree.entry(path) is not None), None)

    def looked_in_before(self, program: str) -> list[str]:
        """The folders in which a program is looked for by its bare name before the one that it lies in."""
        if "/" in program:
            return []
        places = self._places(program)
        before = itertools.takewhile(lambda path: self.tree.entry(path) is None, places)
        return [posixpath.dirname(path) for path in before] if any(map(self.tree.entry, places)) else []

    def may_put_into(self, process: Identity, folder: str) -> bool:
        """Whether a process may make files in a folder, or make the folder first."""
        while self.tree.entry(folder) is None and folder != "/":
            folder = posixpath.dirname(folder)
        return self.tree.may_write(process, folder)

    def _places(self, program: str) -> list[str]:
        if "/" in program or program.endswith(".dll"):
            return [self._absolute(program)]
        folders = self.facts.env.get("PATH", _DEFAULT_PATH).split(":")
        return [posixpath.join(folder or "/", program) for folder in folders]

    def _absolute(self, path: str) -> str:
        return posixpath.normpath(posixpath.join("/", self.facts.working_dir, path))

    def new_setuid_files(self, *samples: str) -> list[str]:
        """Files that give root's rights to whoever starts them, and that sample images have not so."""
        new = [entry for entry in self.tree.setuid_files() if entry.uid == 0]
        for sample in samples:
            if new:
                before = self.tree_of(sample).setuid_files()
                new = [entry for entry in new if entry not in before]
        return [entry.path for entry in new]

    def newly_open(self, process: Identity, sample: str) -> list[str]:
        """What a sample image has closed to a process, and the process could write to, or replace, here."""
        given = self.tree_of(sample)
        before = {entry.path: entry for entry in given.under("/")}
        changed = [entry.path for entry in self.tree.under("/") if before.get(entry.path) not in (None, entry)]
        return [
            path
            for path in changed
            if before[path].kind in ("file", "folder")
            and self.tree.replaceable_by(process, path)
            and not given.replaceable_by(process, path)
        ]

    def lent_to_strangers(self, path: str, *samples: str) -> list[str]:
        """Programs that turn whoever starts them into somebody who may read or write a file.

        Args:
            path: the file.
            samples: the images whose own setuid and setgid programs count as given.
        """
        given = [entry for sample in samples for entry in self.tree_of(sample).setuid_files()]
        return [
            entry.path
            for entry in self.tree.setuid_files()
            if entry not in given
            and self.tree.may_execute(_nobody(STRANGER), entry.path)
            and (entry.capabilities or self._opens(_turned_into(entry), path))
        ]

    def _opens(self, identity: Identity, path: str) -> bool:
        return self.tree.may_read(identity, path) or self.tree.may_write(identity, path)

    @property
    def given_to_publish(self) -> str:
        """What the lesson's last publish of it was given besides its name; empty for nothing, or if there was none."""
        published = self.world.look.published(self.name)
        if published is None:
            return ""
        return published.line.partition(f"ContainerRepository={self.name}")[2].strip()

    @property
    def instructions(self) -> tuple[str, ...]:
        """What its Dockerfile did, oldest first, its base's instructions among them."""
        return self.world.look.instructions(self.name)

    def is_edited(self, file: str) -> bool:
        """Whether its Dockerfile differs from the one that the lesson gives, as far as that is known.

        What an earlier stage did, and what comes after the step at which a build stops, is not seen in an image.

        Args:
            file: the given one's path beside the notebooks.
        """
        text = self.world.look.dockerfile(self.name, file)
        return text is not None and differs_from_given(text, file)

    def is_built_by(self, base: str, *instructions: str) -> bool:
        """Whether it was built on a sample image by these instructions and no others.

        Args:
            base: the sample image.
            instructions: as the builder has them, with variables replaced.
        """
        if self.facts_or_none is None:
            return False
        before = self.world.look.instructions(base)
        return self.instructions == (*before, *instructions)

    @cached_property
    def process(self) -> Identity | None:
        """As whom the engine runs it; None if it cannot resolve the user."""
        facts = self.facts
        return explain_in_engine(Image(facts.user, facts.passwd, facts.group)).runs_as

    @property
    def identity(self) -> Identity:
        """As whom the engine runs it, once a demand has seen that it does."""
        assert self.process is not None
        return self.process

    @property
    def started(self) -> Started:
        """What it does, started with its own entrypoint and as its own user."""
        return self.app(AS_IT_IS)

    @property
    def running(self) -> Sequence[AppProcess]:
        """What runs when it was started as it will be started."""
        return self.started.processes if self.started.is_running else ()

    @property
    def last_line(self) -> str:
        """The last that it printed when it was started; an error goes before other output."""
        result = self.started.result
        lines = (result.stderr or result.stdout or "nothing").splitlines()
        return lines[-1]

    def strangers(self, path: str = "") -> tuple[Identity, ...]:
        """Users that a file was to be closed to, root and the image's own user not among them.

        Nobody gave anything to the first two: one has a group of its own, the other root's, as Docker gives it. The
        others are the accounts of the image, and whoever a file belongs to, by uid or by group.

        Args:
            path: the file; empty for none in particular.
        """
        known = {identity.uid: identity for identity in self._accounts}
        others_there = [_nobody(STRANGER), _nobody(STRANGER, 0)]
        entry = self.tree.resolve(path) if path else None
        if entry is not None:
            others_there += [known.get(uid) or _nobody(uid) for uid in entry.acl_users]
            others_there += [_nobody(STRANGER, gid) for gid in entry.acl_groups]
            others_there += [known.get(entry.uid) or _nobody(entry.uid)]
            own = {self.process.gid, *self.process.groups} if self.process is not None else set()
            others_there += [_nobody(STRANGER, entry.gid)] if entry.gid not in own else []
        own_uid = self.process.uid if self.process is not None else 0
        others = [identity for identity in (*others_there, *self._accounts) if identity.uid not in (0, own_uid)]
        return tuple(dict.fromkeys(others))

    @cached_property
    def _accounts(self) -> list[Identity]:
        """Its accounts, as the engine would start each of them."""
        images = [Image(str(user.uid), self.facts.passwd, self.facts.group) for user in self.facts.users]
        return [identity for image in images if (identity := explain_in_engine(image).runs_as) is not None]


def _nobody(uid: int, gid: int | None = None) -> Identity:
    """A user of this number without a name, in one group: that of its own number by default."""
    group = uid if gid is None else gid
    return Identity(uid=uid, gid=group, groups=(group,), user=None, home="/")


def _turned_into(entry: TreeEntry) -> Identity:
    """As whom a stranger runs a program with a setuid or setgid bit."""
    uid = entry.uid if entry.is_setuid else STRANGER
    gid = entry.gid if entry.is_setgid else STRANGER
    return _nobody(uid, gid)


def image_named(name: str) -> Callable[[World, object], JudgedImage]:
    """Takes a check to the image that it judges."""
    return lambda world, _: JudgedImage(world, name)
