"""Programs are built once for what their sources are, and half a build is none."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from labkit.adapters import debian, go, go_programs
from labkit.adapters.go_programs import GoProgram
from labkit.adapters.processes import run_program
from labkit.base.errors import LabFailed, MachineLacks
from labkit.show.steps import Tally
from tests.servers import LOGIN_PAGE, Answer, http, serve
from tests.unit.small_disk import make_read_only, small_disk


@pytest.fixture
def program(tmp_path: Path) -> GoProgram:
    module = tmp_path / "module"
    module.mkdir()
    (module / "go.mod").write_text("module x\n\nrequire k8s.io/kubernetes v1.37.2\n", encoding="utf-8")
    variables = (("main.version", "{k8s.io/kubernetes}"), ("main.minor", "{k8s.io/kubernetes:minor}"))
    return GoProgram("hello", module, ("x/hello",), variables=variables)


def _go(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a stand-in for the compiler on PATH."""
    folder.mkdir()
    (folder / "go").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


_MAKES = 'while [ $# -gt 0 ]; do if [ "$1" = -o ]; then out=$2; fi; shift; done; echo built >"$out/hello"'


def test_it_is_built_once(program: GoProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _go(tmp_path / "bin", f'echo "$@" >>"{tmp_path}/calls"; {_MAKES}', monkeypatch)
    built = go.build(program, tmp_path)
    assert go.build(program, tmp_path) == built == go.find_built(program, tmp_path)
    assert (built / "hello").read_text(encoding="utf-8") == "built\n"
    calls = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert len(calls) == 1
    assert "-X main.version=v1.37.2 -X main.minor=37" in calls[0]


def test_a_change_builds_again_and_takes_the_place_of_the_old(
    program: GoProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _go(tmp_path / "bin", _MAKES, monkeypatch)
    first = go.build(program, tmp_path)
    (program.module / "main.go").write_text("package main", encoding="utf-8")
    second = go.build(program, tmp_path)
    assert first != second
    assert [path.name for path in second.parent.iterdir()] == [second.name]
    (program.module / "main_test.go").write_text("package main", encoding="utf-8")
    assert go_programs.content_key(program) in second.name
    assert go_programs.content_key(replace(program, tags=("x",))) not in second.name


def test_a_build_that_fails_leaves_nothing(program: GoProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _go(tmp_path / "bin", f"{_MAKES}; echo 'undefined: x' >&2; exit 1", monkeypatch)
    with pytest.raises(LabFailed, match="undefined: x"):
        go.build(program, tmp_path)
    assert go.find_built(program, tmp_path) is None
    assert list((tmp_path / "programs").iterdir()) == []


# --- a network that answers with something else, or goes away; a disk that fills ---


@pytest.mark.skipif(shutil.which("go") is None, reason="what Go prints is read")
@pytest.mark.parametrize(
    ("proxy", "told"),
    [
        (http(LOGIN_PAGE), "log in"),
        (http(b"half of it", headers={"Content-Length": "1000"}), "once the network is back"),
        (None, "once the network is back"),
    ],
    ids=["a login page", "gone half way", "no network"],
)
def test_a_login_page_and_no_network_are_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: Answer | None, told: str
) -> None:
    module = tmp_path / "module"
    module.mkdir()
    (module / "go.mod").write_text("module x\n\ngo 1.21\n\nrequire example.com/y v1.2.3\n", encoding="utf-8")
    (module / "main.go").write_text('package main\n\nimport _ "example.com/y"\n\nfunc main() {}\n', encoding="utf-8")
    sums = ("", "/go.mod")
    (module / "go.sum").write_text("".join(f"example.com/y v1.2.3{part} h1:{'A' * 43}=\n" for part in sums))
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    with serve(proxy or http(b"")) as address:
        monkeypatch.setenv("GOPROXY", f"http://{address}" if proxy else "http://127.0.0.1:9")
        for begin in (
            lambda: go.fetch_modules(GoProgram("x", module, ("x",)), lambda _: contextlib.nullcontext(Tally())),
            lambda: go.build(GoProgram("x", module, ("x",)), tmp_path, Tally()),
        ):
            with pytest.raises(LabFailed) as failed:
                begin()
            assert told in failed.value.remedy
            assert "example.com/y@v1.2.3" in failed.value.came_back
    assert not list((tmp_path / "programs").iterdir())


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "small") as folder:
        yield folder


@pytest.mark.parametrize("tally", [None, Tally()], ids=["silent", "counting"])
def test_a_disk_that_fills_while_compiling_is_told_and_the_next_goes_on(
    program: GoProgram, tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch, tally: Tally | None
) -> None:
    big = _MAKES.partition("echo")[0] + '[ -z "$out" ] || head -c {} /dev/zero >"$out/hello"'
    _go(tmp_path / "bin", big.format("2M"), monkeypatch)
    with pytest.raises(LabFailed) as failed:
        go.build(program, disk, tally)
    assert "o space left on device" in failed.value.came_back
    assert "df -h" in failed.value.remedy
    assert list((disk / "programs").iterdir()) == []
    (tmp_path / "bin" / "go").unlink()
    (tmp_path / "bin").rmdir()
    _go(tmp_path / "bin", big.format("20K"), monkeypatch)
    assert go.build(program, disk, tally).is_dir()


def test_a_cache_that_cannot_be_made_is_told(
    program: GoProgram, tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _go(tmp_path / "bin", _MAKES, monkeypatch)
    make_read_only(disk)
    with pytest.raises(LabFailed, match="Read-only file system") as failed:
        go.build(program, disk / "cache")
    assert "LABKIT_CACHE" in failed.value.remedy


def test_without_a_compiler(program: GoProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineLacks, match=r"Go 1\.26"):
        go.build(program, tmp_path)


def test_a_version_that_is_not_required(program: GoProgram) -> None:
    with pytest.raises(LabFailed, match=r"does not require k8s\.io/none"):
        go_programs.module_version(program.module, "k8s.io/none")


def test_the_modules_of_the_kit_name_their_versions() -> None:
    assert go_programs.module_version(go_programs.KUBERNETES.module, "k8s.io/kubernetes").startswith("v1.37.")
    assert go_programs.module_version(go_programs.KIND.module, "sigs.k8s.io/kind").startswith("v0.33.")


def test_packages_are_not_added_where_we_may_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "can_add_packages", lambda: False)
    with pytest.raises(MachineLacks, match=r"sudo apt-get install -y --no-install-recommends mmdebstrap"):
        debian.add_packages("mmdebstrap", why="mmdebstrap")
    assert debian.add_programs() == []


def test_a_program_that_fails_tells_its_last_words() -> None:
    script = "import sys; print('said', file=sys.stderr); sys.exit(3)"
    with pytest.raises(LabFailed, match="said"):
        run_program([sys.executable, "-c", script], doing="Trying", remedy="try again")
    with pytest.raises(MachineLacks, match="no-such-program"):
        run_program(["no-such-program"], doing="Trying", remedy="install it")
    with pytest.raises(LabFailed, match="had not ended after"):
        run_program(["sleep", "60"], doing="Trying", remedy="try again", deadline=0.05)
