"""The lab of a terminal, as far as a line that was typed needs it: all of the kit is loaded for few of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import IO, TYPE_CHECKING, Self

from labkit import lab as lab_room
from labkit.base.configuration import LESSON_LABEL, Configuration
from labkit.base.errors import Misuse
from labkit.base.files import LARGEST_BYTES, read_given
from labkit.base.resources import CLUSTER, require
from labkit.core.typed.docker_lines import LabNames
from labkit.lab.samples.dockerfile_images import unknown_image
from labkit.lab.terminal.lesson_terminal import lesson_of
from labkit.lab.terminal.typed_engine import TypedEngine

if TYPE_CHECKING:
    from labkit.lab.lab import Lab


@dataclass(frozen=True)
class ReadyCommand:
    """A program that is about to run.

    Args:
        program: its path.
        argv: its name and arguments.
        environment: all of it.
        given: what it reads in place of our standard input.
        notes: what to tell whoever typed it, before it runs.
        copies: the files and folders that it reads in place of those that were typed, which the values are; they are
            removed afterwards.
        is_build: whether an image is built.
        needs_terminal: whether it refuses to run where there is none.
    """

    program: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    given: bytes | None = None
    notes: tuple[str, ...] = ()
    copies: Mapping[str, str] = field(default_factory=dict)
    is_build: bool = False
    needs_terminal: bool = False


class TypedLab:
    """The lab of a terminal; a context manager, whose end closes the connections of the lab, if they were opened.

    Args:
        configuration: of the lab; read from the environment if not given.
        environment: of the terminal.
    """

    def __init__(self, configuration: Configuration | None = None, environment: Mapping[str, str] = os.environ) -> None:
        self.configuration = configuration or Configuration.from_environment()
        self._environment = environment
        self._lab: Lab | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._lab is not None:
            self._lab.close()

    @cached_property
    def engine(self) -> TypedEngine:
        """The engine, and the command for it.

        Raises:
            MachineLacks: there is no such command.
        """
        return TypedEngine.find(self._environment)

    @cached_property
    def names(self) -> LabNames:
        """What the lab's names mean, and what is put on all that is made in the terminal."""
        images = {
            file.parent.name: self.configuration.image_reference(file.parent.name)
            for file in sorted(require(CLUSTER / "images").glob("*/image.toml"))
        }
        lesson = lesson_of(self.configuration, self._environment)
        labels = {**self.configuration.labels, **({LESSON_LABEL: lesson} if lesson else {})}
        return LabNames(images, labels)

    def image_id(self, image: str) -> str:
        """The id of an image, empty if there is none of that name or id.

        Raises:
            MachineLacks: there is no engine and no command for one.
        """
        if self.configuration.has_engine:
            return self.engine.image_id(image)
        recorded = self.whole().engine().image(image)
        return recorded["Id"] if recorded is not None else ""

    def whole(self) -> Lab:
        """All of the lab, for what needs its cluster."""
        if self._lab is None:
            self._lab = lab_room.Lab(self.configuration)
        return self._lab

    def unknown_image(self, image: str) -> tuple[str, str]:
        """What is said of an image that nobody here has: that it is so, and what to type instead.

        Args:
            image: as it was typed.
        """
        return unknown_image(image, self.names.images)


def read_typed(stdin: IO[bytes], reading: str, remedy: str, most: int = LARGEST_BYTES) -> bytes:
    """What a line is given on its standard input.

    Args:
        stdin: it.
        reading: what is being done, for the error.
        remedy: what to type instead.
        most: how many bytes it may have.

    Raises:
        Misuse: it cannot be read, or is larger.
    """
    try:
        return read_given(stdin, most)
    except OSError as error:
        raise Misuse(reading, error.strerror or str(error), remedy) from error
