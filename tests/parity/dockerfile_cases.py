"""Dockerfiles for the comparison with the builders: instructions without files and programs, in every spelling."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypedDict


class BaseConfig(TypedDict):
    """What an image of the comparison has."""

    user: str
    env: list[str]
    on_build: list[str]


BASES: dict[str, BaseConfig] = {
    "plain": {"user": "", "env": ["PATH=/bin"], "on_build": []},
    "dotnet": {"user": "", "env": ["PATH=/bin", "APP_UID=1654", "HOME=/home/app"], "on_build": []},
    "chiseled": {"user": "1654", "env": ["PATH=/bin", "APP_UID=1654", "UID=7"], "on_build": []},
    "trigger": {"user": "app", "env": ["PATH=/bin"], "on_build": ["ARG UID=5", "USER $UID", "ENV NAME=on"]},
}
"""The images that a Dockerfile of the comparison may be made from, by the last part of their names."""

_NAMES = ["UID", "APP_UID", "NAME", "uid", "gid", "X", "HTTP_PROXY", "TARGETARCH"]
_PLAIN = ["1000", "app", "0", "", "root", "1654:0", "a.b.c", "x-1", "65532", "abcabc"]
_PATTERNS = ["a", "*", "*.", "?", "a*b", ".", "b?", "*c", "\\*", "c", "ab*", "x", ""]
_MOUNTS = ["bind", "cache", "tmpfs", "secret", "ssh", "cahce", "$X"]
_MOUNT_OPTIONS = ["uid=5", "gid=$UID", "mode=9", "ro", "size=1", "x"]
_SIGNS = b"$ { } \\ ` \" ' <<EOF <<- -- = : # % / * ? [ ] , \xff \xef\xbb\xbf scratch AS --from=0 --mount=from=a 0 999"
_KEYWORDS = [b"ONBUILD ", b"FROM ", b"USER ", b"ARG ", b"RUN ", b"COPY ", b"EXPOSE "]
_PIECES = [*_SIGNS.split(), b" ", b"\t", b"\r", b"\n", b"\0", *_KEYWORDS]
_STAGES = ["build", "Base", "final", "s1", "s-2"]


@dataclass(frozen=True)
class DockerfileCase:
    """A build.

    Args:
        dockerfile: the file's bytes.
        target: as --target; empty for none.
        arguments: as --build-arg.
    """

    dockerfile: bytes
    target: str = ""
    arguments: dict[str, str] = field(default_factory=dict)


def generate(seed: int, prefix: str, builder: str) -> Iterator[DockerfileCase]:
    """Cases without end, the same for the same seed.

    Args:
        seed: of the run.
        prefix: what stands before the name of a base.
        builder: what only the other builder can read is left out, most of the time.
    """
    rng = random.Random(seed)
    while True:
        yield _Writer(rng, prefix, builder).case()


class _Writer:
    def __init__(self, rng: random.Random, prefix: str, builder: str) -> None:
        self._rng, self._prefix, self._builder = rng, prefix, builder
        self._escape = "\\"
        self._stages: list[str] = []

    def case(self) -> DockerfileCase:
        rng = self._rng
        lines = []
        if rng.random() < 0.15:
            lines.append(
                rng.choice(["# syntax=docker/dockerfile:1", "#escape=`", "# escape = \\", "# Escape=`", "# hi"])
            )
            self._escape = "`" if "`" in lines[0] else "\\"
        if rng.random() < 0.05:
            lines.append(rng.choice(["# escape=`", "", "# check=skip=all", "# syntax=x", "# escape=x"]))
        lines += [self._argument() for _ in range(rng.choice([0, 0, 1, 2, 3]))]
        for _ in range(rng.choice([1, 1, 1, 2, 2, 3, 4])):
            lines.append(self._from())
            lines += [self._instruction() for _ in range(rng.randint(1, 6))]
        if rng.random() < 0.75:
            lines.append(self._user())
        newline = rng.choice(["\n", "\n", "\n", "\n", "\r\n"])
        text = newline.join(self._broken(line, newline) for line in lines) + rng.choice([newline, newline, ""])
        data = rng.choice([b"", b"", b"", b"", b"", b"\xef\xbb\xbf"]) + text.encode()
        if rng.random() < 0.03:
            data = data.replace(b"USER", b"USER \xe9", 1)
        # The classic builder crashes at some of what comes out.
        if self._builder == "buildkit" and rng.random() < 0.3:
            data = self._damaged(data)
        arguments = {name: rng.choice(_PLAIN) for name in rng.sample(_NAMES, rng.choice([0, 0, 0, 1, 2]))}
        target = rng.choice([*self._stages, "nowhere", "0"]) if self._stages and rng.random() < 0.15 else ""
        return DockerfileCase(data, target, arguments)

    def _damaged(self, data: bytes) -> bytes:
        """With pieces put in, left out and written twice at any place."""
        rng = self._rng
        damaged = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            place, other = rng.randrange(len(damaged) + 1), rng.randrange(len(damaged) + 1)
            choice = rng.random()
            if choice < 0.6:
                damaged[place:place] = rng.choice(_PIECES)
            elif choice < 0.8:
                del damaged[place : place + rng.randint(1, 5)]
            else:
                damaged[place:place] = damaged[other : other + rng.randint(1, 30)]
        return bytes(damaged) or b"#"

    def _from(self) -> str:
        rng = self._rng
        names = ["scratch", "scratch", *(self._prefix + name for name in BASES), *self._stages, *self._stages]
        base = rng.choice(names)
        if rng.random() < 0.08:
            base = rng.choice(["$BASE", "${BASE:-scratch}", "$X", "${X:+scratch}", "UPPER", "a b", "", "scratch x y"])
        line = f"{self._case('FROM')} {base}"
        if rng.random() < 0.5:
            name = rng.choice(_STAGES) if rng.random() < 0.95 else rng.choice(["1st", "a/b", "scratch"])
            line += f" {rng.choice(['AS', 'as', 'As'])} {name}"
            self._stages.append(name)
        if rng.random() < 0.03:
            line = line.replace("FROM", "FROM --platform=linux/amd64", 1)
        return line

    def _instruction(self) -> str:
        writers: list[tuple[Callable[[], str], float]] = [
            (self._user, 6),
            (self._argument, 6),
            (self._environment, 6),
            (self._trigger, 2),
            (self._harmless, 4),
            (self._wrong, 0.3),
        ]
        return self._rng.choices([writer for writer, _ in writers], [weight for _, weight in writers])[0]()

    def _user(self) -> str:
        rng = self._rng
        word = self._word() if rng.random() < 0.7 else f"{self._word()}:{self._word()}"
        if rng.random() < 0.07:
            word = rng.choice(["a b", "app # no comment", '""', "''", "", "--x app", "$", "a$", "app "])
        return f"{self._case('USER')}{rng.choice([' ', ' ', ' ', '  ', chr(9)])}{word}"

    def _argument(self) -> str:
        rng = self._rng
        pairs = []
        for _ in range(rng.choice([1, 1, 1, 1, 2])):
            name = rng.choice(_NAMES)
            pairs.append(name if rng.random() < 0.35 else f"{name}={self._word()}")
        return f"{self._case('ARG')} {' '.join(pairs)}"

    def _environment(self) -> str:
        rng = self._rng
        if rng.random() < 0.2:
            return f"{self._case('ENV')} {rng.choice(_NAMES)} {self._word() or 'x'}"
        pairs = [f"{rng.choice(_NAMES)}={self._word()}" for _ in range(rng.choice([1, 1, 2]))]
        return f"{self._case('ENV')} {' '.join(pairs)}"

    def _trigger(self) -> str:
        inner = self._rng.choice([self._user, self._argument, self._environment, self._harmless])()
        return f"{self._case('ONBUILD')} {inner}"

    def _harmless(self) -> str:
        rng = self._rng
        lines = [
            "LABEL a=b c=$NAME",
            "EXPOSE 80 ${X:-443}/tcp",
            'CMD ["x"]',
            "ENTRYPOINT x y",
            "VOLUME /data",
            "STOPSIGNAL SIGTERM",
            "HEALTHCHECK NONE",
            "HEALTHCHECK --interval=5s CMD x",
            'SHELL ["/bin/sh", "-c"]',
            "MAINTAINER somebody",
            "# a comment",
            "",
            "   ",
            "WORKDIR /",
        ]
        if self._builder == "buildkit":
            lines += [
                "RUN true",
                "RUN --mount=type=cache,target=/x true",
                f"RUN --mount=type={rng.choice(_MOUNTS)},target=/x true",
                f"RUN --mount=type=cache,target=/x,{rng.choice(_MOUNT_OPTIONS)} x",
                "COPY --chmod=0755 a /b",
                "COPY --chown=$UID a /b",
                "RUN <<EOF\nUSER 9\nEOF",
                "COPY <<'EOF' /x\n$UID\nEOF",
                f"COPY --from={rng.choice([*self._stages, '0', '1', self._prefix + 'plain'])} /a /b",
            ]
        return rng.choice(lines)

    def _wrong(self) -> str:
        return self._rng.choice(
            [
                "USR app",
                "LABEL a",
                "EXPOSE abc",
                "STOPSIGNAL NONSENSE",
                "SHELL sh",
                "ENV X",
                "ENV =1",
                "ARG",
                "USER",
                "CMD [1]",
                "VOLUME",
                "ONBUILD ONBUILD USER x",
                "ONBUILD FROM x",
                "ONBUILD USR x",
                "HEALTHCHECK FOO",
                "HEALTHCHECK --interval=5 CMD x",
                "LABEL --x a=b",
                "WORKDIR",
                "COPY a",
                "FOO\\",
            ]
        )

    def _word(self) -> str:
        rng = self._rng
        if rng.random() < 0.3:
            return rng.choice(_PLAIN)
        word = self._variable(0)
        style = rng.random()
        if style < 0.1:
            word = f'"{word}"'
        elif style < 0.15:
            word = f"'{word}'"
        elif style < 0.2:
            word = f"{self._escape}{word}"
        elif style < 0.25:
            word = f"a{word}z"
        elif style < 0.27:
            word = f'"a {self._escape}"{word}'
        return word

    def _variable(self, depth: int) -> str:
        rng = self._rng
        name = rng.choice(_NAMES)
        form = rng.random()
        if form < 0.3:
            return f"${name}"
        if form < 0.5:
            return f"${{{name}}}"
        inner = self._variable(depth + 1) if depth < 2 and rng.random() < 0.3 else rng.choice(_PLAIN)
        if form < 0.8:
            return f"${{{name}{rng.choice([':-', '-', ':+', '+'])}{inner}}}"
        if form < 0.82:
            return f"${{{name}{rng.choice([':?', '?'])}{inner}}}"
        if form < 0.92:
            return f"${{{name}{rng.choice(['#', '##', '%', '%%'])}{rng.choice(_PATTERNS) or 'a'}}}"
        if form < 0.99:
            slash = rng.choice(["/", "//"])
            return f"${{{name}{slash}{rng.choice(_PATTERNS)}/{rng.choice(['', 'z', '1', '$X'])}}}"
        return rng.choice(
            ["${", "${}", "${X", "${X:}", "${X:=y}", "${X!}", "$", "$1", "${{X}", "${X:#a}", "$$X", "${X/a}"]
        )

    def _case(self, keyword: str) -> str:
        return self._rng.choice([keyword, keyword, keyword, keyword.lower(), keyword.capitalize()])

    def _broken(self, line: str, newline: str) -> str:
        """A line, sometimes continued over several, with comments and empty lines in between."""
        rng = self._rng
        if " " not in line or "\n" in line or line.startswith("#") or rng.random() > 0.12:
            return rng.choice(["", "", "", "  ", "\t"]) + line if "\n" not in line else line
        first, rest = line.split(" ", 1)
        between = rng.choice(["", "", "# a comment" + newline, newline, "  # indented" + newline])
        return f"{first} {self._escape}{rng.choice(['', '', ' '])}{newline}{between}{rng.choice(['', '  '])}{rest}"
