"""Lines that are typed for docker, with the lab's images in place of their short names. Pure.

`debian` means the lab's image of that name, and so does `debian:latest`, which is the same name to docker. Anything
longer means what it says. No registry is asked: nothing is pulled, and what would pull is refused with a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from labkit.core.image_reference import ImageReference
from labkit.core.typed.docker_options import (
    ALIASES,
    BUILD_ALONE,
    EXEC_ALONE,
    GLOBAL_ALONE,
    HISTORY_ALONE,
    INSPECT_ALONE,
    LISTING_ALONE,
    OTHER_ALONE,
    REMOVE_ALONE,
    RUN_ALONE,
)
from labkit.core.typed.typed_options import TypedLine, read_line

_LOOPBACK = ("localhost", "127.", "[::1]")


class NotInTheLab(ValueError):
    """A line that the lab's docker does not run.

    Args:
        problem: why.
        remedy: what to type instead.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem, self.remedy = problem, remedy


@dataclass(frozen=True)
class LabNames:
    """What the lab's names mean.

    Args:
        images: the references of the sample images by their short names.
        labels: what is put on whatever is made, so that the lab finds it again.
        in_full: whether the engine's command has to get the names of new images in full, because it makes something
            else of short ones than the lab and the cluster do: podman calls x localhost/x.
    """

    images: Mapping[str, str]
    labels: Mapping[str, str] = field(default_factory=dict)
    in_full: bool = False

    def reference(self, name: str) -> str | None:
        """The reference that a typed name means; None if it is no sample image's."""
        return self.images.get(name.removesuffix(":latest"))

    def new_name(self, name: str) -> str:
        """What the engine's command gets for a name that is to be given to an image.

        Raises:
            NotInTheLab: it is a sample image's.
        """
        if self.reference(name) is not None:
            raise NotInTheLab(
                f"{name} is the name of a sample image of the lab", f"choose another name, such as my-{name}"
            )
        return str(ImageReference.parse(name).tagged()) if self.in_full else name


@dataclass(frozen=True)
class TypedBuild:
    """What `docker build` builds.

    Args:
        context: as typed: a folder, an address, or `-` for standard input.
        dockerfile: as typed behind --file; None if it was not.
        without_file: the line without --file, and
        insert_at: where in it options may be put.
    """

    context: str
    dockerfile: str | None
    without_file: tuple[str, ...]
    insert_at: int

    def with_file(self, file: str) -> tuple[str, ...]:
        """The line with another Dockerfile; `-` stands for standard input."""
        line = self.without_file
        return (*line[: self.insert_at], "--file", file, *line[self.insert_at :])


@dataclass(frozen=True)
class DockerLine:
    """A line for docker.

    Args:
        argv: what docker gets.
        image: the image that is needed, if it is none of the lab's: the engine may lack it.
        ends: the containers that it would end or rename; the lab's node must not be among them.
        build: what is built, if anything is.
        perhaps: where in argv the name stands of a sample image that may also be a container's, and the reference.
        notes: what to tell whoever typed it.
        needs_terminal: whether docker will ask for a terminal, which a notebook's cell has not.
    """

    argv: tuple[str, ...]
    image: str | None = None
    ends: tuple[str, ...] = ()
    build: TypedBuild | None = None
    perhaps: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()
    needs_terminal: bool = False

    def with_images(self) -> tuple[str, ...]:
        """The line in which every name that may be an image's is one."""
        argv = list(self.argv)
        for at, reference in self.perhaps:
            argv[at] = reference
        return tuple(argv)


