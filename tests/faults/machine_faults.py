"""Faults of the machine and of whoever sits at it: names, languages, rights, memory, what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from labkit.base.resources import CHECKOUT
from tests.faults.bench import SECONDS, Bench, Printed
from tests.faults.fault import fault
from tests.faults.kit_faults import as_user, mount
from tests.killed_runs import mount_source

_ALL = (
    ["status"],
    ["lessons"],
    ["progress"],
    ["explain", "--offline", "localhost/app"],
    ["up"],
    ["doctor"],
    ["clean", "--yes"],
)
"""Commands that anybody types, one after another."""


JUMPING_CLOCK = "import itertools, time; time.time = map(float, itertools.count(1.8e9, {step})).__next__"
"""Python after which each look at the clock is so many seconds after the last one."""

_FOR_ANYBODY = (["status"], ["lessons"], ["progress"], ["up"], ["clean", "--yes"])


def _all(bench: Bench, **environment: Any) -> None:
    for command in _ALL:
        printed = bench.labkit(*command, status=(0, 1, 3), **environment)
        assert printed.text.strip(), f"{printed.command} says nothing"


@fault(
    "machine",
    "a path with spaces, quotes and umlauts",
    slow=True,
    made="home in such a folder",
    sentence="there is no engine's socket",
)
def _odd_path(bench: Bench) -> None:
    home = bench.folder / 'Jörg\'s "lab" $HOME; `id` *\nnew line'
    home.mkdir()
    _all(bench, HOME=str(home))


@fault(
    "machine",
    "no $HOME",
    slow=True,
    made="HOME is not set, empty, relative, or leads nowhere",
    sentence="there is no engine's socket",
)
def _no_home(bench: Bench) -> None:
    folders = {f"LABKIT_{name}": str(bench.folder / name) for name in ("STATE", "CACHE", "DATA")}
    for home in (None, "", "relative", str(bench.folder / "nowhere"), "/proc/nowhere"):
        _all(bench, HOME=home, **folders)


@fault(
    "machine",
    "no $HOME, and a user without a name",
    slow=True,
    made="uid 54321, which no passwd line has, and no HOME",
    sentence="(?i)home|Permission denied|socket",
)
def _no_user(bench: Bench) -> None:
    for command in _FOR_ANYBODY:
        bench.labkit(*command, status=(0, 1, 2, 3), before=as_user(54321), HOME=None, cwd=Path("/"))


@fault(
    "machine",
    "a locale without UTF-8",
    slow=True,
    made="LC_ALL=C without Python's UTF-8 mode, and an ASCII terminal",
    sentence="there is no engine's socket",
)
def _locale(bench: Bench) -> None:
    for encoding in ("ascii", "latin-1", "cp1252"):
        _all(bench, LC_ALL="C", LANG="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", PYTHONIOENCODING=encoding)


@fault(
    "machine",
    "a read-only checkout",
    slow=True,
    made="the checkout on a read-only mount",
    sentence="there is no engine's socket",
)
def _read_only_checkout(bench: Bench) -> None:
    script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && cd "$1" && shift && exec "$@"'
    for command in _ALL:
        done = subprocess.run(
            [
                "unshare",
                "--mount",
                "sh",
                "-c",
                script,
                "sh",
                str(CHECKOUT),
                str(CHECKOUT),
                sys.executable,
                "-m",
                "labkit",
                *command,
            ],
            env=bench.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        assert done.returncode in (0, 3) and "Traceback" not in done.stderr, f"{command}: {done.stderr}"
        bench.transcript.append(Printed(f"labkit {' '.join(command)}", done.returncode, done.stdout, done.stderr, 0.0))


@fault(
    "machine",
    "the working folder is gone",
    slow=True,
    made="it is removed after cd",
    sentence="(?i)folder|directory|socket",
)
def _no_folder(bench: Bench) -> None:
    before = f"import os, pathlib; p = pathlib.Path({str(bench.folder / 'gone')!r}); p.mkdir(); os.chdir(p); p.rmdir()"
    for command in _ALL:
        bench.labkit(*command, status=(0, 1, 3), before=before)


@fault(
    "machine",
    "no temporary folder",
    slow=True,
    made="TMPDIR leads nowhere, and is read-only",
    sentence="there is no engine's socket",
)
def _no_temporary(bench: Bench) -> None:
    _all(bench, TMPDIR=str(bench.folder / "nowhere"))
    folder = bench.folder / "read-only"
    mount(bench, folder, "-t", "tmpfs", "-o", "ro,size=64k", mount_source())
    _all(bench, TMPDIR=str(folder))


@fault(
    "machine",
    "a user who is not root",
    slow=True,
    made="uid 65534 in no group, with a home of its own",
    sentence="(?i)Permission denied|may not talk|socket",
)
def _not_root(bench: Bench) -> None:
    with tempfile.TemporaryDirectory() as home:
        os.chown(home, 65534, 65534)
        for command in _FOR_ANYBODY:
            bench.labkit(*command, status=(0, 1, 3), before=as_user(65534), HOME=home, cwd=Path("/"))


@fault(
    "machine",
    "the home folder is removed",
    slow=True,
    made="rm -rf, before the commands and while one is at work",
    sentence="there is no engine's socket",
)
def _no_home_any_more(bench: Bench) -> None:
    home = bench.folder / "removed"
    folders: dict[str, Any] = {"HOME": str(home), "cwd": Path("/")}
    for command in _ALL:
        home.mkdir(exist_ok=True)
        bench.labkit(*command, status=(0, 1, 3), before=f"import shutil; shutil.rmtree({str(home)!r})", **folders)
    for command in _ALL:
        bench.labkit(*command, status=(0, 1, 3), **folders)


@fault("machine", "few open files", slow=True, made="ulimit -n 24", sentence="there is no engine's socket")
def _few_files(bench: Bench) -> None:
    for command in _ALL:
        bench.labkit(
            *command, status=(0, 1, 3), before="import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))"
        )


@fault("machine", "little memory", slow=True, made="ulimit -v of 400 MB", sentence="there is no engine's socket")
def _little_memory(bench: Bench) -> None:
    for command in _ALL:
        bench.labkit(
            *command,
            status=(0, 1, 3),
            before="import resource; resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))",
        )


@fault("machine", "nothing on PATH", slow=True, made="PATH is empty", sentence="there is no engine's socket")
def _no_path(bench: Bench) -> None:
    _all(bench, PATH="")
    _all(bench, PATH=None)


@fault(
    "machine",
    "odd terminals",
    slow=True,
    made="no TERM, a width of 0, of 1, of a billion, of letters",
    sentence="there is no engine's socket",
)
def _terminals(bench: Bench) -> None:
    for columns in ("0", "1", "1000000000", "wide"):
        _all(bench, TERM=None, COLUMNS=columns)
    _all(bench, TERM="no-such-terminal", NO_COLOR="1")


@fault(
    "machine",
    "a clock that is wrong",
    slow=True,
    made="1970 and 2106, as Python sees it",
    sentence="there is no engine's socket",
)
def _clock(bench: Bench) -> None:
    for now in (0, 1, 4294967296, 253402300800):
        before = f"import time; time.time = lambda: float({now})"
        for command in _ALL:
            bench.labkit(*command, status=(0, 1, 3), before=before)


@fault(
    "machine",
    "the clock jumps",
    slow=True,
    made="each look at the clock is a day, or minus a day, after the last one, as Python sees it",
    sentence="there is no engine's socket",
)
def _clock_jumps(bench: Bench) -> None:
    for step in (86400, -86400):
        for command in _ALL:
            bench.labkit(*command, status=(0, 1, 3), before=JUMPING_CLOCK.format(step=step))


@fault(
    "machine",
    "variables that make no sense",
    slow=True,
    made="each of the kit's, set to nonsense",
    sentence="cannot name a cluster|there is no source",
)
def _variables(bench: Bench) -> None:
    variables: dict[str, Any] = {
        "LABKIT_NAME": "My Lab!\n",
        "LABKIT_SOURCE": "moon",
        "LABKIT_LOG": "loud",
        "LABKIT_BUNDLE": "/nowhere",
        "LABKIT_REGISTRY": "https://[",
        "LABKIT_STATE": "relative/folder",
        "LABKIT_CACHE": "/dev/null",
        "LABKIT_DATA": "/dev/null/x",
        "LABKIT_OFFLINE": "perhaps",
        "KUBECONFIG": "/dev/null",
    }
    for name, value in variables.items():
        for command in (
            ["status"],
            ["up"],
            ["progress"],
            ["lessons"],
            ["explain", "localhost/app"],
            ["clean", "--yes"],
        ):
            bench.labkit(*command, status=(0, 1, 2, 3), **{name: value})
