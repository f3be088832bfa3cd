"""Right answers, broken in one way each: the demands of an exercise say how, and the check must see it.

What no demand of the exercise speaks of is changed as well, and must not matter.
"""

from __future__ import annotations

import copy
import io
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from labkit.course.checking import CheckResult
from labkit.course.exercise import Exercise
from labkit.course.judging import breaks
from labkit.course.judging.breaks import AnswerBreak, Break, FileBreak, ImageBreak, PodBreak
from labkit.course.judging.demands import DemandCheck
from labkit.course.judging.judged_container import JudgedContainer
from labkit.course.judging.judged_deployment import JudgedDeployment
from labkit.course.judging.judged_image import JudgedImage
from labkit.course.pod_settings import all_containers
from labkit.notebook import Lesson
from tests.course import Placed

_TOKEN = "kube-api-access-"
_MOST_CHOICES = 3

HARMLESS = (
    ImageBreak("a label more", ("LABEL org.example.team=blue",)),
    ImageBreak("a variable more", ("ENV TEAM=blue",)),
    ImageBreak("a port more", ("EXPOSE 9999",)),
)
"""What no exercise of the course forbids."""
UNIVERSE = (*HARMLESS, *breaks.NO_START)
"""What must not matter to an image unless a demand says so."""


UNBROKEN: Mapping[tuple[str, str], str] = {
    ("08-root-for-a-moment", "app"): "the answer is a container, which stays the one that it is",
    ("11-harden", "runs"): "what is let in and does not start is waited for until a deadline; planted answers do it",
}
"""Demands that no change of a right answer breaks, with the reason: exercise and demand."""


@dataclass(frozen=True)
class Mutation:
    """A right answer and a change to it.

    Args:
        task: the exercise.
        code: the right answer.
        number: which of the exercise's right answers it is.
        change: what is changed.
        is_wrong: whether the changed answer is wrong.
        demands: the names of those of the exercise's demands that it breaks.
    """

    task: Placed
    code: str
    number: int
    change: Break
    is_wrong: bool
    demands: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.task}-{self.number}: {self.change.name}"


def mutations_of(task: Placed, *, is_whole: bool) -> Iterator[Mutation]:
    """All changes to all right answers of an exercise.

    Args:
        task: the exercise.
        is_whole: False for changes of its solution alone: one for each demand, and one that does not matter.
    """
    if is_whole:
        yield from _all_mutations(task)
        return
    of_solution = [mutation for mutation in _all_mutations(task) if mutation.number == 0]
    by_demand: dict[frozenset[str], list[Mutation]] = {}
    for mutation in of_solution:
        if mutation.is_wrong:
            by_demand.setdefault(mutation.demands, []).append(mutation)
    for demands, mutations in by_demand.items():
        yield from mutations[: 1 if demands else _MOST_CHOICES]
    yield from [mutation for mutation in of_solution if not mutation.is_wrong][-1:]


def _all_mutations(task: Placed) -> Iterator[Mutation]:
    exercise = task.exercise
    for number, code in enumerate((exercise.solution, *exercise.others)):
        for change, names in _changes_by_demands(exercise).items():
            if isinstance(change, PodBreak) and change.answers and number not in change.answers:
                continue
            yield Mutation(task, code, number, change, bool(names), frozenset(names))
        changes = _changes_of_choice(exercise, code) if exercise.choices else _changes_of_value(exercise)
        for change, is_wrong in changes:
            yield Mutation(task, code, number, change, is_wrong)


def _changes_by_demands(exercise: Exercise) -> dict[Break, set[str]]:
    broken: dict[Break, set[str]] = {}
    for demand in exercise.demands:
        for change in demand.breaks:
            broken.setdefault(change, set()).add(demand.name)
    # What may be asked of an image and is not asked of this one must not matter.
    others = UNIVERSE if any(isinstance(change, ImageBreak) for change in broken) else ()
    return {**{change: set[str]() for change in others}, **broken}


