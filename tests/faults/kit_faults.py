"""Faults of the kit's own folders and processes: read-only, full, gone, somebody else's; interrupted, killed, twice."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.faults.bench import SECONDS, Bench, Printed
from tests.faults.fault import fault
from tests.faults.system_calls import LOCKS_HANG, NO_LOCKS
from tests.killed_runs import mount_source

_OPEN_LESSON = (
    "import sys; from pathlib import Path; from labkit.course.progress import Progress\n"
    "progress = Progress.open(Path(sys.argv[1]))\n"
    "progress.checked('07-run-as-non-root', 'which-cause', 'passed'); print('goes on')\n"
)
_RECORD_FOR_EVER = (
    "import sys; from pathlib import Path; from labkit.course.progress import Progress\n"
    "progress = Progress.open(Path(sys.argv[1])); print('begun', flush=True)\n"
    "while True: progress.checked('07-run-as-non-root', 'which-cause', 'not yet')\n"
)
_HOLD = (
    "import sys; from pathlib import Path; from labkit.base.locks import locked\n"
    "with locked(Path(sys.argv[1]), on_wait=print): print('held', flush=True); sys.stdin.read()\n"
)
_IMPORT_ALL = (
    "import importlib, pkgutil, signal, labkit\n"
    "for module in pkgutil.walk_packages(labkit.__path__, 'labkit.'):\n"
    "    if not module.name.endswith('__main__'): importlib.import_module(module.name)\n"
    "import colorsys, filelock, msgspec, yaml, rich.progress, rich.traceback, docker, lightkube, encodings.idna\n"
)


def as_user(number: int) -> str:
    """Python that makes a process another user's: root may do anything anywhere.

    All is imported before: the packages may lie in a folder that the other user may not read.
    """
    return f"{_IMPORT_ALL}import os; os.setgroups([]); os.setgid({number}); os.setuid({number})"


def mount(bench: Bench, folder: Path, *options: str) -> None:
    """Mount something on a folder until the fault is undone."""
    folder.mkdir(parents=True, exist_ok=True)
    bench.run("mount", *options, str(folder))
    bench.undo.callback(bench.run, "umount", "--lazy", str(folder))


def _read_only(bench: Bench, folder: Path) -> None:
    mount(bench, folder, "-t", "tmpfs", "-o", "ro,size=64k", mount_source())


def _full(bench: Bench, folder: Path) -> None:
    mount(bench, folder, "-t", "tmpfs", "-o", "size=16k", mount_source())
    folder.chmod(0o700)
    with contextlib.suppress(OSError):
        (folder / "filler").write_bytes(b"\0" * (1 << 20))


def _hold(bench: Bench) -> subprocess.Popen[str]:
    """A process that holds the lab's lock until its input ends."""
    holder = bench.python(_HOLD, str(bench.state / "lock"))
    bench.read_until(holder, "held")
    return holder


def _lesson_step(bench: Bench, file: Path, *, before: str = "") -> Printed:
    """What a lesson's kernel prints when it records something in a file of progress."""
    return bench.finish(bench.python(f"{before}\n{_OPEN_LESSON}", str(file)), "a lesson's step")


@fault(
    "kit",
    "state read-only",
    slow=True,
    made="a read-only file system in its place",
    sentence="Read-only file system",
    kept="all",
)
def _state_read_only(bench: Bench) -> None:
    _read_only(bench, bench.state)
    bench.labkit("down", status=1)
    bench.labkit("status", status=0)
    bench.labkit("clean", "--yes", status=1)


@fault("kit", "state on a full disk", made="a file system without a free page", sentence="there is no engine's socket")
def _state_full(bench: Bench) -> None:
    _full(bench, bench.state)
    bench.labkit("down", status=(1, 3))
    bench.labkit("status", status=0)


@fault("kit", "state is a file", made="an empty file in its place", sentence="(?i)exists|not a directory")
def _state_is_a_file(bench: Bench) -> None:
    bench.write(bench.state, b"")
    for command in (["down"], ["status"], ["clean", "--yes"]):
        bench.labkit(*command, status=(0, 1, 3))


@fault(
    "kit", "state of root", slow=True, made="a folder of root's, and a user who is not", sentence="Permission denied"
)
def _state_of_root(bench: Bench) -> None:
    folder = bench.folder / "of-root"
    folder.mkdir(mode=0o700)
    for command in (["down"], ["status"], ["clean", "--yes"]):
        bench.labkit(*command, status=(0, 1, 3), before=as_user(65534), LABKIT_STATE=str(folder / "state"))


