"""A line typed for docker, made ready to run: short names of images are the lab's, and no registry is asked."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from labkit.adapters.engine_endpoint import no_engine
from labkit.base.errors import Misuse
from labkit.base.files import read_given
from labkit.core.typed.docker_lines import DockerLine, NotInTheLab, TypedBuild, read_docker_line
from labkit.lab.samples.dockerfile_images import images_named, name_images_in_full
from labkit.lab.terminal.typed_lab import ReadyCommand, TypedLab, read_typed

_LARGEST_CONTEXT = 512 << 20
_TAR = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
"""How compressed archives begin; one that is not compressed has zeros in its first block."""


def prepare_docker(argv: Sequence[str], lab: TypedLab, stdin: IO[bytes] | None = None) -> ReadyCommand:
    """Make ready what was typed behind `docker`.

    Args:
        argv: what was typed.
        lab: whose names count.
        stdin: read in place of our standard input, where a Dockerfile comes from there.

    Raises:
        Misuse: the lab's docker does not do that; the error says what to type.
        LabError: the lab cannot be asked.
    """
    if not lab.configuration.has_engine:
        raise no_engine(f"Running docker {' '.join(argv[:1])}".strip())
    engine = lab.engine
    try:
        line = read_docker_line(argv, replace(lab.names, in_full=engine.is_podman))
    except NotInTheLab as error:
        raise Misuse(f"Running docker {argv[0]}", error.problem, error.remedy) from None
    if line.ends:
        _spare_the_node(lab, line.ends)
    notes, given, typed = list(line.notes), None, line.argv
    if line.build is not None:
        typed, given = _build(lab, line, line.build, stdin or sys.stdin.buffer)
    elif line.image is not None and not lab.image_id(line.image):
        notes.append("; ".join(lab.unknown_image(line.image)))
    elif any(not engine.container_id(typed[at]) for at, _ in line.perhaps):
        typed = line.with_images()
    argv, is_build = (engine.name, *typed), line.build is not None
    return ReadyCommand(
        engine.program,
        argv,
        engine.environment,
        given,
        tuple(notes),
        is_build=is_build,
        needs_terminal=line.needs_terminal,
    )


def _spare_the_node(lab: TypedLab, containers: Sequence[str]) -> None:
    """See that a line does not end the cluster by the way, as `docker rm -f $(docker ps -aq)` would."""
    engine = lab.engine
    nodes = {identifier: node for node in lab.whole().cluster().containers if (identifier := engine.container_id(node))}
    for container in containers:
        if node := nodes.get(engine.container_id(container)):
            raise Misuse(
                f"Ending container {container}",
                f"it is {node}, the node of the lab's cluster",
                "leave it out; to stop the cluster, or remove all of the lab, type\n  labkit down\n  labkit clean",
            )


def _build(
    lab: TypedLab, line: DockerLine, build: TypedBuild, stdin: IO[bytes]
) -> tuple[tuple[str, ...], bytes | None]:
    """What docker gets for a build, and what it reads."""
    names, from_input = lab.names, "-" in (build.context, build.dockerfile)
    content = _context_of(stdin) if from_input else _file(build)
    if content is None:
        return line.argv, None  # Docker says what is wrong with it.
    if from_input and (content.startswith(_TAR) or b"\0" in content[:512]):
        return line.argv, content
    text = content.decode("utf-8", "surrogateescape")
    for image in images_named(text):
        if names.reference(image) is None and not lab.image_id(image):
            raise Misuse(f"Building from {image}", *lab.unknown_image(image))
    latest = {f"{name}:latest": reference for name, reference in names.images.items()}
    full = name_images_in_full(text, {**names.images, **latest}).encode("utf-8", "surrogateescape")
    if build.context == "-":
        return build.without_file, full
    if full == content and not from_input:
        return line.argv, None
    return build.with_file("-"), full


def _context_of(stdin: IO[bytes]) -> bytes:
    return read_typed(stdin, "Reading the build's context", "name its folder instead", _LARGEST_CONTEXT)


def _file(build: TypedBuild) -> bytes | None:
    """The Dockerfile of a build; None if there is none on this machine."""
    file = Path(build.context) / "Dockerfile" if build.dockerfile is None else Path(build.dockerfile)
    try:
        return read_given(file) if Path(build.context).is_dir() else None
    except OSError:
        return None
