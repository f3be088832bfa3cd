"""What is to be said of a stage's USER: who decides, what fails open, what nothing creates, what it could replace."""

from __future__ import annotations

from collections.abc import Iterator

from labkit.core.identity.kubelet_rules import cri_user
from labkit.explain.dockerfiles.build_scopes import Open
from labkit.explain.dockerfiles.built_stage import BuiltStage, UserLine
from labkit.explain.dockerfiles.instruction_checks import nearest
from labkit.explain.dockerfiles.stage_users import copies_accounts, creation_of, owned_files
from labkit.explain.dockerfiles.stages import Evaluation

_MOST_OWNED = 5


def is_root(user: str) -> bool:
    """Whether a Config.User is uid 0 by its text; a name may be root in the image's passwd file, and "root" is."""
    name = user.partition(":")[0]
    return name == "root" or cri_user(user).uid == 0


def findings(evaluation: Evaluation, stage: BuiltStage) -> Iterator[str]:
    """A sentence for each thing that is to be said of a stage's user, with the lines."""
    yield from _who_decides(stage)
    if stage.user_line is not None:
        yield from _variables(evaluation, stage, stage.user_line)
        yield from _odd_text(stage.user_line)
    if stage.user is None:
        return
    if is_root(stage.user):
        yield from _root(evaluation, stage)
        return
    name = stage.user.partition(":")[0]
    uid = cri_user(stage.user).uid
    if uid is None:
        yield from _creation(stage, name)
        creation = creation_of(stage, name)
        uid = creation.uid if creation else None
    for number, owned in enumerate(owned_files(stage, name, uid)):
        if number == _MOST_OWNED:
            yield "and there are more such files"
            break
        yield (
            f"line {owned.line}: {owned.by} makes the app's own user the owner of {owned.paths}: whoever takes over "
            "its process can replace these files; leave programs to root, and give it only what it writes"
        )


def _who_decides(stage: BuiltStage) -> Iterator[str]:
    line = stage.user_line
    base = f"the image {stage.base}" if stage.parent is None else f"stage {stage.parent.text.title}"
    if line is None:
        if stage.base == "scratch" and stage.parent is None:
            yield "no USER, and FROM scratch has none: the user is empty, which is root"
        elif stage.user is None:
            yield f"no USER: {base} decides, and it is not known"
        else:
            yield f"no USER: {base} decides, whose user is {stage.user or 'empty, which is root'}"
        return
    where = "" if line.stage == stage.text.title else f" (in stage {line.stage}, which this one is made from)"
    if line.value is None:
        names = ", ".join(sorted(line.open_names))
        depends = f"depends on whether the base sets {names}, which is not known"
        yield f"line {line.line}: USER {line.written}{where} {depends}"
        root = ", which is root: it fails open" if is_root(line.if_unset) else ""
        yield f"if the base does not set it, the user is {_shown(line.if_unset)}{root}"
    elif line.value == line.written:
        yield f"line {line.line}: USER {line.written}{where} decides"
    else:
        yield f"line {line.line}: USER {line.written}{where} becomes {_shown(line.value)}"


def _shown(user: str) -> str:
    return f'"{user}"' if user else "empty"


def _variables(evaluation: Evaluation, stage: BuiltStage, line: UserLine) -> Iterator[str]:
    """Why variables in a USER are not set, if that makes it root or leaves it to the base."""
    if not is_root(line.if_unset) or "$" not in line.written:
        return
    if line.value is not None:
        yield f"it fails open: USER {line.written} was meant to be another user, and is root"
    if not line.missing and not line.open_names:
        yield "what it names is set, and is empty or 0"
    for name in sorted(line.missing):
        yield _why_missing(evaluation, stage, name)


def _why_missing(evaluation: Evaluation, stage: BuiltStage, name: str) -> str:
    declared = [
        (instruction.line, instruction)
        for part in stage.lineage()
        for instruction in part.text.instructions
        if instruction.keyword == "arg"
        and any(argument.partition("=")[0] == name for argument in instruction.arguments)
    ]
    if declared:
        return f"ARG {name} (line {declared[0][0]}) has no value here: give it a default, or --build-arg {name}=..."
    if name in evaluation.outer_arguments:
        line = evaluation.outer_arguments[name]
        return (
            f"ARG {name} (line {line}) stands before the first FROM and counts for FROM lines alone: "
            f"declare it again in this stage, ARG {name}"
        )
    lineage = list(stage.lineage())
    for other in evaluation.stages:
        if other not in lineage and (name in other.env or name in other.scope_values):
            return f"{name} is set in stage {other.text.title}, which this one is not made from"
    known = {key for key, value in {**stage.env, **stage.scope_values}.items() if not isinstance(value, Open)}
    spellings = {spelt.upper(): spelt for spelt in sorted({*known, *evaluation.outer_arguments} - {"PATH"})}
    near = nearest(name.upper(), list(spellings))
    hint = f"; did you mean {spellings[near]}?" if near else ""
    return f"nothing sets {name}{hint}"


def _odd_text(line: UserLine) -> Iterator[str]:
    if line.value is None or not any(character.isspace() for character in line.value):
        return
    if "#" in line.value:
        yield "there are no comments behind an instruction: all that follows USER is the user's name"
    else:
        yield "all that follows USER is one name, blanks and all"


def _root(evaluation: Evaluation, stage: BuiltStage) -> Iterator[str]:
    earlier = [line for line in stage.user_lines[:-1] if line.value and not is_root(line.value)]
    if stage.user_line is not None and earlier and "$" not in stage.user_line.written:
        yield (
            f"line {earlier[-1].line}: USER {earlier[-1].written} does not last: "
            f"line {stage.user_line.line} goes back to root, and nothing changes it again"
        )
    lineage = list(stage.lineage())
    for other in evaluation.stages:
        line = other.user_line
        if stage.user_line is None and other not in lineage and line is not None and not is_root(line.if_unset):
            yield (
                f"line {line.line}: USER {line.written} is in stage {other.text.title} alone, "
                "which this stage is not made from"
            )


def _creation(stage: BuiltStage, name: str) -> Iterator[str]:
    creation = creation_of(stage, name)
    if creation is not None:
        in_stage = f" in stage {creation.stage}, whose passwd file is copied here" if creation.stage else ""
        if creation.line is None:
            yield f"{name} is a user of the base, with uid {creation.uid}{in_stage}"
        elif creation.uid is None and not creation.is_uid_given:
            yield f"line {creation.line} creates {name} with the next free uid{in_stage}: say which, useradd --uid N"
        else:
            does = f"changes {name} to" if creation.is_change else f"creates {name} with"
            uid = "a uid that is not known here" if creation.uid is None else f"uid {creation.uid}"
            yield f"line {creation.line} {does} {uid}{in_stage}"
        if creation.uid is not None:
            yield f"USER {creation.uid} instead of the name says so to Kubernetes as well"
        return
    copied = next((copied for copied in stage.copied if copies_accounts(copied)), None)
    if copied is not None:
        yield f"whether there is a user {name} depends on what line {copied.line} copies to {copied.destination}"
    elif stage.image is None or stage.image.image is None or not stage.image.image.files_known:
        yield f"nothing here creates {name}: it may be in the base, whose passwd file is not known"
    elif stage.runs and f"{name}:" not in (stage.image.image.passwd or ""):
        yield f"nothing that is seen here creates {name}, and the base has no such user: a RUN may"