@fault("kit", "state on another file system", made="a tmpfs of its own", sentence="there is no engine's socket")
def _state_elsewhere(bench: Bench) -> None:
    mount(bench, bench.state, "-t", "tmpfs", "-o", "size=1m", mount_source())
    bench.labkit("down", status=3)
    bench.labkit("status", status=0)
    bench.labkit("clean", "--yes", status=(0, 1))


@fault("kit", "state removed while a command is at work", made="rm -rf", sentence="")
def _state_removed(bench: Bench) -> None:
    holder = _hold(bench)
    bench.run("rm", "-rf", str(bench.state))
    assert bench.finish(holder, "a command", stdin="").status == 0
    bench.labkit("down", status=3)


@fault("kit", "cache read-only", made="a read-only file system in its place", sentence="there is no engine's socket")
def _cache_read_only(bench: Bench) -> None:
    _read_only(bench, bench.cache)
    bench.labkit("down", status=3)
    bench.labkit("clean", "--yes", status=(0, 1))


@fault("kit", "cache full", made="a file system without a free page", sentence="there is no engine's socket")
def _cache_full(bench: Bench) -> None:
    _full(bench, bench.cache)
    bench.labkit("down", status=3)


@fault("kit", "data read-only", made="a read-only file system in its place", sentence="Read-only file system")
def _data_read_only(bench: Bench) -> None:
    folder = bench.folder / "other-data"
    _read_only(bench, folder)
    assert "goes on" in _lesson_step(bench, folder / "progress.json").stdout


@fault("kit", "data on a full disk", made="a file system without a free page", sentence="No space left on device")
def _data_full(bench: Bench) -> None:
    folder = bench.folder / "other-data"
    _full(bench, folder)
    assert "goes on" in _lesson_step(bench, folder / "progress.json").stdout


@fault("kit", "data removed while a lesson is open", made="rm -rf", sentence="goes on")
def _data_removed(bench: Bench) -> None:
    folder = bench.folder / "other-data"
    bench.write(folder / "progress.json", bench.progress.read_bytes())
    bench.run("rm", "-rf", str(folder))
    _lesson_step(bench, folder / "progress.json")
    assert (folder / "progress.json").is_file()


@fault(
    "kit",
    "a file system without locks",
    made="the kernel lets flock() fail with ENOLCK, as on NFS without its lock daemon",
    sentence="No locks available",
)
def _no_locks(bench: Bench) -> None:
    bench.labkit("down", status=(1, 3), before=NO_LOCKS)
    assert "goes on" in _lesson_step(bench, bench.folder / "other-data" / "progress.json", before=NO_LOCKS).stdout


@fault(
    "kit",
    "a file system whose locks hang",
    slow=True,
    made="flock() never returns, as on NFS whose server is gone; then Ctrl-C",
    sentence="has not answered for",
)
def _locks_hang(bench: Bench) -> None:
    process = bench.start("down", before=LOCKS_HANG)
    first = bench.read_until(process, "has not answered")
    os.killpg(process.pid, signal.SIGINT)
    printed = bench.finish(process, "down")
    bench.transcript[-1] = replace(printed, stderr=first + printed.stderr)
    assert printed.status == 130


@fault("kit", "cache on another file system", made="a tmpfs of its own", sentence="there is no engine's socket")
def _cache_elsewhere(bench: Bench) -> None:
    mount(bench, bench.cache, "-t", "tmpfs", "-o", "size=1m", mount_source())
    bench.labkit("down", status=3)
    bench.labkit("clean", "--yes", status=(0, 1))


@fault("kit", "data on another file system", made="a tmpfs of its own", sentence="goes on")
def _data_elsewhere(bench: Bench) -> None:
    folder = bench.folder / "other-data"
    mount(bench, folder, "-t", "tmpfs", "-o", "size=1m", mount_source())
    _lesson_step(bench, folder / "progress.json")
    assert (folder / "progress.json").is_file()


@fault(
    "kit",
    "cache and data of root",
    slow=True,
    made="folders of root's, and a user who is not",
    sentence="Permission denied",
)
def _cache_and_data_of_root(bench: Bench) -> None:
    with tempfile.TemporaryDirectory() as home:
        os.chown(home, 65534, 65534)
        places: dict[str, Any] = {f"LABKIT_{place}": f"{home}/of-root/{place}" for place in ("CACHE", "DATA")}
        (Path(home) / "of-root").mkdir(mode=0o700)
        for command in (["up"], ["progress"], ["status"], ["clean", "--yes"]):
            bench.labkit(*command, status=(0, 1, 3), before=as_user(65534), cwd=Path("/"), HOME=home, **places)