def read_docker_line(argv: Sequence[str], names: LabNames) -> DockerLine:
    """What docker gets for what was typed.

    Args:
        argv: what was typed behind `docker`.
        names: the lab's.

    Raises:
        NotInTheLab: the lab's docker does not do that.
    """
    line = read_line(argv, 0, GLOBAL_ALONE, to_first_argument=True)
    if not line.arguments or line.values("H", "host", "c", "context"):
        return DockerLine(tuple(argv))  # There is no command, or another engine was chosen.
    start = line.arguments[0]
    command = argv[start]
    if (full := ALIASES.get((command, "".join(argv[start + 1 : start + 2])))) is not None:
        command, start = full, start + 1
    reader = _READERS.get(command)
    return reader(list(argv), start + 1, names) if reader else DockerLine(tuple(argv))


def _label_options(names: LabNames) -> list[str]:
    return [word for name, value in names.labels.items() for word in ("--label", f"{name}={value}")]


def _run(argv: list[str], start: int, names: LabNames) -> DockerLine:
    line = read_line(argv, start, RUN_ALONE, to_first_argument=True)
    if not line.arguments:
        return DockerLine(tuple(argv))
    at = line.arguments[0]
    typed = argv[at]
    argv[at] = names.reference(typed) or typed
    # The last --pull counts, whatever was typed before.
    at -= argv[at - 1] == "--"
    argv[at:at] = ["--pull=never", *_label_options(names)]
    image = None if names.reference(typed) else typed
    return DockerLine(tuple(argv), image=image, needs_terminal=_needs_terminal(line))


def _exec(argv: list[str], start: int, _: LabNames) -> DockerLine:
    line = read_line(argv, start, EXEC_ALONE, to_first_argument=True)
    return DockerLine(tuple(argv), needs_terminal=_needs_terminal(line))


def _needs_terminal(line: TypedLine) -> bool:
    """Whether docker refuses to do it without one: a terminal that is read from (docker/cli:cli/streams/in.go)."""
    alone = {name for name, _ in line.alone}
    return bool(alone & {"i", "interactive"} and alone & {"t", "tty"} and not alone & {"d", "detach"})


def _build(argv: list[str], start: int, names: LabNames) -> DockerLine:
    line = read_line(argv, start, BUILD_ALONE)
    for tag in line.values("t", "tag"):
        argv[tag.at] = f"{tag.before}{names.new_name(tag.value)}"
    if len(line.arguments) != 1:
        return DockerLine(tuple(argv))
    context = argv[line.arguments[0]]
    files = line.values("f", "file")
    dropped = {at for option in files for at in range(option.first, option.at + 1)}
    dropped |= {at for name, at in line.alone if name == "pull"}
    pulls = any(name == "pull" for name, _ in line.alone)
    # A build that stops leaves no container, and what it makes is found again.
    ours = ["--force-rm", *_label_options(names)]
    kept = [word for at, word in enumerate(argv) if at not in dropped]
    without = (*kept[:start], *ours, *kept[start:])
    build = TypedBuild(context, files[-1].value if files else None, without, start)
    file = build.dockerfile
    notes = ("--pull is left out: the lab asks no registry for a newer base",) if pulls else ()
    return DockerLine(without if file is None else build.with_file(file), build=build, notes=notes)


def _inspect(argv: list[str], start: int, names: LabNames) -> DockerLine:
    line = read_line(argv, start, INSPECT_ALONE)
    named = [(at, reference) for at in line.arguments if (reference := names.reference(argv[at]))]
    kinds = [option.value for option in line.values("type")]
    if kinds and kinds[-1] != "image":
        return DockerLine(tuple(argv))
    inspected = DockerLine(tuple(argv), perhaps=tuple(named))
    return DockerLine(inspected.with_images()) if kinds else inspected


def _of_images(alone: frozenset[str]) -> Callable[[list[str], int, LabNames], DockerLine]:
    def read(argv: list[str], start: int, names: LabNames) -> DockerLine:
        for at in read_line(argv, start, alone).arguments:
            argv[at] = names.reference(argv[at]) or argv[at]
        return DockerLine(tuple(argv))

    return read


