"""Right answers, broken in one way each: the demands of an exercise say how, and the check must see it.

What no demand of the exercise speaks of is changed as well, and must not matter.
"""

from __future__ import annotations

import copy
import io
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from labkit.adapters.engine import Engine
from labkit.course.checking import CheckResult
from labkit.course.exercise import Exercise
from labkit.course.judging import breaks
from labkit.course.judging.breaks import AnswerBreak, Break, FileBreak, ImageBreak, PodBreak
from labkit.course.judging.demands import DemandCheck
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


def check_mutation(lesson: Lesson, mutation: Mutation) -> tuple[CheckResult, bool]:
    """Give a right answer, change it, and have it checked.

    Returns:
        The check's result, and whether the change changed anything: what is not in an answer cannot be taken away.
    """
    task, change = mutation.task, mutation.change
    names = task.give(lesson, mutation.code)
    answer, is_changed = task.answer(names), True
    if isinstance(change, AnswerBreak):
        before, answer = answer, change.change(answer)
        # A container stays the same one, whatever was done in it.
        is_changed = answer is before or answer != before
    elif isinstance(change, ImageBreak):
        is_changed = _break_image(lesson, _subject(lesson, task, answer), change)
    elif isinstance(answer, str):
        answer = _break_text(answer, change)
    else:
        is_changed = _break_object(lesson, _subject(lesson, task, answer), change)
    return lesson.check(task.exercise.name, answer), is_changed


def _subject(lesson: Lesson, task: Placed, answer: object) -> Any:
    check = task.exercise.check
    assert isinstance(check, DemandCheck)
    return check.look(lesson._checking._world, answer)


# --- images ---


def _break_image(lesson: Lesson, image: JudgedImage, change: ImageBreak) -> bool:
    name = image.name
    uid = image.process.uid if image.process is not None else 0
    instructions = [line.replace("{uid}", str(uid)) for line in change.instructions]
    if change.base:
        lesson.build("\n".join([f"FROM {change.base}", *instructions]), name=name).expect()
        return True
    before = [image.tree.entry(file.path) for file in change.files]
    if change.files:
        _change_files(lesson, name, change.files)
    if instructions:
        lesson.build("\n".join([f"FROM {name}", *instructions]), name=name).expect()
    if instructions:
        return True
    # Nothing that is done to an image reaches below its VOLUME.
    after = JudgedImage(image.world, name).tree
    return before != [after.entry(file.path) for file in change.files]


def _change_files(lesson: Lesson, name: str, files: tuple[FileBreak, ...]) -> None:
    opened = lesson._lesson
    engine = opened.lab.engine()
    for file in files:
        engine.lay_over(name, _archive_of(engine, name, file), name, labels=opened.labels)


def _archive_of(engine: Engine, name: str, file: FileBreak) -> bytes:
    """The file or folder alone, with its content, and with the owner and mode that it gets."""
    api = engine._api
    container = api.create_container(name, command=["none"])["Id"]
    try:
        chunks, _ = api.get_archive(container, file.like or file.path)
        packed = io.BytesIO(b"".join(chunks))
    finally:
        api.remove_container(container, force=True)
    changed = io.BytesIO()
    with tarfile.open(fileobj=packed) as source, tarfile.open(fileobj=changed, mode="w") as target:
        member = source.next()
        assert member is not None
        content = source.extractfile(member) if member.isfile() else None
        member.name = file.path.lstrip("/")
        member.uid, member.gid, member.mode = file.uid, file.gid, file.mode
        member.uname = member.gname = ""
        target.addfile(member, content)
    return changed.getvalue()


# --- pods and Deployments ---


def _break_object(lesson: Lesson, subject: Any, change: PodBreak) -> bool:
    before = as_applied(subject.manifest)
    manifest = copy.deepcopy(before)
    change.change(manifest, _pod_spec(manifest))
    if manifest["kind"] == "Pod":
        lesson.apply(manifest)
    else:
        lesson.create(manifest)
    return manifest != before


def _break_text(text: str, change: PodBreak) -> str:
    manifests = [manifest for manifest in yaml.safe_load_all(text) if manifest]
    for manifest in manifests:
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
