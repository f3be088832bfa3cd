"""One stage's instructions, taken one after another: what each does to the image's configuration and to variables."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from labkit.explain.dockerfiles.build_scopes import ClassicScope, Open, Scope
from labkit.explain.dockerfiles.build_words import wrong_port, wrong_reference, wrong_signal
from labkit.explain.dockerfiles.built_stage import BuiltStage, Copied, Run, UserLine
from labkit.explain.dockerfiles.dockerfile_parser import BuildStops, Instruction, parse_dockerfile
from labkit.explain.dockerfiles.expansion import Budget, CannotExpand, Expansion, Lexing, expand
from labkit.explain.dockerfiles.heredocs import find_heredoc
from labkit.explain.dockerfiles.instruction_checks import check_instruction
from labkit.explain.dockerfiles.run_mounts import mount_fields, wrong_mount

_MOST_TRIGGERS = 1000
_NEEDS_BUILDKIT = (
    "requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ "
    "to learn how to build images with BuildKit enabled"
)
_NOT_TAKEN_OVER = ("BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE")
_SYMBOLIC_MODE = re.compile(r"(?:[ugoa]*(?:[-+=](?:[ugo]|[rwxXst]*))+)(?:,[ugoa]*(?:[-+=](?:[ugo]|[rwxXst]*))+)*\Z")


class StageSteps:
    """Takes the instructions of a stage.

    Args:
        stage: which they change.
        scope: its variables.
        lexing: how words are read.
        budget: what is left of the Dockerfile's.
        named: the stages by their names.
    """

    def __init__(
        self, stage: BuiltStage, scope: Scope, lexing: Lexing, budget: Budget, named: Mapping[str, BuiltStage]
    ) -> None:
        self._stage, self._scope, self._lexing, self._budget = stage, scope, lexing, budget
        self._named = named
        self._is_classic = lexing.builder == "classic"
        self._open: set[str] = set()

    def take_trigger(self, trigger: str) -> None:
        """An ONBUILD of what the stage is made from.

        Raises:
            BuildStops: the builder stops at it.
        """
        line = self._stage.text.line
        parsed = parse_dockerfile(trigger, self._lexing.builder, self._budget)
        if len(parsed.instructions) != 1:
            raise BuildStops("onbuild trigger should be a single expression", line)
        instruction = parsed.instructions[0]
        check_instruction(instruction, self._lexing.builder)
        self.take(
            Instruction(
                instruction.keyword,
                instruction.spelt,
                instruction.flags,
                instruction.arguments,
                instruction.is_json,
                line,
                instruction.text,
                instruction.heredocs,
            )
        )

    def take(self, instruction: Instruction) -> None:
        """An instruction.

        Raises:
            BuildStops: the builder stops at it.
        """
        self._open = set()
        try:
            getattr(self, f"_take_{instruction.keyword}", self._take_other)(instruction)
        except CannotExpand as error:
            # Whether it stops is for the base to decide, and what the base sets is not known.
            if not self._open:
                raise BuildStops(str(error), instruction.line) from error

    def _take_other(self, instruction: Instruction) -> None:
        """CMD, ENTRYPOINT, HEALTHCHECK, MAINTAINER, SHELL: no variables, nothing about users."""

    def _take_user(self, instruction: Instruction) -> None:
        written = instruction.arguments[0]
        expansion = self._expand(written)
        names = frozenset(self._open)
        stage = self._stage
        user_line = UserLine(
            line=instruction.line,
            stage=stage.text.title,
            written=written,
            value=None if names else expansion.text,
            if_unset=expansion.text,
            missing=expansion.missing,
            open_names=names,
        )
        stage.user, stage.user_line = user_line.value, user_line
        stage.user_lines.append(user_line)

    def _take_env(self, instruction: Instruction) -> None:
        pairs = []
        for name, written in zip(instruction.arguments[::2], instruction.arguments[1::2], strict=True):
            self._open = set()
            name, text = self._expand(name).text, self._expand(written).text
            pairs.append((name, Open(frozenset(self._open), text) if self._open else text))
        for name, value in pairs:
            self._scope.set_env(name, value)
            self._stage.env[name] = value

    def _take_arg(self, instruction: Instruction) -> None:
        if isinstance(self._scope, ClassicScope):
            self._take_classic_arg(instruction, self._scope)
            return
        for argument in instruction.arguments:
            self._open = set()
            name, equals, default = argument.partition("=")
            if name in self._scope.given:
                value: str | None = self._scope.given[name]
            elif equals:
                value = self._expand(default).text
            else:
                value = self._scope.outer.get(name)
            if value is not None and name not in _NOT_TAKEN_OVER:
                self._scope.set_env(name, Open(frozenset(self._open), value) if self._open else value)

    def _take_classic_arg(self, instruction: Instruction, scope: ClassicScope) -> None:
        pairs: list[tuple[str, str | Open | None]] = []
        for argument in instruction.arguments:
            self._open = set()
            name, equals, default = argument.partition("=")
            name = self._expand(name).text
            value = self._expand(default).text if equals else None
            is_open = value is not None and bool(self._open)
            pairs.append((name, Open(frozenset(self._open), value or "") if is_open else value))
        scope.arguments.update(pairs)

    def _take_label(self, instruction: Instruction) -> None:
        for word in instruction.arguments:
            self._expand(word)

    def _take_volume(self, instruction: Instruction) -> None:
        for word in instruction.arguments:
            if not self._expand(word).text:
                self._refuse("VOLUME specified can not be an empty string", instruction)

    def _take_expose(self, instruction: Instruction) -> None:
        ports = [port for word in instruction.arguments for port in self._expand(word).parts]
        self._refuse(next((wrong for port in ports if (wrong := wrong_port(port))), None), instruction)

    def _take_stopsignal(self, instruction: Instruction) -> None:
        self._refuse(wrong_signal(self._expand(instruction.arguments[0]).text), instruction)

    def _take_workdir(self, instruction: Instruction) -> None:
        path = self._expand(instruction.arguments[0]).text
        if self._is_classic and not path:
            self._refuse("cannot normalize nothing", instruction)
        self._stage.workdir = self._absolute(path)

    def _take_onbuild(self, instruction: Instruction) -> None:
        if len(self._stage.triggers) < _MOST_TRIGGERS:
            self._stage.triggers.append(instruction.trigger)

    def _take_run(self, instruction: Instruction) -> None:
        flag = next((flag[2:].partition("=")[0] for flag in instruction.flags), None)
        if self._is_classic and flag:
            self._refuse(f"the --{flag} option {_NEEDS_BUILDKIT}", instruction)
        for flag in instruction.flags:
            if flag.startswith("--mount="):
                self._open = set()
                wrong = wrong_mount(flag[8:], lambda word: self._expand(word).text, self._stage.workdir)
                self._refuse(wrong, instruction)
        self._open = set()
        self._check_order(instruction)
        heredocs = (heredoc.content for heredoc in instruction.heredocs)
        text = "\n".join((" ".join(instruction.arguments), *heredocs))
        names = self._scope.names() if "$" in text else ()
        self._budget.spend(len(names))
        variables = {name: value for name in names if (value := self._scope.get(name)) is not None}
        self._stage.runs.append(Run(instruction.line, text, self._stage.user, variables))

    def _take_copy(self, instruction: Instruction) -> None:
        flags = check_instruction(instruction, self._lexing.builder)
        if self._is_classic:
            self._refuse_in_classic(instruction, flags)
        owner = self._expand(flags.get("chown", [""])[0]).text
        if not self._is_classic:
            self._check_mode(self._expand(flags.get("chmod", [""])[0]).text, instruction)
        *sources, destination = instruction.arguments
        if find_heredoc(destination, self._lexing.builder, self._budget):
            self._refuse(f"{instruction.keyword.upper()} cannot accept a heredoc as a destination", instruction)
        paths = self._paths(sources, instruction)
        destination = self._expand(destination).text
        is_web = [path.startswith(("http://", "https://")) for path in paths]
        if instruction.keyword == "copy" and any(is_web):
            self._refuse("source can't be a URL for COPY", instruction)
        if not self._is_classic:
            self._check_link(flags, owner, instruction)
            self._check_order(instruction)
        heredocs = tuple(f"<<{heredoc.name}" for heredoc in instruction.heredocs)
        path, taken = self._absolute(destination), (*paths, *heredocs)
        origin = self._origin(flags.get("from", [""])[0].lower())
        self._stage.copied.append(Copied(instruction.line, path, owner, taken, instruction.keyword, origin))

    _take_add = _take_copy

    def _origin(self, name: str) -> BuiltStage | None:
        stages = (*self._stage.sources, *self._named.values())
        return next((stage for stage in stages if name and name in (stage.text.name, str(stage.text.number))), None)

    def _paths(self, sources: Sequence[str], instruction: Instruction) -> list[str]:
        """The sources that are no heredocs, expanded; BuildKit expands what stands in the heredocs as well."""
        paths = [path for path in sources if not find_heredoc(path, self._lexing.builder, self._budget)]
        expanded = [self._expand(path).text for path in paths]
        if self._is_classic:
            if not paths:
                self._refuse(f"{instruction.keyword.upper()} failed: no source files were specified", instruction)
            return expanded
        lexing = Lexing(keep_quotes=True)
        for heredoc in instruction.heredocs:
            if heredoc.expands:
                expand(heredoc.content, self._lookup, lexing, self._budget)
        return expanded

    def _refuse_in_classic(self, instruction: Instruction, flags: Mapping[str, Sequence[str]]) -> None:
        if flags.get("chmod", [""])[0]:
            self._refuse(f"the --chmod option {_NEEDS_BUILDKIT}", instruction)
        name = flags.get("from", [""])[0]
        if not name or name.lower() in self._named:
            return
        number = int(name) if re.fullmatch(r"[+-]?[0-9]{1,9}", name) else None
        if number is None:
            self._refuse(wrong_reference(name), instruction)
        elif number == self._stage.text.number:
            self._refuse(f"invalid from flag value {name}: refers to current build stage", instruction)
        elif not 0 <= number < self._stage.text.number:
            self._refuse(f"invalid from flag value {name}: index out of bounds", instruction)

    def _check_mode(self, mode: str, instruction: Instruction) -> None:
        octal = re.fullmatch(r"[0-7]{1,11}", mode)
        if not mode or (octal and int(mode, 8) <= 0o7777) or (not octal and _SYMBOLIC_MODE.match(mode)):
            return
        wanted = "it should be octal string and between 0 and 07777"
        self._refuse(f"invalid chmod parameter: '{mode}'. {wanted}", instruction)

    def _check_link(self, flags: Mapping[str, Sequence[str]], owner: str, instruction: Instruction) -> None:
        is_linked = flags.get("link", ["false"])[0].lower() in ("true", "")
        if is_linked and any(part and not part.isdigit() for part in owner.split(":", 1)):
            why = "user and group names can't be resolved when used with --link, use numeric uid[:gid] instead"
            self._refuse(f"--chown={owner}: {why}", instruction)

    def _check_order(self, instruction: Instruction) -> None:
        """Refuse files of a stage that is not built yet."""
        here = self._stage.text
        for name in copy_sources(instruction, lambda word: self._expand(word).text):
            for later in self._stage.sources:
                if later.text.number > here.number and name.lower() in (later.text.name, str(later.text.number)):
                    before = f'it needs to be defined before current stage "{here.name or f"stage-{here.number}"}"'
                    self._refuse(f'cannot {instruction.keyword} from stage "{name}", {before}', instruction)

    def _expand(self, word: str) -> Expansion:
        return expand(word, self._lookup, self._lexing, self._budget)

    def _lookup(self, name: str) -> str | None:
        value = self._scope.find(name)
        if isinstance(value, Open):
            self._open |= value.names
            return value.if_unset
        if value is None and self._stage.image is None:
            self._open.add(name)
        return value

    def _absolute(self, path: str) -> str:
        directory = posixpath.normpath(posixpath.join("/", self._stage.workdir, path))
        return "/" + directory.lstrip("/")

    def _refuse(self, message: str | None, instruction: Instruction) -> None:
        """Stop, unless what is wrong may come from a base that is not known."""
        if message and not self._open:
            raise BuildStops(message, instruction.line)


def copy_sources(instruction: Instruction, expand: Callable[[str], str] | None = None) -> Iterator[str]:
    """What a COPY or a RUN takes files from besides the build's context: stages or images, as they are written.

    Args:
        instruction: any.
        expand: puts values in place of variables. With it, only what has to be built before counts: a mount that names
            no source is one from scratch, which may be the name of a stage, but only a cache takes files from there.
            (moby/buildkit:frontend/dockerfile/dockerfile2llb/convert_runmount.go)
    """
    for flag in instruction.flags:
        key, _, value = flag.partition("=")
        if instruction.keyword == "copy" and key == "--from" and value:
            yield value
        elif instruction.keyword == "run" and key == "--mount":
            fields = {name.lower(): text for name, _, text in (field.partition("=") for field in mount_fields(value))}
            if name := fields.get("from"):
                yield name
            elif expand is None or expand(fields.get("type", "bind")).lower() == "cache":
                yield "scratch"
