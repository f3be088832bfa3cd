"""What exercises demand of the program that an image starts: which file is executed, and who could replace it.

What a process is called by, and what it prints, any program can have; what is executed is told by its content.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import PurePosixPath

from labkit.base.resources import require
from labkit.core.started import AppProcess
from labkit.course.judging import breaks
from labkit.course.judging.breaks import FileBreak, ImageBreak
from labkit.course.judging.demands import Demand
from labkit.course.judging.dotnet_runtimes import assembly_of, dotnet_digests
from labkit.course.judging.judged_image import JudgedImage
from labkit.publish.app_files import HELLO

_SHELLS = (
    *("sh", "bash", "rbash", "dash", "ash", "hush", "busybox", "toybox", "zsh", "ksh", "ksh93", "mksh", "lksh", "oksh"),
    *("yash", "fish", "csh", "tcsh", "posh"),
)
_SHELLS_OF = (
    *((base, shell) for base in ("debian", "ubuntu") for shell in ("/bin/sh", "/bin/bash")),
    ("alpine", "/bin/busybox"),
)
_ANYONE_MAY_START = 0o111
_INTERPRETERS = (*_SHELLS, "dotnet", "perl", "python3", "python", ".", "source")
"""What is given a file to read, behind options of its own."""
_PREFIXES = ("exec", "command", "env", "nohup", "if", "then", "else", "while", "do", "!", "{", "(")
_WITH_TEXT = re.compile(r"-[a-z]*c")
_SEPARATORS = re.compile(r"&&|\|\||[;&|\n]")


def starts_app(asks: str, path: str, *samples: str, also: tuple[ImageBreak, ...] = ()) -> Demand[JudgedImage]:
    """A sample image's program runs when the image is started, however it is called.

    Args:
        asks: the task's own words for it, to the letter.
        path: the program in the samples.
        samples: the sample images that have it.
        also: what would break it, besides another program.
    """

    def unmet(image: JudgedImage) -> str | None:
        running = image.running
        if any(is_app(image, process, path, samples) for process in running):
            return None
        if not running:
            argv = shlex.join((*image.facts.entrypoint, *image.facts.command))
            return f"It starts {argv}, which has ended, so the app does not run. It prints: {image.last_line}"
        if not all(process.digest for process in running):
            return "It runs, and which program that is could not be seen: the engine lets nobody look at its processes."
        seen = running[0]
        return f"It starts {seen.arguments}, and not the app: what is executed there is {seen.program}."

    return Demand("the app runs", asks, unmet, (breaks.ANOTHER_PROGRAM, *also))


def is_app(image: JudgedImage, process: AppProcess, path: str, samples: Sequence[str]) -> bool:
    """Whether a process executes a sample image's program, called by its name or by a .NET runtime's."""
    argv = process.arguments.split()
    name = PurePosixPath(path).name
    if not process.digest or not argv:
        return False
    # One file may act as several programs, by what it is called by, as busybox does.
    if PurePosixPath(argv[0]).name == name:
        return any(process.digest == image.digest_of(sample, path) for sample in samples)
    assembly = assembly_of(argv)
    if PurePosixPath(assembly).name != f"{name}.dll" or process.digest not in dotnet_digests(image.digest_of, *samples):
        return False
    own = image.content_digest(assembly)
    return own is not None and any(own == image.digest_of(sample, f"{path}.dll") for sample in samples)


def starts_published_app(asks: str) -> Demand[JudgedImage]:
    """It starts the article's program, as a publish has put it there."""

    def unmet(image: JudgedImage) -> str | None:
        argv = started_argv(image)
        program = image.content_digest(argv[0]) if argv else None
        if program in dotnet_digests(image.digest_of) and (assembly := assembly_of(argv)):
            app = image.content_digest(assembly)
        else:
            app = image.content_digest(f"{argv[0]}.dll") if program == _published("hello") else None
        if app is not None and app == _published("hello.dll"):
            return None
        return f"It starts {shlex.join(argv) or 'nothing'}, which is not the program that lab.publish puts there."

    greeting = "Hello app, using Linux on X64"
    echo = breaks.another_base(
        "debian", "ENV APP_UID=10001", "RUN useradd --uid 10001 app", "USER 10001", f'CMD ["echo", "{greeting}"]'
    )
    return Demand("the app", asks, unmet, (echo,))


def keeps_its_program(asks: str, *paths: str) -> Demand[JudgedImage]:
    """The image's own user can replace nothing of what is executed when the image is started.

    Args:
        asks: the task's own words for it, to the letter.
        paths: programs of the image that the mutations open.
    """

    def unmet(image: JudgedImage) -> str | None:
        process = image.process
        if process is None:
            return None
        who = f"As uid {process.uid}, gid {process.gid} the app can"
        for path in dict.fromkeys(_executed(image)):
            if image.tree.replaceable_by(process, path):
                return f"{who} replace its own program, {path}: that is what is started."
        for program in (argv[0] for argv in _commands(image)):
            for folder in image.looked_in_before(program):
                if image.may_put_into(process, folder):
                    return f"{who} put its own {program} into {folder}: PATH looks there first."
        return None

    return Demand("closed program", asks, unmet, tuple(breaks.open_to_all(path) for path in paths))