def _changes_of_choice(exercise: Exercise, code: str) -> Iterator[tuple[AnswerBreak, bool]]:
    """Another choice, one too few, one too many; and the same answer written in other ways."""
    names: dict[str, Any] = {}
    exec(code.strip(), names)
    (right,) = [value for name, value in names.items() if not name.startswith("__")]
    choices = exercise.choices
    if exercise.answers is str:
        for choice in choices:
            if choice != right:
                yield _instead(repr(choice), choice), True
        yield _instead("blanks and capitals", f" {right.upper()}\n"), False
    elif exercise.in_order:
        for place, entry in enumerate(right):
            for choice in choices:
                if choice != entry:
                    yield _instead(f"{choice} at {place}", [*right[:place], choice, *right[place + 1 :]]), True
        yield _instead("a tuple", tuple(right)), False
    elif exercise.answers is list:
        yield from _changes_of_list(right, choices)


def _changes_of_value(exercise: Exercise) -> Iterator[tuple[AnswerBreak, bool]]:
    """What makes another value of an answer that is not chosen from a list."""
    if exercise.answers is int and exercise.kind == "predict":
        yield AnswerBreak("one more", lambda number: number + 1), True
        yield AnswerBreak("one less", lambda number: number - 1), True
    elif exercise.answers is str and not exercise.demands:
        yield AnswerBreak("a letter more", lambda text: f"{text}x"), True
        yield AnswerBreak("the other way about", lambda text: text[::-1]), True
        yield AnswerBreak("blanks", lambda text: f" {text}\n"), False
    elif exercise.answers is dict:
        yield AnswerBreak("each the next one's", _rotated), True
        yield AnswerBreak("one left out", lambda mapping: dict(list(mapping.items())[1:])), True
        yield AnswerBreak("blanks", lambda mapping: {f" {name}": f"{value} " for name, value in mapping.items()}), False
    elif exercise.answers is list:
        yield AnswerBreak("only the first half", lambda entries: entries[: len(entries) // 2]), True
        yield AnswerBreak("a tuple", tuple), False
    elif exercise.answers is object:
        yield AnswerBreak("the number written in", _with_the_number), True


def _rotated(mapping: dict[str, str]) -> dict[str, str]:
    return dict(zip(mapping, [*list(mapping.values())[1:], *list(mapping.values())[:1]], strict=True))


def _with_the_number(command: str | list[str]) -> str | list[str]:
    """A command that does not read the variable, and prints the same."""
    if isinstance(command, str):
        return command.replace("$APP_UID", "1654")
    return [part.replace("$APP_UID", "1654") for part in command]


def _changes_of_list(right: list[Any], choices: tuple[Any, ...]) -> Iterator[tuple[AnswerBreak, bool]]:
    for entry in right:
        yield _instead(f"without {entry}", [other for other in right if other != entry]), True
    for choice in choices:
        if choice not in right:
            yield _instead(f"{choice} as well", [*right, choice]), True
            yield _instead(f"{choice} first", [choice, *right]), True
    yield _instead("the other way about", right[::-1]), False
    yield _instead("a tuple", tuple(right)), False
    yield _instead("a set", set(right)), False
    yield _instead("twice", right * 2), False
    yield _instead("blanks and capitals", [f" {str(entry).upper()} " for entry in right]), False


def _instead(name: str, answer: object) -> AnswerBreak:
    return AnswerBreak(name, lambda _: answer)


class RightAnswers:
    """Gives right answers, and changed ones made of them; what was given last serves until another one is asked for.

    Args:
        opened: gives a lesson with nothing in it.
    """

    def __init__(self, opened: Callable[[str], Lesson]) -> None:
        self._opened = opened
        self._last: RightAnswer | None = None

    def of(self, mutation: Mutation) -> RightAnswer:
        """The right answer that a mutation changes."""
        last = self._last
        if last is None or (last.task, last.code) != (mutation.task, mutation.code) or not last.can_serve_again:
            self._last = RightAnswer(self._opened(mutation.task.lesson), mutation.task, mutation.code)
        assert self._last is not None
        return self._last


class RightAnswer:
    """A right answer that was given in a lesson with nothing in it, and is changed in one way after another.

    Args:
        lesson: the lesson.
        task: the exercise.
        code: the right answer.
    """

    def __init__(self, lesson: Lesson, task: Placed, code: str) -> None:
        self.lesson, self.task, self.code = lesson, task, code
        self.answer = task.answer(task.give(lesson, code))
        self._subject = self._look() if task.exercise.demands else None
        # A container stays the same one, and a Deployment's pods are still there, whatever is done to them.
        self.can_serve_again = not isinstance(self._subject, JudgedContainer | JudgedDeployment)
        self._image = ChangedImage(lesson, self._subject) if type(self._subject) is JudgedImage else None

    def _look(self) -> Any:
        check = self.task.exercise.check
        assert isinstance(check, DemandCheck)
        return check.look(self.lesson._checking._world, self.answer)

    @cached_property
    def _manifest(self) -> dict[str, Any]:
        assert self._subject is not None
        return as_applied(self._subject.manifest)

    def check(self, change: Break) -> tuple[CheckResult, bool]:
        """Change it, and have it checked.

        Returns:
            The check's result, and whether the change changed anything: what is not in an answer cannot be taken away.
        """
        answer, is_changed = self.answer, True
        if isinstance(change, AnswerBreak):
            answer = change.change(copy.deepcopy(answer) if isinstance(answer, dict | list) else answer)
            is_changed = answer is self.answer or answer != self.answer
        elif isinstance(change, ImageBreak):
            assert self._image is not None
            is_changed = self._image.change(change)
        elif isinstance(answer, str):
            answer = _break_text(answer, change)
        else:
            is_changed = self._change_object(change)
        return self.lesson.check(self.task.exercise.name, answer), is_changed

    def _change_object(self, change: PodBreak) -> bool:
        manifest = copy.deepcopy(self._manifest)
        change.change(manifest, _pod_spec(manifest))
        make = self.lesson.apply if manifest["kind"] == "Pod" else self.lesson.create
        make(copy.deepcopy(manifest))
        return manifest != self._manifest


# --- images ---

# What `docker commit --change` takes too, which takes a third of the time of a build.
_OF_COMMIT = ("CMD", "ENTRYPOINT", "ENV", "EXPOSE", "LABEL", "USER")


def _is_of_commit(instruction: str) -> bool:
    """Whether a commit does it; what is empty in it is filled up from the container (moby:daemon/commit.go, merge)."""
    return instruction.split()[0] in _OF_COMMIT and not instruction.endswith(("[]", "$LABKIT_EMPTY"))


class ChangedImage:
    """Makes changed images of a right one, under its name.

    Args:
        lesson: the lesson.
        right: the right image.
    """

    def __init__(self, lesson: Lesson, right: JudgedImage) -> None:
        self._lesson, self._right = lesson, right
        self._engine = lesson._lesson.lab.engine()
        self._id = right.facts.id
        self._uid = right.process.uid if right.process is not None else 0
        self._tree = right.tree
        self._published = dict(lesson._lesson.published)
        # It keeps the image from being removed once its name is another one's, and what changes no file is committed
        # of it. The engine makes no container without a program, and the new image gets the container's.
        self._has_program = bool(right.facts.entrypoint or right.facts.command)
        self._container = self._create()
        self._files: dict[str, tuple[tarfile.TarInfo, bytes]] = {}

    @property
    def _api(self) -> Any:
        return self._engine._api

    @property
    def _labels(self) -> dict[str, str]:
        opened = self._lesson._lesson
        return {**opened.lab.configuration.labels, **opened.labels}

    def change(self, change: ImageBreak) -> bool:
        """Make the right image anew, and change it; whether that changed anything."""
        name, opened = self._right.name, self._lesson._lesson
        opened.published.clear()
        opened.published.update(self._published)
        self._engine.tag(self._id, name)
        if change.base:
            self._build(change.base, change.instructions)
            return True
        instructions = [line.replace("{uid}", str(self._uid)) for line in change.instructions]
        is_simple = all(_is_of_commit(line) for line in instructions)
        if change.files or is_simple:
            self._commit(change.files, instructions if is_simple else [])
        if not is_simple:
            self._build(name, instructions)
        opened.published.pop(name, None)
        if instructions:
            return True
        # Nothing that is done to an image reaches below its VOLUME.
        after = JudgedImage(self._right.world, name).tree
        return any(self._tree.entry(file.path) != after.entry(file.path) for file in change.files)

    def _build(self, base: str, instructions: Iterable[str]) -> None:
        self._lesson.build("\n".join([f"FROM {base}", *instructions]), name=self._right.name).expect()

    def _commit(self, files: tuple[FileBreak, ...], instructions: list[str]) -> None:
        container = self._create() if files else self._container
        try:
            for file in files:
                self._api.put_archive(container, "/", self._archive_of(file))
            program = [] if self._has_program or _names_program(instructions) else ["CMD []"]
            labels = [f'LABEL "{name}"="{value}"' for name, value in self._labels.items()]
            changes = "\n".join([*program, *instructions, *labels])
            self._api.commit(container, self._right.name, "latest", changes=changes)
        finally:
            if container != self._container:
                self._api.remove_container(container, force=True, v=True)

    def _create(self) -> str:
        program = None if self._has_program else ["none"]
        return str(self._api.create_container(self._id, command=program, labels=self._labels)["Id"])

    def _archive_of(self, file: FileBreak) -> bytes:
        """The file or folder alone, with its content, and with the owner and mode that it gets."""
        member, content = self._file(file.like or file.path)
        member.name = file.path.lstrip("/")
        member.uid, member.gid, member.mode = file.uid, file.gid, file.mode
        member.uname = member.gname = ""
        changed = io.BytesIO()
        with tarfile.open(fileobj=changed, mode="w") as target:
            target.addfile(member, io.BytesIO(content))
        return changed.getvalue()

    def _file(self, path: str) -> tuple[tarfile.TarInfo, bytes]:
        """A file or folder of the right image, which is asked for once."""
        if path not in self._files:
            chunks, _ = self._api.get_archive(self._container, path)
            with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as source:
                member = source.next()
                assert member is not None
                content = source.extractfile(member) if member.isfile() else None
                self._files[path] = member, content.read() if content is not None else b""
        member, text = self._files[path]
        return copy.copy(member), text


def _names_program(instructions: Iterable[str]) -> bool:
    return any(line.split()[0] in ("CMD", "ENTRYPOINT") for line in instructions)


# --- pods and Deployments ---


def _break_text(text: str, change: PodBreak) -> str:
    manifests = [manifest for manifest in yaml.safe_load_all(text) if manifest]
    for manifest in [entry for document in manifests for entry in document.get("items", [document])]:
        # Others have no pod that could be changed.
        if "spec" in manifest:
            change.change(manifest, _pod_spec(manifest))
    return yaml.safe_dump_all(manifests)


def _pod_spec(manifest: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = manifest["spec"]
    return spec["template"]["spec"] if "template" in spec else spec


def as_applied(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest from the API without what the API server and the scheduler have put into it."""
    own = copy.deepcopy(dict(manifest))
    metadata = own["metadata"]
    own["metadata"] = {key: metadata[key] for key in ("name", "labels") if metadata.get(key)}
    own.pop("status", None)
    spec = _pod_spec(own)
    for field in ("nodeName", "serviceAccount", "serviceAccountName", "tolerations", "priority", "preemptionPolicy"):
        spec.pop(field, None)
    for container in all_containers(spec):
        _drop_token(container, "volumeMounts")
    _drop_token(spec, "volumes")
    return own


def _drop_token(holder: dict[str, Any], field: str) -> None:
    kept = [entry for entry in holder.pop(field, None) or [] if not entry["name"].startswith(_TOKEN)]
    if kept:
        holder[field] = kept
