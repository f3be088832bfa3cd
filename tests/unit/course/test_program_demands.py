"""Which program runs is told by what is executed, wherever it lies and whatever it is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from unittest.mock import Mock

import pytest

from labkit.archives import ImageTree
from labkit.archives.tree_entry import TreeEntry
from labkit.core.run_results import RunResult
from labkit.core.started import AppProcess, Started
from labkit.course.judging.judged_image import JudgedImage
from labkit.course.judging.program_demands import keeps_its_program, no_shell, started_argv, starts_app
from labkit.lab.samples.image_facts import ImageFacts

_APP, _DOTNET, _DASH = "aa", "dd", "5e"
_DIGESTS: Mapping[tuple[str, str], str] = {
    ("aspnetapp", "/app/aspnetapp"): _APP,
    ("aspnetapp", "/app/aspnetapp.dll"): "d1",
    ("runtime", "/usr/bin/dotnet"): _DOTNET,
    ("aspnetapp", "/usr/bin/dotnet"): "dm",
    ("debian", "/bin/sh"): _DASH,
}


def _image(
    *entries: TreeEntry, entrypoint: tuple[str, ...] = ("./aspnetapp",), processes: tuple[AppProcess, ...] = ()
) -> JudgedImage:
    world: Any = Mock()
    tree = ImageTree([entries])
    world.look.tree.return_value = tree
    world.look.digest.side_effect = lambda image, path: (
        tree.content_digest(path) if image == "it" else _DIGESTS.get((image, path))
    )
    world.look.image.return_value = ImageFacts("it", "1654", {}, entrypoint, (), (), "/app", None, None, False, 0)
    world.start.app.return_value = Started(bool(processes), RunResult("docker run", "gone", 0), processes)
    return JudgedImage(world, "it")


def _process(arguments: str, digest: str, program: str = "/app/aspnetapp") -> AppProcess:
    return AppProcess(1654, 0, (), arguments, program, digest)


_STARTS = starts_app("starts", "/app/aspnetapp", "aspnetapp")
_DLL = TreeEntry("/app/aspnetapp.dll", "file", digest="d1")


@pytest.mark.parametrize(
    "processes",
    [
        (_process("./aspnetapp", _APP),),
        (_process("/srv/aspnetapp", _APP, "/srv/aspnetapp"),),
        (_process("sh -c ./aspnetapp", _DASH), _process("./aspnetapp", _APP)),
        (_process("dotnet aspnetapp.dll", _DOTNET),),
        (_process("dotnet exec --roll-forward Major /app/aspnetapp.dll --urls http://+:80", _DOTNET),),
        (_process("dotnet aspnetapp.dll", "dm"),),
    ],
)
def test_the_app_is_told_by_its_content(processes: tuple[AppProcess, ...]) -> None:
    assert _STARTS.unmet(_image(_DLL, processes=processes)) is None


@pytest.mark.parametrize(
    ("process", "diagnosis"),
    [
        (_process("./aspnetapp", "bb"), "and not the app"),
        (_process("sleep 60 /app/aspnetapp", "bb"), "It starts sleep 60"),
        # One file acts as several programs.
        (_process("rce-app", _APP), "and not the app"),
        (_process("dotnet other.dll", _DOTNET), "and not the app"),
        (_process("./aspnetapp", ""), "could not be seen"),
    ],
)
def test_what_only_looks_like_it_is_not(process: AppProcess, diagnosis: str) -> None:
    unmet = _STARTS.unmet(_image(_DLL, processes=(process,)))
    assert unmet is not None and diagnosis in unmet


def test_one_that_has_ended_says_its_last_line() -> None:
    assert _STARTS.unmet(_image()) == (
        "It starts ./aspnetapp, which has ended, so the app does not run. It prints: gone"
    )


@pytest.mark.parametrize(
    ("entry", "is_shell"),
    [
        (TreeEntry("/opt/deep/busybox", "file", digest="1"), True),
        (TreeEntry("/opt/tool", "file", digest=_DASH), True),
        (TreeEntry("/opt/link", "link", target="/opt/zsh"), False),
        (TreeEntry("/usr/share/completions/sh", "file", mode=0o644), False),
        (TreeEntry("/usr/share/fish", "folder"), False),
        (TreeEntry("/app/aspnetapp", "file", digest=_APP), False),
    ],
)
def test_a_shell_is_found_anywhere_by_name_and_by_content(entry: TreeEntry, is_shell: bool) -> None:
    assert (no_shell("no shell").unmet(_image(entry)) is not None) is is_shell


@pytest.mark.parametrize(
    ("files", "entrypoint", "process", "open_file"),
    [
        ([TreeEntry("/app/aspnetapp", "file")], ("./aspnetapp",), _process("./aspnetapp", _APP), None),
        ([TreeEntry("/srv/a", "file", uid=1654)], ("x",), _process("a", _APP, "/srv/a"), "/srv/a"),
        ([TreeEntry("/app/run.sh", "file", mode=0o777)], ("sh", "run.sh"), _process("sh", _DASH, "/bin/sh"), "run.sh"),
        ([TreeEntry("/app/notes", "file", mode=0o666)], ("./aspnetapp", "notes"), _process("./aspnetapp", _APP), None),
        *(
            ([TreeEntry("/app/run", "file", mode=0o666)], argv, _process("./aspnetapp", _APP), "/app/run")
            for argv in (
                ("bash", "-e", "-u", "run"),
                ("env", "A=b", "sh", "/app/run"),
                ("/bin/sh", "-c", "cd /tmp && exec sh -e /app/run"),
                ("bash", "-lc", "A=b . ./run; true"),
            )
        ),
        ([TreeEntry("/app/run", "file", mode=0o666)], ("sh", "-c", "./aspnetapp run"), _process("a", _APP), None),
    ],
)
def test_nothing_that_is_executed_may_be_replaced(
    files: list[TreeEntry], entrypoint: tuple[str, ...], process: AppProcess, open_file: str | None
) -> None:
    folders = [TreeEntry(path, "folder") for path in ("/app", "/srv")]
    unmet = keeps_its_program("closed").unmet(_image(*folders, *files, entrypoint=entrypoint, processes=(process,)))
    assert (unmet is None) if open_file is None else (unmet is not None and open_file in unmet)


@pytest.mark.parametrize(
    ("path", "entrypoint", "is_open"),
    [
        ("/open:/app", ("aspnetapp",), True),
        ("/open/none/yet:/app", ("aspnetapp",), True),
        ("/app:/open", ("aspnetapp",), False),
        ("/etc:/none:/app", ("aspnetapp",), False),
        ("/open:/app", ("/app/aspnetapp",), False),
        ("/open:/app", ("sh", "-c", "exec aspnetapp"), True),
        ("/open:/app", ("missing",), False),
    ],
)
def test_no_folder_in_which_the_program_is_looked_for_first_may_be_open(
    path: str, entrypoint: tuple[str, ...], is_open: bool
) -> None:
    entries = [TreeEntry(folder, "folder", mode=0o755) for folder in ("/app", "/etc")]
    entries += [TreeEntry("/open", "folder", uid=1654, mode=0o755), TreeEntry("/app/aspnetapp", "file", mode=0o755)]
    image = _image(*entries, entrypoint=entrypoint, processes=(_process("aspnetapp", _APP),))
    image.facts.env["PATH"] = path  # type: ignore[index]
    unmet = keeps_its_program("closed").unmet(image)
    assert (unmet is not None) is is_open
    assert unmet is None or "the app can put its own aspnetapp into /open" in unmet


@pytest.mark.parametrize(
    ("entrypoint", "argv"),
    [
        (("/bin/sh", "-c", "exec dotnet /app/hello.dll"), ("dotnet", "/app/hello.dll")),
        (("/bin/sh", "-c", "dotnet 'a b.dll'"), ("dotnet", "a b.dll")),
        (("/bin/sh", "-c", "dotnet a.dll; echo Hello"), None),
        (("/bin/sh", "-c", "dotnet a.dll>/dev/null"), None),
        (("/bin/sh", "-c", "echo 'x"), None),
        (("/app/sh", "-c", "dotnet a.dll"), None),
        (("dotnet", "a.dll"), None),
    ],
)
def test_a_shell_of_one_plain_command_starts_that(entrypoint: tuple[str, ...], argv: tuple[str, ...] | None) -> None:
    image = _image(TreeEntry("/bin/sh", "file", digest=_DASH), entrypoint=entrypoint)
    assert started_argv(image) == (argv or entrypoint)
