"""A line typed for docker, made ready to run: short names of images are the lab's, and no registry is asked."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from labkit.adapters import podman
from labkit.adapters.engine_endpoint import EngineUnreachable, choose_endpoint, no_engine
from labkit.adapters.engine_socket import EngineSocket
from labkit.adapters.processes import first_output
from labkit.base.configuration import LESSON_LABEL
from labkit.base.errors import LabFailed, MachineLacks, Misuse, did_you_mean
from labkit.base.files import read_given
from labkit.base.programs import find_program, outside
from labkit.core.typed.docker_lines import DockerLine, LabNames, NotInTheLab, TypedBuild, read_docker_line
from labkit.lab.lab import Lab
from labkit.lab.samples.dockerfile_images import images_named, name_images_in_full
from labkit.lab.terminal.lesson_terminal import lesson_of

_LARGEST_CONTEXT = 512 << 20
_TAR = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
"""How compressed archives begin; one that is not compressed has zeros in its first block."""


@dataclass(frozen=True)
class ReadyCommand:
    """A program that is about to run.

    Args:
        program: its path.
        argv: its name and arguments.
        environment: all of it.
        given: what it reads in place of our standard input.
        notes: what to tell whoever typed it, before it runs.
        reads_copies: whether it reads files that are removed afterwards.
    """

    program: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    given: bytes | None = None
    notes: tuple[str, ...] = ()
    reads_copies: bool = False


def lab_names(lab: Lab) -> LabNames:
    """What the lab's names mean in a terminal, and what is put on all that is made there.

    Args:
        lab: the lab.
    """
    configuration = lab.configuration
    images = {sample: configuration.image_reference(sample) for sample in lab.catalogue}
    lesson = lesson_of(configuration, os.environ)
    return LabNames(images, {**configuration.labels, **({LESSON_LABEL: lesson} if lesson else {})})


@dataclass(frozen=True)
class EngineCommand:
    """The command that does what was typed: docker's, or podman's where that is the engine.

    Args:
        program: its path.
        environment: in which it uses the lab's engine.
    """

    program: str
    environment: Mapping[str, str] = field(repr=False)

    @property
    def name(self) -> str:
        """What it is called."""
        return Path(self.program).name

    @classmethod
    def find(cls) -> EngineCommand:
        """The one of this machine, which is not the lab's own.

        Raises:
            MachineLacks: there is none.
        """
        try:
            endpoint = choose_endpoint()
        except EngineUnreachable:  # The command itself says what is wrong, in the words that people will see at work.
            return cls(_require_program("docker"), outside(os.environ))
        environment = {**outside(os.environ), **endpoint.variables}
        with contextlib.suppress(LabFailed):  # Nobody answers, and it says so, too.
            if endpoint.socket is not None and podman.is_podman(EngineSocket(endpoint.socket, {}).version()):
                environment |= podman.client_variables(endpoint.host)
                return cls(_require_program(podman.CLIENT), environment)
        return cls(_require_program("docker"), environment)

    def has_image(self, image: str) -> bool:
        """Whether the engine has an image.

        Args:
            image: its name or id.
        """
        return bool(self._id("image", image))

    def container_id(self, name: str) -> str:
        """The id of a container, empty if the engine has none of that name or id."""
        return self._id("container", name)

    def _id(self, kind: str, name: str) -> str:
        argv = [self.program, kind, "inspect", "--format", "{{.Id}}", name]
        return (first_output(argv, environment=self.environment) or "").strip()


def _require_program(name: str) -> str:
    if (program := find_program(name)) is None:
        raise MachineLacks(f"Running {name}", f"there is no {name} command on PATH", "bring it up\n  labkit up")
    return program


def unknown_image(image: str, names: LabNames) -> tuple[str, str]:
    """What is said of an image that nobody here has: that it is so, and what to type instead.

    Args:
        image: as it was typed.
        names: the lab's.
    """
    near = did_you_mean(image, names.images, "labkit images lists what there is")
    return f"there is no image {image!r} here, and the lab asks no registry", near


def prepare_docker(argv: Sequence[str], lab: Lab, stdin: IO[bytes] | None = None) -> ReadyCommand:
    """Make ready what was typed behind `docker`.

    Args:
        argv: what was typed.
        lab: whose names count.
        stdin: read in place of our standard input, where a Dockerfile comes from there.

    Raises:
        Misuse: the lab's docker does not do that; the error says what to type.
        LabError: the lab cannot be asked.
    """
    sandbox = lab.configuration.sandbox
    if sandbox is not None and not sandbox.has_engine:
        raise no_engine(f"Running docker {' '.join(argv[:1])}".strip())
    command, names = EngineCommand.find(), lab_names(lab)
    try:
        line = read_docker_line(argv, names)
    except NotInTheLab as error:
        raise Misuse(f"Running docker {argv[0]}", error.problem, error.remedy) from None
    if line.ends:
        _spare_the_node(command, lab, line.ends)
    notes, given, typed = list(line.notes), None, line.argv
    if line.build is not None:
        typed, given = _build(command, line, line.build, names, stdin or sys.stdin.buffer)
    elif line.image is not None and not command.has_image(line.image):
        notes.append("; ".join(unknown_image(line.image, names)))
    elif any(not command.container_id(typed[at]) for at, _ in line.perhaps):
        typed = line.with_images()
    return ReadyCommand(command.program, (command.name, *typed), command.environment, given, tuple(notes))


def _spare_the_node(command: EngineCommand, lab: Lab, containers: Sequence[str]) -> None:
    """See that a line does not end the cluster by the way, as `docker rm -f $(docker ps -aq)` would."""
    nodes = {identifier: node for node in lab.cluster().containers if (identifier := command.container_id(node))}
    for container in containers:
        if node := nodes.get(command.container_id(container)):
            raise Misuse(
                f"Ending container {container}",
                f"it is {node}, the node of the lab's cluster",
                "leave it out; to stop the cluster, or remove all of the lab, type\n  labkit down\n  labkit clean",
            )


def _build(
    command: EngineCommand, line: DockerLine, build: TypedBuild, names: LabNames, stdin: IO[bytes]
) -> tuple[tuple[str, ...], bytes | None]:
    """What docker gets for a build, and what it reads."""
    from_input = "-" in (build.context, build.dockerfile)
    content = _typed(stdin) if from_input else _file(build)
    if content is None:
        return line.argv, None  # Docker says what is wrong with it.
    if from_input and (content.startswith(_TAR) or b"\0" in content[:512]):
        return line.argv, content
    text = content.decode("utf-8", "surrogateescape")
    for image in images_named(text):
        if names.reference(image) is None and not command.has_image(image):
            raise Misuse(f"Building from {image}", *unknown_image(image, names))
    latest = {f"{name}:latest": reference for name, reference in names.images.items()}
    full = name_images_in_full(text, {**names.images, **latest}).encode("utf-8", "surrogateescape")
    if build.context == "-":
        return build.without_file, full
    if full == content and not from_input:
        return line.argv, None
    return build.with_file("-"), full


def _typed(stdin: IO[bytes]) -> bytes:
    try:
        return read_given(stdin, _LARGEST_CONTEXT)
    except OSError as error:
        raise Misuse("Reading the build's context", error.strerror or str(error), "name its folder instead") from error


def _file(build: TypedBuild) -> bytes | None:
    """The Dockerfile of a build; None if there is none on this machine."""
    file = Path(build.context) / "Dockerfile" if build.dockerfile is None else Path(build.dockerfile)
    try:
        return read_given(file) if Path(build.context).is_dir() else None
    except OSError:
        return None
