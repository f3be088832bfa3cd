"""Names of images, platforms, ports and signals, refused as the builders refuse them.

Sources: distribution/reference:regexp.go and normalize.go, containerd/platforms:platforms.go,
docker/go-connections:nat/nat.go, moby/sys:signal/signal_linux.go.
"""

from __future__ import annotations

import re
from typing import Final

_DOMAIN = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)"
_HOST = rf"(?:{_DOMAIN}(?:\.{_DOMAIN})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(
    rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@{_DIGEST})?\Z", re.ASCII
)
BOOLEANS: Final = ("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False")
"""What Go's strconv.ParseBool reads, the first six of them as true."""

_IDENTIFIER = re.compile(r"[a-f0-9]{64}\Z", re.ASCII)
_LONGEST_NAME = 4096
_PLATFORM_PART = re.compile(r"[A-Za-z0-9_.-]+\Z", re.ASCII)
_SYSTEM_PART = re.compile(r"[A-Za-z0-9_-]+(?:\([A-Za-z0-9_.-]*\))?\Z", re.ASCII)
_SYSTEMS = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "windows",
    "zos",
]
_ARCHITECTURES = [
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "armbe",
    "arm64",
    "arm64be",
    "loong64",
    "mips",
    "mipsle",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "ppc",
    "ppc64",
    "ppc64le",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
    "i386",
    "x86_64",
    "x86-64",
    "aarch64",
    "armhf",
    "armel",
    "macos",
]
_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?\Z", re.ASCII)
_SIGNALS: Final = (
    frozenset(
        [
            "ABRT",
            "ALRM",
            "BUS",
            "CHLD",
            "CLD",
            "CONT",
            "FPE",
            "HUP",
            "ILL",
            "INT",
            "IO",
            "IOT",
            "KILL",
            "PIPE",
            "POLL",
            "PROF",
            "PWR",
            "QUIT",
            "SEGV",
            "STKFLT",
            "STOP",
            "SYS",
            "TERM",
            "TRAP",
            "TSTP",
            "TTIN",
            "TTOU",
            "URG",
            "USR1",
            "USR2",
            "VTALRM",
            "WINCH",
            "XCPU",
            "XFSZ",
            "RTMIN",
            "RTMAX",
        ]
    )
    | {f"RTMIN+{number}" for number in range(1, 16)}
    | {f"RTMAX-{number}" for number in range(1, 15)}
)


def wrong_reference(name: str) -> str | None:
    """What is wrong with a name of an image, None if nothing is."""
    if _IDENTIFIER.match(name):
        return "invalid repository name, cannot specify 64-byte hexadecimal strings"
    if len(name) <= _LONGEST_NAME and _REFERENCE.match(name):
        return None
    if _REFERENCE.match(name.lower()):
        repository = name.partition("@")[0]
        shown = repository if "/" in repository else f"library/{repository}"
        return f"invalid reference format: repository name ({shown}) must be lowercase"
    return "invalid reference format"


def wrong_platform(platform: str) -> str | None:
    """What is wrong with a platform such as linux/arm64/v8, None if nothing is."""
    if "*" in platform:
        return f"{platform!r}: wildcards not yet supported: invalid argument"
    first, *rest = platform.split("/")
    if not _SYSTEM_PART.match(first) or not all(map(_PLATFORM_PART.match, rest)):
        return f'"{platform}": platform specifier component must match: invalid argument'
    if len(rest) > 2:
        return f'"{platform}": cannot parse platform specifier: invalid argument'
    if not rest and first.partition("(")[0].lower() not in (*_SYSTEMS, *_ARCHITECTURES):
        return f'"{platform}": unknown operating system or architecture: invalid argument'
    return None


def wrong_port(spec: str) -> str | None:
    """What is wrong with a port of EXPOSE, None if nothing is."""
    *host, port = spec.rsplit(":", 2)
    number, slash, protocol = port.partition("/")
    if not number:
        return f"no port specified: {spec}<empty>"
    if slash and protocol.lower() not in ("tcp", "udp", "sctp", ""):
        return f"invalid proto: {protocol}"
    if not _is_range(number):
        return f"invalid containerPort: {number}"
    if host and host[-1] and not _is_range(host[-1]):
        return f"invalid hostPort: {host[-1]}"
    return None


def wrong_signal(signal: str) -> str | None:
    """What is wrong with a signal of STOPSIGNAL, None if nothing is."""
    if re.fullmatch(r"[+-]?[0-9]{1,18}", signal):
        return None if int(signal) else f"invalid signal: {signal}"
    return None if signal.upper().removeprefix("SIG") in _SIGNALS else f"invalid signal: {signal}"


def wrong_checks(checks: str) -> str | None:
    """What is wrong with the options of a `# check=`, None if nothing is.

    moby/buildkit:frontend/dockerfile/linter/linter.go (ParseLintOptions).
    """
    for option in checks.split(";", 2) if checks else ():
        name, equals, value = option.partition("=")
        if not equals or name.strip() not in ("skip", "experimental", "error"):
            return f'failed to parse check options: invalid check option "{option if not equals else name.strip()}"'
        if name.strip() == "error" and value.strip() not in BOOLEANS:
            return f'failed to parse check options: failed to parse check option "{option}"'
    return None


def _is_range(text: str) -> bool:
    match = _RANGE.match(text)
    if match is None:
        return False
    start, end = int(match[1]), int(match[2] or match[1])
    return start <= end <= 65535