@fault(
    "kit",
    "the lock of a dead process",
    made="its lock file and its number are left",
    sentence="there is no engine's socket",
)
def _dead_lock(bench: Bench) -> None:
    holder = _hold(bench)
    bench.kill(holder)
    assert (bench.state / "lock").exists()
    printed = bench.labkit("down", status=3)
    assert "waiting" not in printed.text


@fault(
    "kit",
    "another command is at work",
    made="a process holds the lock, and ends",
    sentence=r"another labkit \(process \d+\) is at work",
)
def _held_lock(bench: Bench) -> None:
    holder = _hold(bench)
    waiting = bench.start("down")
    first = bench.read_until(waiting, "waiting")
    holder.communicate("")
    printed = bench.finish(waiting, "down")
    bench.transcript[-1] = replace(printed, stderr=first + printed.stderr)
    assert printed.status == 3


@fault("kit", "two clean at once", made="both are started at once", sentence="there was nothing|removed")
def _two_cleans(bench: Bench) -> None:
    for _ in range(3):
        bench.write(bench.state / "lock", b"")
        bench.write(bench.cache / "programs" / "file", b"")
        both = [bench.start("clean", "--yes") for _ in range(2)]
        assert [bench.finish(process, "clean").status for process in both] == [0, 0], bench.text
    assert not bench.state.exists() and not bench.cache.exists()


@fault(
    "kit", "down and clean at once", slow=True, made="both are started at once", sentence="removed|there was nothing"
)
def _up_and_clean(bench: Bench) -> None:
    for _ in range(3):
        both = [bench.start("down"), bench.start("clean", "--yes")]
        assert [bench.finish(process, "down and clean").status for process in both] == [3, 0], bench.text


@fault(
    "kit",
    "killed while progress is written",
    slow=True,
    made="SIGKILL, ten times",
    sentence="",
    kept="progress is whole each time",
)
def _killed_while_writing(bench: Bench) -> None:
    file = bench.folder / "other-data" / "progress.json"
    for number in range(10):
        process = bench.python(_RECORD_FOR_EVER, str(file))
        bench.read_until(process, "begun")
        bench.wait(file.is_file, "the file")
        time.sleep(0.01 * number)  # Somewhere in a write; where, makes no difference to what must hold.
        bench.kill(process)
        assert json.loads(file.read_text(encoding="utf-8"))["version"] == 1
    assert _lesson_step(bench, file).stdout == "goes on\n"
    left = [path.name for path in file.parent.iterdir() if path.name.startswith(f".{file.name}-")]
    assert len(left) <= 1, f"each kill leaves a file: {left}"


_RECORDING = (
    "import os, signal, sys; from pathlib import Path; from labkit.base.configuration import Configuration\n"
    "from labkit.course.progress import Progress; from labkit.course.hand import raise_hand\n"
    "from labkit.course.sharing.share_consent import agree, new_consent\n"
    "lab, call = Configuration.from_environment(), sys.argv[1]\n"
    "if sys.argv[2] == 'killed': os.replace = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
    "if call == 'guess': Progress.open(Path(sys.argv[3])).guessed('07-run-as-non-root', 'who', 'root', late=False)\n"
    "elif call == 'raise_hand': raise_hand(lab, 'refused')\n"
    "else: agree(lab, new_consent('127.0.0.1:1', '', 'code', 'Ann'))\n"
    "print('goes on')\n"
)


@fault(
    "kernel",
    "killed while it records",
    slow=True,
    made="SIGKILL just before the new file takes the old one's place, in guess, raise_hand and progress share",
    sentence="goes on",
    kept="what was recorded before; the next one records",
)
def _killed_while_recording(bench: Bench) -> None:
    file = bench.folder / "other-data" / "progress.json"
    places = (file.parent, bench.data, bench.state / "share")
    for call in ("guess", "raise_hand", "share"):
        for which, status in (("goes on", 0), ("killed", -signal.SIGKILL), ("goes on", 0)):
            before = _contents(places)
            step = bench.finish(bench.python(_RECORDING, call, which, str(file)), f"a cell with {call}")
            assert step.status == status, step.text
            assert status == 0 or _contents(places) == before
    left = [path for place in places for path in place.glob(".*") if not path.name.endswith(".lock")]
    assert len(left) <= 3, f"each kill leaves a file: {left}"


def _contents(places: Iterable[Path]) -> dict[Path, bytes]:
    """What files hold that anything reads."""
    files = (path for place in places for path in place.glob("[!.]*") if path.is_file())
    return {path: path.read_bytes() for path in files}