def no_way_to_root(asks: str, *samples: str, program: str) -> Demand[JudgedImage]:
    """No file gives root's rights to whoever starts it, and none of root's is open to the app, but as in the samples.

    Args:
        asks: the task's own words for it, to the letter.
        samples: the images that count as given.
        program: a file of the image whose content the mutations give a setuid program.
    """

    def unmet(image: JudgedImage) -> str | None:
        new = image.new_setuid_files(*samples)
        if new:
            return (
                f"Whoever comes in starts {new[0]} and gets root's rights, by its setuid or setgid bit or capabilities."
            )
        # Whoever may write passwd, or a program that root starts, can be root.
        opened = image.newly_open(image.process, samples[0]) if image.process is not None else []
        return f"It opens to the app what {samples[0]} has closed to it: {', '.join(opened[:3])}." if opened else None

    left = FileBreak("/usr/local/bin/left", mode=0o4755, like=program)
    passwd = FileBreak("/etc/passwd", mode=0o666)
    changes = (ImageBreak("a setuid program", files=(left,)), ImageBreak("passwd open", files=(passwd,)))
    return Demand("no way to root", asks, unmet, changes)


def no_shell(asks: str) -> Demand[JudgedImage]:
    """No shell is in it, wherever it lies and whatever it is called."""

    def unmet(image: JudgedImage) -> str | None:
        known = _digests(image, _SHELLS_OF)
        for entry in image.tree.under("/"):
            leads_to = image.tree.resolve(entry.path)
            if leads_to is None or leads_to.kind != "file" or not leads_to.mode & _ANYONE_MAY_START:
                continue
            if PurePosixPath(entry.path).name in _SHELLS or leads_to.digest in known:
                return f"It has a shell, {entry.path}: it is not that small image any more."
        return None

    hidden = ImageBreak("a shell by another name", ("COPY --from=debian /bin/dash /opt/tool",))
    return Demand("no shell", asks, unmet, (breaks.another_base("debian", "USER 1654"), hidden))


def started_argv(image: JudgedImage) -> tuple[str, ...]:
    """What an image executes in the end: a shell that is given one plain command executes that."""
    argv = (*image.facts.entrypoint, *image.facts.command)
    if len(argv) != 3 or argv[1] != "-c" or PurePosixPath(argv[0]).name not in _SHELLS:
        return argv
    if image.content_digest(argv[0]) not in _digests(image, _SHELLS_OF):
        return argv
    try:
        lexer = shlex.shlex(argv[2], posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        command = tuple(lexer)
    except ValueError:
        return argv
    is_plain = command and not any(set(part) & set("();<>|&$`\n*?[]{}~") for part in command)
    return command[command[0] == "exec" :] if is_plain else argv


def _executed(image: JudgedImage) -> Iterator[str]:
    """The files that are executed at a start: what runs, what the image names, and what a shell is given to read."""
    yield from (process.program for process in image.running if process.program)
    for argv in _commands(image):
        is_read = True  # the program itself, and what an interpreter is given to read
        for number, part in enumerate(argv):
            path = image.find(part, is_program=number == 0)
            entry = image.tree.resolve(path) if path is not None else None
            mode = entry.mode if entry is not None and entry.kind == "file" else None
            if path is not None and mode is not None and (is_read or mode & _ANYONE_MAY_START):
                yield path
            name = PurePosixPath(part).name or part
            is_read = name in _INTERPRETERS or (is_read and number > 0 and part.startswith("-"))


def _commands(image: JudgedImage) -> Iterator[Sequence[str]]:
    """What an image starts, and the commands in the text that a shell is given there."""
    argv = (*image.facts.entrypoint, *image.facts.command)
    if argv:
        yield argv
    for option, text in itertools.pairwise(argv):
        if _WITH_TEXT.fullmatch(option):
            for command in _SEPARATORS.split(text):
                if parts := _words_of(command):
                    yield parts


def _words_of(command: str) -> list[str]:
    """The words of a shell's command, but for those that only say how it is started."""
    try:
        parts = shlex.split(command)
    except ValueError:  # a quote that stands open
        parts = command.split()
    return list(itertools.dropwhile(lambda part: part in _PREFIXES or "=" in part, parts))


def _digests(image: JudgedImage, files: Iterable[tuple[str, str]]) -> set[str]:
    """The sha256 of files of sample images, those that are there."""
    digests = (image.digest_of(sample, path) for sample, path in files)
    return {digest for digest in digests if digest is not None}


@cache
def _published(file: str) -> str:
    """The sha256 of a file of the article's program."""
    return hashlib.sha256((require(HELLO) / file).read_bytes()).hexdigest()