def _remove_images(argv: list[str], start: int, names: LabNames) -> DockerLine:
    for at in read_line(argv, start, REMOVE_ALONE).arguments:
        if names.reference(argv[at]) is not None:
            raise NotInTheLab(
                f"{argv[at]} is a sample image, which the lessons need", "labkit clean removes all of the lab"
            )
    return DockerLine(tuple(argv))


def _with_new_name(argv: Sequence[str], start: int, names: LabNames) -> tuple[list[str], tuple[int, ...]]:
    """A line with the name that a new image gets, which is its second argument; and where its arguments stand."""
    named, arguments = [*argv], read_line(argv, start, OTHER_ALONE).arguments
    for at in arguments[1:2]:
        named[at] = names.new_name(argv[at])
    return named, arguments


def _tag(argv: list[str], start: int, names: LabNames) -> DockerLine:
    named, arguments = _with_new_name(argv, start, names)
    for at in arguments[:1]:
        named[at] = names.reference(argv[at]) or argv[at]
    return DockerLine(tuple(named))


def _make(argv: list[str], start: int, names: LabNames) -> DockerLine:
    """`docker commit CONTAINER NAME` and `docker import FILE NAME`."""
    named, _ = _with_new_name(argv, start, names)
    labels = [word for label, value in names.labels.items() for word in ("--change", f"LABEL {label}={value}")]
    return DockerLine((*named[:start], *labels, *named[start:]))


def _list(argv: list[str], start: int, names: LabNames) -> DockerLine:
    line = read_line(argv, start, LISTING_ALONE)
    for at in line.arguments[:1]:
        argv[at] = names.reference(argv[at]) or argv[at]
    for option in line.values("f", "filter"):
        key, _, image = option.value.partition("=")
        if key == "ancestor" and (reference := names.reference(image)):
            argv[option.at] = f"{option.before}{key}={reference}"
    return DockerLine(tuple(argv))


def _registry(verb: str) -> Callable[[list[str], int, LabNames], DockerLine]:
    def read(argv: list[str], start: int, names: LabNames) -> DockerLine:
        for at in read_line(argv, start, OTHER_ALONE).arguments[:1]:
            image = argv[at]
            if ImageReference.parse(image).registry.startswith(_LOOPBACK) and "/" in image:
                continue
            there = (
                f"{image} is there: run it as it is" if names.reference(image) else "labkit images lists what there is"
            )
            raise NotInTheLab(f"the lab's docker {verb} registry but one on this machine", there)
        return DockerLine(tuple(argv))

    return read


def _ends(argv: list[str], start: int, _: LabNames) -> DockerLine:
    arguments = read_line(argv, start, REMOVE_ALONE).arguments
    return DockerLine(tuple(argv), ends=tuple(argv[at] for at in arguments))


def _labelled(argv: list[str], start: int, names: LabNames) -> DockerLine:
    argv[start:start] = _label_options(names)
    return DockerLine(tuple(argv))


def _context(argv: list[str], start: int, _: LabNames) -> DockerLine:
    raise NotInTheLab("docker's contexts are your own, and the lab leaves them as they are", "use another terminal")


_READERS: dict[str, Callable[[list[str], int, LabNames], DockerLine]] = {
    "run": _run,
    "create": lambda argv, start, names: replace(_run(argv, start, names), needs_terminal=False),
    "exec": _exec,
    "build": _build,
    "inspect": _inspect,
    "image inspect": _of_images(INSPECT_ALONE),
    "history": _of_images(HISTORY_ALONE),
    "save": _of_images(frozenset({"help"})),
    "rmi": _remove_images,
    "tag": _tag,
    "commit": _make,
    "import": _make,
    "images": _list,
    "ps": _list,
    "pull": _registry("asks no"),
    "push": _registry("sends nothing to a"),
    "context use": _context,
    "network create": _labelled,
    "volume create": _labelled,
    **dict.fromkeys(("rm", "remove", "kill", "stop", "pause", "rename", "restart"), _ends),
}
