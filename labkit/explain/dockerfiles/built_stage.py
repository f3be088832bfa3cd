"""A stage while it is built: the image's configuration, and what its instructions did that concerns users."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from labkit.core.identity.model import Image
from labkit.explain.dockerfiles.build_scopes import Open
from labkit.explain.dockerfiles.dockerfile_parser import BuildStops
from labkit.explain.dockerfiles.expansion import Budget
from labkit.explain.dockerfiles.instruction_checks import StageText


@dataclass(frozen=True)
class BaseImage:
    """What a stage is made from, as far as it decides what comes out.

    Args:
        user: its Config.User; None if only its environment is known.
        env: its environment.
        on_build: its ONBUILD instructions.
        image: its account files; None if only what is above is known.
    """

    user: str | None = ""
    env: Mapping[str, str] = field(default_factory=dict)
    on_build: tuple[str, ...] = ()
    image: Image | None = field(default_factory=Image)


@dataclass(frozen=True)
class UserLine:
    """A USER.

    Args:
        line: where it stands.
        stage: the title of its stage.
        written: as it stands there.
        value: what it becomes; None if the base decides and is not known.
        if_unset: what it becomes if the base sets none of `open_names`.
        missing: variables in it that nothing sets.
        open_names: variables in it that only the base, which is not known, could set.
    """

    line: int
    stage: str
    written: str
    value: str | None
    if_unset: str
    missing: frozenset[str]
    open_names: frozenset[str]


@dataclass(frozen=True)
class Copied:
    """A COPY or ADD.

    Args:
        line: where it stands.
        destination: the path, made absolute.
        owner: its --chown, expanded; empty for none.
        sources: what is copied.
        keyword: copy or add.
        origin: the stage that it copies from, None for anything else.
    """

    line: int
    destination: str
    owner: str
    sources: tuple[str, ...]
    keyword: str
    origin: BuiltStage | None = None


@dataclass(frozen=True)
class Run:
    """A RUN, with the variables that its shell has.

    Args:
        line: where it stands.
        text: the command, with its heredocs.
        user: as whom it runs; None if that is not known.
        variables: of the build.
    """

    line: int
    text: str
    user: str | None
    variables: Mapping[str, str]


@dataclass(eq=False)
class BuiltStage:
    """A stage while it is built, and then what it ends with.

    Args:
        text: as it is written.
        base: what its FROM names, expanded.
        parent: the earlier stage that this is; None for an image.
        image: what is known of that image; None for nothing.
        user: Config.User; None if the base decides and is not known.
        user_line: the USER that decides; None if the base does.
        env: the image's environment.
        workdir: its working directory; empty for none.
        user_lines: every USER in this stage and in those that it is made from.
        copied: every COPY and ADD likewise.
        runs: every RUN likewise.
        triggers: its ONBUILD instructions.
        sources: the stages that it copies from.
        scope_values: BuildKit's variables at its end.
        is_empty: whether nothing at all happens in it.
        stops: what stops the build in it, or before it.
    """

    text: StageText
    base: str
    parent: BuiltStage | None
    image: BaseImage | None = None
    user: str | None = None
    user_line: UserLine | None = None
    env: dict[str, str | Open] = field(default_factory=dict)
    workdir: str = ""
    user_lines: list[UserLine] = field(default_factory=list)
    copied: list[Copied] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    triggers: list[str] = field(default_factory=list)
    sources: list[BuiltStage] = field(default_factory=list)
    scope_values: dict[str, str | Open] = field(default_factory=dict)
    is_empty: bool = False
    stops: BuildStops | None = None

    def begin_from(self, parent: BuiltStage, budget: Budget) -> None:
        """Begin with what an earlier stage ended with.

        Raises:
            TooLarge: stages multiply it beyond measure.
        """
        budget.spend(sum(map(len, (parent.env, parent.scope_values, parent.user_lines, parent.copied, parent.runs))))
        self.image, self.user, self.user_line = parent.image, parent.user, parent.user_line
        self.env, self.workdir = dict(parent.env), parent.workdir
        self.user_lines, self.copied, self.runs = list(parent.user_lines), list(parent.copied), list(parent.runs)

    def depends_on(self) -> Iterator[BuiltStage]:
        """The stages that must be built before this one."""
        if self.parent is not None:
            yield self.parent
        yield from self.sources

    def lineage(self) -> Iterator[BuiltStage]:
        """This stage and those that it is made from."""
        stage: BuiltStage | None = self
        while stage is not None:
            yield stage
            stage = stage.parent