@fault(
    "kit",
    "two lessons record at once",
    made="four processes, of which each records twenty times",
    sentence="",
    kept="all that was recorded",
)
def _two_record(bench: Bench) -> None:
    script = (
        "import sys; from pathlib import Path; from labkit.course.progress import Progress\n"
        "progress = Progress.open(Path(sys.argv[1]))\n"
        "for number in range(20): progress.checked('07-run-as-non-root', f'exercise-{sys.argv[2]}', 'not yet')\n"
    )
    file = bench.folder / "other-data" / "progress.json"
    all_of_them = [bench.python(script, str(file), str(number)) for number in range(4)]
    assert [bench.finish(process, "a lesson").status for process in all_of_them] == [0] * 4
    exercises = json.loads(file.read_text(encoding="utf-8"))["lessons"]["07-run-as-non-root"]["exercises"]
    assert {name: record["checks"] for name, record in exercises.items()} == {f"exercise-{n}": 20 for n in range(4)}


@fault(
    "kit",
    "Ctrl-C while it waits for the lock",
    made="SIGINT",
    sentence="interrupted; see with `labkit status` whether the cluster still runs",
)
def _interrupted(bench: Bench) -> None:
    holder = _hold(bench)
    waiting = bench.start("down")
    bench.read_until(waiting, "waiting")
    os.killpg(waiting.pid, signal.SIGINT)
    assert bench.finish(waiting, "down").status == 130
    holder.communicate("")


@fault(
    "kit",
    "its terminal is closed",
    made="the window that it was typed into, as it waits for the lock",
    sentence="waiting for it",
)
def _closed_terminal(bench: Bench) -> None:
    holder = _hold(bench)
    window, terminal = os.openpty()
    # It is the first of its session, whose terminal is the first that it opens.
    before = f"import os\nfor number in range(3): os.dup2(os.open({os.ttyname(terminal)!r}, os.O_RDWR), number)"
    waiting = bench.start("down", before=before)
    shown = b""
    while b"waiting for it" not in shown:
        assert select.select([window], [], [], SECONDS)[0], shown
        shown += os.read(window, 1 << 12)
    os.close(terminal)
    os.close(window)
    printed = bench.finish(waiting, "down")
    bench.transcript[-1] = replace(printed, stderr=shown.decode())
    assert printed.status == 128 + signal.SIGHUP
    holder.communicate("")


@fault("kit", "Ctrl-C in explain", made="SIGINT while it reads its cases", sentence="interrupted")
def _interrupted_explain(bench: Bench) -> None:
    process = bench.start("explain", "--batch")
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write('{"id": 1, "image": {"user": "1"}}\n' * 2000)
    process.stdin.flush()
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    assert bench.finish(process, "explain --batch").status == 130


@fault("kit", "its reader is gone", made="a pipe that is closed after a line", sentence="")
def _broken_pipe(bench: Bench) -> None:
    for command in (["lessons", "--json"], ["explain", "--batch"], ["progress", "--json"]):
        process = bench.start(*command)
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        process.stdout.close()
        with process.stdin as stdin, contextlib.suppress(BrokenPipeError):
            stdin.write('{"id": 1, "image": {"user": "1"}}\n' * 3000)
        stderr = process.stderr.read()
        process.wait(SECONDS)
        process.stderr.close()
        assert "Traceback" not in stderr and "Exception ignored" not in stderr, stderr


@fault("kit", "no room for what it prints", slow=True, made="standard output is /dev/full", sentence="the disk is full")
def _no_room(bench: Bench) -> None:
    for command in ("lessons", "progress", "status"):
        printed = _in_a_shell(bench, f"{command} > /dev/full")
        assert printed.status == 1 and "Traceback" not in printed.stderr, printed.stderr
        assert "the disk is full" in printed.stderr, printed.stderr
        bench.transcript.append(printed)


@fault(
    "kit", "no standard input, output or error", slow=True, made="closed, as by a service that starts it", sentence=""
)
def _no_streams(bench: Bench) -> None:
    for redirection in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        for command in ("status", "lessons", "clean --yes", "up", "reset"):
            printed = _in_a_shell(bench, f"{command} {redirection}")
            assert printed.status in (0, 1, 3), f"{printed.command}: {printed.status} {printed.stderr}"
            assert "Traceback" not in printed.stderr, f"{printed.command}: {printed.stderr}"


def _in_a_shell(bench: Bench, line: str) -> Printed:
    """Run a line of arguments and redirections of `labkit` by a shell; it is not in the transcript."""
    done = subprocess.run(
        ["sh", "-c", f"exec {shlex.quote(sys.executable)} -P -m labkit {line}"],
        env=bench.environment,
        cwd=bench.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    return Printed(f"labkit {line}", done.returncode, done.stdout, done.stderr, 0.0)
